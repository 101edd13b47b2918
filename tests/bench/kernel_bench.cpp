// Times the ops of the CPU backend against what the machine can do in the same rounds.
//
//   kernel_bench [--threads N] [--isa NAME] [--dim N] [--rounds N] [--where l2|dram|both] [--cached N]
//                [--op place|gemv|few|gemm|experts|heads|attention]… [FORMAT…]
//
// Weights are placed as a model's are. l2: matrices that stay in the second caches (1 MB for all threads together); dram: 256 MB and more, so that
// they do not. Laying out what a disk has brought (place: experts of three matrices, 512 MB in turn), products of one token and attention of one
// token: GB/s, and their share of plain reads of as much anonymous memory. Products of
// 8 tokens (few) and of 512: billions of multiplications a second, and their share of what the processor does in registers alone. Probes and ops take turns
// round by round; the best of each counts, since a shared machine has fast and slow seconds, and the median is printed beside it.

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
#include <vector>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/registry.h"

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

// Billions of products of bytes a second, in registers.
double register_rate(const pio::CpuKernels& kernels, int n_threads) {
  if (!kernels.multiply_in_registers) return 0;
  constexpr std::int64_t kRounds = 2'000'000;
  std::vector<std::jthread> threads;
  std::vector<std::int32_t> sums(static_cast<std::size_t>(n_threads) * 16);
  const auto work = [&](int i) { sums[static_cast<std::size_t>(i) * 16] = kernels.multiply_in_registers(kRounds); };
  const double seconds = seconds_of([&] {
    for (int i = 1; i < n_threads; ++i) threads.emplace_back(work, i);
    work(0);
    threads.clear();
  });
  return static_cast<double>(kRounds * kernels.products_a_round * n_threads) / seconds / 1e9;
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

  // Prints bytes a second and their share of plain reads (one token), or products a second and their share of the registers' rate.
  void time(const std::string& name, double bytes, double products, const std::function<void()>& op, int repeats) {
    std::vector<double> rates, most;
    for (int round = -1; round < n_rounds_; ++round) {
      const double reads = static_cast<double>(probe_->n_bytes()) / seconds_of([&] { static_cast<void>(backend_.read_all(*probe_)); }) / 1e9;
      const double registers = products > 0 ? register_rate(kernels_, backend_.n_threads()) : 0;
      const double seconds = seconds_of([&] {
                               for (int i = 0; i < repeats; ++i) op();
                               if (!backend_.sync()) std::exit(1);
                             }) /
                             repeats;
      if (round < 0) continue;  // warms up
      rates.push_back((products > 0 ? products : bytes) / seconds / 1e9);
      most.push_back(products > 0 ? registers : reads);
    }
    std::ranges::sort(rates);
    const double best = rates.back(), limit = std::ranges::max(most);
    std::printf("%-34s %8.1f %-7s median %8.1f   %3.0f %% of %.1f %s\n", name.c_str(), best, products > 0 ? "GMAC/s" : "GB/s",
                rates[rates.size() / 2], limit > 0 ? 100 * best / limit : 0, limit, products > 0 ? "in registers" : "plain reads");
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
      std::string(pio::info(dtype).name) + " dram place", static_cast<double>(3 * matrix_bytes) * n_experts, 0,
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
      const std::int64_t rows = (dram ? 256 << 20 : 1 << 20) / row_bytes / 64 * 64;
      const auto bytes = static_cast<double>(rows * row_bytes);
      if (ops.contains("place") && dram) time_placing(bench, backend, dtype);
      if (ops.contains("gemv")) {
        const Tensor w = bench.placed(dtype, {rows, dim}), x = bench.floats({1, dim}), y = bench.empty(DType::f32, {1, rows});
        bench.time(
            format + where + " gemv", bytes, 0, [&] { backend.matmul(y, x, w); }, dram ? 1 : 200);
      }
      if (ops.contains("few")) {
        constexpr std::int64_t kFew = 8;
        const Tensor w = bench.placed(dtype, {rows, dim}), x = bench.floats({kFew, dim}), y = bench.empty(DType::f32, {kFew, rows});
        bench.time(
            format + where + " few 8", 0, static_cast<double>(rows * dim * kFew), [&] { backend.matmul(y, x, w); }, dram ? 1 : 50);
      }
      if (ops.contains("gemm")) {
        const std::int64_t n = dram ? 16384 : rows;
        const Tensor w = bench.placed(dtype, {n, dim}), x = bench.floats({kMany, dim}), y = bench.empty(DType::f32, {kMany, n});
        bench.time(
            format + where + " gemm 512", 0, static_cast<double>(n * dim * kMany), [&] { backend.matmul(y, x, w); }, 1);
      }
      if (ops.contains("experts") && dram) {
        constexpr std::int64_t kExperts = 64, kUsed = 8, kHidden = 768;
        const std::int64_t expert_dim = 2048;
        const Tensor gates = bench.placed(dtype, {kExperts, kHidden, expert_dim}), ups = bench.placed(dtype, {kExperts, kHidden, expert_dim}),
                     downs = bench.placed(dtype, {kExperts, expert_dim, kHidden});
        pio::ExpertSet experts(0, kExperts);
        for (std::int64_t e = 0; e < kExperts; ++e) experts.put(e, {backend.matrix(gates, e), backend.matrix(ups, e), backend.matrix(downs, e)});
        for (const std::int64_t n : {std::int64_t{1}, kMany}) {
          std::vector<std::int32_t> ids;
          for (std::int64_t t = 0; t < n; ++t) {
            const std::int64_t first = bench.below(kExperts);
            for (std::int64_t k = 0; k < kUsed; ++k) ids.push_back(static_cast<std::int32_t>((first + k * 7) % kExperts));
          }
          const Tensor x = bench.floats({n, expert_dim}), y = bench.empty(DType::f32, {n, expert_dim}), shares = bench.floats({n, kUsed}),
                       chosen = bench.indices(ids).reshaped({n, kUsed});
          const double macs = static_cast<double>(n * kUsed * 3 * kHidden * expert_dim);
          const double read = static_cast<double>(kUsed) * 3 * static_cast<double>(pio::bytes_of(dtype, kHidden * expert_dim));
          bench.time(
              format + " experts " + std::to_string(n), read, n == 1 ? 0 : macs, [&] { backend.moe_experts(y, x, chosen, shares, experts); },
              n == 1 ? 20 : 1);
          if (n == 1) continue;
        }
      }
      bench.forget();
    }
  }
  if (ops.contains("heads")) {
    constexpr std::int64_t kHeads = 20, kRank = 512, kValue = 256;
    std::vector<Tensor> layers;  // more than the caches hold
    for (int l = 0; l < 24; ++l) layers.push_back(bench.placed(DType::q8_0, {kHeads, kValue, kRank}));
    const double bytes = static_cast<double>(pio::bytes_of(DType::q8_0, kHeads * kValue * kRank)),
                 macs = static_cast<double>(kHeads * kValue * kRank);
    const Tensor x = bench.floats({1, kHeads, kRank}), y = bench.empty(DType::f32, {1, kHeads, kValue});
    bench.time(
        "Q8_0 dram matmul_heads 1", bytes * 24, 0,
        [&] {
          for (const Tensor& w : layers) backend.matmul_heads(y, x, w, {.w_rows = kValue});
        },
        2);
    const Tensor many = bench.floats({kMany, 1, kRank}), out = bench.empty(DType::f32, {kMany, kHeads, kValue});
    bench.time(
        "Q8_0 matmul_heads 512", 0, macs * kMany, [&] { backend.matmul_heads(out, many, layers[0], {.w_rows = kValue}); }, 1);
    bench.forget();
  }
  if (ops.contains("attention")) {
    struct Heads {
      const char* name;
      std::int64_t n_heads, n_kv_heads, head_dim, v_head_dim;
      bool has_values;  // beside the keys
    };
    constexpr Heads kGrouped{"", 32, 8, 128, 128, true}, kLatent{" latent", 20, 1, 576, 512, false};
    for (const Heads& heads : {kGrouped, kLatent}) {
      for (const DType kv : {DType::f16, DType::q8_0}) {
        const std::int64_t cell_values = heads.n_kv_heads * (heads.head_dim + (heads.has_values ? heads.v_head_dim : 0));
        const std::int64_t n_layers =
            std::max<std::int64_t>(1, (std::int64_t{256} << 20) / static_cast<std::int64_t>(pio::bytes_of(kv, n_cached * cell_values)));
        const std::int64_t n_layers_here = n_cached < 4096 ? 1 : n_layers;             // few cells are to stay in the caches
        const Tensor all = bench.empty(kv, {n_layers_here * n_cached * cell_values});  // one buffer, as in the engine
        std::size_t offset = 0;
        const auto cache = [&](std::int64_t head_dim, pio::TensorLayout layout) {
          const Tensor tensor{kv, {n_cached, heads.n_kv_heads, head_dim}, all.buffer, offset, layout};
          offset += tensor.n_bytes();
          return tensor;
        };
        std::vector<Tensor> keys, values;
        for (std::int64_t l = 0; l < n_layers_here; ++l) {
          keys.push_back(cache(heads.head_dim, pio::TensorLayout::keys));
          values.push_back(heads.has_values ? cache(heads.v_head_dim, pio::TensorLayout::values) : Tensor{});
        }
        std::vector<std::int32_t> blocks;
        for (std::int32_t b = 0; b < n_cached / pio::kKvBlockLength; ++b) blocks.push_back(b);
        for (const std::int64_t n : {std::int64_t{1}, std::min<std::int64_t>(kMany, n_cached)}) {
          std::vector<std::int32_t> lengths, sequences(static_cast<std::size_t>(n), 0);
          for (std::int64_t t = 0; t < n; ++t) lengths.push_back(static_cast<std::int32_t>(n_cached - n + 1 + t));
          pio::Step step;
          step.ids = step.sequences = bench.indices(sequences);
          step.kv_lengths = bench.indices(lengths);
          step.block_table = bench.indices(blocks).reshaped({1, std::ssize(blocks)});
          const Tensor q = bench.floats({n, heads.n_heads, heads.head_dim}), y = bench.empty(DType::f32, {n, heads.n_heads, heads.v_head_dim});
          const double bytes = static_cast<double>(n_layers_here) * static_cast<double>(pio::bytes_of(kv, n_cached * cell_values));
          const double macs = static_cast<double>(n * heads.n_heads * (heads.head_dim + heads.v_head_dim)) *
                              (static_cast<double>(n_cached) - static_cast<double>(n) / 2);
          const std::string name =
              std::string(pio::info(kv).name) + heads.name + " attention " + std::to_string(n) + " over " + std::to_string(n_cached);
          if (n == 1) {
            bench.time(
                name, bytes, 0,
                [&] {
                  for (std::size_t l = 0; l < keys.size(); ++l) backend.attention(y, q, keys[l], values[l], step, {.scale = 0.1f});
                },
                n_cached < 4096 ? 200 : 1);
          } else {
            bench.time(
                name, 0, macs, [&] { backend.attention(y, q, keys[0], values[0], step, {.scale = 0.1f}); }, 1);
          }
        }
        bench.forget();
      }
    }
  }
  return 0;
}
