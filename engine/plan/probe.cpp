#include "engine/plan/probe.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <vector>

namespace pio {
namespace {

constexpr std::int64_t kWidth = 4096;          // a multiple of every block length
constexpr std::uint64_t kBytes = 80'000'000;   // a few times the third cache of a desktop
constexpr std::uint64_t kSlowBytes = 500'000;  // for the reference device and software renderers, which are 100 to 1000 times slower
constexpr std::int64_t kPromptTokens = 64;
constexpr int kRepetitions = 3;  // the fastest counts: other programs only ever slow it down

bool is_slow(const DeviceInfo& device) { return device.kind == DeviceKind::reference || device.is_software; }

template <class Run>
double fastest_seconds(const Run& run) {
  double best = 0;
  for (int i = 0; i < kRepetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = i == 0 ? seconds : std::min(best, seconds);
  }
  return std::max(best, 1e-9);
}

}  // namespace

Result<SpeedProbe> measure_products(Backend& backend, DType dtype, bool lays_out) {
  const bool slow = is_slow(backend.device());
  const std::uint64_t free_bytes = backend.device().free_bytes;
  const std::uint64_t n_bytes = slow ? kSlowBytes : free_bytes == 0 ? kBytes : std::clamp<std::uint64_t>(free_bytes / 8, kSlowBytes, kBytes);
  constexpr std::int64_t kMatrices = 8;
  const std::int64_t n_rows = static_cast<std::int64_t>(n_bytes / kMatrices / bytes_of(dtype, kWidth));
  // Zeros are sound blocks of every format.
  MatrixSource source{.dtype = dtype,
                      .shape = {kMatrices, n_rows, kWidth},
                      .use = lays_out ? MatrixUse::products : MatrixUse::rows,
                      .make_rows = [row_bytes = bytes_of(dtype, kWidth)](std::int64_t, std::int64_t n, std::byte* out) -> Result<void> {
                        std::memset(out, 0, static_cast<std::size_t>(n) * row_bytes);
                        return {};
                      }};
  std::vector<std::unique_ptr<Buffer>> buffers;
  ASSIGN_OR_RETURN(std::unique_ptr<Buffer> arena, backend.allocate(backend.placed_bytes({&source, 1})));
  ASSIGN_OR_RETURN(const Placed placed, backend.place_weights({&source, 1}, arena.get(), 0, {}, {}));
  const Tensor& w = placed.tensors[0];
  const std::vector<float> zeros(kPromptTokens * kWidth);
  ASSIGN_OR_RETURN(const Tensor x, backend.allocate_tensor(DType::f32, {kPromptTokens, kWidth}, buffers, zeros.data()));
  ASSIGN_OR_RETURN(const Tensor y, backend.allocate_tensor(DType::f32, {kPromptTokens, n_rows}, buffers));
  const auto multiply = [&](std::int64_t n_tokens, std::int64_t n_matrices) {
    for (std::int64_t i = 0; i < n_matrices; ++i) backend.matmul(y.rows(0, n_tokens), x.rows(0, n_tokens), backend.matrix(w, i));
    static_cast<void>(backend.sync());
  };
  SpeedProbe probe;
  probe.bytes_per_second = static_cast<double>(w.n_bytes()) / fastest_seconds([&] { multiply(1, kMatrices); });
  probe.multiply_adds_per_second = static_cast<double>(kPromptTokens * n_rows * kWidth) / fastest_seconds([&] { multiply(kPromptTokens, 1); });
  RETURN_IF_ERROR(backend.sync());
  return probe;
}

Result<LookingProbe> measure_looking(Backend& backend, DType dtype) {
  const bool slow = is_slow(backend.device());
  const std::int64_t n_rows = slow ? 16 : 512, n_patches = slow ? 64 : 1024;
  constexpr std::int64_t kDim = 1024, kHeads = 2, kHeadDim = 64;  // of Qwen3-VL's tower; half of the other figures
  std::vector<std::unique_ptr<Buffer>> buffers;
  const std::vector<std::byte> weights(bytes_of(dtype, kDim * kDim));  // zeros are sound blocks of every format
  const std::vector<float> zeros(static_cast<std::size_t>(std::max(n_rows * kDim, n_patches * kHeads * kHeadDim)));
  ASSIGN_OR_RETURN(Tensor w, backend.allocate_tensor(dtype, {kDim, kDim}, buffers, weights.data()));
  w.is_coarse = true;
  ASSIGN_OR_RETURN(const Tensor x, backend.allocate_tensor(DType::f32, {n_rows, kDim}, buffers, zeros.data()));
  ASSIGN_OR_RETURN(const Tensor y, backend.allocate_tensor(DType::f32, {n_rows, kDim}, buffers));
  const Shape heads{n_patches, kHeads, kHeadDim};
  ASSIGN_OR_RETURN(const Tensor q, backend.allocate_tensor(DType::f32, heads, buffers, zeros.data()));
  ASSIGN_OR_RETURN(const Tensor out, backend.allocate_tensor(DType::f32, heads, buffers));
  const std::int32_t ends[2] = {0, static_cast<std::int32_t>(n_patches)};
  ASSIGN_OR_RETURN(const Tensor starts, backend.allocate_tensor(DType::i32, {2}, buffers, ends));
  const double linear_seconds = fastest_seconds([&] {
    backend.matmul(y, x, w);
    static_cast<void>(backend.sync());
  });
  const double attention_seconds = fastest_seconds([&] {
    backend.self_attention(out, q, q, q, starts, 0, 0.125f);
    static_cast<void>(backend.sync());
  });
  RETURN_IF_ERROR(backend.sync());
  return LookingProbe{static_cast<double>(n_rows * kDim * kDim) / linear_seconds,
                      static_cast<double>(2 * n_patches * n_patches * kHeads * kHeadDim) / attention_seconds};
}

namespace {

struct ResidentPages {
  std::uint64_t all = 0, of_files = 0;
};

ResidentPages resident_pages() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t mapped = 0;
  ResidentPages pages;
  in >> mapped >> pages.all >> pages.of_files;
  return in ? pages : ResidentPages{};
}

std::uint64_t bytes_of_pages(std::uint64_t n_pages) { return n_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

std::uint64_t resident_bytes() { return bytes_of_pages(resident_pages().all); }

std::uint64_t anonymous_bytes() {
  const ResidentPages pages = resident_pages();
  return bytes_of_pages(pages.all - std::min(pages.all, pages.of_files));
}

namespace {

struct FilePages {
  std::uint64_t all = 0, cached = 0;
};

FilePages pages_of(const ModelFile& file) {
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  FilePages pages;
  std::vector<unsigned char> is_resident;
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const std::span<const std::byte> bytes = file.data(i);
    if (bytes.empty()) continue;
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(bytes.data()) / page * page;
    const std::size_t n = reinterpret_cast<std::uintptr_t>(bytes.data()) + bytes.size() - begin;
    is_resident.assign((n + page - 1) / page, 0);
    if (::mincore(reinterpret_cast<void*>(begin), n, is_resident.data()) != 0) continue;
    pages.all += is_resident.size();
    pages.cached += std::count_if(is_resident.begin(), is_resident.end(), [](unsigned char r) { return r & 1; });
  }
  return pages;
}

}  // namespace

double resident_share(const ModelFile& file) {
  const FilePages pages = pages_of(file);
  return pages.all == 0 ? 0 : static_cast<double>(pages.cached) / static_cast<double>(pages.all);
}

std::uint64_t cached_bytes(const ModelFile& file) { return bytes_of_pages(pages_of(file).cached); }

}  // namespace pio
