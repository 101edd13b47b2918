#include "engine/tokenizer/sentencepiece_model.h"

#include <algorithm>
#include <bit>
#include <bitset>
#include <cmath>
#include <cstring>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/sentencepiece.h"

namespace pio {
namespace {

// Field numbers of the messages.
enum ModelField { kPieces = 1, kTrainer = 2, kNormalizer = 3 };
enum PieceField { kText = 1, kScore = 2, kType = 3 };
enum TrainerField { kModelType = 3, kSpaceAsSuffix = 24, kByteFallback = 35, kBeginPiece = 46, kEndPiece = 47 };
enum NormalizerField { kCharacterMap = 2, kDummyPrefix = 3, kExtraSpaces = 4, kEscapeSpaces = 5 };

// A piece longer than this no trainer makes (16 characters is usual), nor does any character become so much text (U+FDFA: 33 bytes).
constexpr std::size_t kLongestPiece = 4096, kLongestReplacement = 256;

// The fields of one message, in order. Wire types: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}

  // False at the end and where the message breaks off: then is_sound() is false.
  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t key = varint();
    number = key >> 3;
    value = 0;
    bytes = {};
    switch (key & 7) {
      case 0: value = varint(); break;
      case 1: take(8); break;
      case 2: take(varint()); break;
      case 5:
        take(4);
        if (sound_) {
          std::uint32_t little = 0;
          for (int i = 3; i >= 0; --i) little = little << 8 | static_cast<unsigned char>(bytes[i]);
          value = little;
        }
        break;
      default: sound_ = false;
    }
    return sound_;
  }
  bool is_sound() const { return sound_; }

  std::uint64_t number = 0;
  std::uint64_t value = 0;  // of a varint, or of four bytes
  std::string_view bytes;   // of the others

 private:
  std::uint64_t varint() {
    std::uint64_t result = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      result |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return result;
    }
    sound_ = false;
    return 0;
  }
  void take(std::uint64_t n) {
    if (!sound_ || n > rest_.size()) {
      sound_ = false;
      return;
    }
    bytes = rest_.substr(0, n);
    rest_.remove_prefix(n);
  }

  std::string_view rest_;
  bool sound_ = true;
};

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
void put_number(std::string& out, int field, std::uint64_t value) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3);
  put_varint(out, value);
}
void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}
void put_float(std::string& out, int field, float value) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 5);
  auto little = std::bit_cast<std::uint32_t>(value);
  for (int i = 0; i < 4; ++i, little >>= 8) out += static_cast<char>(little);
}

bool read_piece(std::string_view message, SentencePieceModel::Piece& piece) {
  Fields fields(message);
  std::uint64_t type = 1;
  while (fields.next()) {
    if (fields.number == kText) piece.text = fields.bytes;
    if (fields.number == kScore) piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(fields.value));
    if (fields.number == kType) type = fields.value;
  }
  piece.type = static_cast<SentencePieceModel::Type>(std::clamp<std::uint64_t>(type, 0, 7));
  return fields.is_sound();
}

bool read_trainer(std::string_view message, SentencePieceModel& model) {
  Fields fields(message);
  while (fields.next()) {
    if (fields.number == kModelType) model.algorithm = static_cast<SentencePieceModel::Algorithm>(std::clamp<std::uint64_t>(fields.value, 0, 5));
    if (fields.number == kSpaceAsSuffix) model.treats_space_as_suffix = fields.value != 0;
    if (fields.number == kByteFallback) model.has_byte_fallback = fields.value != 0;
    if (fields.number == kBeginPiece) model.begin_piece = fields.bytes;
    if (fields.number == kEndPiece) model.end_piece = fields.bytes;
  }
  return fields.is_sound();
}

bool read_normalizer(std::string_view message, SentencePieceModel& model) {
  Fields fields(message);
  while (fields.next()) {
    if (fields.number == kCharacterMap) model.character_map = fields.bytes;
    if (fields.number == kDummyPrefix) model.adds_dummy_prefix = fields.value != 0;
    if (fields.number == kExtraSpaces) model.removes_extra_spaces = fields.value != 0;
    if (fields.number == kEscapeSpaces) model.escapes_spaces = fields.value != 0;
  }
  return fields.is_sound();
}

// The library walks the double array (Darts, S. Yata) without looking at its end, and reads a text up to its NUL. So: no unit may lead
// outside whatever byte comes next, and every leaf must stand for a text that ends.
bool is_sound_character_map(std::string_view map) {
  if (map.empty()) return true;
  const auto word = [&](std::size_t at) {
    std::uint32_t little = 0;
    for (std::size_t i = 4; i-- > 0;) little = little << 8 | static_cast<unsigned char>(map[at + i]);
    return little;
  };
  if (map.size() < 4) return false;
  const std::size_t n_trie_bytes = word(0);
  if (n_trie_bytes == 0 || n_trie_bytes % 4 != 0 || n_trie_bytes >= map.size() - 4) return false;
  const std::string_view texts = map.substr(4 + n_trie_bytes);
  const std::size_t n_units = n_trie_bytes / 4;
  for (std::size_t i = 0; i < n_units; ++i) {
    const std::uint32_t unit = word(4 + 4 * i);
    if (unit >> 31) {
      if ((unit & 0x7FFFFFFF) >= texts.size()) return false;
      continue;
    }
    const std::uint32_t offset = (unit >> 10) << ((unit & (1u << 9)) >> 6);
    if (((i ^ offset) | 0xFF) >= n_units) return false;
  }
  if (texts.back() != '\0') return false;
  for (std::size_t at = 0; at < texts.size();) {
    const std::size_t end = texts.find('\0', at);
    if (end - at > kLongestReplacement) return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

std::optional<char> byte_of_piece(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text.back() != '>') return std::nullopt;
  int value = 0;
  for (const char c : text.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + digit;
  }
  return static_cast<char>(value);
}

Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes, std::string_view label) {
  SentencePieceModel model;
  Fields fields(bytes);
  bool is_sound = true;
  while (is_sound && fields.next()) {
    if (fields.number == kPieces && model.pieces.size() <= kMaxTokenIds) is_sound = read_piece(fields.bytes, model.pieces.emplace_back());
    if (fields.number == kTrainer) is_sound = read_trainer(fields.bytes, model);
    if (fields.number == kNormalizer) is_sound = read_normalizer(fields.bytes, model);
  }
  if (!is_sound || !fields.is_sound() || model.pieces.empty())
    return make_error(ErrorCode::bad_file, std::string(label) + ": expected a SentencePiece model, found something else or a part of one");
  RETURN_IF_ERROR(check_sentencepiece_model(model, label));
  return model;
}

Result<void> check_sentencepiece_model(const SentencePieceModel& model, std::string_view label) {
  using Type = SentencePieceModel::Type;
  const auto bad = [&](const std::string& words) { return make_error(ErrorCode::bad_file, std::string(label) + ": " + words); };
  if (model.pieces.size() > kMaxTokenIds) return bad("pieces: expected at most " + std::to_string(kMaxTokenIds) + ", found more");
  const int algorithm = static_cast<int>(model.algorithm);
  if (algorithm < 1 || algorithm > 4) return bad("model_type: expected 1 to 4, found " + std::to_string(algorithm));
  if (!is_sound_character_map(model.character_map)) return bad("precompiled_charsmap: expected a double array and its texts, found something else");

  int n_unknown = 0;
  std::bitset<256> bytes;
  for (std::size_t id = 0; id < model.pieces.size(); ++id) {
    const SentencePieceModel::Piece& piece = model.pieces[id];
    const auto bad_piece = [&](const std::string& words) { return bad("piece " + std::to_string(id) + ": " + words); };
    const int type = static_cast<int>(piece.type);
    if (type < 1 || type > 6) return bad_piece("expected a type of 1 to 6, found " + std::to_string(type));
    // The library hands its tries C strings; a NUL would make two pieces one.
    if (piece.text.empty() || piece.text.size() > kLongestPiece || piece.text.find('\0') != std::string::npos)
      return bad_piece("expected a text of 1 to " + std::to_string(kLongestPiece) + " bytes without a NUL, found another");
    if (!std::isfinite(piece.score)) return bad_piece("expected a finite score, found another");
    n_unknown += piece.type == Type::unknown;
    if (piece.type != Type::byte) continue;
    const std::optional<char> byte = byte_of_piece(piece.text);
    if (!byte) return bad_piece("expected a byte such as <0x0A>, found another text");
    bytes.set(static_cast<unsigned char>(*byte));
  }
  if (n_unknown != 1) return bad("pieces: expected one of type unknown, found " + std::to_string(n_unknown));
  if (model.has_byte_fallback && !bytes.all()) return bad("pieces: expected one for each of 256 bytes, found " + std::to_string(bytes.count()));
  return {};
}

std::string serialize(const SentencePieceModel& model) {
  std::string out, part;
  for (const SentencePieceModel::Piece& piece : model.pieces) {
    part.clear();
    put_bytes(part, kText, piece.text);
    put_float(part, kScore, piece.score);
    put_number(part, kType, static_cast<std::uint64_t>(piece.type));
    put_bytes(out, kPieces, part);
  }
  part.clear();
  put_number(part, kModelType, static_cast<std::uint64_t>(model.algorithm));
  put_number(part, kSpaceAsSuffix, model.treats_space_as_suffix);
  put_number(part, kByteFallback, model.has_byte_fallback);
  put_bytes(part, kBeginPiece, model.begin_piece);
  put_bytes(part, kEndPiece, model.end_piece);
  put_bytes(out, kTrainer, part);
  part.clear();
  put_bytes(part, kCharacterMap, model.character_map);
  put_number(part, kDummyPrefix, model.adds_dummy_prefix);
  put_number(part, kExtraSpaces, model.removes_extra_spaces);
  put_number(part, kEscapeSpaces, model.escapes_spaces);
  put_bytes(out, kNormalizer, part);
  return out;
}

Result<std::unique_ptr<Tokenizer>> load_sentencepiece(std::string_view bytes, bool begin_first, std::string_view label) {
  ASSIGN_OR_RETURN(SentencePieceModel model, parse_sentencepiece_model(bytes, label));
  const auto control_piece = [&](const std::string& text) -> std::optional<int> {
    const auto found = std::find_if(model.pieces.begin(), model.pieces.end(), [&](const SentencePieceModel::Piece& piece) {
      return piece.type == SentencePieceModel::Type::control && piece.text == text;
    });
    if (found == model.pieces.end()) return std::nullopt;
    return static_cast<int>(found - model.pieces.begin());
  };
  std::vector<int> stop_ids;
  if (const std::optional<int> end = control_piece(model.end_piece)) stop_ids.push_back(*end);
  const std::optional<int> begin_id = begin_first ? control_piece(model.begin_piece) : std::nullopt;
  return build_sentencepiece(std::move(model), stop_ids, begin_id, label);
}

}  // namespace pio
