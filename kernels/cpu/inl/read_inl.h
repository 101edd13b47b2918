// Little-endian numbers at any address. Included inside the anonymous namespace.

inline uint32_t read_u32(const uint8_t* p) {
  uint32_t value;
  memcpy(&value, p, 4);
  return value;
}
inline uint16_t read_u16(const uint8_t* p) {
  uint16_t value;
  memcpy(&value, p, 2);
  return value;
}
