#include "engine/tokenizer/bpe.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>

#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/unicode.h"
#include "engine/tokenizer/utf8_stream.h"

namespace pio {

namespace {

// ---- the byte alphabet --------------------------------------------------------------------------------------------------------------

// GPT-2's letters: printable Latin-1 stands for itself, the other 68 bytes in order for U+0100 and on.
constexpr bool is_own_letter(int byte) { return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE; }
constexpr int kLetterCodes = 0x100 + 68;

struct Alphabet {
  std::array<char32_t, 256> letter{};
  std::array<std::int16_t, kLetterCodes> byte{};
};
constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte.fill(-1);
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    alphabet.letter[byte] = is_own_letter(byte) ? static_cast<char32_t>(byte) : next++;
    alphabet.byte[alphabet.letter[byte]] = static_cast<std::int16_t>(byte);
  }
  return alphabet;
}
constexpr Alphabet kAlphabet = make_alphabet();

// Appends the bytes that an entry spells. One with a character outside the alphabet stands for its own bytes, as in the published
// decoder, and no piece can be equal to it: false.
bool append_bytes(std::string& bytes, std::string_view spelling) {
  const std::size_t start = bytes.size();
  for (std::string_view rest = spelling; !rest.empty();) {
    const Utf8Step step = utf8_step(rest);
    const int byte = step.kind == Utf8Step::Kind::character && step.code < kLetterCodes ? kAlphabet.byte[step.code] : -1;
    if (byte < 0) {
      bytes.resize(start);
      bytes += spelling;
      return false;
    }
    bytes.push_back(static_cast<char>(byte));
    rest.remove_prefix(step.n_bytes);
  }
  return true;
}

// ---- flat tables, filled once ---------------------------------------------------------------------------------------------------------

std::size_t table_size(std::size_t n_entries) {
  std::size_t size = 16;
  while (size * 2 < n_entries * 3) size *= 2;  // at most two thirds full
  return size;
}

// (left id, right id) → rank and merged id; 16 bytes a slot.
class MergeTable {
 public:
  struct Slot {
    std::int32_t left = -1, right = -1;
    std::uint32_t rank = 0;
    std::int32_t merged = -1;
  };

  explicit MergeTable(std::size_t n_merges) : slots_(table_size(n_merges)) {}

  // A pair that is named twice has its last rank, as in the published library.
  void put(const Slot& merge) { slots_[place(merge.left, merge.right)] = merge; }
  const Slot* find(std::int32_t left, std::int32_t right) const {
    const Slot& slot = slots_[place(left, right)];
    return slot.left < 0 ? nullptr : &slot;
  }

 private:
  std::size_t place(std::int32_t left, std::int32_t right) const {
    const std::uint64_t key = static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = (key * 0x9E3779B97F4A7C15u) >> 32 & mask;
    while (slots_[at].left >= 0 && (slots_[at].left != left || slots_[at].right != right)) at = (at + 1) & mask;
    return at;
  }
  std::vector<Slot> slots_;
};

// ---- the tokenizer ----------------------------------------------------------------------------------------------------------------------

class BpeTokenizer final : public Tokenizer {
 public:
  static Result<std::unique_ptr<Tokenizer>> build(const BpeParts& parts, std::string_view label);

  std::vector<int> encode(std::string_view text, SpecialTokens special) const override {
    const Interval whole{0, text.size()};
    const std::span<const Interval> searched(&whole, special == SpecialTokens::none ? 0 : 1);
    return *encode(text, searched, special == SpecialTokens::user, nullptr, {});
  }

  using Tokenizer::encode_pieces;
  Result<std::vector<int>> encode_pieces(std::span<const Piece> pieces, EncodedStretches* memory, const std::stop_token& stop) const override {
    const JoinedPieces joined = join(pieces);
    return encode(joined.text, joined.control, false, memory, stop);
  }

  int n_ids() const override { return n_ids_; }
  Result<int> limit_ids(std::int64_t n_rows, std::string_view label) override {
    RETURN_IF_ERROR(check_rows(*this, n_base_ids_, n_rows, label));
    const int n_forgotten = added_.forget_from(static_cast<int>(std::min<std::int64_t>(n_rows, n_ids_)));
    n_ids_ = static_cast<int>(std::min<std::int64_t>(n_rows, n_ids_));
    n_added_ -= n_forgotten;
    return n_forgotten;
  }
  std::string_view bytes(int id) const override {
    if (id < 0 || id >= n_ids()) return {};
    return std::string_view(bytes_).substr(offsets_[id], offsets_[id + 1] - offsets_[id]);
  }
  bool is_control(int id) const override { return id >= 0 && id < n_ids() && is_control_[id]; }
  std::optional<int> added_token(std::string_view spelling) const override { return added_.find(spelling); }
  int n_added_tokens() const override { return n_added_; }
  const std::vector<int>& stop_ids() const override { return stop_ids_; }
  std::optional<int> begin_id() const override { return begin_id_; }

 private:
  // Room that the merging of one text uses again for each piece.
  struct Scratch {
    struct Symbol {
      int id;  // -1: merged into the one before
      std::int32_t previous, next;
    };
    struct Candidate {
      std::uint32_t rank;
      std::int32_t at;  // the left symbol
      int merged;
      // The lowest rank first, then the leftmost; a heap keeps its largest on top.
      bool operator<(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
    std::stop_token stop;
    bool is_stopped = false;
    std::uint32_t n_looks = 0;
    // Looks at the stop token now and then: it costs more than a merge.
    bool should_stop() {
      constexpr std::uint32_t kEvery = 1024;
      if (++n_looks % kEvery == 0) is_stopped = is_stopped || stop.stop_requested();
      return is_stopped;
    }
  };

  // `searched` in order; `skip_control`: a control token found is ordinary text, as the published library reads it.
  Result<std::vector<int>> encode(std::string_view text, std::span<const Interval> searched, bool skip_control, EncodedStretches* memory,
                                  const std::stop_token& stop) const {
    std::vector<int> ids;
    Scratch scratch;
    scratch.stop = stop;
    std::size_t stretch = 0;
    added_.for_each(text, searched, [&](std::size_t pos, AddedTokens::Match match) {
      if (skip_control && is_control_[match.token]) return;
      remember_stretch(text.substr(stretch, pos - stretch), ids, scratch, memory);
      ids.push_back(match.token);
      stretch = pos + match.n_bytes;
    });
    remember_stretch(text.substr(stretch), ids, scratch, memory);
    if (scratch.is_stopped || stop.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
    return ids;
  }

  void remember_stretch(std::string_view bytes, std::vector<int>& ids, Scratch& scratch, EncodedStretches* memory) const {
    if (scratch.is_stopped) return;
    if (memory) {
      if (const std::vector<int>* known = memory->find(bytes)) {
        ids.insert(ids.end(), known->begin(), known->end());
        return;
      }
    }
    const std::size_t first = ids.size();
    encode_stretch(bytes, ids, scratch);
    if (memory && !scratch.is_stopped) memory->put(bytes, std::span(ids).subspan(first));
  }

  // What lies between two added tokens. Cutting before the bytes are made valid changes nothing: a spelling begins and ends a character.
  void encode_stretch(std::string_view bytes, std::vector<int>& ids, Scratch& scratch) const {
    if (bytes.empty()) return;
    const std::string text = normalize_ ? nfc(valid_utf8(bytes)) : valid_utf8(bytes);
    split(split_, text, [&](std::string_view piece) {
      if (!scratch.should_stop()) encode_piece(piece, ids, scratch);
    });
  }

  void encode_piece(std::string_view piece, std::vector<int>& ids, Scratch& scratch) const {
    if (ignore_merges_) {
      if (const auto found = whole_.find(piece); found != whole_.end()) return ids.push_back(found->second);
    }
    auto& symbols = scratch.symbols;
    symbols.clear();
    for (const char byte : piece) {
      const int id = letters_[static_cast<unsigned char>(byte)];
      if (id < 0) continue;  // a letter without an entry vanishes before the merges: its neighbours may merge
      const auto at = static_cast<std::int32_t>(symbols.size());
      symbols.push_back({id, at - 1, at + 1});
    }
    if (symbols.empty()) return;
    symbols.back().next = -1;
    merge(scratch);
    for (std::int32_t at = 0; at >= 0; at = symbols[at].next) ids.push_back(symbols[at].id);
  }

  // O(n log n): a heap of candidate merges; those that a neighbour's merge has overtaken are recognised when they come up.
  void merge(Scratch& scratch) const {
    auto& symbols = scratch.symbols;
    auto& heap = scratch.heap;
    heap.clear();
    const auto consider = [&](std::int32_t at) {
      const std::int32_t next = at < 0 ? -1 : symbols[at].next;
      if (next < 0) return false;
      const MergeTable::Slot* found = merges_.find(symbols[at].id, symbols[next].id);
      if (found) heap.push_back({found->rank, at, found->merged});
      return found != nullptr;
    };
    for (std::size_t at = 0; at + 1 < symbols.size(); ++at) consider(static_cast<std::int32_t>(at));
    std::make_heap(heap.begin(), heap.end());
    while (!heap.empty() && !scratch.should_stop()) {
      std::pop_heap(heap.begin(), heap.end());
      const Scratch::Candidate best = heap.back();
      heap.pop_back();
      auto& left = symbols[best.at];
      if (left.id < 0 || left.next < 0) continue;
      auto& right = symbols[left.next];
      const MergeTable::Slot* still = merges_.find(left.id, right.id);
      if (!still || still->merged != best.merged) continue;
      left.id = best.merged;
      right.id = -1;
      left.next = right.next;
      if (left.next >= 0) symbols[left.next].previous = best.at;
      if (consider(left.previous)) std::push_heap(heap.begin(), heap.end());
      if (consider(best.at)) std::push_heap(heap.begin(), heap.end());
    }
  }

  std::string bytes_;                   // of all ids, in order
  std::vector<std::uint32_t> offsets_;  // n_ids + 1
  std::vector<bool> is_control_;
  std::array<int, 256> letters_{};  // the id of each byte, or -1
  MergeTable merges_{0};
  std::unordered_map<std::string_view, int> whole_;  // with ignore_merges: views into bytes_, which is not touched any more
  AddedTokens added_;
  int n_added_ = 0;
  int n_ids_ = 0;
  int n_base_ids_ = 0;  // one more than the highest id of the vocabulary that no added token has
  SplitRule split_ = SplitRule::gpt2;
  bool normalize_ = false;
  bool ignore_merges_ = false;
  std::vector<int> stop_ids_;
  std::optional<int> begin_id_;
};

// A spelling from a file, fit for an error message: valid, and not endless.
std::string quoted(std::string_view spelling) {
  std::string shown(1, '"');
  shown += valid_utf8(spelling.substr(0, 40));
  shown += spelling.size() > 40 ? "…\"" : "\"";
  return shown;
}

Result<std::unique_ptr<Tokenizer>> BpeTokenizer::build(const BpeParts& parts, std::string_view label) {
  const auto bad = [&](const std::string& words) { return make_error(ErrorCode::bad_file, std::string(label) + ": " + words); };
  if (parts.vocabulary.empty()) return bad("vocabulary: expected at least one entry, found none");

  // Every id once, every spelling once.
  std::unordered_map<std::string_view, int> ids;
  ids.reserve(parts.vocabulary.size() + parts.added.size());
  std::vector<std::string_view> spellings;
  std::vector<bool> has_entry;
  const auto claim = [&](std::string_view spelling, int id) {
    if (static_cast<std::size_t>(id) >= spellings.size()) {
      spellings.resize(id + 1);
      has_entry.resize(id + 1);
    }
    const bool is_new = ids.emplace(spelling, id).second && !has_entry[id];
    spellings[id] = spelling;
    has_entry[id] = true;
    return is_new;
  };
  std::uint64_t n_bytes = 0;
  const auto bad_token = [&](std::string_view spelling, const std::string& expected, int id) {
    return bad("token " + quoted(spelling) + ": expected " + expected + ", found " + std::to_string(id));
  };
  const std::string in_range = "an id below " + std::to_string(kMaxTokenIds), own_id = "one id, and no other token's";
  for (const auto& [spelling, id] : parts.vocabulary) {
    if (id < 0 || id >= kMaxTokenIds) return bad_token(spelling, in_range, id);
    if (!claim(spelling, id)) return bad_token(spelling, own_id, id);
    n_bytes += spelling.size();
  }
  for (const auto& [spelling, id, is_control] : parts.added) {
    if (id < 0 || id >= kMaxTokenIds) return bad_token(spelling, in_range, id);
    const auto known = ids.find(spelling);
    const bool is_entry = known != ids.end() && known->second == id;  // SmolLM2 lists its added tokens in the vocabulary too
    if (!is_entry && !claim(spelling, id)) return bad_token(spelling, own_id, id);
    n_bytes += spelling.size();
  }
  if (n_bytes > std::numeric_limits<std::uint32_t>::max()) return bad("vocabulary: expected less than 4 GiB of text, found more");

  auto tokenizer = std::make_unique<BpeTokenizer>();
  const int n_ids = static_cast<int>(spellings.size());
  tokenizer->n_ids_ = n_ids;
  tokenizer->is_control_.resize(n_ids);
  std::vector<bool> is_added(n_ids);
  for (const auto& [spelling, id, is_control] : parts.added) {
    if (is_added[id]) return bad("added token " + quoted(spelling) + ": expected once, found twice");
    is_added[id] = true;
    tokenizer->is_control_[id] = is_control;
    ++tokenizer->n_added_;
    if (!spelling.empty()) tokenizer->added_.put(spelling, id);
  }

  tokenizer->bytes_.reserve(n_bytes);
  tokenizer->offsets_.reserve(n_ids + 1);
  tokenizer->offsets_.push_back(0);
  for (int id = 0; id < n_ids; ++id) {
    if (is_added[id]) tokenizer->bytes_ += spellings[id];
    else append_bytes(tokenizer->bytes_, spellings[id]);
    tokenizer->offsets_.push_back(static_cast<std::uint32_t>(tokenizer->bytes_.size()));
  }

  int n_letters = 0;
  for (int byte = 0; byte < 256; ++byte) {
    std::string letter;
    append_utf8(letter, kAlphabet.letter[byte]);
    const auto found = ids.find(letter);
    tokenizer->letters_[byte] = found == ids.end() ? -1 : found->second;
    n_letters += tokenizer->letters_[byte] >= 0;
  }
  if (parts.has_unknown_token && n_letters < 256) {
    return make_error(
        ErrorCode::unsupported_model,
        std::string(label) + ": vocabulary with an unknown token: expected an entry for each of 256 bytes, found " + std::to_string(n_letters));
  }

  tokenizer->merges_ = MergeTable(parts.merges.size());
  std::string merged;
  for (std::size_t rank = 0; rank < parts.merges.size(); ++rank) {
    const auto& [left, right] = parts.merges[rank];
    merged.assign(left).append(right);
    const std::string_view names[] = {left, right, merged};
    int found_ids[3];
    for (int i = 0; i < 3; ++i) {
      const auto found = ids.find(names[i]);
      if (found == ids.end()) {
        return bad("merge " + std::to_string(rank) + ": expected an entry of the vocabulary, found " + quoted(names[i]));
      }
      found_ids[i] = found->second;
    }
    tokenizer->merges_.put({found_ids[0], found_ids[1], static_cast<std::uint32_t>(rank), found_ids[2]});
  }

  if (parts.ignore_merges) {
    tokenizer->whole_.reserve(parts.vocabulary.size());
    std::string spelled;
    for (const auto& [spelling, id] : parts.vocabulary) {
      spelled.clear();
      if (append_bytes(spelled, spelling) && spelled == tokenizer->bytes(id)) tokenizer->whole_.emplace(tokenizer->bytes(id), id);
    }
  }
  for (const int id : parts.stop_ids) {
    if (id < 0 || id >= n_ids) return bad("end token: expected an id below " + std::to_string(n_ids) + ", found " + std::to_string(id));
  }
  if (parts.begin_id && (*parts.begin_id < 0 || *parts.begin_id >= n_ids)) {
    return bad("begin token: expected an id below " + std::to_string(n_ids) + ", found " + std::to_string(*parts.begin_id));
  }
  for (const auto& [spelling, id] : parts.vocabulary) {
    if (!is_added[id]) tokenizer->n_base_ids_ = std::max(tokenizer->n_base_ids_, id + 1);
  }
  tokenizer->split_ = parts.split;
  tokenizer->normalize_ = parts.normalize;
  tokenizer->ignore_merges_ = parts.ignore_merges;
  tokenizer->stop_ids_ = parts.stop_ids;
  tokenizer->begin_id_ = parts.begin_id;
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> build_bpe(const BpeParts& parts, std::string_view label) { return BpeTokenizer::build(parts, label); }

}  // namespace pio
