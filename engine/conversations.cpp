#include "engine/conversations.h"

#include <algorithm>

namespace pio {

Conversations::Lent Conversations::lend(const std::string& conversation, TokenSpan ids) {
  in_use_.reserve(in_use_.size() + 1);
  std::list<Idle> held;
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const Idle& idle) { return idle.conversation == conversation; });
  if (found != idle_.end()) {
    held.splice(held.begin(), idle_, found);
  } else {
    held.push_back({conversation, std::make_unique<Session>(model_)});
    held.front().session->set_make_room([this] {
      if (idle_.empty()) return false;
      idle_.pop_back();
      return true;
    });
  }
  Lent lent(*this, std::move(held));
  in_use_.push_back({&*lent, nullptr});
  lent.n_shared_ = share_prefix(*lent, ids);
  return lent;
}

std::int64_t Conversations::share_prefix(Session& session, TokenSpan ids) const {
  const Session* best = nullptr;
  std::int64_t n_best = session.common_prefix(ids);
  const auto consider = [&](const Session& other) {
    const std::int64_t n = other.common_prefix(ids) / kKvBlockLength * kKvBlockLength;
    if (n <= n_best) return;
    n_best = n;
    best = &other;
  };
  for (const Idle& idle : idle_) consider(*idle.session);
  for (const InUse& other : in_use_) consider(*other.session);
  return best ? session.adopt_prefix(*best, n_best) : 0;
}

void Conversations::Lent::give_back() {
  if (!home_) return;
  Conversations& home = *std::exchange(home_, nullptr);
  const Session* session = held_.front().session.get();
  std::erase_if(home.in_use_, [&](const InUse& one) { return one.session == session; });
  home.idle_.remove_if([&](const Idle& idle) { return idle.conversation == held_.front().conversation; });
  home.idle_.splice(home.idle_.begin(), held_);
}

void Conversations::Lent::set_owner(Generation* owner) {
  for (InUse& one : home_->in_use_) {
    if (one.session == held_.front().session.get()) one.owner = owner;
  }
}

void Conversations::cancel_all() {
  for (std::size_t i = in_use_.size(); i-- > 0;) {  // each gives its session back
    if (in_use_[i].owner) in_use_[i].owner->cancel();
  }
}

}  // namespace pio
