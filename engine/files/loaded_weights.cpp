#include "engine/files/loaded_weights.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

namespace pio {
namespace {

constexpr std::size_t kBytesBetweenStops = 256 << 10;
constexpr std::size_t kBytesBetweenReports = 4 << 20;
// Asked of the kernel ahead of the touching: enough to keep a disk's queue full, little enough to be stopped soon.
constexpr std::size_t kReadAheadBytes = 16 << 20;

// What a load instruction of the format's widest number needs. A block's widest field is the f16 scale; MXFP4 has bytes only.
std::size_t alignment_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32: return 4;
    case DType::int8:
    case DType::nf4: return 4;
    case DType::mxfp4: return 1;
    default: return 2;
  }
}

void read_ahead(std::span<const std::byte> bytes, std::size_t page) {
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(bytes.data()) / page * page;
  const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(bytes.data()) + bytes.size();
  // Only advice: where it fails the pages come one fault after the other.
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_WILLNEED);
}

}  // namespace

LoadedWeights::LoadedWeights(std::unique_ptr<ModelFile> file, Backend& backend, const Progress& progress, std::stop_token stop)
    : file_(std::move(file)), backend_(backend), buffers_(file_->tensors().size()), progress_(progress), stop_(std::move(stop)) {}

const MetaValue* LoadedWeights::metadata(std::string_view key) const {
  const auto it = file_->metadata().find(key);
  return it == file_->metadata().end() ? nullptr : &it->second;
}

std::uint64_t LoadedWeights::n_bytes() const {
  std::uint64_t n = 0;
  for (const TensorInfo& info : tensors()) n += info.n_bytes;
  return n;
}

Result<Tensor> LoadedWeights::load(std::size_t index) {
  CHECK(index < buffers_.size(), "load: no tensor of this index");
  const TensorInfo& info = tensors()[index];
  Tensor tensor{.dtype = info.dtype, .shape = info.shape, .buffer = buffers_[index].get(), .offset = 0};
  if (tensor.buffer) return tensor;

  if (file_->is_made(index)) {
    ASSIGN_OR_RETURN(buffers_[index], backend_.allocate(info.n_bytes));
    tensor.buffer = buffers_[index].get();
    RETURN_IF_ERROR(make(index, tensor));
    return tensor;
  }
  const std::span<const std::byte> bytes = file_->data(index);
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment_of(info.dtype) == 0) {
    ASSIGN_OR_RETURN(buffers_[index], backend_.wrap(bytes.data(), bytes.size()));
    tensor.buffer = buffers_[index].get();
  } else {  // a safetensors header may have any length
    ASSIGN_OR_RETURN(buffers_[index], backend_.allocate(bytes.size()));
    tensor.buffer = buffers_[index].get();
    backend_.upload(tensor, bytes.data());
  }
  return tensor;
}

// Rows in tiles over the host's threads, straight into the tensor where the host can reach it.
Result<void> LoadedWeights::make(std::size_t index, Tensor tensor) {
  const std::int64_t n_rows = tensor.shape.n_rows();
  const std::size_t row_bytes = bytes_of(tensor.dtype, tensor.shape.back());
  std::vector<std::byte> staging;
  std::byte* out = tensor.buffer->host_data();
  if (!out) {
    staging.resize(tensor.n_bytes());
    out = staging.data();
  }
  // About a megabyte of numbers a tile: some ten milliseconds, soon stopped.
  const std::int64_t tile = std::clamp<std::int64_t>((1 << 18) / std::max<std::int64_t>(1, tensor.shape.back()), 1, n_rows);
  std::atomic<std::int64_t> next = 0;
  const auto work = [&] {
    for (std::int64_t first = next.fetch_add(tile); first < n_rows && !stop_.stop_requested(); first = next.fetch_add(tile))
      file_->make_rows(index, first, std::min(tile, n_rows - first), out + static_cast<std::size_t>(first) * row_bytes);
  };
  {
    std::vector<std::jthread> helpers;
    for (int i = 1; i < backend_.n_threads() && n_rows > tile; ++i) helpers.emplace_back(work);
    work();
  }
  if (stop_.stop_requested()) return make_error(ErrorCode::cancelled, label() + ": loading was stopped");
  if (!staging.empty()) backend_.upload(tensor, staging.data());
  file_->release_sources(index);
  n_bytes_made_ += tensor.n_bytes();
  if (progress_) progress_(n_bytes_made_, n_bytes());
  return {};
}

Result<void> LoadedWeights::prefault(const Progress& progress, std::stop_token stop) const {
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < tensors().size(); ++i) {
    if (buffers_[i] && !file_->is_made(i)) order.push_back(i);
  }
  // Each file is one mapping, so addresses within it rise as offsets do.
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return file_->data(a).data() < file_->data(b).data(); });

  std::uint64_t total = n_bytes_made_;
  for (const std::size_t index : order) total += tensors()[index].n_bytes;
  std::uint64_t done = n_bytes_made_, reported = 0;
  if (progress) progress(done, total);
  for (const std::size_t index : order) {
    const std::span<const std::byte> bytes = file_->data(index);
    for (std::size_t at = 0; at < bytes.size(); at += kBytesBetweenStops) {
      if (stop.stop_requested()) return make_error(ErrorCode::cancelled, label() + ": loading was stopped");
      if (at % kReadAheadBytes == 0) read_ahead(bytes.subspan(at, std::min(2 * kReadAheadBytes, bytes.size() - at)), page);
      const std::size_t n = std::min(kBytesBetweenStops, bytes.size() - at);
      for (std::size_t i = 0; i < n; i += page) static_cast<void>(*static_cast<const volatile std::byte*>(&bytes[at + i]));
      static_cast<void>(*static_cast<const volatile std::byte*>(&bytes[at + n - 1]));
      done += n;
      if (progress && (done - reported >= kBytesBetweenReports || done == total)) {
        reported = done;
        progress(done, total);
      }
    }
  }
  return {};
}

}  // namespace pio
