#include "engine/session.h"

#include <algorithm>
#include <numeric>

namespace pio {
namespace {

Tensor upload(ForwardContext& context, std::span<const std::int32_t> values, Shape shape) {
  if (values.empty()) return {DType::i32, shape, nullptr, 0};
  Tensor tensor = context.temp(DType::i32, shape);
  if (!values.empty()) context.backend().upload(tensor, values.data());
  return tensor;
}

Tensor upload(ForwardContext& context, std::span<const std::int32_t> values) {
  return upload(context, values, Shape{static_cast<std::int64_t>(values.size())});
}

}  // namespace

std::int64_t Session::keep_prefix(std::span<const int> ids) {
  std::int64_t n = sequence_.longest_common_prefix(ids);
  n = std::clamp<std::int64_t>(n, 0, std::max<std::int64_t>(0, static_cast<std::int64_t>(ids.size()) - 1));
  return sequence_.truncate(n);
}

Result<void> Session::process(std::span<const int> ids, Outputs outputs, std::vector<float>& logits, std::stop_token stop) {
  std::vector<int> rows;
  if (outputs == Outputs::last && !ids.empty()) rows.push_back(static_cast<int>(ids.size()) - 1);
  if (outputs == Outputs::all) {
    rows.resize(ids.size());
    std::iota(rows.begin(), rows.end(), 0);
  }
  return process(ids, rows, logits, stop);
}

Result<void> Session::process(std::span<const int> ids, std::span<const int> output_rows, std::vector<float>& logits, std::stop_token stop) {
  const auto n_tokens = static_cast<std::int64_t>(ids.size());
  Result<void> reserved = sequence_.reserve(n_tokens);
  while (!reserved && make_room_ && make_room_()) reserved = sequence_.reserve(n_tokens);
  RETURN_IF_ERROR(reserved);

  const std::int64_t first = sequence_.n_tokens();
  std::vector<std::int32_t> positions(n_tokens), cells(n_tokens), kv_lengths(n_tokens), sequences(n_tokens, 0);
  for (std::int64_t i = 0; i < n_tokens; ++i) {
    positions[i] = static_cast<std::int32_t>(first + i);
    cells[i] = sequence_.cell(first + i);
    kv_lengths[i] = positions[i] + 1;
  }

  std::vector<std::int32_t> all_cells;
  if (n_tokens > 1) {
    for (std::int64_t i = 0; i < first + n_tokens; ++i) all_cells.push_back(sequence_.cell(i));
  }

  Backend& backend = model_.backend();
  backend.set_stop(stop);
  ForwardContext& context = model_.context();
  const std::size_t mark = context.mark();
  const std::span<const std::int32_t> blocks = sequence_.blocks();
  const Step step{.ids = upload(context, ids),
                  .positions = upload(context, positions),
                  .cells = upload(context, cells),
                  .kv_lengths = upload(context, kv_lengths),
                  .sequences = upload(context, sequences),
                  .block_table = upload(context, blocks, Shape{1, static_cast<std::int64_t>(blocks.size())}),
                  .outputs = upload(context, output_rows),
                  .kv_cells = upload(context, all_cells)};
  const Tensor result = model_.model().forward(context, step, model_.pool().state());
  Result<void> status = backend.sync();
  if (status && stop.stop_requested()) status = make_error(ErrorCode::cancelled, "stopped");
  if (status && !output_rows.empty()) {
    logits.resize(result.shape.n_values());
    backend.download(logits.data(), result);
  }
  context.release(mark);
  backend.set_stop({});
  if (!status) {
    sequence_.truncate(first);  // gives the reserved blocks back
    return status;
  }
  sequence_.append(ids);
  return {};
}

}  // namespace pio
