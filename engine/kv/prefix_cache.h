#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <span>
#include <vector>

#include "engine/kv/sequence.h"

// Blocks whose sequence has gone, kept as a cache and found by their tokens: a radix tree over blocks (Zheng et al. 2023, RadixAttention,
// arXiv:2312.07104). A prompt begins with the blocks that hold the same tokens, whoever read them; the one unused longest gives way. Ids below zero
// stand for pictures by their content, so equal ids are equal pictures. One thread at a time.

namespace pio {

class PrefixCache {
 public:
  // copy_block(from, to): a block's keys and values of all layers.
  using CopyBlock = std::function<void(std::int32_t from, std::int32_t to)>;
  PrefixCache(BlockPool& pool, CopyBlock copy_block);
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;
  ~PrefixCache() { clear(); }

  // Begins an empty sequence with what is cached of `ids`. Whole blocks are shared. Part of a block is given only to its own conversation: it takes
  // the block over, or gets a copy where others need it. Returns how many of the tokens are another conversation's too.
  std::int64_t adopt(Sequence& sequence, std::span<const int> ids, std::uint64_t conversation);
  // Keeps the sequence's blocks; those with tokens that are here already add nothing. What there is no memory for is not kept.
  void keep(const Sequence& sequence, std::uint64_t conversation) noexcept { keep(sequence, conversation, true); }
  // Of a sequence that goes on: the blocks that it has filled.
  void keep_whole_blocks(const Sequence& sequence, std::uint64_t conversation) noexcept { keep(sequence, conversation, false); }
  // Frees up to n blocks that no sequence uses, those unused longest first. False where there were none.
  bool make_room(std::int64_t n);
  // Forgets everything; blocks in use stay with who uses them.
  void clear();
  // Forgets what this conversation read, but for what others go on from.
  void forget(std::uint64_t conversation);

  std::int64_t n_blocks() const { return std::ssize(nodes_); }

  // A stretch of tokens from the first of a prompt to the end of what is cached behind it, with its blocks.
  struct Path {
    std::vector<int> ids;
    std::vector<std::int32_t> blocks;
    std::vector<std::uint64_t> conversations;  // who read each of them
  };
  // One a cached end, the last used first.
  std::vector<Path> paths() const;

 private:
  struct Node;
  using Nodes = std::list<Node>;
  struct Less {
    bool operator()(std::span<const int> a, std::span<const int> b) const;
  };
  struct Node {
    Node* parent = nullptr;
    std::vector<int> ids;  // of the block; fewer than it has cells: an end that a conversation goes on from
    std::int32_t block = -1;
    std::uint64_t conversation = 0;                             // that read it
    std::map<std::span<const int>, Node*, Less> children = {};  // whole blocks, by their ids
    std::vector<Node*> ends = {};                               // the others
    Nodes::iterator self = {};
    bool is_leaf() const { return children.empty() && ends.empty(); }
  };
  struct Begun {
    Node* node = nullptr;
    std::int64_t n = 0;  // tokens of its block
  };

  void keep(const Sequence& sequence, std::uint64_t conversation, bool with_end) noexcept;
  Node* add(Node& parent, std::span<const int> ids, std::int32_t block, std::uint64_t conversation);
  void remove(Node& leaf);
  // The path to the node becomes the last used one; a parent is always used later than its children.
  void touch(Node* node);
  Begun begun_block(Node& at, std::span<const int> ids, std::uint64_t conversation) const;
  void adopt_begun(Sequence& sequence, Begun begun, std::span<const int> ids);

  BlockPool& pool_;
  CopyBlock copy_block_;
  Nodes nodes_;  // the last used first
  Node root_;
};

}  // namespace pio
