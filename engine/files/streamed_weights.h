#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "kernels/backend.h"
#include "models/weight_stream.h"

namespace pio {

// Weights of a file that do not stay in memory: laid out anew each time that a pass reaches them, in one slot that all of them share, by the
// function that lays out those that stay; so products with them give the same bytes. The sources must outlive it.
class StreamedWeights final : public WeightStream {
 public:
  // How many bytes of a table are brought at once, where no layer asks for a larger slot.
  static constexpr std::uint64_t kTableBytes = 32 << 20;

  explicit StreamedWeights(Backend& backend) : backend_(backend) {}

  // A group that `layer` reads. Returns where in the slot it will lie.
  std::size_t add(std::int64_t layer, std::vector<MatrixSource> group);
  // A table. Returns the tensor that stands for it: without bytes.
  Tensor add_table(MatrixSource table);
  // The bytes that the slot must have for what was added.
  std::uint64_t slot_bytes() const;
  // Where the slot is.
  void set_slot(Buffer* arena, std::size_t offset);
  // In the file's formats, of one pass: all layers, and of the tables the last one.
  std::uint64_t n_bytes() const;

  Result<void> bring_layer(std::int64_t layer) override;
  std::int64_t rows_at_once(const Tensor& table) const override;
  Result<Tensor> bring_rows(const Tensor& table, std::int64_t first, std::int64_t n) override;
  Result<Tensor> gather_rows(const Tensor& table, std::span<const std::int32_t> ids) override;

 private:
  struct Group {
    std::vector<MatrixSource> sources;
    std::size_t offset = 0;  // in the slot
  };
  struct Layer {
    std::vector<Group> groups;
    std::uint64_t placed_bytes = 0;
  };
  struct Table {
    MatrixSource source;
    std::unique_ptr<Buffer> place;  // stands for it; holds nothing
  };
  const Table* table_of(const Tensor& tensor) const;
  std::uint64_t placed_bytes(const MatrixSource& table, std::int64_t n_rows) const;

  Backend& backend_;
  Buffer* arena_ = nullptr;
  std::size_t offset_ = 0;
  std::map<std::int64_t, Layer> layers_;
  std::vector<Table> tables_;
  std::int64_t there_ = -1;  // the layer that is in the slot
};

}  // namespace pio
