#include "engine/files/away_tensors.h"

#include <algorithm>
#include <utility>

namespace pio {
namespace {

class Nowhere final : public Buffer {
 public:
  explicit Nowhere(std::size_t n_bytes) : Buffer(n_bytes, nullptr) {}
};

}  // namespace

Tensor AwayTensors::add(const ModelFile& file, std::size_t index, MatrixSource source) {
  auto place = std::make_unique<Nowhere>(source.n_bytes());
  const Tensor tensor{source.dtype, source.shape, place.get(), 0};
  all_.emplace(tensor.buffer, Away{&file, index, std::move(source), std::move(place)});
  return tensor;
}

AwayTensors::Matrix AwayTensors::matrix_of(const Tensor& matrix) const {
  const auto found = all_.find(matrix.buffer);
  CHECK(found != all_.end() && matrix.shape.rank() == 2, "matrix_of: a matrix of a tensor that is away");
  const Away& away = found->second;
  const std::size_t row_bytes = bytes_of(away.source.dtype, away.source.shape.back());
  const auto first_row = static_cast<std::int64_t>(matrix.offset / row_bytes);
  Matrix result;
  result.source.dtype = away.source.dtype;
  result.source.shape = matrix.shape;
  result.source.use = away.source.use;
  result.source.make_rows = [&source = away.source, first_row](std::int64_t first, std::int64_t n, std::byte* out) {
    return source.rows(first_row + first, n, out);
  };
  if (!away.file->is_made(away.index))
    result.in_file = away.file->place_of(away.file->data(away.index).subspan(matrix.offset, result.source.n_bytes()));
  return result;
}

}  // namespace pio
