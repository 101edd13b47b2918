// A driver of NVIDIA's that is too old, and does nothing but say so: in place of libcuda.so.1.

extern "C" __attribute__((visibility("default"))) int cuDriverGetVersion(int* version) {
  *version = PIO_FAKE_VERSION;
  return 0;
}
extern "C" __attribute__((visibility("default"))) int cuInit(unsigned) { return 0; }
