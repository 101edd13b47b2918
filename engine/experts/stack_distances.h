#pragma once

#include <cstdint>
#include <vector>

// How much memory each access would have needed: stack distances (Mattson et al. 1970). Pure.

namespace pio {

// The stack of a cache that evicts what was used longest ago: of any number of slots it holds the topmost so many. So one pass tells the hit
// rate at every size. An access costs O(log n_keys) and allocates nothing (a Fenwick tree over the times of the last accesses).
class StackDistances {
 public:
  explicit StackDistances(std::int64_t n_keys);
  // The fewest slots with which this access of a key would be a hit; 0 for its first.
  std::int64_t access(std::int64_t key);

 private:
  void add(std::int64_t time, int n);
  std::int64_t count_until(std::int64_t time) const;
  void begin_again();

  std::vector<std::int64_t> last_;    // [n_keys] the time of its last access; 0: none
  std::vector<std::int64_t> key_at_;  // [2 n_keys + 1] by times: whose last access it is; -1: nobody's
  std::vector<std::int64_t> tree_;    // [2 n_keys + 1] of the times that are somebody's last
  std::int64_t now_ = 0, n_seen_ = 0;
};

}  // namespace pio
