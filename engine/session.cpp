#include "engine/session.h"

#include <algorithm>
#include <list>
#include <numeric>

namespace pio {
namespace {

// Takes back what was reserved or added to a sequence unless it is told that all went well.
class Rollback {
 public:
  explicit Rollback(Sequence& sequence) : sequence_(sequence), n_tokens_(sequence.n_tokens()) {}
  ~Rollback() {
    if (!is_done_) sequence_.truncate(n_tokens_);
  }
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  void done() { is_done_ = true; }

 private:
  Sequence& sequence_;
  std::int64_t n_tokens_;
  bool is_done_ = false;
};

}  // namespace

std::int64_t Session::keep_prefix(TokenSpan ids) {
  const std::int64_t n = sequence_.longest_common_prefix(ids.values());
  return sequence_.truncate(std::clamp<std::int64_t>(n, 0, std::max<std::int64_t>(0, ids.size() - 1)));
}

std::int64_t Session::adopt_prefix(PrefixCache& cache, TokenSpan ids, std::uint64_t conversation) {
  sequence_.truncate(0);
  return ids.empty() ? 0 : cache.adopt(sequence_, ids.values().first(ids.values().size() - 1), conversation);
}

Result<void> Session::restore(TokenSpan ids, std::span<const std::byte> blocks) {
  const std::int64_t first = n_tokens() / kKvBlockLength;
  CHECK(n_tokens() % kKvBlockLength == 0, "restore: inside a block");
  Rollback rollback(sequence_);
  RETURN_IF_ERROR(reserve(ids.size()));
  const std::size_t n_bytes = block_bytes(model_.stages());
  for (std::int64_t j = 0; j * kKvBlockLength < ids.size(); ++j)
    upload_block(model_.stages(), sequence_.blocks()[first + j], blocks.subspan(static_cast<std::size_t>(j) * n_bytes, n_bytes).data());
  sequence_.append(ids.values());
  rollback.done();
  return {};
}

void Session::take_back_to(std::int64_t n) {
  const std::int64_t n_kept = sequence_.truncate(n);
  CHECK(n_kept == n, "take_back_to: tokens whose block another conversation shares");
}

void Session::clear() {
  sequence_.truncate(0);
  needs_ = {};
}

void Session::begin_prompt(std::int64_t n_tokens) {
  // a selection keeps blocks of the cache, by the keys in them: the absorbed form
  const bool is_full = selection_.kind == KvSelection::Kind::full;
  needs_ = is_full ? model_.model().step_needs(n_tokens, sequence_.n_tokens()) : StepNeeds{};
}

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
  std::int64_t n_rows = 0;
  for (const PlacedPicture& picture : pictures_) {
    const std::int64_t begin = std::max(first, picture.first), end = std::min(first + n, picture.first + picture.n_tokens());
    if (begin >= end) continue;
    CHECK(features_of_, "pictures in the prompt without an encoder");
    ASSIGN_OR_RETURN(std::shared_ptr<const VisionFeatures> features, features_of_(picture));
    stretches.push_back({begin - first, picture.first_row + begin - picture.first, end - begin, std::move(features)});
    n_rows += end - begin;
  }
  Seen seen;
  if (stretches.empty()) return seen;
  std::int64_t from = 0;
  for (const Stretch& stretch : stretches) {
    seen.given.runs.push_back({.first = stretch.row, .from = from, .n = stretch.n});
    from += stretch.n;
  }
  const auto rows_of = [&](const Stretch& stretch, auto tensor_of) {
    const Tensor rows = tensor_of(*stretch.features).rows(stretch.from, stretch.n);
    return copy_between(*model_.vision_backend(), rows, context);
  };
  const auto gathered = [&](auto tensor_of) {
    if (stretches.size() == 1) return rows_of(stretches[0], tensor_of);
    const Tensor all = context.temp(DType::f32, {n_rows, model_.model().spec().dim});
    std::int64_t at = 0;
    for (const Stretch& stretch : stretches) {
      context.backend().copy(all.rows(at, stretch.n), rows_of(stretch, tensor_of));
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

Result<void> Session::process(TokenSpan ids, Outputs outputs, std::vector<float>& logits, const std::stop_token& stop) {
  std::vector<int> rows;
  if (outputs == Outputs::last && !ids.empty()) rows.push_back(static_cast<int>(ids.size()) - 1);
  if (outputs == Outputs::all) {
    rows.resize(ids.size());
    std::iota(rows.begin(), rows.end(), 0);
  }
  return process(ids, rows, logits, stop);
}

Result<void> Session::process(TokenSpan ids, std::span<const int> output_rows, std::vector<float>& logits, const std::stop_token& stop) {
  logits.clear();
  Rollback rollback(sequence_);
  std::vector<int> rows;
  const std::int64_t most = model_.step_tokens();
  for (std::int64_t at = 0; at < ids.size(); at += most) {
    const std::int64_t n = std::min(most, ids.size() - at);
    rows.clear();
    for (const int row : output_rows) {
      if (row >= at && row < at + n) rows.push_back(static_cast<int>(row - at));
    }
    const Part part{this, ids.subspan(at, n), rows};
    RETURN_IF_ERROR(process_together(std::span(&part, 1), logits, stop));
  }
  rollback.done();
  return {};
}

Result<void> Session::reserve(std::int64_t n_tokens) {
  Result<void> reserved = sequence_.reserve(n_tokens);
  while (!reserved && make_room_ && make_room_()) reserved = sequence_.reserve(n_tokens);
  return reserved;
}

std::vector<std::int32_t> Session::positions(std::int64_t first, std::int64_t n) const {
  const std::int64_t n_axes = model_.model().spec().n_position_axes;
  std::vector<std::int32_t> positions(n_axes * n);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::array<std::int32_t, 3> place = places_.place(first + i);
    for (std::int64_t axis = 0; axis < n_axes; ++axis) positions[axis * n + i] = place[axis];
  }
  return positions;
}

std::vector<std::int32_t> Session::protected_blocks() const {
  std::vector<std::int32_t> blocks(selection_.kind == KvSelection::Kind::full ? 0 : sequence_.blocks().size());
  for (const TokenRange& range : protected_) {
    const std::int64_t end = std::min<std::int64_t>((range.end + kKvBlockLength - 1) / kKvBlockLength, std::ssize(blocks));
    for (std::int64_t j = range.first / kKvBlockLength; j < end; ++j) blocks[j] = 1;
  }
  return blocks;
}

bool Session::shares_steps(std::int64_t n_tokens) const {
  if (needs_.ordered_cells) return false;
  const std::int64_t first = sequence_.n_tokens();
  return std::none_of(pictures_.begin(), pictures_.end(),
                      [&](const PlacedPicture& picture) { return picture.first < first + n_tokens && picture.first + picture.n_tokens() > first; });
}

Result<void> Session::process_together(std::span<const Part> parts, std::vector<float>& logits, const std::stop_token& stop) {
  CHECK(!parts.empty(), "process_together: one part at least");
  Session& head = *parts.front().session;
  LoadedModel& model = head.model_;
  StepBuilder& builder = model.step_builder();
  builder.begin(head.selection_, head.needs_);
  std::list<Rollback> rollbacks;
  for (const Part& part : parts) {
    Session& session = *part.session;
    const std::int64_t n_tokens = part.ids.size(), first = session.sequence_.n_tokens();
    CHECK(parts.size() == 1 || session.shares_steps(n_tokens), "process_together: a part that needs a step of its own");
    rollbacks.emplace_back(session.sequence_);
    RETURN_IF_ERROR(session.reserve(n_tokens));
    builder.add({.sequence = session.sequence_,
                 .first = first,
                 .ids = part.ids,
                 .output_rows = part.output_rows,
                 .positions = session.positions(first, n_tokens),
                 .protected_blocks = session.protected_blocks()});
  }
  if (model.spare_cell()) builder.pad(padded_size(model.stages(), builder.n_tokens()), *model.spare_cell());

  const StopScope stop_scope(model.stages(), stop);
  ForwardContext& context = *model.stages().front().context;
  const ForwardContext::Mark mark(context);
  // pictures only where the part is alone: its rows are the step's
  ASSIGN_OR_RETURN(const Seen seen, head.see(context, head.sequence_.n_tokens(), parts.front().ids.size()));
  StepSeconds seconds;
  model.begin_step();
  RETURN_IF_ERROR(run_step(model.stages(), builder, seen.held.empty() ? nullptr : &seen.given, stop, logits, &seconds));
  model.end_step(seconds);
  for (const Part& part : parts) part.session->sequence_.append(part.ids.values());
  for (Rollback& rollback : rollbacks) rollback.done();
  return {};
}

}  // namespace pio
