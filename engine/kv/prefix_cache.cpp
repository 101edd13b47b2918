#include "engine/kv/prefix_cache.h"

#include <algorithm>
#include <new>

namespace pio {
namespace {

std::int64_t common_length(std::span<const int> a, std::span<const int> b) {
  const auto n = std::min(a.size(), b.size());
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), b.begin()).first - a.begin();
}

// One reference more while it lives.
class Held {
 public:
  Held(BlockAllocator& blocks, std::int32_t block) : blocks_(blocks), block_(block) { blocks.share(block); }
  ~Held() { blocks_.release(block_); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  std::int32_t block() const { return block_; }

 private:
  BlockAllocator& blocks_;
  std::int32_t block_;
};

}  // namespace

bool PrefixCache::Less::operator()(std::span<const int> a, std::span<const int> b) const { return std::ranges::lexicographical_compare(a, b); }

PrefixCache::PrefixCache(BlockPool& pool, CopyBlock copy_block) : pool_(pool), copy_block_(std::move(copy_block)) {}

std::int64_t PrefixCache::adopt(Sequence& sequence, std::span<const int> ids, std::uint64_t conversation) {
  std::vector<std::int32_t> blocks;
  std::int64_t n_shared = 0;
  Node* at = &root_;
  std::size_t n = 0;
  for (; n + kKvBlockLength <= ids.size(); n += kKvBlockLength) {
    const auto child = at->children.find(ids.subspan(n, kKvBlockLength));
    if (child == at->children.end()) break;
    at = child->second;
    blocks.push_back(at->block);
    const bool is_shared = at->conversation != conversation || pool_.blocks().references(at->block) > 1;
    if (is_shared) n_shared += kKvBlockLength;
  }
  sequence.adopt(ids.first(n), blocks);
  const Begun begun = begun_block(*at, ids.subspan(n), conversation);
  touch(begun.node ? begun.node : at);
  if (begun.node) adopt_begun(sequence, begun, ids.subspan(n));
  return n_shared;
}

PrefixCache::Begun PrefixCache::begun_block(Node& at, std::span<const int> ids, std::uint64_t conversation) const {
  Begun best;
  const auto consider = [&](Node* node) {
    if (node->conversation != conversation) return;
    const std::int64_t n = common_length(node->ids, ids);
    if (n > best.n) best = {node, n};
  };
  for (Node* node : at.ends) consider(node);
  for (const auto& [unused, node] : at.children) consider(node);
  return best;
}

void PrefixCache::adopt_begun(Sequence& sequence, Begun begun, std::span<const int> ids) {
  BlockAllocator& blocks = pool_.blocks();
  const Held from(blocks, begun.node->block);  // it stays while room is made
  if (begun.node->is_leaf() && blocks.references(from.block()) == 2) {
    sequence.adopt_block(ids.first(begun.n), from.block());
    remove(*begun.node);
    return;
  }
  if (blocks.n_free() == 0) make_room(1);
  const std::int32_t to = blocks.take();
  if (to < 0) return;
  const Held copy(blocks, to);
  blocks.release(to);
  copy_block_(from.block(), to);
  sequence.adopt_block(ids.first(begun.n), to);
}

void PrefixCache::keep(const Sequence& sequence, std::uint64_t conversation, bool with_end) noexcept {
  try {
    const std::span<const int> ids = sequence.tokens();
    Node* at = &root_;
    for (std::size_t n = 0; n < ids.size(); n += kKvBlockLength) {
      const std::span<const int> block = ids.subspan(n, std::min<std::size_t>(kKvBlockLength, ids.size() - n));
      const bool is_whole = block.size() == kKvBlockLength;
      if (!is_whole && !with_end) break;
      Node* next = nullptr;
      if (is_whole) {
        if (const auto child = at->children.find(block); child != at->children.end()) next = child->second;
      } else if (const Begun begun = begun_block(*at, block, conversation); begun.n == std::ssize(block)) {
        next = begun.node;
      }
      at = next ? next : add(*at, block, sequence.blocks()[n / kKvBlockLength], conversation);
    }
    touch(at);
  } catch (const std::bad_alloc&) {
  }
}

PrefixCache::Node* PrefixCache::add(Node& parent, std::span<const int> ids, std::int32_t block, std::uint64_t conversation) {
  nodes_.push_front({.parent = &parent, .ids = {ids.begin(), ids.end()}, .block = block, .conversation = conversation});
  Node& node = nodes_.front();
  try {
    if (std::ssize(ids) == kKvBlockLength) parent.children.emplace(node.ids, &node);
    else parent.ends.push_back(&node);
  } catch (...) {
    nodes_.pop_front();
    throw;
  }
  node.self = nodes_.begin();
  pool_.blocks().share(block);
  // What the conversation went on from needs no place of its own any more.
  const auto is_beginning = [&](const Node* end) {
    return end != &node && end->conversation == conversation && common_length(end->ids, ids) == std::ssize(end->ids);
  };
  for (auto end = std::ranges::find_if(parent.ends, is_beginning); end != parent.ends.end(); end = std::ranges::find_if(parent.ends, is_beginning))
    remove(**end);
  return &node;
}

void PrefixCache::remove(Node& leaf) {
  CHECK(leaf.is_leaf(), "remove: blocks follow it");
  if (std::ssize(leaf.ids) == kKvBlockLength) leaf.parent->children.erase(leaf.ids);
  else std::erase(leaf.parent->ends, &leaf);
  pool_.blocks().release(leaf.block);
  nodes_.erase(leaf.self);
}

void PrefixCache::touch(Node* node) {
  for (; node != &root_; node = node->parent) nodes_.splice(nodes_.begin(), nodes_, node->self);
}

bool PrefixCache::make_room(std::int64_t n) {
  const std::int64_t before = pool_.blocks().n_free();
  while (pool_.blocks().n_free() < before + n && !nodes_.empty()) {
    const auto is_unused = [&](const Node& node) { return node.is_leaf() && pool_.blocks().references(node.block) == 1; };
    auto last = std::find_if(nodes_.rbegin(), nodes_.rend(), is_unused);
    // An unused block may have one behind it that is in use, of somebody who read the same tokens for himself.
    if (last == nodes_.rend()) last = std::find_if(nodes_.rbegin(), nodes_.rend(), [](const Node& node) { return node.is_leaf(); });
    remove(*last);
  }
  return pool_.blocks().n_free() > before;
}

void PrefixCache::clear() {
  for (const Node& node : nodes_) pool_.blocks().release(node.block);
  nodes_.clear();
  root_.children.clear();
  root_.ends.clear();
}

void PrefixCache::forget(std::uint64_t conversation) {
  // A parent is used later than its children, so these come first.
  for (auto node = nodes_.end(); node != nodes_.begin();) {
    --node;
    if (node->conversation != conversation) continue;
    if (!node->is_leaf()) {
      node->conversation = (node->ends.empty() ? node->children.begin()->second : node->ends.front())->conversation;
      continue;
    }
    const auto next = std::next(node);
    remove(*node);
    node = next;
  }
}

std::vector<PrefixCache::Path> PrefixCache::paths() const {
  std::vector<Path> paths;
  for (const Node& leaf : nodes_) {
    if (!leaf.is_leaf()) continue;
    std::vector<const Node*> nodes;
    for (const Node* node = &leaf; node != &root_; node = node->parent) nodes.push_back(node);
    Path path;
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      path.ids.insert(path.ids.end(), (*node)->ids.begin(), (*node)->ids.end());
      path.blocks.push_back((*node)->block);
      path.conversations.push_back((*node)->conversation);
    }
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace pio
