#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/tokenizer.h"

// Byte-level byte pair encoding: GPT-2's alphabet, in which each byte is a letter, and merges by rank.

namespace pio {

// What tokenizer.json and GGUF are both read into. The views need to live only until build_bpe returns.
struct BpeParts {
  struct Entry {
    std::string_view spelling;
    int id = 0;
  };
  struct Merge {
    std::string_view left, right;
  };
  struct Added {
    std::string_view spelling;  // as it stands in a text
    int id = 0;
    bool is_control = false;
  };

  std::vector<Entry> vocabulary;  // spelled in the byte alphabet
  std::vector<Merge> merges;      // the first is done first
  std::vector<Added> added;
  SplitRule split = SplitRule::gpt2;
  bool normalize = false;          // NFC
  bool ignore_merges = false;      // a piece that is an entry of the vocabulary is that one id
  bool has_unknown_token = false;  // only harmless where every byte has an entry
  std::vector<int> stop_ids;
  std::optional<int> begin_id;
};

// Ids beyond this are refused: 16 times the largest vocabulary published. (An id that no entry has is a hole: it has no bytes.)
inline constexpr int kMaxTokenIds = 1 << 22;

// bad_file{…} where the parts contradict each other. `label` names the file in errors.
Result<std::unique_ptr<Tokenizer>> build_bpe(const BpeParts& parts, std::string_view label);

// The parts of a tokenizer.json, while `use` runs.
using UseBpeParts = std::function<Result<void>(const BpeParts& parts)>;
Result<void> read_tokenizer_json(std::string_view json, std::string_view label, const UseBpeParts& use);

}  // namespace pio
