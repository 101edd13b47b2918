#include "engine/slice_exchange.h"

#include <utility>

namespace pio {

using Clock = std::chrono::steady_clock;

class SliceExchange::Member final : public OtherSlices {
 public:
  Member(SliceExchange& exchange, std::size_t device, bool is_host) : exchange_(exchange), device_(device), is_host_(is_host) {}

  std::span<float> addend(std::int64_t n) override {
    addend_.resize(static_cast<std::size_t>(n));
    return addend_;
  }
  Result<std::span<const float>> sum(bool has_addend) override {
    has_addend_ = has_addend;
    RETURN_IF_ERROR(exchange_.meet(*this, [this] { exchange_.add_up(); }));
    return std::span<const float>(exchange_.sum_);
  }
  bool chooses() const override { return device_ == 0; }
  ExpertChoice& choice() override { return exchange_.choice_; }
  Result<const ExpertChoice*> choose(std::int64_t n_tokens) override {
    RETURN_IF_ERROR(exchange_.meet(*this, [] {}));
    CHECK(std::ssize(exchange_.choice_.ids) % n_tokens == 0, "a choice for as many tokens");
    return &std::as_const(exchange_.choice_);
  }

 private:
  friend class SliceExchange;
  void take_turn() {
    if (is_host_) turn_ = std::unique_lock(exchange_.processor_);
  }
  void end_turn() {
    if (turn_.owns_lock()) turn_.unlock();
  }

  SliceExchange& exchange_;
  const std::size_t device_;
  const bool is_host_;
  std::vector<float> addend_;
  bool has_addend_ = false;
  std::unique_lock<std::mutex> turn_;
  double waited_seconds_ = 0;
};

SliceExchange::SliceExchange(std::vector<bool> are_hosts) {
  for (std::size_t i = 0; i < are_hosts.size(); ++i) members_.push_back(std::make_unique<Member>(*this, i, are_hosts[i]));
}

SliceExchange::~SliceExchange() = default;

OtherSlices& SliceExchange::of(std::size_t device) { return *members_[device]; }

void SliceExchange::begin_step() {
  n_here_ = n_left_ = 0;
  for (const std::unique_ptr<Member>& member : members_) member->waited_seconds_ = 0;
}

void SliceExchange::enter(std::size_t device) { members_[device]->take_turn(); }

void SliceExchange::leave(std::size_t device) {
  members_[device]->end_turn();
  const std::scoped_lock lock(mutex_);
  ++n_left_;
  all_are_here_.notify_all();
}

double SliceExchange::waited_seconds(std::size_t device) const { return members_[device]->waited_seconds_; }

template <class Then>
Result<void> SliceExchange::meet(Member& member, const Then& then) {
  const Clock::time_point start = Clock::now();
  member.end_turn();
  bool are_all_here = true;
  {
    std::unique_lock lock(mutex_);
    const std::uint64_t meeting = n_meetings_;
    if (n_left_ == 0 && ++n_here_ == members_.size()) {
      then();
      n_here_ = 0;
      ++n_meetings_;
      all_are_here_.notify_all();
    } else {
      all_are_here_.wait(lock, [&] { return n_meetings_ != meeting || n_left_ > 0; });
      are_all_here = n_meetings_ != meeting;
    }
  }
  member.waited_seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
  member.take_turn();
  if (!are_all_here) return make_error(ErrorCode::cancelled, "the pass of another device has ended");
  return {};
}

void SliceExchange::add_up() {
  sum_.assign(members_.front()->addend_.size(), 0.0f);
  for (const std::unique_ptr<Member>& member : members_) {
    CHECK(member->addend_.size() == sum_.size(), "addends of one size");
    if (!member->has_addend_) continue;
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += member->addend_[i];
  }
}

}  // namespace pio
