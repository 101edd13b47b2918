#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/files/json_events.h"
#include "engine/files/mapped_model.h"
#include "engine/files/model_file.h"
#include "engine/files/words.h"

// safetensors (huggingface/safetensors README, "Format"): u64 header length, the header as a JSON object, the data.
//   {"__metadata__": {…}, "NAME": {"dtype": "BF16", "shape": [n_out, n_in], "data_offsets": [begin, end]}, …}
// As the format's own library, other members of an entry are passed over.
// Offsets count from the end of the header; the data are covered without holes.

namespace pio {
namespace {

static_assert(std::endian::native == std::endian::little, "the reader copies numbers as they lie in the file");

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the format's own library

struct Entry {
  std::string name;
  std::optional<std::string> dtype;
  std::optional<std::vector<std::uint64_t>> shape;
  std::optional<std::vector<std::uint64_t>> offsets;
};

// Depth 1 is the header, 2 a tensor (or __metadata__), 3 its shape or its offsets.
class HeaderEvents final : public JsonEvents {
 public:
  std::vector<Entry> entries;

  bool key(string_t& name) override {
    if (skipping_ || depth() > 2) return true;
    if (depth() == 2) {
      field_ = name;
      is_extra_ = field_ != "dtype" && field_ != "shape" && field_ != "data_offsets";
      return true;
    }
    if (name == "__metadata__") {
      skipping_ = true;
    } else {
      entries.push_back({.name = std::move(name), .dtype = {}, .shape = {}, .offsets = {}});
    }
    return true;
  }
  bool string(string_t& text) override {
    if (is_passed_over()) return true;
    if (depth() != 2 || field_ != "dtype") return misplaced("a string");
    if (entries.back().dtype) return twice();
    entries.back().dtype = std::move(text);
    return true;
  }
  bool number_unsigned(number_unsigned_t number) override {
    if (is_passed_over()) return true;
    if (depth() != 3) return misplaced("a number");
    numbers_->push_back(number);
    // Shapes of more are refused later, with their name; a list of millions must not be kept for that.
    if (numbers_->size() > kMaxNumbers) return stop(tensor() + "expected at most 64 extents, found more");
    return true;
  }
  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("a bool"); }
  bool number_integer(number_integer_t) override { return other("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return other("a number that is not whole"); }

 private:
  static constexpr std::size_t kMaxNumbers = 64;

  std::string tensor() const { return entries.empty() ? "" : "tensor " + shown(entries.back().name) + ": "; }
  bool misplaced(const std::string& what) {
    return stop(tensor() + "expected dtype (a string), shape and data_offsets (lists of whole numbers), found " + what + " elsewhere");
  }
  bool twice() { return stop(tensor() + "expected " + shown(field_) + " once, found it twice"); }
  bool other(const std::string& what) { return is_passed_over() ? true : misplaced(what); }
  // Within __metadata__, or a member of an entry that the format does not know.
  bool is_passed_over() const { return (skipping_ && depth() > 1) || (is_extra_ && depth() > 1); }

  bool on_start_object() override {
    if (skipping_ || depth() == 1) return true;
    if (depth() == 2 && !entries.empty()) return true;
    if (is_extra_ && depth() > 2) return true;
    return misplaced("an object");
  }
  bool on_end_object() override {
    if (depth() != 1) return true;
    is_extra_ = false;
    if (std::exchange(skipping_, false)) return true;
    const Entry& entry = entries.back();
    // Asked here, so that an entry costs the file about as much as it costs us.
    if (!entry.dtype || !entry.shape || !entry.offsets || entry.offsets->size() != 2)
      return stop(tensor() + "expected dtype, shape and two data_offsets, found less or more");
    return true;
  }
  bool on_start_array() override {
    if ((skipping_ || is_extra_) && depth() > 2) return true;
    if (depth() != 3 || skipping_) return misplaced("a list");
    auto* list = field_ == "shape" ? &entries.back().shape : field_ == "data_offsets" ? &entries.back().offsets : nullptr;
    if (!list) return misplaced("a list");
    if (*list) return twice();
    list->emplace();
    numbers_ = &**list;
    return true;
  }
  bool on_end_array() override { return true; }

  bool skipping_ = false;  // within __metadata__
  bool is_extra_ = false;  // within a member of an entry that is none of the three
  std::string field_;
  std::vector<std::uint64_t>* numbers_ = nullptr;
};

std::optional<DType> dtype_of(std::string_view name) {
  if (name == "F32") return DType::f32;
  if (name == "F16") return DType::f16;
  if (name == "BF16") return DType::bf16;
  if (name == "U8") return DType::u8;  // what packed checkpoints hold their weights in
  if (name == "I8") return DType::i8;
  if (name == "I32") return DType::i32;
  if (name == "I64") return DType::i64;
  return std::nullopt;
}

// A complete entry, by itself: all but where the next one begins. None where it has no values, so that nothing can want it.
Result<std::optional<SafetensorsEntry>> check(Entry& entry, std::uint64_t header_end, std::uint64_t n_data_bytes, std::string_view label) {
  const std::string where = "tensor " + shown(entry.name) + ": ";
  const std::uint64_t begin = (*entry.offsets)[0], end = (*entry.offsets)[1];
  if (begin > end || end > n_data_bytes)
    return bad_file(label, where + "expected data_offsets within " + std::to_string(n_data_bytes) + " bytes of data, found " + std::to_string(begin) +
                               " to " + std::to_string(end));
  if (std::ranges::find(*entry.shape, std::uint64_t{0}) != entry.shape->end()) {
    if (begin != end) return bad_file(label, where + "expected no bytes for no values, found " + std::to_string(end - begin));
    return std::optional<SafetensorsEntry>();
  }
  const std::optional<DType> dtype = dtype_of(*entry.dtype);
  if (!dtype) return unsupported(label, where + "expected F32, F16, BF16, U8, I8, I32 or I64, found " + shown(*entry.dtype));
  if (entry.shape->size() > 5) return unsupported(label, where + "expected at most 5 dimensions, found " + std::to_string(entry.shape->size()));

  SafetensorsEntry out;
  out.info.name = std::move(entry.name);
  out.info.dtype = *dtype;
  std::int64_t n_values = 1;
  std::vector<std::int64_t> extents;
  for (const std::uint64_t extent : *entry.shape) {
    if (extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
        __builtin_mul_overflow(n_values, static_cast<std::int64_t>(extent), &n_values))
      return bad_file(label, where + "expected fewer than 2^63 values, found an extent of " + std::to_string(extent) + " too much");
    extents.push_back(static_cast<std::int64_t>(extent));
  }
  // A shape of ours has four: of a kernel over time and space (Qwen3-VL's patches) the last two become one.
  if (extents.size() == 5) {
    extents[3] *= extents[4];
    extents.pop_back();
  }
  for (const std::int64_t extent : extents) out.info.shape.append(extent);
  // None of these formats has blocks. 4 * 2^63 would not fit, so divide.
  const std::uint64_t value_bytes = static_cast<std::uint64_t>(pio::info(*dtype).block_bytes);
  if ((end - begin) % value_bytes != 0 || (end - begin) / value_bytes != static_cast<std::uint64_t>(n_values))
    return bad_file(label, where + "expected " + std::to_string(n_values) + " values of " + std::to_string(value_bytes) + " bytes, found " +
                               std::to_string(end - begin) + " bytes");
  out.info.n_bytes = end - begin;
  out.offset = header_end + begin;
  return std::optional<SafetensorsEntry>(std::move(out));
}

// `front`: the beginning of a file of n_bytes, with the whole header where that is not refused for its length.
Result<std::vector<SafetensorsEntry>> parse_front(std::span<const std::byte> front, std::uint64_t n_bytes, std::string_view label) {
  std::uint64_t n_header_bytes = 0;
  if (n_bytes >= 8) std::memcpy(&n_header_bytes, front.data(), 8);
  if (n_bytes < 8 || n_header_bytes > n_bytes - 8 || n_header_bytes > kMaxHeaderBytes)
    return bad_file(
        label, "expected a safetensors file whose header fits into its " + std::to_string(n_bytes) + " bytes and 100 MB, found " +
                   (n_bytes < 8 ? "too few bytes" : "a header of " + std::to_string(n_header_bytes) + " bytes, or " + what_it_looks_like(front)));
  const std::string_view header(reinterpret_cast<const char*>(front.data()) + 8, static_cast<std::size_t>(n_header_bytes));
  if (!header.starts_with('{')) return bad_file(label, "header: expected a JSON object, found something else");

  HeaderEvents events;
  if (!read_json(header, events)) return bad_file(label, "header: " + events.problem);

  std::vector<SafetensorsEntry> entries;
  std::vector<TensorInfo> infos;
  const std::uint64_t header_end = 8 + n_header_bytes;
  for (Entry& entry : events.entries) {
    ASSIGN_OR_RETURN(std::optional<SafetensorsEntry> checked, check(entry, header_end, n_bytes - header_end, label));
    if (checked) entries.push_back(std::move(*checked));
  }
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) { return a.offset < b.offset; });
  std::uint64_t expected = header_end;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.offset != expected)
      return bad_file(label, "tensor " + shown(entry.info.name) + ": expected data from byte " + std::to_string(expected) +
                                 ", where the one before ends, found byte " + std::to_string(entry.offset));
    expected += entry.info.n_bytes;
    infos.push_back(entry.info);
  }
  if (expected != n_bytes)
    return bad_file(label, "expected data that end with the last tensor at byte " + std::to_string(expected) + ", found " + std::to_string(n_bytes));
  RETURN_IF_ERROR(check_names_differ(infos, label));
  return entries;
}

}  // namespace

Result<std::vector<SafetensorsEntry>> parse_safetensors(std::span<const std::byte> bytes, std::string_view label) {
  return parse_front(bytes, bytes.size(), label);
}

Result<std::vector<SafetensorsEntry>> read_safetensors_header(const MappedFile& file, std::string_view label) {
  constexpr std::uint64_t kFrontBytes = 64;  // enough to tell what a file is that is none of these
  ASSIGN_OR_RETURN(std::vector<std::byte> front, file.read_front(kFrontBytes));
  std::uint64_t n_header_bytes = 0;
  if (front.size() >= 8) std::memcpy(&n_header_bytes, front.data(), 8);
  if (n_header_bytes <= kMaxHeaderBytes && 8 + n_header_bytes > front.size()) {
    ASSIGN_OR_RETURN(front, file.read_front(8 + n_header_bytes));
  }
  return parse_front(front, file.n_bytes(), label);
}

}  // namespace pio
