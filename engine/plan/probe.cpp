#include "engine/plan/probe.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <vector>

namespace pio {
namespace {

constexpr std::int64_t kWidth = 4096;         // a multiple of every block length
constexpr std::uint64_t kBytes = 80'000'000;  // a few times the third cache of a desktop
constexpr std::uint64_t kSlowBytes = 500'000; // for the reference device, which is 1000 times slower
constexpr std::int64_t kPromptTokens = 64;
constexpr int kRepetitions = 3;               // the fastest counts: other programs only ever slow it down

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

Result<SpeedProbe> measure_products(Backend& backend, DType dtype) {
  const bool slow = backend.device().kind == DeviceKind::reference;
  const std::int64_t n_rows = static_cast<std::int64_t>((slow ? kSlowBytes : kBytes) / bytes_of(dtype, kWidth)), n_prompt_rows = n_rows / 8;
  std::vector<std::unique_ptr<Buffer>> buffers;
  const auto tensor = [&](DType type, Shape shape) {
    const std::vector<std::byte> zeros(bytes_of(type, shape.n_values()));  // sound blocks of every format
    return backend.allocate_tensor(type, shape, buffers, zeros.data());
  };
  ASSIGN_OR_RETURN(const Tensor w, tensor(dtype, {n_rows, kWidth}));
  ASSIGN_OR_RETURN(const Tensor x, tensor(DType::f32, {kPromptTokens, kWidth}));
  ASSIGN_OR_RETURN(const Tensor y, tensor(DType::f32, {kPromptTokens * n_prompt_rows}));
  const auto multiply = [&](std::int64_t n_tokens, std::int64_t rows) {
    Tensor out = y;
    out.shape = {n_tokens, rows};
    backend.matmul(out, x.rows(0, n_tokens), w.rows(0, rows));
    static_cast<void>(backend.sync());
  };
  SpeedProbe probe;
  probe.bytes_per_second = static_cast<double>(w.n_bytes()) / fastest_seconds([&] { multiply(1, n_rows); });
  probe.multiply_adds_per_second =
      static_cast<double>(kPromptTokens * n_prompt_rows * kWidth) / fastest_seconds([&] { multiply(kPromptTokens, n_prompt_rows); });
  RETURN_IF_ERROR(backend.sync());
  return probe;
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

double resident_share(const ModelFile& file) {
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t n_pages = 0, n_resident = 0;
  std::vector<unsigned char> is_resident;
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const std::span<const std::byte> bytes = file.data(i);
    if (bytes.empty()) continue;
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(bytes.data()) / page * page;
    const std::size_t n = reinterpret_cast<std::uintptr_t>(bytes.data()) + bytes.size() - begin;
    is_resident.assign((n + page - 1) / page, 0);
    if (::mincore(reinterpret_cast<void*>(begin), n, is_resident.data()) != 0) continue;
    n_pages += is_resident.size();
    n_resident += std::count_if(is_resident.begin(), is_resident.end(), [](unsigned char r) { return r & 1; });
  }
  return n_pages == 0 ? 0 : static_cast<double>(n_resident) / static_cast<double>(n_pages);
}

}  // namespace pio
