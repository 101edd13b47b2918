// Times the products of a backend against what the machine can do in the same minute.
//
//   kernel_bench [--device NAME] [--threads N] [--isa NAME] [--rows N] [--dim N] [--rounds N] [FORMAT…]
//
// One token: GB/s of weights, and that as a share of a read probe (all threads reading a block larger than the caches). The probe and the
// formats take turns round by round, and medians are reported: on a shared machine everything drifts together (performance.md, 10).
// Many tokens: billions of multiplications a second, all threads together.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "kernels/registry.h"

namespace {

using pio::DType;
using pio::Tensor;

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Seconds to read all bytes once with n_threads.
double read_probe(const std::vector<std::uint64_t>& block, int n_threads) {
  const double start = seconds_now();
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(n_threads) * 8);
  const auto read = [&](int thread) {
    const std::size_t first = block.size() / n_threads * thread, end = first + block.size() / n_threads;
    std::uint64_t s[16] = {};
    for (std::size_t i = first; i + 16 <= end; i += 16)
      for (int k = 0; k < 16; ++k) s[k] += block[i + k];
    for (std::uint64_t v : s) sums[static_cast<std::size_t>(thread) * 8] += v;
  };
  std::vector<std::thread> threads;
  for (int t = 1; t < n_threads; ++t) threads.emplace_back(read, t);
  read(0);
  for (std::thread& thread : threads) thread.join();
  const double took = seconds_now() - start;
  std::uint64_t all = 0;
  for (std::uint64_t v : sums) all += v;
  if (all == 42) std::puts("");  // the sums are used
  return took;
}

// Blocks with sensible scales: random bytes would hold infinities, which are slow nowhere but prove nothing.
void fill_weights(DType dtype, std::vector<std::uint8_t>& bytes, std::mt19937& random) {
  const pio::DTypeInfo& format = pio::info(dtype);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  const auto put_half = [&](std::size_t at) {
    const std::uint16_t h = pio::f32_to_f16(0.01f);
    std::memcpy(bytes.data() + at, &h, 2);
  };
  for (std::size_t block = 0; block + format.block_bytes <= bytes.size(); block += format.block_bytes) {
    switch (dtype) {
      case DType::f32: {
        const float x = 0.01f;
        std::memcpy(bytes.data() + block, &x, 4);
        break;
      }
      case DType::f16:
      case DType::q4_0:
      case DType::q5_0:
      case DType::q8_0:
      case DType::iq4_nl:
      case DType::iq4_xs: put_half(block); break;
      case DType::bf16: {
        const std::uint16_t b = pio::f32_to_bf16(0.01f);
        std::memcpy(bytes.data() + block, &b, 2);
        break;
      }
      case DType::q4_1:
      case DType::q5_1:
      case DType::q4_k:
      case DType::q5_k:
        put_half(block);
        put_half(block + 2);
        break;
      case DType::q2_k:
        put_half(block + 80);
        put_half(block + 82);
        break;
      case DType::q3_k: put_half(block + 108); break;
      case DType::q6_k: put_half(block + 208); break;
      case DType::mxfp4: bytes[block] = 120; break;
      case DType::i32: break;
    }
  }
}

struct Case {
  DType dtype;
  std::vector<std::uint8_t> bytes;
  std::unique_ptr<pio::Buffer> buffer;
  std::vector<double> one_token, rates[2];
};

}  // namespace

int main(int argc, char** argv) {
  pio::BackendOptions options;
  std::string device = "cpu";
  std::int64_t n_out = 0, n_in = 2560;
  int n_rounds = 9;
  std::vector<DType> dtypes;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    if (word == "--device") device = value();
    else if (word == "--threads") options.n_threads = std::atoi(value());
    else if (word == "--isa") options.isa = value();
    else if (word == "--rows") n_out = std::atoi(value());
    else if (word == "--dim") n_in = std::atoi(value());
    else if (word == "--rounds") n_rounds = std::max(1, std::atoi(value()));
    else if (const auto dtype = pio::dtype_from_name(word)) dtypes.push_back(*dtype);
    else {
      std::fprintf(stderr, "%s: expected an option or the name of a format\n", word.c_str());
      return 2;
    }
  }
  if (dtypes.empty()) {
    dtypes = {DType::q4_0, DType::q4_1, DType::q5_0,   DType::q5_1,   DType::q8_0,  DType::q2_k, DType::q3_k, DType::q4_k,
              DType::q5_k, DType::q6_k, DType::iq4_nl, DType::iq4_xs, DType::mxfp4, DType::f16,  DType::bf16, DType::f32};
  }
  auto created = pio::create_backend(device, options);
  if (!created) {
    std::fprintf(stderr, "%s\n", created.error().message.c_str());
    return 1;
  }
  pio::Backend& backend = **created;
  const int n_threads = backend.n_threads();
  std::printf("%s; weights [rows, %lld]\n", backend.device().detail.c_str(), static_cast<long long>(n_in));

  constexpr int kMany[2] = {32, 512};
  constexpr std::int64_t kManyRows = 2048;
  std::mt19937 random(1);
  std::vector<Case> cases;
  for (DType dtype : dtypes) {
    if (n_in % pio::info(dtype).block_length != 0) continue;
    Case c;
    c.dtype = dtype;
    // 128 MB of weights unless told: more than the caches of most machines
    const std::int64_t rows =
        std::max<std::int64_t>(kManyRows, n_out > 0 ? n_out : (128 << 20) / static_cast<std::int64_t>(pio::bytes_of(dtype, n_in)));
    c.bytes.resize(pio::bytes_of(dtype, rows * n_in));
    fill_weights(dtype, c.bytes, random);
    c.buffer = std::move(backend.wrap(c.bytes.data(), c.bytes.size())).value();
    cases.push_back(std::move(c));
  }
  const auto floats = [&](std::int64_t n) {
    auto buffer = std::move(backend.allocate(n * 4)).value();
    std::vector<float> values(n);
    std::normal_distribution<float> normal;
    for (float& value : values) value = normal(random);
    backend.upload({DType::f32, {n}, buffer.get(), 0}, values.data());
    return buffer;
  };
  std::int64_t most_rows = kManyRows * kMany[1];
  for (const Case& c : cases) most_rows = std::max<std::int64_t>(most_rows, c.bytes.size() / pio::bytes_of(c.dtype, n_in));
  const auto x = floats(n_in * kMany[1]), y = floats(most_rows);
  const auto multiply = [&](const Case& c, std::int64_t n_tokens, std::int64_t rows) {
    backend.matmul({DType::f32, {n_tokens, rows}, y.get(), 0}, {DType::f32, {n_tokens, n_in}, x.get(), 0},
                   {c.dtype, {rows, n_in}, c.buffer.get(), 0});
    if (!backend.sync()) std::exit(1);
  };

  std::vector<std::uint64_t> block((256 << 20) / 8, 1);
  std::vector<double> probe;
  for (int round = 0; round < n_rounds + 1; ++round) {  // the first warms up
    const double took = read_probe(block, n_threads);
    if (round > 0) probe.push_back(static_cast<double>(block.size()) * 8 / took / 1e9);
    for (Case& c : cases) {
      const std::int64_t rows = static_cast<std::int64_t>(c.bytes.size() / pio::bytes_of(c.dtype, n_in));
      double start = seconds_now();
      multiply(c, 1, rows);
      if (round > 0) c.one_token.push_back(static_cast<double>(c.bytes.size()) / (seconds_now() - start) / 1e9);
      for (int m = 0; m < 2; ++m) {
        if (round > 3 && m == 1) continue;  // long and steady: three are enough
        start = seconds_now();
        multiply(c, kMany[m], kManyRows);
        if (round > 0) c.rates[m].push_back(static_cast<double>(kManyRows * n_in * kMany[m]) / (seconds_now() - start) / 1e9);
      }
    }
  }
  const double bandwidth = median(probe);
  std::printf("read probe %.1f GB/s (%.1f to %.1f), %d threads, %d rounds\n\n", bandwidth, *std::min_element(probe.begin(), probe.end()),
              *std::max_element(probe.begin(), probe.end()), n_threads, n_rounds);
  std::printf("%-8s %14s %10s %16s %16s\n", "format", "1 token GB/s", "of probe", "32 tok GMAC/s", "512 tok GMAC/s");
  for (const Case& c : cases) {
    const double rate = median(c.one_token);
    std::printf("%-8s %14.1f %9.0f%% %16.1f %16.1f\n", pio::info(c.dtype).name, rate, 100 * rate / bandwidth, median(c.rates[0]), median(c.rates[1]));
  }
  return 0;
}
