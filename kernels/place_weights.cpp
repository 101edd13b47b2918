#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "kernels/backend.h"
#include "kernels/loading_tiles.h"

namespace pio {
namespace {

// What allocate() promises for a buffer holds for every tensor in it.
std::uint64_t aligned(std::uint64_t n_bytes) { return (n_bytes + 63) / 64 * 64; }

// What a load instruction of the format's widest number needs. A block's widest field is the f16 scale; MXFP4 has bytes only.
std::size_t alignment_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
    case DType::int8:
    case DType::nf4: return 4;
    case DType::mxfp4: return 1;
    default: return 2;
  }
}

}  // namespace

Result<void> for_each_tile_of_loading(std::int64_t n_items, std::int64_t tile, int n_threads, const std::stop_token& stop,
                                      const std::function<Result<void>(std::int64_t first, std::int64_t n, int worker)>& body) {
  std::atomic<std::int64_t> next = 0;
  std::atomic<bool> has_failed = false;
  Result<void> result;
  std::exception_ptr thrown;
  std::mutex mutex;  // of result and thrown
  const auto work = [&](int worker) {
    try {
      for (std::int64_t first = next.fetch_add(tile); first < n_items && !stop.stop_requested() && !has_failed; first = next.fetch_add(tile)) {
        Result<void> made = body(first, std::min(tile, n_items - first), worker);
        if (made || has_failed.exchange(true)) continue;
        const std::lock_guard lock(mutex);
        result = std::move(made);
      }
    } catch (...) {
      has_failed = true;
      const std::lock_guard lock(mutex);
      thrown = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;
    try {
      for (int i = 1; i < n_threads && n_items > tile; ++i) helpers.emplace_back(work, i);
    } catch (const std::system_error&) {
      // The system gives no more threads: this one does their work.
    }
    work(0);
  }
  if (thrown) std::rethrow_exception(thrown);
  RETURN_IF_ERROR(result);
  if (stop.stop_requested()) return make_error(ErrorCode::cancelled, "placing weights was stopped");
  return {};
}

namespace {

// Rows in tiles over the host's threads, straight into the tensor where the host can reach it.
Result<void> fill(Backend& backend, const Tensor& tensor, const MatrixSource& source, const std::stop_token& stop) {
  const std::size_t row_bytes = bytes_of(tensor.dtype, tensor.shape.back());
  std::vector<std::byte> staging(tensor.buffer->host_data() ? 0 : tensor.n_bytes());
  std::byte* const out = staging.empty() ? host_pointer<std::byte>(tensor) : staging.data();
  const std::int64_t tile = std::max<std::int64_t>(1, kLoadingTileValues / std::max<std::int64_t>(1, tensor.shape.back()));
  RETURN_IF_ERROR(for_each_tile_of_loading(
      tensor.shape.n_rows(), tile, source.staged ? 1 : n_loading_threads(backend.n_threads()), stop,
      [&](std::int64_t first, std::int64_t n, int) { return source.rows(first, n, out + static_cast<std::size_t>(first) * row_bytes); }));
  if (!staging.empty()) backend.upload(tensor, staging.data());
  return {};
}

}  // namespace

Result<void> MatrixSource::rows(std::int64_t first, std::int64_t n, std::byte* out) const {
  if (make_rows && !staged) return make_rows(first, n, out);
  const std::size_t row_bytes = bytes_of(dtype, shape.back());
  std::memcpy(out, (staged ? staged : mapped) + static_cast<std::size_t>(first) * row_bytes, static_cast<std::size_t>(n) * row_bytes);
  return {};
}

bool MatrixSource::is_aligned() const { return mapped && reinterpret_cast<std::uintptr_t>(mapped) % alignment_of(dtype) == 0; }

namespace {

// Row after row; coarse wherever it lies and however it comes there.
Tensor tensor_of(const MatrixSource& source, Buffer* arena, std::size_t offset) {
  Tensor tensor{source.dtype, source.shape, arena, offset};
  tensor.is_coarse = source.use == MatrixUse::coarse;
  return tensor;
}

}  // namespace

std::uint64_t Backend::placed_bytes(std::span<const MatrixSource> group) const {
  std::uint64_t n_bytes = 0;
  for (const MatrixSource& source : group) {
    const std::uint64_t own = own_layout_bytes(source);
    n_bytes += own > 0 ? aligned(own) : reads_in_place(source) ? 0 : aligned(source.n_bytes());
  }
  return n_bytes;
}

std::vector<Tensor> Backend::placed_tensors(std::span<const MatrixSource> group, Buffer* arena, std::size_t offset) const {
  std::vector<Tensor> tensors;
  for (const MatrixSource& source : group) {
    const std::uint64_t own = own_layout_bytes(source);
    CHECK(own > 0 || !reads_in_place(source), "placed_tensors: a source that is read in place");
    tensors.push_back(tensor_of(source, arena, offset));
    if (own > 0) tensors.back().layout = TensorLayout::own;
    offset += aligned(own > 0 ? own : source.n_bytes());
  }
  return tensors;
}

Result<Placed> Backend::place_weights(std::span<const MatrixSource> group, Buffer* arena, std::size_t offset, const std::stop_token& stop,
                                      const std::function<void(std::uint64_t)>& progress) {
  Placed placed;
  for (const MatrixSource& source : group) {
    Tensor tensor = tensor_of(source, arena, offset);
    if (const std::uint64_t own = own_layout_bytes(source); own > 0) {
      tensor.layout = TensorLayout::own;
      RETURN_IF_ERROR(lay_out(tensor, source, stop));
      offset += aligned(own);
      if (progress) progress(source.n_bytes());
    } else if (reads_in_place(source)) {
      ASSIGN_OR_RETURN(std::unique_ptr<Buffer> view, wrap(source.mapped, source.n_bytes()));
      tensor.buffer = view.get();
      tensor.offset = 0;
      placed.mapped.push_back(std::move(view));
    } else {
      RETURN_IF_ERROR(fill(*this, tensor, source, stop));
      offset += aligned(source.n_bytes());
      if (progress) progress(source.n_bytes());
    }
    placed.tensors.push_back(tensor);
  }
  return placed;
}

Tensor Backend::matrices(Tensor stack, std::int64_t first, std::int64_t n) const {
  CHECK(stack.shape.rank() == 3, "matrices: expected a stack of matrices");
  return stack.rows(first, n);
}

Tensor Backend::matrix(Tensor stack, std::int64_t i) const { return matrices(stack, i, 1).reshaped({stack.shape[1], stack.shape[2]}); }

void Backend::do_decode_rows(Tensor y, Tensor w, std::int64_t first) {
  CHECK(w.layout == TensorLayout::rows, "decode_rows: a layout of another backend");
  Tensor from = w;
  from.shape = y.shape;
  from.offset += bytes_of(w.dtype, first * w.shape.back());
  do_cast(y, from);
}

}  // namespace pio
