#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>

#include "engine/files/mapped_model.h"
#include "engine/files/model_file.h"
#include "engine/files/words.h"

// GGUF, version 2 and 3: ggml's docs/gguf.md; models.md 8.1. Numbers are little-endian.
//
//   "GGUF"  u32 version  u64 n_tensors  u64 n_keys
//   n_keys ×     string key, u32 type, value               (string: u64 length, bytes; array: u32 type, u64 length, values)
//   n_tensors ×  string name, u32 n_dims, u64 extents[n_dims] (fastest first), u32 type, u64 offset
//   padding to general.alignment, then the data that the offsets count from
//
// Nothing that the file says is believed before the file has been seen to be long enough for it. What is kept of the header takes at most
// about ten times its bytes (an array of u8 becomes int64; a map node of a short key), and headers are limited.

namespace pio {
namespace {

static_assert(std::endian::native == std::endian::little, "the reader copies numbers as they lie in the file");

// The largest headers known (vocabularies of 262,144 with merges and scores) are below 20 MiB.
constexpr std::size_t kMaxHeaderBytes = std::size_t{256} << 20;
// gguf.md: keys have at most 2^16 - 1 bytes. It allows tensor names 64; longer ones do no harm.
constexpr std::size_t kMaxNameBytes = 65535;
constexpr std::int64_t kDefaultAlignment = 32;
// gguf.md: a multiple of 8. 64 KiB is the largest base page of any CPU that Linux runs on: beyond it an alignment only makes holes.
constexpr std::int64_t kMinAlignment = 8, kMaxAlignment = 64 << 10;
// u64 name length, one byte of name, u32 n_dims, one u64 extent, u32 type, u64 offset; and of a key: length, one byte, type, u8 value.
constexpr std::size_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8, kMinKeyBytes = 8 + 1 + 4 + 1;

struct GgmlType {
  std::uint32_t number;
  const char* name;
  std::optional<DType> dtype;
};

// models.md 8.2, ggml.h enum ggml_type; 4, 5, 31–33 and 36–38 were taken out of the format.
constexpr GgmlType kGgmlTypes[] = {
    {0, "F32", DType::f32},
    {1, "F16", DType::f16},
    {2, "Q4_0", DType::q4_0},
    {3, "Q4_1", DType::q4_1},
    {4, "Q4_2", {}},
    {5, "Q4_3", {}},
    {6, "Q5_0", DType::q5_0},
    {7, "Q5_1", DType::q5_1},
    {8, "Q8_0", DType::q8_0},
    {9, "Q8_1", {}},
    {10, "Q2_K", DType::q2_k},
    {11, "Q3_K", DType::q3_k},
    {12, "Q4_K", DType::q4_k},
    {13, "Q5_K", DType::q5_k},
    {14, "Q6_K", DType::q6_k},
    {15, "Q8_K", {}},
    {16, "IQ2_XXS", DType::iq2_xxs},
    {17, "IQ2_XS", DType::iq2_xs},
    {18, "IQ3_XXS", DType::iq3_xxs},
    {19, "IQ1_S", DType::iq1_s},
    {20, "IQ4_NL", DType::iq4_nl},
    {21, "IQ3_S", DType::iq3_s},
    {22, "IQ2_S", DType::iq2_s},
    {23, "IQ4_XS", DType::iq4_xs},
    {24, "I8", DType::i8},
    {25, "I16", DType::i16},
    {26, "I32", DType::i32},
    {27, "I64", DType::i64},
    {28, "F64", DType::f64},
    {29, "IQ1_M", DType::iq1_m},
    {30, "BF16", DType::bf16},
    {31, "Q4_0_4_4", {}},
    {32, "Q4_0_4_8", {}},
    {33, "Q4_0_8_8", {}},
    {34, "TQ1_0", DType::tq1_0},
    {35, "TQ2_0", DType::tq2_0},
    {36, "IQ4_NL_4_4", {}},
    {37, "IQ4_NL_4_8", {}},
    {38, "IQ4_NL_8_8", {}},
    {39, "MXFP4", DType::mxfp4},
    {40, "NVFP4", DType::nvfp4},
    {41, "Q1_0", DType::q1_0},
    {42, "Q2_0", DType::q2_0},
};

const GgmlType* find_ggml_type(std::uint32_t number) {
  for (const GgmlType& type : kGgmlTypes)
    if (type.number == number) return &type;
  return nullptr;
}

enum class ValueType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

std::size_t min_bytes_of(ValueType type) {
  switch (type) {
    case ValueType::u8:
    case ValueType::i8:
    case ValueType::boolean: return 1;
    case ValueType::u16:
    case ValueType::i16: return 2;
    case ValueType::u32:
    case ValueType::i32:
    case ValueType::f32: return 4;
    case ValueType::u64:
    case ValueType::i64:
    case ValueType::f64: return 8;
    case ValueType::string: return 8;  // its length
    case ValueType::array: return 12;
  }
  return 1;
}

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

// Takes from the front, and remembers what it could not take.
struct Cursor {
  std::span<const std::byte> bytes;
  std::size_t position = 0;
  std::uint64_t wanted = 0;

  std::size_t left() const { return bytes.size() - position; }
  template <class T>
  bool take(T& value) {
    static_assert(std::is_arithmetic_v<T>);
    wanted = sizeof value;
    if (left() < sizeof value) return false;
    std::memcpy(&value, bytes.data() + position, sizeof value);
    position += sizeof value;
    return true;
  }
  bool take(std::string_view& text) {
    std::uint64_t n_bytes = 0;
    if (!take(n_bytes)) return false;
    wanted = n_bytes;
    if (n_bytes > left()) return false;
    text = {reinterpret_cast<const char*>(bytes.data() + position), static_cast<std::size_t>(n_bytes)};
    position += text.size();
    return true;
  }
};

// A single value is read as an array of one.
struct OnlyItem {
  template <class T>
  MetaValue operator()(std::vector<T>& values) const {
    return MetaValue(T(std::move(values[0])));
  }
  template <class T>
  MetaValue operator()(T& value) const {
    return MetaValue(std::move(value));
  }
};

struct Part {
  std::map<std::string, MetaValue, std::less<>> metadata;
  std::vector<TensorInfo> tensors;
  std::vector<std::span<const std::byte>> data;
  std::int64_t n_empty = 0;  // tensors without values, which are left out
};

class PartReader {
 public:
  // `front`: the first bytes of the file, kMaxHeaderBytes at most. Of `file` the addresses alone count.
  PartReader(std::span<const std::byte> front, std::span<const std::byte> file, std::string_view label) : file_(file), label_(label) {
    cursor_.bytes = front.first(std::min(front.size(), kMaxHeaderBytes));
  }

  Result<Part> read() {
    std::uint64_t n_tensors = 0, n_keys = 0;
    RETURN_IF_ERROR(read_front(n_tensors, n_keys));
    for (std::uint64_t i = 0; i < n_keys; ++i) RETURN_IF_ERROR(read_key(i));
    ASSIGN_OR_RETURN(const std::int64_t alignment, read_alignment());
    for (std::uint64_t i = 0; i < n_tensors; ++i) RETURN_IF_ERROR(read_tensor(i, alignment));
    RETURN_IF_ERROR(place_tensors(alignment));
    return std::move(part_);
  }

 private:
  Error bad(const std::string& words) const { return bad_file(label_, words); }

  // After a take that failed.
  Error cut_short(const std::string& where) const {
    if (cursor_.bytes.size() < file_.size())
      return bad(where + ": expected metadata and tensor names within " + std::to_string(kMaxHeaderBytes >> 20) + " MiB, found more");
    return bad(where + ": expected " + std::to_string(cursor_.wanted) + " more bytes at byte " + std::to_string(cursor_.position) +
               ", found the end of the file after " + std::to_string(cursor_.left()));
  }

  Result<void> read_front(std::uint64_t& n_tensors, std::uint64_t& n_keys) {
    const std::span<const std::byte> front = cursor_.bytes;
    if (front.size() < 4 || std::memcmp(front.data(), "GGUF", 4) != 0) return bad("expected a GGUF file, found " + what_it_looks_like(front));
    cursor_.position = 4;
    std::uint32_t version = 0;
    if (!cursor_.take(version)) return cut_short("version");
    if ((version & 0xffff) == 0 && version != 0)  // 3 read from the wrong end is 0x03000000
      return bad("expected a little-endian GGUF file, found a big-endian one; convert it with gguf-py's gguf_convert_endian");
    if (version != 2 && version != 3) return bad("expected GGUF version 2 or 3, found version " + std::to_string(version));
    if (!cursor_.take(n_tensors) || !cursor_.take(n_keys)) return cut_short("counts of tensors and keys");
    if (n_keys > cursor_.left() / kMinKeyBytes)
      return bad("expected at most " + std::to_string(cursor_.left() / kMinKeyBytes) + " metadata keys in a file of this size, found " +
                 std::to_string(n_keys));
    if (n_tensors > cursor_.left() / kMinTensorBytes)
      return bad("expected at most " + std::to_string(cursor_.left() / kMinTensorBytes) + " tensors in a file of this size, found " +
                 std::to_string(n_tensors));
    return {};
  }

  Result<std::string> read_name(const std::string& where) {
    std::string_view name;
    if (!cursor_.take(name)) return cut_short(where);
    if (name.empty() || name.size() > kMaxNameBytes)
      return bad(where + ": expected a name of 1 to " + std::to_string(kMaxNameBytes) + " bytes, found " + std::to_string(name.size()));
    if (!is_printable_ascii(name)) return bad(where + ": expected a name in printable ASCII, found " + shown(name));
    return std::string(name);
  }

  Result<void> read_key(std::uint64_t i) {
    ASSIGN_OR_RETURN(const std::string key, read_name("metadata key " + std::to_string(i)));
    const std::string where = "metadata " + shown(key);
    std::uint32_t type = 0;
    if (!cursor_.take(type)) return cut_short(where);
    ASSIGN_OR_RETURN(MetaValue value, read_value(type, where));
    if (!part_.metadata.emplace(key, std::move(value)).second) return bad(where + ": expected once, found twice");
    return {};
  }

  Result<MetaValue> read_value(std::uint32_t type, const std::string& where) {
    if (type == static_cast<std::uint32_t>(ValueType::array)) return read_array(where);
    ASSIGN_OR_RETURN(MetaValue values, read_values(type, 1, where));
    return std::visit(OnlyItem{}, values);
  }

  Result<MetaValue> read_array(const std::string& where) {
    std::uint32_t type = 0;
    std::uint64_t n = 0;
    if (!cursor_.take(type) || !cursor_.take(n)) return cut_short(where);
    if (type == static_cast<std::uint32_t>(ValueType::array))
      return bad(where + ": expected an array of numbers, bools or strings, found an array of arrays");
    return read_values(type, n, where);
  }

  // Always a vector.
  Result<MetaValue> read_values(std::uint32_t type_number, std::uint64_t n, const std::string& where) {
    if (type_number > static_cast<std::uint32_t>(ValueType::f64))
      return bad(where + ": expected a value type of 0 to 12, found " + std::to_string(type_number));
    const auto type = static_cast<ValueType>(type_number);
    if (n > cursor_.left() / min_bytes_of(type))
      return bad(where + ": expected at most " + std::to_string(cursor_.left() / min_bytes_of(type)) + " values before the end of the file, found " +
                 std::to_string(n));
    switch (type) {
      case ValueType::u8: return read_numbers<std::uint8_t, std::int64_t>(n, where);
      case ValueType::i8: return read_numbers<std::int8_t, std::int64_t>(n, where);
      case ValueType::u16: return read_numbers<std::uint16_t, std::int64_t>(n, where);
      case ValueType::i16: return read_numbers<std::int16_t, std::int64_t>(n, where);
      case ValueType::u32: return read_numbers<std::uint32_t, std::int64_t>(n, where);
      case ValueType::i32: return read_numbers<std::int32_t, std::int64_t>(n, where);
      case ValueType::u64: return read_u64(n, where);
      case ValueType::i64: return read_numbers<std::int64_t, std::int64_t>(n, where);
      case ValueType::f32: return read_numbers<float, double>(n, where);
      case ValueType::f64: return read_numbers<double, double>(n, where);
      case ValueType::boolean: return read_bools(n, where);
      case ValueType::string: return read_strings(n, where);
      case ValueType::array: break;
    }
    return bad(where + ": expected a plain value, found an array");
  }

  template <class Stored, class Kept>
  Result<MetaValue> read_numbers(std::uint64_t n, const std::string& where) {
    std::vector<Kept> values;
    values.reserve(n);  // the file has so many
    for (std::uint64_t i = 0; i < n; ++i) {
      Stored value;
      if (!cursor_.take(value)) return cut_short(where);
      values.push_back(static_cast<Kept>(value));
    }
    return MetaValue(std::move(values));
  }

  // Beyond int64 as fractions (a seed, say): readers of whole numbers do not find them.
  Result<MetaValue> read_u64(std::uint64_t n, const std::string& where) {
    bool fits = true;
    Cursor ahead = cursor_;
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < n && ahead.take(value); ++i)
      fits = fits && value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return fits ? read_numbers<std::uint64_t, std::int64_t>(n, where) : read_numbers<std::uint64_t, double>(n, where);
  }

  Result<MetaValue> read_bools(std::uint64_t n, const std::string& where) {
    std::vector<bool> values;
    values.reserve(n);
    for (std::uint64_t i = 0; i < n; ++i) {
      std::uint8_t value = 0;
      if (!cursor_.take(value)) return cut_short(where);
      if (value > 1) return bad(where + ": expected a bool of 0 or 1, found " + std::to_string(value));  // gguf.md: invalid
      values.push_back(value == 1);
    }
    return MetaValue(std::move(values));
  }

  Result<MetaValue> read_strings(std::uint64_t n, const std::string& where) {
    std::string_view text;
    Cursor ahead = cursor_;  // a string takes 32 bytes of ours and 8 of the file's: count them before making room
    for (std::uint64_t i = 0; i < n; ++i)
      if (!ahead.take(text)) {
        cursor_ = ahead;
        return cut_short(where + (n > 1 ? ", item " + std::to_string(i) : ""));
      }
    std::vector<std::string> values;
    values.reserve(n);
    for (std::uint64_t i = 0; i < n && cursor_.take(text); ++i) values.emplace_back(text);
    return MetaValue(std::move(values));
  }

  Result<std::int64_t> read_alignment() const {
    const auto it = part_.metadata.find("general.alignment");
    if (it == part_.metadata.end()) return kDefaultAlignment;
    const std::int64_t* value = std::get_if<std::int64_t>(&it->second);
    if (!value) return bad("metadata general.alignment: expected a whole number, found another type");
    if (*value < kMinAlignment || *value > kMaxAlignment || !std::has_single_bit(static_cast<std::uint64_t>(*value)))
      return bad("metadata general.alignment: expected a power of two from 8 to 65536, found " + std::to_string(*value));
    return *value;
  }

  Result<void> read_tensor(std::uint64_t i, std::int64_t alignment) {
    TensorInfo info;
    ASSIGN_OR_RETURN(info.name, read_name("name of tensor " + std::to_string(i)));
    const std::string where = "tensor " + shown(info.name);
    std::uint32_t n_dims = 0, type_number = 0;
    std::uint64_t extents[4] = {}, offset = 0;
    if (!cursor_.take(n_dims)) return cut_short(where);
    if (n_dims < 1 || n_dims > 4) return bad(where + ": expected 1 to 4 dimensions, found " + std::to_string(n_dims));
    for (std::uint32_t d = 0; d < n_dims; ++d)
      if (!cursor_.take(extents[d])) return cut_short(where);
    if (!cursor_.take(type_number) || !cursor_.take(offset)) return cut_short(where);
    if (std::any_of(extents, extents + n_dims, [](std::uint64_t extent) { return extent == 0; })) {
      ++part_.n_empty;  // no values, so nothing that could be wrong or wanted
      return {};
    }

    const GgmlType* type = find_ggml_type(type_number);
    if (!type) return bad(where + ": expected a type of ggml's, found number " + std::to_string(type_number));
    if (!type->dtype)
      return unsupported(label_,
                         where + ": expected a format that this build decodes, found " + type->name + " (type " + std::to_string(type_number) + ")");
    info.dtype = *type->dtype;
    const DTypeInfo& format = pio::info(info.dtype);

    std::int64_t n_values = 1;
    for (std::uint32_t d = n_dims; d-- > 0;) {  // the file counts the fastest extent first, a Shape last
      const std::uint64_t extent = extents[d];
      if (extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
          __builtin_mul_overflow(n_values, static_cast<std::int64_t>(extent), &n_values))
        return bad(where + ": expected fewer than 2^63 values, found an extent of " + std::to_string(extent) + " too much");
      info.shape.append(static_cast<std::int64_t>(extent));
    }
    if (info.shape.back() % format.block_length != 0)
      return bad(where + ": expected rows of a multiple of " + std::to_string(format.block_length) + " values for " + format.name + ", found " +
                 std::to_string(info.shape.back()));
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(n_values / format.block_length), static_cast<std::uint64_t>(format.block_bytes),
                               &info.n_bytes))
      return bad(where + ": expected fewer than 2^64 bytes, found shape " + info.shape.text());
    if (offset % static_cast<std::uint64_t>(alignment) != 0)
      return bad(where + ": expected an offset that is a multiple of " + std::to_string(alignment) + ", found " + std::to_string(offset));
    part_.tensors.push_back(std::move(info));
    offsets_.push_back(offset);
    return {};
  }

  // Checks the byte ranges against the data section and against each other.
  Result<void> place_tensors(std::int64_t alignment) {
    if (part_.tensors.empty()) return {};  // a tokenizer alone; there may be no padding either
    const std::size_t padding =
        (static_cast<std::size_t>(alignment) - cursor_.position % static_cast<std::size_t>(alignment)) % static_cast<std::size_t>(alignment);
    const std::size_t start = cursor_.position + padding;  // both far below 2^63
    if (start > file_.size())
      return bad("data: expected to begin at byte " + std::to_string(start) + ", found the end of the file at " + std::to_string(file_.size()));
    const std::span<const std::byte> section = file_.subspan(start);
    for (std::size_t i = 0; i < part_.tensors.size(); ++i) {
      const TensorInfo& info = part_.tensors[i];
      if (offsets_[i] > section.size() || info.n_bytes > section.size() - offsets_[i])
        return bad("tensor " + shown(info.name) + ": expected " + std::to_string(info.n_bytes) + " bytes at offset " + std::to_string(offsets_[i]) +
                   ", found " + std::to_string(section.size()) + " bytes of data in all");
      part_.data.push_back(section.subspan(offsets_[i], info.n_bytes));
    }
    std::vector<std::size_t> order(part_.tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return offsets_[a] < offsets_[b]; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const std::size_t before = order[i - 1], after = order[i];
      if (offsets_[after] - offsets_[before] < part_.tensors[before].n_bytes)
        return bad("tensors " + shown(part_.tensors[before].name) + " and " + shown(part_.tensors[after].name) +
                   ": expected bytes of their own, found that they overlap");
    }
    return {};
  }

  std::span<const std::byte> file_;
  std::string label_;
  Cursor cursor_;
  Part part_;
  std::vector<std::uint64_t> offsets_;
};

// Headers have no length that is known beforehand: a short front is read first, and a longer one where that was not enough.
Result<Part> read_part(const MappedFile& file, std::string_view label) {
  constexpr std::uint64_t kFirst = std::uint64_t{8} << 20, kFactor = 4;
  for (std::uint64_t n = kFirst;; n *= kFactor) {
    ASSIGN_OR_RETURN(const std::vector<std::byte> front, file.read_front(std::min<std::uint64_t>(n, kMaxHeaderBytes)));
    Result<Part> part = PartReader(front, file.bytes(), label).read();
    if (part || front.size() == file.n_bytes() || front.size() >= kMaxHeaderBytes) return part;
  }
}

struct Split {
  std::int64_t index = 0;
  std::int64_t n_parts = 1;
  std::optional<std::int64_t> n_tensors;  // of all parts
};

Result<std::optional<std::int64_t>> whole_number(const Part& part, std::string_view key, std::string_view label) {
  const auto it = part.metadata.find(key);
  if (it == part.metadata.end()) return std::optional<std::int64_t>();
  if (const std::int64_t* value = std::get_if<std::int64_t>(&it->second)) return std::optional<std::int64_t>(*value);
  return bad_file(label, "metadata " + std::string(key) + ": expected a whole number, found another type");
}

Result<Split> split_of(const Part& part, std::string_view label) {
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> index, whole_number(part, "split.no", label));
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> n_parts, whole_number(part, "split.count", label));
  Split split;
  ASSIGN_OR_RETURN(split.n_tensors, whole_number(part, "split.tensors.count", label));
  split.index = index.value_or(0);
  split.n_parts = std::max<std::int64_t>(n_parts.value_or(1), 1);  // llama.cpp writes 0 or nothing into a file that is whole
  // Five digits in the file name.
  if (split.n_parts > 99999 || split.index < 0 || split.index >= split.n_parts)
    return bad_file(label, "expected split.no below split.count and at most 99999 parts, found part " + std::to_string(split.index) + " of " +
                               std::to_string(split.n_parts));
  return split;
}

std::string suffix_of(std::int64_t index, std::int64_t n_parts) {
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, "-%05lld-of-%05lld.gguf", static_cast<long long>(index + 1), static_cast<long long>(n_parts));
  return suffix;
}

void append(MappedModel& model, std::int64_t& n_empty, Part part, const Split& split) {
  n_empty += part.n_empty;
  if (split.index == 0) model.metadata = std::move(part.metadata);  // the other parts only say which part they are
  std::move(part.tensors.begin(), part.tensors.end(), std::back_inserter(model.tensors));
  model.data.insert(model.data.end(), part.data.begin(), part.data.end());
}

Result<std::unique_ptr<ModelFile>> finish(MappedModel model, std::int64_t n_empty, const Split& split) {
  const std::int64_t n_tensors = static_cast<std::int64_t>(model.tensors.size()) + n_empty;
  if (split.n_parts > 1 && split.n_tensors && *split.n_tensors != n_tensors)
    return bad_file(model.label, "expected " + std::to_string(*split.n_tensors) + " tensors in all parts (split.tensors.count), found " +
                                     std::to_string(n_tensors));
  RETURN_IF_ERROR(check_names_differ(model.tensors, model.label));
  const auto it = model.metadata.find("general.architecture");
  if (it == model.metadata.end()) {
    if (!model.tensors.empty()) return bad_file(model.label, "metadata general.architecture: expected a string, found none");
  } else {
    const std::string* architecture = std::get_if<std::string>(&it->second);
    if (!architecture) return bad_file(model.label, "metadata general.architecture: expected a string, found another type");
    if (architecture->empty() || !is_printable_ascii(*architecture))
      return bad_file(model.label, "metadata general.architecture: expected a name, found \"" + shown(*architecture) + "\"");
    model.architecture = *architecture;
  }
  return std::unique_ptr<ModelFile>(std::make_unique<MappedModelFile>(std::move(model)));
}

Result<std::unique_ptr<ModelFile>> open_parts(const std::filesystem::path& path) {
  MappedModel model;
  model.label = path.filename().string();
  ASSIGN_OR_RETURN(MappedFile opened, MappedFile::open(path));
  ASSIGN_OR_RETURN(Part opened_part, read_part(opened, model.label));
  ASSIGN_OR_RETURN(const Split split, split_of(opened_part, model.label));

  const std::string suffix = suffix_of(split.index, split.n_parts);
  if (split.n_parts > 1 && !model.label.ends_with(suffix))
    return bad_file(model.label, "expected a name that ends in " + suffix + ", as its split.no and split.count say, found another");
  const std::string stem = split.n_parts > 1 ? model.label.substr(0, model.label.size() - suffix.size()) : "";

  Split first = split;
  std::int64_t n_empty = 0;
  for (std::int64_t i = 0; i < split.n_parts; ++i) {
    if (i == split.index) {
      model.paths.push_back(path);
      append(model, n_empty, std::move(opened_part), split);
      model.files.push_back(std::move(opened));
      continue;
    }
    const std::filesystem::path part_path = path.parent_path() / (stem + suffix_of(i, split.n_parts));
    const std::string part_label = part_path.filename().string();
    ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(part_path));
    ASSIGN_OR_RETURN(Part part, read_part(file, part_label));
    ASSIGN_OR_RETURN(const Split other, split_of(part, part_label));
    if (other.index != i || other.n_parts != split.n_parts)
      return bad_file(part_label, "expected part " + std::to_string(i) + " of " + std::to_string(split.n_parts) + " (split.no, split.count), found " +
                                      std::to_string(other.index) + " of " + std::to_string(other.n_parts));
    if (i == 0) first = other;
    model.paths.push_back(part_path);
    append(model, n_empty, std::move(part), other);
    model.files.push_back(std::move(file));
  }
  return finish(std::move(model), n_empty, first);
}

}  // namespace

std::optional<DType> dtype_from_ggml(std::uint32_t type) {
  const GgmlType* found = find_ggml_type(type);
  return found ? found->dtype : std::nullopt;
}

std::optional<std::uint32_t> ggml_from_dtype(DType dtype) {
  for (const GgmlType& type : kGgmlTypes)
    if (type.dtype == dtype) return type.number;
  return std::nullopt;
}

Result<std::unique_ptr<ModelFile>> open_gguf(const std::filesystem::path& path) {
  auto file = open_parts(path);
  if (file) return file;
  Error error = file.error();
  if (error.path.empty()) error.path = path.string();
  return error;
}

Result<std::unique_ptr<ModelFile>> parse_gguf(std::span<const std::byte> bytes, std::string_view label) {
  MappedModel model;
  model.label = std::string(label);
  ASSIGN_OR_RETURN(Part part, PartReader(bytes, bytes, label).read());
  ASSIGN_OR_RETURN(const Split split, split_of(part, label));
  if (split.n_parts > 1)
    return bad_file(label, "expected a whole file, found part " + std::to_string(split.index) + " of " + std::to_string(split.n_parts));
  std::int64_t n_empty = 0;
  append(model, n_empty, std::move(part), split);
  return finish(std::move(model), n_empty, split);
}

}  // namespace pio
