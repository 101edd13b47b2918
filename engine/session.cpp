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

std::int64_t Session::common_prefix(std::span<const int> ids) const {
  const std::int64_t n = sequence_.longest_common_prefix(ids);
  return std::clamp<std::int64_t>(n, 0, std::max<std::int64_t>(0, static_cast<std::int64_t>(ids.size()) - 1));
}

std::int64_t Session::keep_prefix(std::span<const int> ids) { return sequence_.truncate(common_prefix(ids)); }

void Session::show(std::vector<PlacedPicture> pictures, FeaturesOf features) {
  pictures_ = std::move(pictures);
  features_of_ = std::move(features);
  std::vector<TokenPlaces::Picture> places;
  for (const PlacedPicture& picture : pictures_) places.push_back({picture.first, picture.height, picture.width});
  places_ = TokenPlaces(std::move(places));
}

Result<Session::Seen> Session::see(ForwardContext& context, std::int64_t first, std::int64_t n) {
  // A stretch of the step's rows that comes from one picture's features.
  struct Stretch {
    std::int64_t row, from, n;
    std::shared_ptr<const VisionFeatures> features;
  };
  std::vector<Stretch> stretches;
  std::vector<std::int32_t> rows;
  for (const PlacedPicture& picture : pictures_) {
    const std::int64_t begin = std::max(first, picture.first), end = std::min(first + n, picture.first + picture.n_tokens());
    if (begin >= end) continue;
    CHECK(features_of_, "pictures in the prompt, and nobody who looks at them");
    ASSIGN_OR_RETURN(std::shared_ptr<const VisionFeatures> features, features_of_(picture));
    stretches.push_back({begin - first, picture.first_row + begin - picture.first, end - begin, std::move(features)});
    for (std::int64_t i = begin; i < end; ++i) rows.push_back(static_cast<std::int32_t>(i - first));
  }
  Seen seen;
  if (stretches.empty()) return seen;
  seen.given.rows = upload(context, rows);
  const auto gathered = [&](auto tensor_of) {
    if (stretches.size() == 1) return tensor_of(*stretches[0].features).rows(stretches[0].from, stretches[0].n);
    const Tensor all = context.temp(DType::f32, {static_cast<std::int64_t>(rows.size()), model_.model().spec().dim});
    std::int64_t at = 0;
    for (const Stretch& stretch : stretches) {
      context.backend().copy(all.rows(at, stretch.n), tensor_of(*stretch.features).rows(stretch.from, stretch.n));
      at += stretch.n;
    }
    return all;
  };
  seen.given.values = gathered([](const VisionFeatures& f) { return f.values; });
  for (std::size_t k = 0; k < stretches[0].features->deepstack.size(); ++k)
    seen.given.deepstack.push_back(gathered([k](const VisionFeatures& f) { return f.deepstack[k]; }));
  for (Stretch& stretch : stretches) seen.held.push_back(std::move(stretch.features));
  return seen;
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
  const std::int64_t n_axes = model_.model().spec().n_position_axes;
  std::vector<std::int32_t> table_ids(ids.begin(), ids.end()), positions(n_axes * n_tokens), cells(n_tokens), kv_lengths(n_tokens), sequences(n_tokens, 0);
  for (std::int64_t i = 0; i < n_tokens; ++i) {
    table_ids[i] = std::max(table_ids[i], 0);  // a picture's have no row in the table; theirs is overwritten
    const std::array<std::int32_t, 3> place = places_.place(first + i);
    for (std::int64_t axis = 0; axis < n_axes; ++axis) positions[axis * n_tokens + i] = place[axis];
    cells[i] = sequence_.cell(first + i);
    kv_lengths[i] = static_cast<std::int32_t>(first + i) + 1;
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
  const Shape positions_shape = n_axes == 1 ? Shape{n_tokens} : Shape{n_axes, n_tokens};
  const Shape table_shape{1, static_cast<std::int64_t>(blocks.size())};
  std::vector<std::int32_t> protected_blocks(selection_.kind == KvSelection::Kind::full ? 0 : blocks.size());
  for (const TokenRange& range : protected_) {
    const std::int64_t end = std::min<std::int64_t>((range.end + kKvBlockLength - 1) / kKvBlockLength, std::ssize(protected_blocks));
    for (std::int64_t j = range.first / kKvBlockLength; j < end; ++j) protected_blocks[j] = 1;
  }
  const Step step{.ids = upload(context, table_ids),
                  .positions = upload(context, positions, positions_shape),
                  .cells = upload(context, cells),
                  .kv_lengths = upload(context, kv_lengths),
                  .sequences = upload(context, sequences),
                  .block_table = upload(context, blocks, table_shape),
                  .outputs = upload(context, output_rows),
                  .kv_cells = upload(context, all_cells),
                  .selection = selection_,
                  .protected_blocks = protected_blocks.empty() ? Tensor{} : upload(context, protected_blocks, table_shape)};
  Tensor result;
  const Result<Seen> seen = see(context, first, n_tokens);
  Result<void> status;
  if (seen) {
    result = model_.model().forward(context, step, model_.pool().state(), seen->held.empty() ? nullptr : &seen->given);
    status = backend.sync();
  } else {
    status = seen.error();
  }
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
