#include "engine/step_builder.h"

#include <algorithm>
#include <numeric>

namespace pio {
namespace {

constexpr std::size_t kAlignment = 64;  // a cache line

// The tensors of a step of this capacity, laid end to end in `buffer`. Returns the bytes they take.
std::size_t lay_out(const StepCapacity& c, Buffer* buffer, Step& step) {
  std::size_t end = 0;
  const auto take = [&](Shape shape) {
    const Tensor tensor{DType::i32, shape, buffer, end};
    end += (tensor.n_bytes() + kAlignment - 1) / kAlignment * kAlignment;
    return tensor;
  };
  step.ids = take({c.n_tokens});
  step.positions = take({c.n_position_axes * c.n_tokens});
  step.cells = take({c.n_tokens});
  step.kv_lengths = take({c.n_tokens});
  step.sequences = take({c.n_tokens});
  step.block_table = take({c.n_sequences * c.n_blocks});
  step.outputs = take({c.n_tokens});
  step.output_lengths = take({c.n_tokens});
  step.output_sequences = take({c.n_tokens});
  step.n_kv_cells = take({1});
  step.protected_blocks = take({c.n_sequences * c.n_blocks});
  step.kv_cells = take({c.n_blocks * kKvBlockLength});
  step.ordered_blocks = take({c.n_blocks});
  return end;
}

// The first values of a tensor, in another shape.
Tensor extent(Tensor tensor, Shape shape) {
  tensor.shape = shape;
  return tensor;
}

}  // namespace

StepBuilder::StepBuilder(StepCapacity capacity)
    : capacity_(capacity), positions_(capacity.n_position_axes), blocks_(capacity.n_sequences), protected_blocks_(capacity.n_sequences) {}

void StepBuilder::begin(KvSelection selection, StepNeeds needs) {
  selection_ = selection;
  needs_ = needs;
  n_sequences_ = max_blocks_ = 0;
  has_protected_ = false;
  for (std::vector<std::int32_t>* values : {&ids_, &cells_, &kv_lengths_, &sequences_, &outputs_, &output_lengths_, &output_sequences_, &kv_cells_})
    values->clear();
  for (std::vector<std::int32_t>& axis : positions_) axis.clear();
}

void StepBuilder::add(const Piece& piece) {
  const std::int64_t n = piece.ids.size(), row = n_tokens();
  CHECK(row + n <= capacity_.n_tokens && n_sequences_ < capacity_.n_sequences, "step: more than its capacity");
  CHECK(!needs_.ordered_cells || n_sequences_ == 0, "step: ordered cells are of one sequence");
  const std::span<const std::int32_t> blocks = piece.sequence.blocks();
  for (std::int64_t i = 0; i < n; ++i) {
    ids_.push_back(std::max(piece.ids[i], 0));  // a picture's have no row in the table; its embeddings take their place
    cells_.push_back(piece.sequence.cell(piece.first + i));
    kv_lengths_.push_back(static_cast<std::int32_t>(piece.first + i) + 1);
    sequences_.push_back(static_cast<std::int32_t>(n_sequences_));
  }
  for (std::int64_t axis = 0; axis < capacity_.n_position_axes; ++axis) {
    const auto values = piece.positions.subspan(axis * n, n);
    positions_[axis].insert(positions_[axis].end(), values.begin(), values.end());
  }
  for (const int output : piece.output_rows) {
    outputs_.push_back(static_cast<std::int32_t>(row) + output);
    output_lengths_.push_back(kv_lengths_[static_cast<std::size_t>(outputs_.back())]);
    output_sequences_.push_back(static_cast<std::int32_t>(n_sequences_));
  }
  blocks_[n_sequences_].assign(blocks.begin(), blocks.end());
  protected_blocks_[n_sequences_].assign(piece.protected_blocks.begin(), piece.protected_blocks.end());
  has_protected_ |= !piece.protected_blocks.empty();
  max_blocks_ = std::max<std::int64_t>(max_blocks_, std::ssize(blocks));
  if (needs_.ordered_cells) {
    for (std::int64_t i = 0; i < piece.first + n; ++i) kv_cells_.push_back(piece.sequence.cell(i));
  }
  ++n_sequences_;
}

void StepBuilder::pad(std::int64_t n_tokens, std::int32_t spare_cell) {
  CHECK(n_tokens <= capacity_.n_tokens, "step: more than its capacity");
  while (this->n_tokens() < n_tokens) {
    ids_.push_back(0);
    cells_.push_back(spare_cell);
    kv_lengths_.push_back(0);
    sequences_.push_back(0);
    for (std::vector<std::int32_t>& axis : positions_) axis.push_back(0);
  }
}

StepMirror::StepMirror(Backend& backend, StepCapacity capacity, std::unique_ptr<Buffer> buffer)
    : backend_(backend), capacity_(capacity), buffer_(std::move(buffer)) {
  lay_out(capacity_, buffer_.get(), capacity_step_);
  values_.resize(capacity_step_.kv_cells.offset / sizeof(std::int32_t));
}

std::uint64_t StepMirror::bytes_needed(StepCapacity capacity) {
  Step unused;
  return lay_out(capacity, nullptr, unused);
}

Result<std::unique_ptr<StepMirror>> StepMirror::create(Backend& backend, StepCapacity capacity) {
  ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, backend.allocate(bytes_needed(capacity)));
  std::unique_ptr<StepMirror> mirror(new StepMirror(backend, capacity, std::move(buffer)));
  std::vector<std::int32_t> rising(capacity.n_blocks);
  std::iota(rising.begin(), rising.end(), 0);
  backend.upload(mirror->capacity_step_.ordered_blocks, rising.data());
  return mirror;
}

const Step& StepMirror::fill(StepBuilder& builder) {
  const bool is_recorded = !backend_.step_sizes().empty();
  const std::int64_t n_tokens = builder.n_tokens();
  const std::int64_t n_blocks = is_recorded ? capacity_.n_blocks : builder.max_blocks_,
                     n_sequences = is_recorded ? capacity_.n_sequences : builder.n_sequences_;
  std::int64_t end = 0;  // of the values that this step has
  const auto put = [&](Tensor to, Shape shape, std::span<const std::int32_t> values) {
    const auto first = static_cast<std::int64_t>(to.offset / sizeof(std::int32_t));
    std::ranges::copy(values, values_.begin() + first);
    if (!values.empty()) end = std::max(end, first + std::ssize(values));
    return extent(to, shape);
  };
  const auto list = [&](Tensor to, const std::vector<std::int32_t>& values) { return put(to, {std::ssize(values)}, values); };
  const auto rows_of = [&](const std::vector<std::vector<std::int32_t>>& rows, std::int64_t n_rows, std::int64_t width) {
    builder.rows_.assign(n_rows * width, 0);
    for (std::int64_t r = 0; r < n_rows; ++r) std::copy(rows[r].begin(), rows[r].end(), builder.rows_.begin() + r * width);
    return std::span<const std::int32_t>(builder.rows_);
  };
  const std::int64_t n_axes = capacity_.n_position_axes;
  step_.ids = list(capacity_step_.ids, builder.ids_);
  step_.positions =
      put(capacity_step_.positions, n_axes == 1 ? Shape{n_tokens} : Shape{n_axes, n_tokens}, rows_of(builder.positions_, n_axes, n_tokens));
  step_.cells = list(capacity_step_.cells, builder.cells_);
  step_.kv_lengths = list(capacity_step_.kv_lengths, builder.kv_lengths_);
  step_.sequences = list(capacity_step_.sequences, builder.sequences_);
  step_.block_table = put(capacity_step_.block_table, {n_sequences, n_blocks}, rows_of(builder.blocks_, n_sequences, n_blocks));
  step_.outputs = list(capacity_step_.outputs, builder.outputs_);
  step_.output_lengths = list(capacity_step_.output_lengths, builder.output_lengths_);
  step_.output_sequences = list(capacity_step_.output_sequences, builder.output_sequences_);
  step_.selection = builder.selection_;
  step_.protected_blocks = {};
  if (builder.has_protected_) {
    step_.protected_blocks = put(capacity_step_.protected_blocks, {n_sequences, n_blocks}, rows_of(builder.protected_blocks_, n_sequences, n_blocks));
  }
  step_.kv_cells = step_.n_kv_cells = step_.ordered_blocks = {};
  if (builder.needs_.ordered_cells) {
    const auto n_cached = static_cast<std::int32_t>(builder.kv_cells_.size());
    step_.kv_cells = extent(capacity_step_.kv_cells, {n_cached});
    backend_.upload(step_.kv_cells, builder.kv_cells_.data());
    step_.n_kv_cells = put(capacity_step_.n_kv_cells, {1}, std::span(&n_cached, 1));
    step_.ordered_blocks = extent(capacity_step_.ordered_blocks, {1, n_blocks});
  }
  backend_.upload({DType::i32, {end}, buffer_.get(), 0}, values_.data());
  return step_;
}

}  // namespace pio
