// Times the ops of the CPU backend against what the machine can do in the same rounds.
//
//   kernel_bench [--threads N] [--isa NAME] [--dim N] [--rounds N] [--where l2|dram|both] [--cached N]
//                [--op place|gemv|few|gemm|experts|heads|attention]… [FORMAT…]
//
// Weights are placed as a model's are. l2: what stays in the second caches (1 MB for all threads together); dram: 256 MB and more, so that it does
// not. Every op is given in GB/s of weights or of keys and values as they are stored, and their share of plain reads of as much memory (l2: of
// plain reads that stay in the caches), and in billions of multiplications a second and their share of what the processor does in registers
// alone with numbers of the type that the op multiplies: bytes (weights in blocks, quantized keys and values), bf16 or float32. Where several
// tokens read the same weights, these count once. Laying out what a disk has brought (place: experts of three matrices, 512 MB in turn)
// multiplies nothing. Probes and ops take turns round by round; the best of each counts, since a shared machine has fast and slow seconds, and
// the median is printed beside it.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/registry.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using pio::DType;
using pio::Shape;
using pio::Tensor;

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double seconds_of(const std::function<void()>& work) {
  const double start = seconds_now();
  work();
  return seconds_now() - start;
}

// Numbers as an op multiplies them.
enum class Numbers { none, bytes, bf16, f32 };

const char* name_of(Numbers numbers) {
  switch (numbers) {
    case Numbers::none: return "";
    case Numbers::bytes: return "bytes";
    case Numbers::bf16: return "bf16";
    case Numbers::f32: return "f32";
  }
  return "";
}

// Rounds of products_a_round products, sums apart so that none waits for another; what comes of it means nothing.
struct RegisterRounds {
  float (*multiply)(std::int64_t n_rounds) = nullptr;
  std::int64_t products_a_round = 0;
};

constexpr int kSums = 12;  // four or five cycles of two products each are under way

#if defined(__x86_64__)
__attribute__((target("avx512f"))) float multiply_f32_by_16(std::int64_t n_rounds) {
  __m512 sum[kSums], a = _mm512_set1_ps(1.5F), b = _mm512_set1_ps(0.5F);
  for (__m512& s : sum) s = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < n_rounds; ++i) {
    asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 12
    for (int k = 0; k < kSums; ++k) sum[k] = _mm512_fmadd_ps(a, b, sum[k]);
  }
  for (int k = 1; k < kSums; ++k) sum[0] = _mm512_add_ps(sum[0], sum[k]);
  return _mm512_cvtss_f32(sum[0]);
}

__attribute__((target("avx512f,avx512bf16"))) float multiply_bf16_by_32(std::int64_t n_rounds) {
  __m512 sum[kSums];
  __m512i a = _mm512_set1_epi32(0x3fc03fc0), b = _mm512_set1_epi32(0x3f003f00);  // 1.5 and 0.5
  for (__m512& s : sum) s = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < n_rounds; ++i) {
    asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 12
    for (int k = 0; k < kSums; ++k) sum[k] = _mm512_dpbf16_ps(sum[k], (__m512bh)a, (__m512bh)b);
  }
  for (int k = 1; k < kSums; ++k) sum[0] = _mm512_add_ps(sum[0], sum[k]);
  return _mm512_cvtss_f32(sum[0]);
}

__attribute__((target("avx2,fma"))) float multiply_f32_by_8(std::int64_t n_rounds) {
  __m256 sum[kSums], a = _mm256_set1_ps(1.5F), b = _mm256_set1_ps(0.5F);
  for (__m256& s : sum) s = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < n_rounds; ++i) {
    asm volatile("" : "+x"(a), "+x"(b));
#pragma GCC unroll 12
    for (int k = 0; k < kSums; ++k) sum[k] = _mm256_fmadd_ps(a, b, sum[k]);
  }
  for (int k = 1; k < kSums; ++k) sum[0] = _mm256_add_ps(sum[0], sum[k]);
  return _mm256_cvtss_f32(sum[0]);
}
#endif

// Whatever the compiler's own target has: on x86-64 a product and a sum by fours, on AArch64 both in one instruction.
float multiply_f32_by_4(std::int64_t n_rounds) {
  typedef float Four __attribute__((vector_size(16)));
  Four sum[kSums] = {}, a = {1.5F, 1.5F, 1.5F, 1.5F}, b = {0.5F, 0.5F, 0.5F, 0.5F};
  for (std::int64_t i = 0; i < n_rounds; ++i) {
#pragma GCC unroll 12
    for (int k = 0; k < kSums; ++k) {
      // So that neither all sums nor all products are made one.
#if defined(__x86_64__)
      asm volatile("" : "+x"(a), "+x"(sum[k]));
#elif defined(__aarch64__)
      asm volatile("" : "+w"(a), "+w"(sum[k]));
#endif
      sum[k] += a * b;
    }
  }
  for (int k = 1; k < kSums; ++k) sum[0] += sum[k];
  return sum[0][0];
}

RegisterRounds f32_rounds(const pio::CpuKernels& kernels) {
#if defined(__x86_64__)
  const std::string isa = kernels.name;
  if (isa.starts_with("avx512")) return {&multiply_f32_by_16, kSums * 16};
  if (isa == "avx2") return {&multiply_f32_by_8, kSums * 8};
#endif
  static_cast<void>(kernels);
  return {&multiply_f32_by_4, kSums * 4};
}

RegisterRounds bf16_rounds(const pio::CpuKernels& kernels) {
#if defined(__x86_64__)
  if (kernels.matmul_bf16_transposed) return {&multiply_bf16_by_32, kSums * 32};
#endif
  static_cast<void>(kernels);
  return {};
}

// work(i) by thread i of n_threads at once, in seconds.
double seconds_of_threads(int n_threads, const std::function<void(int)>& work) {
  std::vector<std::jthread> threads;
  return seconds_of([&] {
    for (int i = 1; i < n_threads; ++i) threads.emplace_back(work, i);
    work(0);
    threads.clear();
  });
}

// Billions of products a second, in registers; 0 where the instruction set has none of these numbers.
double register_rate(const pio::CpuKernels& kernels, int n_threads, Numbers numbers) {
  constexpr std::int64_t kRounds = 2'000'000;
  std::vector<float> sums(static_cast<std::size_t>(n_threads) * 16);
  RegisterRounds rounds;
  if (numbers == Numbers::f32) rounds = f32_rounds(kernels);
  if (numbers == Numbers::bf16) rounds = bf16_rounds(kernels);
  const bool of_bytes = numbers == Numbers::bytes && kernels.multiply_in_registers;
  if (!of_bytes && !rounds.multiply) return 0;
  const double seconds = seconds_of_threads(n_threads, [&](int i) {
    sums[static_cast<std::size_t>(i) * 16] = of_bytes ? static_cast<float>(kernels.multiply_in_registers(kRounds)) : rounds.multiply(kRounds);
  });
  return static_cast<double>(kRounds * (of_bytes ? kernels.products_a_round : rounds.products_a_round) * n_threads) / seconds / 1e9;
}

constexpr std::size_t kCacheBytes = 1 << 20;  // of what is to stay in the second caches of all threads

// Billions of bytes a second: each thread reads its share of kCacheBytes over and over.
double cache_read_rate(const pio::CpuKernels& kernels, int n_threads) {
  constexpr int kTimes = 500;
  const std::size_t n_words = kCacheBytes / sizeof(std::uint64_t) / static_cast<std::size_t>(n_threads);
  std::vector<std::vector<std::uint64_t>> shares(static_cast<std::size_t>(n_threads), std::vector<std::uint64_t>(n_words, 1));
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(n_threads) * 8);
  const double seconds = seconds_of_threads(n_threads, [&](int i) {
    const auto thread = static_cast<std::size_t>(i);
    std::uint64_t sum = 0;
    for (int k = 0; k < kTimes; ++k) sum += kernels.read_words(shares[thread].data(), n_words);
    sums[thread * 8] = sum;
  });
  return static_cast<double>(kTimes) * static_cast<double>(n_words * sizeof(std::uint64_t)) * n_threads / seconds / 1e9;
}

// Random numbers in blocks of the format, encoded where it has an encoder, else bytes with sensible scales.
std::vector<std::byte> random_weights(DType dtype, std::int64_t n, std::mt19937& random) {
  const pio::DTypeInfo& format = pio::info(dtype);
  std::vector<std::byte> bytes(pio::bytes_of(dtype, n));
  // one row's worth is made, the others repeat it: speed does not depend on the values
  const std::int64_t piece = std::min<std::int64_t>(n, 256 * 64);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(piece));
  for (float& value : values) value = normal(random) / 64;
  const std::size_t piece_bytes = pio::bytes_of(dtype, piece);
  if (dtype == DType::f32) std::memcpy(bytes.data(), values.data(), piece_bytes);
  else if (format.encode) format.encode(values.data(), bytes.data(), piece);
  else
    for (std::size_t i = 0; i < piece_bytes; ++i) bytes[i] = static_cast<std::byte>(random() & 0x3b);  // small f16 wherever a scale stands
  for (std::size_t at = piece_bytes; at < bytes.size(); at += piece_bytes)
    std::memcpy(bytes.data() + at, bytes.data(), std::min(piece_bytes, bytes.size() - at));
  return bytes;
}

class Bench {
 public:
  Bench(pio::Backend& backend, const pio::CpuKernels& kernels, int n_rounds) : backend_(backend), kernels_(kernels), n_rounds_(n_rounds) {
    probe_ = backend.allocate(256 << 20).value();
    std::memset(probe_->host_data(), 1, probe_->n_bytes());
  }

  Tensor floats(Shape shape) {
    std::vector<float> values(static_cast<std::size_t>(shape.n_values()));
    std::normal_distribution<float> normal;
    for (float& value : values) value = normal(random_);
    return backend_.allocate_tensor(DType::f32, shape, buffers_, values.data()).value();
  }
  Tensor indices(const std::vector<std::int32_t>& values) {
    return backend_.allocate_tensor(DType::i32, {std::ssize(values)}, buffers_, values.data()).value();
  }
  Tensor empty(DType dtype, Shape shape) {
    const std::vector<std::byte> zeros(pio::bytes_of(dtype, shape.n_values()));
    return backend_.allocate_tensor(dtype, shape, buffers_, zeros.data()).value();
  }
  Tensor placed(DType dtype, Shape shape) {
    sources_.push_back(random_weights(dtype, shape.n_values(), random_));
    pio::MatrixSource source{.dtype = dtype, .shape = shape, .use = pio::MatrixUse::products, .mapped = nullptr, .make_rows = {}};
    const std::size_t row_bytes = pio::bytes_of(dtype, shape.back());
    const std::byte* const from = sources_.back().data();
    source.make_rows = [=](std::int64_t first, std::int64_t n, std::byte* out) -> pio::Result<void> {
      std::memcpy(out, from + static_cast<std::size_t>(first) * row_bytes, static_cast<std::size_t>(n) * row_bytes);
      return {};
    };
    buffers_.push_back(backend_.allocate(backend_.placed_bytes({&source, 1})).value());
    const Tensor tensor = backend_.place_weights({&source, 1}, buffers_.back().get(), 0, {}, {}).value().tensors.front();
    sources_.pop_back();
    return tensor;
  }
  std::vector<std::byte> weights(DType dtype, std::int64_t n) { return random_weights(dtype, n, random_); }
  void forget() { buffers_.clear(); }
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<unsigned>(n)); }

  // What one call does.
  struct Work {
    double bytes;  // that it reads, of weights or cached tokens
    double products = 0;
    Numbers numbers = Numbers::none;
    bool dram = true;  // else it stays in the caches
  };
  void time(const std::string& name, const Work& work, const std::function<void()>& op, int repeats) {
    std::vector<double> seconds;
    double reads = 0, registers = 0;
    for (int round = -1; round < n_rounds_; ++round) {
      const double read_rate = work.dram
                                   ? static_cast<double>(probe_->n_bytes()) / seconds_of([&] { static_cast<void>(backend_.read_all(*probe_)); }) / 1e9
                                   : cache_read_rate(kernels_, backend_.n_threads());
      const double rate = register_rate(kernels_, backend_.n_threads(), work.numbers);
      const double of_all = seconds_of([&] {
        for (int i = 0; i < repeats; ++i) op();
        if (!backend_.sync()) std::exit(1);
      });
      if (round < 0) continue;  // warms up
      seconds.push_back(of_all / repeats);
      reads = std::max(reads, read_rate);
      registers = std::max(registers, rate);
    }
    std::ranges::sort(seconds);
    const double best = seconds.front(), median = seconds[seconds.size() / 2];
    std::printf("%-36s %8.2f GB/s, median %8.2f, %3.0f %% of plain reads %.1f", name.c_str(), work.bytes / best / 1e9, work.bytes / median / 1e9,
                reads > 0 ? 100 * work.bytes / best / 1e9 / reads : 0, reads);
    if (work.products > 0) std::printf("   %8.1f GMAC/s, median %8.1f", work.products / best / 1e9, work.products / median / 1e9);
    if (registers > 0)
      std::printf(", %3.0f %% of %s in registers %.1f", 100 * work.products / best / 1e9 / registers, name_of(work.numbers), registers);
    std::printf("\n");
    std::fflush(stdout);
  }

 private:
  pio::Backend& backend_;
  const pio::CpuKernels& kernels_;
  int n_rounds_;
  std::unique_ptr<pio::Buffer> probe_;
  std::vector<std::unique_ptr<pio::Buffer>> buffers_;
  std::vector<std::vector<std::byte>> sources_;
  std::mt19937 random_{1};
};

constexpr std::int64_t kMany = 512;  // tokens

// Experts of Qwen3-Coder's sizes, from one buffer as they are read to another as they lie, each in turn, so that neither is in a cache.
void time_placing(Bench& bench, pio::Backend& backend, DType dtype) {
  constexpr std::int64_t kExpertDim = 2048, kHidden = 768;
  const Shape up{kHidden, kExpertDim}, down{kExpertDim, kHidden};
  const std::size_t matrix_bytes = pio::bytes_of(dtype, up.n_values());
  const auto source_at = [&](const Shape& shape, const std::byte* staged) {
    pio::MatrixSource source{.dtype = dtype, .shape = shape, .use = pio::MatrixUse::products, .mapped = nullptr, .make_rows = {}};
    source.staged = staged;
    return source;
  };
  const auto sources_at = [&](const std::byte* staged) {
    return std::array{source_at(up, staged), source_at(up, staged + matrix_bytes), source_at(down, staged + 2 * matrix_bytes)};
  };
  const int n_experts = static_cast<int>((std::size_t{256} << 20) / (3 * matrix_bytes));
  const std::vector<std::byte> staged = bench.weights(dtype, 3 * n_experts * up.n_values());
  const std::uint64_t slot_bytes = backend.placed_bytes(sources_at(staged.data()));
  const auto slots = backend.allocate(static_cast<std::size_t>(n_experts) * slot_bytes).value();
  std::memset(slots->host_data(), 1, slots->n_bytes());
  bench.time(
      std::string(pio::info(dtype).name) + " dram place", {.bytes = static_cast<double>(3 * matrix_bytes) * n_experts},
      [&] {
        for (int e = 0; e < n_experts; ++e) {
          const auto sources = sources_at(staged.data() + static_cast<std::size_t>(e) * 3 * matrix_bytes);
          if (!backend.place_weights(sources, slots.get(), static_cast<std::size_t>(e) * slot_bytes, {}, {})) std::exit(1);
        }
      },
      1);
}

}  // namespace

int main(int argc, char** argv) {
  pio::BackendOptions options;
  std::int64_t dim = 2560;
  std::int64_t n_cached = 16384;
  int n_rounds = 7;
  std::vector<DType> dtypes;
  std::set<std::string> ops;
  std::vector<bool> in_dram{false, true};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (word == "--threads") options.n_threads = std::atoi(value().c_str());
    else if (word == "--isa") options.isa = value();
    else if (word == "--dim") dim = std::atoi(value().c_str());
    else if (word == "--rounds") n_rounds = std::max(1, std::atoi(value().c_str()));
    else if (word == "--cached") n_cached = std::max(32, std::atoi(value().c_str()) / 32 * 32);
    else if (word == "--op") ops.insert(value());
    else if (word == "--where") {
      const std::string where = value();
      in_dram = where == "l2" ? std::vector<bool>{false} : where == "dram" ? std::vector<bool>{true} : std::vector<bool>{false, true};
    } else if (const auto dtype = pio::dtype_from_name(word)) {
      dtypes.push_back(*dtype);
    } else {
      std::fprintf(stderr, "%s: expected an option or the name of a format\n", word.c_str());
      return 2;
    }
  }
  if (dtypes.empty()) dtypes = {DType::q4_k, DType::q6_k, DType::q8_0, DType::q5_k, DType::q4_0, DType::iq4_xs};
  if (ops.empty()) ops = {"place", "gemv", "few", "gemm", "experts", "heads", "attention"};
  auto created = pio::create_backend("cpu", options);
  const auto kernels = pio::choose_cpu_kernels(options.isa);
  if (!created || !kernels) {
    std::fprintf(stderr, "%s\n", (created ? kernels.error() : created.error()).message.c_str());
    return 1;
  }
  pio::Backend& backend = **created;
  Bench bench(backend, **kernels, n_rounds);
  std::printf("%s; rows of %lld\n", backend.device().detail.c_str(), static_cast<long long>(dim));

  for (const DType dtype : dtypes) {
    const std::string format = pio::info(dtype).name;
    const auto row_bytes = static_cast<std::int64_t>(pio::bytes_of(dtype, dim));
    for (const bool dram : in_dram) {
      const std::string where = dram ? " dram" : " l2";
      const std::int64_t rows = std::max<std::int64_t>(64, (dram ? 256 << 20 : static_cast<int>(kCacheBytes)) / row_bytes / 64 * 64);
      // Weights in blocks meet inputs that are rounded to bytes, the others float32.
      const Numbers numbers = pio::info(dtype).block_length > 1 ? Numbers::bytes : Numbers::f32;
      const auto products_of = [&](std::int64_t n_rows, std::int64_t n_tokens) {
        return Bench::Work{.bytes = static_cast<double>(n_rows * row_bytes),
                           .products = static_cast<double>(n_rows * dim * n_tokens),
                           .numbers = numbers,
                           .dram = dram};
      };
      if (ops.contains("place") && dram) time_placing(bench, backend, dtype);
      if (ops.contains("gemv")) {
        const Tensor w = bench.placed(dtype, {rows, dim}), x = bench.floats({1, dim}), y = bench.empty(DType::f32, {1, rows});
        bench.time(
            format + where + " gemv", products_of(rows, 1), [&] { backend.matmul(y, x, w); }, dram ? 1 : 200);
      }
      if (ops.contains("few")) {
        constexpr std::int64_t kFew = 8;
        const Tensor w = bench.placed(dtype, {rows, dim}), x = bench.floats({kFew, dim}), y = bench.empty(DType::f32, {kFew, rows});
        bench.time(
            format + where + " few 8", products_of(rows, kFew), [&] { backend.matmul(y, x, w); }, dram ? 1 : 50);
      }
      if (ops.contains("gemm")) {
        const std::int64_t n = dram ? 16384 : rows;
        const Tensor w = bench.placed(dtype, {n, dim}), x = bench.floats({kMany, dim}), y = bench.empty(DType::f32, {kMany, n});
        bench.time(
            format + where + " gemm 512", products_of(n, kMany), [&] { backend.matmul(y, x, w); }, 1);
      }
      if (ops.contains("experts")) {
        // dram: of Qwen3-Coder's sizes; l2: so small that all of them stay.
        const std::int64_t n_experts = dram ? 64 : 4, n_used = dram ? 8 : 2, hidden = dram ? 768 : 256, expert_dim = dram ? 2048 : 256;
        const Tensor gates = bench.placed(dtype, {n_experts, hidden, expert_dim}), ups = bench.placed(dtype, {n_experts, hidden, expert_dim}),
                     downs = bench.placed(dtype, {n_experts, expert_dim, hidden});
        pio::ExpertSet experts(0, n_experts);
        for (std::int64_t e = 0; e < n_experts; ++e) experts.put(e, {backend.matrix(gates, e), backend.matrix(ups, e), backend.matrix(downs, e)});
        const auto expert_bytes = 3 * static_cast<double>(pio::bytes_of(dtype, hidden * expert_dim));
        for (const std::int64_t n : {std::int64_t{1}, kMany}) {
          // One token reads other experts in every call: those of one call would stay in the caches.
          std::vector<Tensor> choices;
          std::set<std::int32_t> wanted;
          for (int c = 0; c < (n == 1 ? 8 : 1); ++c) {
            std::vector<std::int32_t> ids;
            for (std::int64_t t = 0; t < n; ++t) {
              const std::int64_t first = n == 1 ? c * n_used : bench.below(n_experts);
              for (std::int64_t k = 0; k < n_used; ++k) ids.push_back(static_cast<std::int32_t>((first + k * (n == 1 ? 1 : 7)) % n_experts));
            }
            wanted.insert(ids.begin(), ids.end());
            choices.push_back(bench.indices(ids).reshaped({n, n_used}));
          }
          const Tensor x = bench.floats({n, expert_dim}), y = bench.empty(DType::f32, {n, expert_dim}), shares = bench.floats({n, n_used});
          const auto n_read = static_cast<double>(n == 1 ? n_used : std::ssize(wanted));  // experts, in a call
          std::size_t call = 0;
          bench.time(
              format + where + " experts " + std::to_string(n),
              {.bytes = n_read * expert_bytes,
               .products = static_cast<double>(n * n_used * 3 * hidden * expert_dim),
               .numbers = numbers,
               .dram = dram},
              [&] { backend.moe_experts(y, x, choices[call++ % choices.size()], shares, experts); }, n > 1 ? (dram ? 1 : 20) : (dram ? 24 : 500));
        }
      }
      bench.forget();
    }
  }
  for (const bool dram : in_dram) {
    if (!ops.contains("heads")) break;
    constexpr std::int64_t kRank = 512, kValue = 256;
    const std::int64_t n_heads = dram ? 20 : 4;
    std::vector<Tensor> layers;  // more than the caches hold, or one that they do
    for (int l = 0; l < (dram ? 96 : 1); ++l) layers.push_back(bench.placed(DType::q8_0, {n_heads, kValue, kRank}));
    for (const std::int64_t n : {std::int64_t{1}, kMany}) {
      const std::size_t n_layers = n == 1 ? layers.size() : std::min<std::size_t>(layers.size(), 12);  // in a call
      const Tensor x = bench.floats({n, n_heads, kRank}), y = bench.empty(DType::f32, {n, n_heads, kValue});
      bench.time(
          std::string("Q8_0") + (dram ? " dram" : " l2") + " matmul_heads " + std::to_string(n),
          {.bytes = static_cast<double>(n_layers * pio::bytes_of(DType::q8_0, n_heads * kValue * kRank)),
           .products = static_cast<double>(n_layers) * static_cast<double>(n * n_heads * kValue * kRank),
           .numbers = Numbers::bytes,
           .dram = dram},
          [&] {
            for (std::size_t l = 0; l < n_layers; ++l) backend.matmul_heads(y, x, layers[l], {.w_rows = kValue});
          },
          dram     ? 1
          : n == 1 ? 500
                   : 10);
    }
    bench.forget();
  }
  if (ops.contains("attention")) {
    struct Heads {
      const char* name;
      std::int64_t n_heads, n_kv_heads, head_dim, v_head_dim;
      bool has_values;  // beside the keys
    };
    constexpr Heads kGrouped{"", 32, 8, 128, 128, true}, kLatent{" latent", 20, 1, 576, 512, false};
    // Halves are multiplied in bf16 where the processor has it, quantized ones in bytes.
    const Numbers of_halves = (*kernels)->round_bf16 ? Numbers::bf16 : Numbers::f32;
    const Numbers of_blocks = (*kernels)->multiply_in_registers ? Numbers::bytes : Numbers::f32;
    std::vector<std::pair<DType, bool>> runs;
    for (const bool dram : in_dram)
      for (const DType kv : {DType::f16, DType::q8_0}) runs.emplace_back(kv, dram);
    for (const Heads& heads : {kGrouped, kLatent}) {
      for (const auto& [kv, dram] : runs) {
        const std::int64_t cell_values = heads.n_kv_heads * (heads.head_dim + (heads.has_values ? heads.v_head_dim : 0));
        const std::int64_t n_cells = dram ? n_cached : static_cast<std::int64_t>(kCacheBytes / pio::bytes_of(kv, cell_values)) / 32 * 32;
        const std::int64_t layer_bytes = static_cast<std::int64_t>(pio::bytes_of(kv, n_cells * cell_values));
        const std::int64_t n_layers = dram ? ((std::int64_t{256} << 20) + layer_bytes - 1) / layer_bytes : 1;
        const Tensor all = bench.empty(kv, {n_layers * n_cells * cell_values});  // one buffer, as in the engine
        std::size_t offset = 0;
        const auto cache = [&](std::int64_t head_dim, pio::TensorLayout layout) {
          const Tensor tensor{kv, {n_cells, heads.n_kv_heads, head_dim}, all.buffer, offset, layout};
          offset += tensor.n_bytes();
          return tensor;
        };
        std::vector<Tensor> keys, values;
        for (std::int64_t l = 0; l < n_layers; ++l) {
          keys.push_back(cache(heads.head_dim, pio::TensorLayout::keys));
          values.push_back(heads.has_values ? cache(heads.v_head_dim, pio::TensorLayout::values) : Tensor{});
        }
        std::vector<std::int32_t> blocks;
        for (std::int32_t b = 0; b < n_cells / pio::kKvBlockLength; ++b) blocks.push_back(b);
        for (const std::int64_t n : {std::int64_t{1}, std::min<std::int64_t>(kMany, n_cells)}) {
          std::vector<std::int32_t> lengths, sequences(static_cast<std::size_t>(n), 0);
          for (std::int64_t t = 0; t < n; ++t) lengths.push_back(static_cast<std::int32_t>(n_cells - n + 1 + t));
          pio::Step step;
          step.ids = step.sequences = bench.indices(sequences);
          step.kv_lengths = bench.indices(lengths);
          step.block_table = bench.indices(blocks).reshaped({1, std::ssize(blocks)});
          const Tensor q = bench.floats({n, heads.n_heads, heads.head_dim}), y = bench.empty(DType::f32, {n, heads.n_heads, heads.v_head_dim});
          const std::size_t n_read = n == 1 ? keys.size() : 1;  // layers, in a call
          const Bench::Work work{.bytes = static_cast<double>(n_read) * static_cast<double>(layer_bytes),
                                 .products = static_cast<double>(n_read) *
                                             static_cast<double>(n * heads.n_heads * (heads.head_dim + heads.v_head_dim)) *
                                             (static_cast<double>(n_cells) - static_cast<double>(n - 1) / 2),
                                 .numbers = kv == DType::f16 ? of_halves : of_blocks,
                                 .dram = dram};
          const std::string name = std::string(pio::info(kv).name) + (dram ? " dram" : " l2") + heads.name + " attention " + std::to_string(n) +
                                   " over " + std::to_string(n_cells);
          bench.time(
              name, work,
              [&] {
                for (std::size_t l = 0; l < n_read; ++l) backend.attention(y, q, keys[l], values[l], step, {.scale = 0.1f});
              },
              dram     ? 1
              : n == 1 ? 200
                       : 5);
        }
        bench.forget();
      }
    }
  }
  return 0;
}
