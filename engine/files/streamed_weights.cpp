#include "engine/files/streamed_weights.h"

#include <algorithm>
#include <utility>

namespace pio {
namespace {

// Rows of a table are brought in multiples of these: whole lines of every layout.
constexpr std::int64_t kRowsTogether = 64;

class NoBytes final : public Buffer {
 public:
  NoBytes() : Buffer(0, nullptr) {}
};

MatrixSource part_of(const MatrixSource& table, std::int64_t first, std::int64_t n) {
  MatrixSource part;
  part.dtype = table.dtype;
  part.shape = {n, table.shape[1]};
  part.use = table.use;
  part.make_rows = [&table, first](std::int64_t from, std::int64_t n_rows, std::byte* out) { return table.rows(first + from, n_rows, out); };
  return part;
}

}  // namespace

std::size_t StreamedWeights::add(std::int64_t layer, std::vector<MatrixSource> group) {
  Layer& to = layers_[layer];
  const std::size_t offset = to.placed_bytes;
  to.placed_bytes += backend_.placed_bytes(group);
  to.groups.push_back({std::move(group), offset});
  return offset;
}

Tensor StreamedWeights::add_table(MatrixSource table) {
  tables_.push_back({std::move(table), std::make_unique<NoBytes>()});
  return {tables_.back().source.dtype, tables_.back().source.shape, tables_.back().place.get(), 0};
}

std::uint64_t StreamedWeights::slot_bytes() const {
  std::uint64_t n_bytes = 0;
  for (const auto& [index, layer] : layers_) n_bytes = std::max(n_bytes, layer.placed_bytes);
  for (const Table& table : tables_) {
    const std::int64_t n_rows = table.source.shape[0];
    const std::uint64_t least = placed_bytes(table.source, std::min(n_rows, kRowsTogether));
    n_bytes = std::max({n_bytes, least, std::min(kTableBytes, placed_bytes(table.source, n_rows))});
  }
  return n_bytes;
}

void StreamedWeights::set_slot(Buffer* arena, std::size_t offset) {
  arena_ = arena;
  offset_ = offset;
}

std::uint64_t StreamedWeights::n_bytes() const {
  std::uint64_t n_bytes = tables_.empty() ? 0 : tables_.back().source.n_bytes();
  for (const auto& [index, layer] : layers_) {
    for (const Group& group : layer.groups)
      for (const MatrixSource& source : group.sources) n_bytes += source.n_bytes();
  }
  return n_bytes;
}

Result<void> StreamedWeights::bring_layer(std::int64_t layer) {
  const auto found = layers_.find(layer);
  if (found == layers_.end() || there_ == layer) return {};
  there_ = -1;
  for (const Group& group : found->second.groups) {
    const Result<Placed> placed = backend_.place_weights(group.sources, arena_, offset_ + group.offset, backend_.stop_token(), {});
    if (!placed) return placed.error();
  }
  RETURN_IF_ERROR(backend_.sync());
  there_ = layer;
  return {};
}

const StreamedWeights::Table* StreamedWeights::table_of(const Tensor& tensor) const {
  const auto found = std::ranges::find_if(tables_, [&](const Table& table) { return table.place.get() == tensor.buffer; });
  return found == tables_.end() ? nullptr : &*found;
}

std::uint64_t StreamedWeights::placed_bytes(const MatrixSource& table, std::int64_t n_rows) const {
  const MatrixSource part = part_of(table, 0, n_rows);
  return backend_.placed_bytes({&part, 1});
}

std::int64_t StreamedWeights::rows_at_once(const Tensor& tensor) const {
  const Table* const table = table_of(tensor);
  if (!table) return 0;
  const std::int64_t n_rows = table->source.shape[0];
  if (n_rows <= kRowsTogether) return n_rows;
  const std::uint64_t n_groups = slot_bytes() / placed_bytes(table->source, kRowsTogether);
  return std::min(n_rows, static_cast<std::int64_t>(n_groups) * kRowsTogether);
}

Result<Tensor> StreamedWeights::bring_rows(const Tensor& tensor, std::int64_t first, std::int64_t n) {
  const Table* const table = table_of(tensor);
  CHECK(table && n <= rows_at_once(tensor), "rows of a table that is not away, or too many of them");
  there_ = -1;
  const MatrixSource part = part_of(table->source, first, n);
  ASSIGN_OR_RETURN(const Placed placed, backend_.place_weights({&part, 1}, arena_, offset_, backend_.stop_token(), {}));
  RETURN_IF_ERROR(backend_.sync());
  return placed.tensors.front();
}

Result<Tensor> StreamedWeights::gather_rows(const Tensor& tensor, std::span<const std::int32_t> ids) {
  const Table* const table = table_of(tensor);
  CHECK(table && std::ssize(ids) <= rows_at_once(tensor), "rows of a table that is not away, or too many of them");
  there_ = -1;
  MatrixSource rows;
  rows.dtype = table->source.dtype;
  rows.shape = {std::ssize(ids), table->source.shape[1]};
  rows.make_rows = [&](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
    const std::size_t row_bytes = bytes_of(table->source.dtype, table->source.shape[1]);
    for (std::int64_t i = 0; i < n; ++i)
      RETURN_IF_ERROR(table->source.rows(ids[static_cast<std::size_t>(first + i)], 1, out + static_cast<std::size_t>(i) * row_bytes));
    return {};
  };
  ASSIGN_OR_RETURN(const Placed placed, backend_.place_weights({&rows, 1}, arena_, offset_, backend_.stop_token(), {}));
  RETURN_IF_ERROR(backend_.sync());
  return placed.tensors.front();
}

}  // namespace pio
