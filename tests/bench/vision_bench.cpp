// What a vision tower costs: seconds of scaling and of the pass, memory, and how soon a stop ends it.
//   vision_bench MMPROJ.gguf WIDTH HEIGHT [THREADS] [SECONDS BEFORE A STOP]
// A vision encoder of the published shape, or of fewer blocks: make_synthetic_mmproj.py.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <thread>

#include "engine/files/loaded_weights.h"
#include "kernels/registry.h"
#include "models/vision.h"

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A line of /proc/self/status, in MB.
double megabytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kilobytes = 0;
    if (word == key && status >> kilobytes) return kilobytes * 1024 / 1e6;
  }
  return 0;
}

Result<void> measure(const std::string& path, std::int64_t width, std::int64_t height, int n_threads, double stop_after) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Backend> backend,
                   create_backend("cpu", {.n_threads = n_threads, .activations = Activations::q8, .isa = {}}));
  ASSIGN_OR_RETURN(std::unique_ptr<ModelFile> file, open_model_file(path));
  LoadedWeights weights(std::move(file), *backend);
  ModelSpec language_model;
  language_model.dim = 2048;
  language_model.n_layers = 28;
  language_model.n_position_axes = 3;
  ASSIGN_OR_RETURN(const std::unique_ptr<Vision> vision, create_vision(weights, *backend, language_model));
  RETURN_IF_ERROR(weights.prefault({}, {}));

  Pixels pixels{height, width, std::vector<std::uint8_t>(height * width * 3)};
  std::mt19937 random(1);
  for (std::uint8_t& value : pixels.rgb) value = static_cast<std::uint8_t>(random());
  Clock::time_point start = Clock::now();
  ASSIGN_OR_RETURN(const PreparedPicture picture, vision->prepare(pixels, {}));
  const double prepare_seconds = seconds_since(start);
  std::printf("%lld x %lld pixels: scaled to %lld x %lld in %.3f s; %lld patches, %d threads\n", static_cast<long long>(width),
              static_cast<long long>(height), static_cast<long long>(picture.width), static_cast<long long>(picture.height), prepare_seconds,
              static_cast<long long>(picture.grid[1] * picture.grid[2]), backend->n_threads());

  const double before = megabytes("VmRSS:");
  std::stop_source stop;
  backend->set_stop(stop.get_token());
  Clock::time_point stopped;
  std::jthread stopper;
  if (stop_after > 0) {
    stopper = std::jthread([&] {
      std::this_thread::sleep_for(std::chrono::duration<double>(stop_after));
      stopped = Clock::now();
      stop.request_stop();
    });
  }
  start = Clock::now();
  const Result<VisionFeatures> features = vision->encode(picture);
  const double look_seconds = seconds_since(start);
  if (!features && stop_after > 0) {
    std::printf("stopped after %.1f s, back %.0f ms later\n", stop_after, 1e3 * seconds_since(stopped));
    return {};
  }
  if (!features) return features.error();
  std::printf("tower: %.2f s; features %.0f MB, scratch %.0f MB, resident memory grew by %.0f MB to %.0f MB\n", look_seconds,
              static_cast<double>(features->n_bytes) / 1e6, static_cast<double>(features->scratch_bytes) / 1e6, megabytes("VmHWM:") - before,
              megabytes("VmHWM:"));
  return {};
}

}  // namespace
}  // namespace pio

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: vision_bench MMPROJ.gguf WIDTH HEIGHT [THREADS] [SECONDS BEFORE A STOP]\n");
    return 2;
  }
  const pio::Result<void> status =
      pio::measure(argv[1], std::atoll(argv[2]), std::atoll(argv[3]), argc > 4 ? std::atoi(argv[4]) : 0, argc > 5 ? std::atof(argv[5]) : 0);
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
