#include "engine/experts/stack_distances.h"

#include <algorithm>
#include <utility>

namespace pio {

StackDistances::StackDistances(std::int64_t n_keys) : last_(n_keys), key_at_(2 * n_keys + 1, -1), tree_(2 * n_keys + 1) {}

std::int64_t StackDistances::access(std::int64_t key) {
  if (now_ + 1 == std::ssize(tree_)) begin_again();
  std::int64_t distance = 0;
  if (const std::int64_t before = last_[key]; before > 0) {
    distance = n_seen_ - count_until(before) + 1;
    add(before, -1);
    key_at_[before] = -1;
  } else {
    ++n_seen_;
  }
  last_[key] = ++now_;
  key_at_[now_] = key;
  add(now_, 1);
  return distance;
}

void StackDistances::add(std::int64_t time, int n) {
  for (; time < std::ssize(tree_); time += time & -time) tree_[time] += n;
}

std::int64_t StackDistances::count_until(std::int64_t time) const {
  std::int64_t n = 0;
  for (; time > 0; time -= time & -time) n += tree_[time];
  return n;
}

// The times become 1, 2, … in their order; at least half of them are free then.
void StackDistances::begin_again() {
  std::fill(tree_.begin(), tree_.end(), 0);
  std::int64_t next = 0;
  for (std::int64_t time = 1; time <= now_; ++time) {
    const std::int64_t key = std::exchange(key_at_[time], -1);
    if (key < 0) continue;
    last_[key] = ++next;
    key_at_[next] = key;
    add(next, 1);
  }
  now_ = next;
}

}  // namespace pio
