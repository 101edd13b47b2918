// What a vision tower costs: seconds of scaling and of the pass, memory, and how soon a stop ends it; or what rounding to 8 bits changes.
//   vision_bench MMPROJ.gguf WIDTH HEIGHT [THREADS] [SECONDS BEFORE A STOP]
//   vision_bench MMPROJ.gguf WIDTH HEIGHT THREADS cosine   runs it with f32 activations too, and prints the cosines of the features
// A vision encoder of the published shape, or of fewer blocks: make_synthetic_mmproj.py.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
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

struct Tower {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<LoadedWeights> weights;
  std::unique_ptr<Vision> vision;
};

Result<Tower> open_tower(const std::string& path, int n_threads, Activations activations) {
  Tower tower;
  ASSIGN_OR_RETURN(tower.backend, create_backend("cpu", {.n_threads = n_threads, .activations = activations, .isa = {}}));
  ASSIGN_OR_RETURN(std::unique_ptr<ModelFile> file, open_model_file(path));
  tower.weights = std::make_unique<LoadedWeights>(std::move(file), *tower.backend);
  ModelSpec language_model;
  language_model.dim = 2048;
  language_model.n_layers = 28;
  language_model.n_position_axes = 3;
  ASSIGN_OR_RETURN(tower.vision, create_vision(*tower.weights, *tower.backend, language_model));
  return tower;
}

std::vector<float> values_of(Backend& backend, const Tensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.n_values()));
  backend.download(values.data(), tensor);
  return values;
}

// Of all values, and the least and the mean of a token's.
void print_cosines(const char* name, const std::vector<float>& a, const std::vector<float>& b, std::int64_t dim) {
  double all[3] = {}, least = 1, sum = 0;
  const std::int64_t n_tokens = std::ssize(a) / dim;
  for (std::int64_t t = 0; t < n_tokens; ++t) {
    double of_token[3] = {};
    for (std::int64_t i = t * dim; i < (t + 1) * dim; ++i) {
      of_token[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
      of_token[1] += static_cast<double>(a[i]) * static_cast<double>(a[i]);
      of_token[2] += static_cast<double>(b[i]) * static_cast<double>(b[i]);
    }
    const double cosine = of_token[0] / std::sqrt(of_token[1] * of_token[2]);
    least = std::min(least, cosine);
    sum += cosine;
    for (int i = 0; i < 3; ++i) all[i] += of_token[i];
  }
  std::printf("%s: feature cosine %.6f; of a token %.6f on average, %.6f at least\n", name, all[0] / std::sqrt(all[1] * all[2]),
              sum / static_cast<double>(n_tokens), least);
}

Result<void> measure(const std::string& path, std::int64_t width, std::int64_t height, int n_threads, double stop_after, bool compares) {
  ASSIGN_OR_RETURN(const Tower tower, open_tower(path, n_threads, Activations::q8));
  Pixels pixels{height, width, std::vector<std::uint8_t>(height * width * 3)};
  std::mt19937 random(1);
  for (std::uint8_t& value : pixels.rgb) value = static_cast<std::uint8_t>(random());
  Clock::time_point start = Clock::now();
  ASSIGN_OR_RETURN(const PreparedPicture picture, tower.vision->prepare(pixels, INT64_MAX, {}));
  const double prepare_seconds = seconds_since(start);
  std::printf("%lld x %lld pixels: scaled to %lld x %lld in %.3f s; %lld patches, %d threads\n", static_cast<long long>(width),
              static_cast<long long>(height), static_cast<long long>(picture.width), static_cast<long long>(picture.height), prepare_seconds,
              static_cast<long long>(picture.grid[1] * picture.grid[2]), tower.backend->n_threads());

  const double before = megabytes("VmRSS:");
  std::stop_source stop;
  tower.backend->set_stop(stop.get_token());
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
  const std::clock_t processor_start = std::clock();
  const Result<VisionFeatures> features = tower.vision->encode(picture);
  const double look_seconds = seconds_since(start), processor_seconds = static_cast<double>(std::clock() - processor_start) / CLOCKS_PER_SEC;
  if (!features && stop_after > 0) {
    std::printf("stopped after %.1f s, back %.0f ms later\n", stop_after, 1e3 * seconds_since(stopped));
    return {};
  }
  if (!features) return features.error();
  std::printf("tower: %.2f s, %.2f s of processors; features %.0f MB, scratch %.0f MB, resident memory grew by %.0f MB to %.0f MB\n", look_seconds,
              processor_seconds, static_cast<double>(features->n_bytes) / 1e6, static_cast<double>(features->scratch_bytes) / 1e6,
              megabytes("VmHWM:") - before, megabytes("VmHWM:"));
  if (!compares) return {};
  ASSIGN_OR_RETURN(const Tower exact, open_tower(path, n_threads, Activations::f32));
  ASSIGN_OR_RETURN(const VisionFeatures expected, exact.vision->encode(picture));
  const std::int64_t dim = expected.values.shape[1];
  print_cosines("embeddings", values_of(*tower.backend, features->values), values_of(*exact.backend, expected.values), dim);
  for (std::size_t i = 0; i < expected.deepstack.size(); ++i) {
    print_cosines(("deepstack " + std::to_string(i)).c_str(), values_of(*tower.backend, features->deepstack[i]),
                  values_of(*exact.backend, expected.deepstack[i]), dim);
  }
  return {};
}

}  // namespace
}  // namespace pio

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: vision_bench MMPROJ.gguf WIDTH HEIGHT [THREADS] [SECONDS BEFORE A STOP | cosine]\n");
    return 2;
  }
  const bool compares = argc > 5 && std::string(argv[5]) == "cosine";
  const pio::Result<void> status = pio::measure(argv[1], std::atoll(argv[2]), std::atoll(argv[3]), argc > 4 ? std::atoi(argv[4]) : 0,
                                                argc > 5 && !compares ? std::atof(argv[5]) : 0, compares);
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
