#include "engine/conversations.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <new>

#include "kernels/base/log.h"

namespace pio {
namespace {

// Blocks that give way together, so that whoever needed one has some to spare.
constexpr std::int64_t kBlocksThatGo = 8;

PrefixCache::CopyBlock copier_of(const LoadedModel& model) {
  return [&model](std::int32_t from, std::int32_t to) {
    for (const Stage& stage : model.stages()) stage.kv->copy_block(*stage.backend, from, to);
  };
}

}  // namespace

Conversations::Conversations(LoadedModel& model, SnapshotStore* snapshots, std::string identity)
    : cache_(model.pool(), copier_of(model)),
      model_(model),
      snapshots_(snapshots),
      identity_(std::move(identity)),
      block_bytes_(block_bytes(model.stages())) {}

Conversations::Lent Conversations::lend(const std::string& conversation, TokenSpan ids, const Wishes& wishes) {
  in_use_.push_front({.conversation = conversation_key(conversation), .session = Session(model_), .is_kept = wishes.is_kept});
  Lent lent(*this, in_use_.begin());
  lent->set_make_room([this] { return cache_.make_room(kBlocksThatGo); });
  if (!wishes.may_reuse || ids.empty()) return lent;
  for (const InUse& other : in_use_)
    if (!other.is_forgotten) cache_.keep_whole_blocks(other.session.sequence(), other.conversation);
  lent.n_shared_ = lent->adopt_prefix(cache_, ids, lent.held_->conversation);
  if (snapshots_) restore(lent, ids.subspan(0, ids.size() - 1), wishes.stop);
  return lent;
}

void Conversations::restore(Lent& lent, TokenSpan ids, const std::stop_token& stop) const {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<SnapshotStore::Part> parts = snapshots_->find(identity_, block_bytes_, ids.values());
  if (parts.empty() || parts.back().first + parts.back().n <= lent->n_tokens()) return;
  lent->take_back_to(lent->n_tokens() / kKvBlockLength * kKvBlockLength);
  // The next part is read while this one goes to the device.
  const auto read = [&](std::size_t i) {
    const std::int64_t first = std::max<std::int64_t>(0, lent->n_tokens() - parts[i].first) / kKvBlockLength;
    const std::int64_t n = (parts[i].n + kKvBlockLength - 1) / kKvBlockLength - first;
    return std::async(std::launch::async | std::launch::deferred, [this, part = parts[i], first, n] { return snapshots_->read(part, first, n); });
  };
  std::size_t i = 0;
  while (parts[i].first + parts[i].n <= lent->n_tokens()) ++i;
  for (std::future<Result<SnapshotStore::Read>> next = read(i); i < parts.size() && !stop.stop_requested(); ++i) {
    const Result<SnapshotStore::Read> pieces = next.get();
    if (!pieces) break;
    if (i + 1 < parts.size()) next = read(i + 1);
    const std::int64_t first = lent->n_tokens(), end = parts[i].first + parts[i].n;
    const auto n_bytes = static_cast<std::size_t>((end - first + kKvBlockLength - 1) / kKvBlockLength) * block_bytes_;
    if (!lent->restore(ids.subspan(first, end - first), std::span(*pieces->bytes).subspan(pieces->offset, n_bytes))) break;
    lent.restored_.from = std::max(lent.restored_.from, pieces->from);
    lent.restored_.n_bytes += n_bytes;
  }
  lent.restored_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Conversations::save(InUse& one, bool with_end) noexcept {
  if (!snapshots_ || !snapshots_->has_folder() || !one.is_kept || one.is_forgotten) return;
  const Sequence& sequence = one.session.sequence();
  const std::int64_t n = sequence.n_tokens();
  if (n < kKvBlockLength || (!with_end && (n < one.n_saved + kSnapshotTokens || !snapshots_->takes_now()))) return;
  try {
    for (const SnapshotStore::Stretch& stretch : snapshots_->missing(identity_, block_bytes_, sequence.tokens(), with_end, SnapshotTier::disk)) {
      if (!with_end && !snapshots_->takes_now()) return;
      put(sequence.tokens(), sequence.blocks(), stretch, SnapshotTier::disk, one.conversation);
      one.n_saved = stretch.first + stretch.n;
    }
    one.n_saved = n / kSnapshotTokens * kSnapshotTokens;
  } catch (const std::bad_alloc&) {
    log(LogLevel::warning, "a snapshot was not written: expected memory for it, found too little");
  }
}

void Conversations::put(std::span<const int> ids, std::span<const std::int32_t> blocks, const SnapshotStore::Stretch& stretch, SnapshotTier tier,
                        std::uint64_t conversation) const {
  const std::int64_t first = stretch.first / kKvBlockLength, n = (stretch.n + kKvBlockLength - 1) / kKvBlockLength;
  SnapshotStore::Pieces pieces(static_cast<std::size_t>(n) * block_bytes_);
  for (std::int64_t j = 0; j < n; ++j)
    download_block(model_.stages(), blocks[static_cast<std::size_t>(first + j)], pieces.data() + static_cast<std::size_t>(j) * block_bytes_);
  for (const Stage& stage : model_.stages())
    if (!stage.backend->sync()) return;  // a lost device has given something else
  snapshots_->put(identity_, block_bytes_, ids, stretch, std::move(pieces), tier, conversation);
}

void Conversations::forget(const std::string& conversation) {
  for (InUse& one : in_use_) one.is_forgotten |= one.conversation == conversation_key(conversation);
  cache_.forget(conversation_key(conversation));
  if (snapshots_) snapshots_->forget(conversation_key(conversation));
}

void Conversations::leave(std::uint64_t most_bytes) {
  if (!snapshots_) return;
  try {
    std::vector<PrefixCache::Path> paths = cache_.paths();
    std::uint64_t n_bytes = 0;
    std::size_t n_paths = 0;
    for (; n_paths < paths.size() && n_bytes < most_bytes; ++n_paths) n_bytes += paths[n_paths].blocks.size() * block_bytes_;
    paths.resize(n_paths);
    // The last used one last, so that the store counts it as such.
    for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
      for (const SnapshotStore::Stretch& stretch : snapshots_->missing(identity_, block_bytes_, path->ids, true, SnapshotTier::ram))
        if (stretch.first / kKvBlockLength * block_bytes_ < most_bytes) {
          const auto last = static_cast<std::size_t>((stretch.first + stretch.n - 1) / kKvBlockLength);  // whoever read it has the words before too
          put(path->ids, path->blocks, stretch, SnapshotTier::ram, path->conversations[last]);
        }
    }
  } catch (const std::bad_alloc&) {  // what there is no memory for is read again
  }
}

void Conversations::Lent::give_back() {
  if (!home_) return;
  Conversations& home = *std::exchange(home_, nullptr);
  home.save(*held_, true);
  if (!held_->is_forgotten) home.cache_.keep(held_->session.sequence(), held_->conversation);
  home.in_use_.erase(held_);
}

void Conversations::cancel_all() {
  for (auto one = in_use_.begin(); one != in_use_.end();) {  // each gives its session back
    Generation* const owner = (one++)->owner;
    if (owner) owner->cancel();
  }
}

}  // namespace pio
