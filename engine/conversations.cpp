#include "engine/conversations.h"

#include <functional>

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

Conversations::Conversations(LoadedModel& model) : cache_(model.pool(), copier_of(model)), model_(model) {}

Conversations::Lent Conversations::lend(const std::string& conversation, TokenSpan ids, bool may_reuse) {
  in_use_.push_front({.conversation = std::hash<std::string>{}(conversation), .session = Session(model_)});
  Lent lent(*this, in_use_.begin());
  lent->set_make_room([this] { return cache_.make_room(kBlocksThatGo); });
  if (!may_reuse) return lent;
  for (const InUse& other : in_use_) cache_.keep_whole_blocks(other.session.sequence(), other.conversation);
  lent.n_shared_ = lent->adopt_prefix(cache_, ids, lent.held_->conversation);
  return lent;
}

void Conversations::Lent::give_back() {
  if (!home_) return;
  Conversations& home = *std::exchange(home_, nullptr);
  home.cache_.keep(held_->session.sequence(), held_->conversation);
  home.in_use_.erase(held_);
}

void Conversations::cancel_all() {
  for (auto one = in_use_.begin(); one != in_use_.end();) {  // each gives its session back
    Generation* const owner = (one++)->owner;
    if (owner) owner->cancel();
  }
}

}  // namespace pio
