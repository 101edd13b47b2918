#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/files/checkpoint_json.h"
#include "engine/files/derived_file.h"
#include "engine/files/mapped_model.h"
#include "engine/files/words.h"
#include "kernels/base/log.h"
#include "kernels/weight_only.h"

// Packed checkpoints, as their writers lay them out (models.md 9.1 to 9.3). Everything is checked here, once; making rows fails where the file cannot
// be read any more. Files are read, never touched where they are mapped.

namespace pio {
namespace {

using Index = std::map<std::string, std::size_t, std::less<>>;
using Rows = std::function<Result<void>(std::int64_t first, std::int64_t n, std::byte* out)>;
using Bytes = std::span<const std::byte>;

template <class T>
T value_at(std::span<const std::byte> bytes, std::int64_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * static_cast<std::int64_t>(sizeof(T)), sizeof value);
  return value;
}

// Parts of packed layers that lie in another order than the rows that are made of them, so that they are read whole: those read last, for the
// rows of one matrix are made in several pieces. Any thread.
class ReadParts {
 public:
  explicit ReadParts(const ModelFile& file) : file_(file) {}

  using Part = std::shared_ptr<const std::vector<std::byte>>;
  // `where` it stands in the file. Fails as ModelFile::read.
  Result<Part> read(Bytes where) {
    const std::lock_guard lock(mutex_);  // who wants the same part waits for it here
    auto found = std::ranges::find(parts_, where.data(), &Read::where);
    if (found == parts_.end()) {
      const auto bytes = std::make_shared<std::vector<std::byte>>(where.size());
      RETURN_IF_ERROR(file_.read(where, bytes->data()));
      n_bytes_ += where.size();
      parts_.push_back({where.data(), bytes});
      for (; n_bytes_ > kMostBytes && parts_.size() > 1; parts_.pop_front()) n_bytes_ -= parts_.front().bytes->size();
      return Part(bytes);
    }
    const Part bytes = found->bytes;
    std::rotate(found, found + 1, parts_.end());
    return bytes;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    parts_.clear();
    n_bytes_ = 0;
  }

 private:
  static constexpr std::size_t kMostBytes = std::size_t{32} << 20;
  struct Read {
    const std::byte* where = nullptr;
    Part bytes;
  };
  const ModelFile& file_;
  std::mutex mutex_;
  std::deque<Read> parts_;  // the one used last is last
  std::size_t n_bytes_ = 0;
};

Result<std::vector<std::byte>> read_bytes(const ModelFile& file, Bytes where) {
  std::vector<std::byte> bytes(where.size());
  RETURN_IF_ERROR(file.read(where, bytes.data()));
  return bytes;
}

// A packed layer on its way: its tensors by their last names, each asked for with the format and shape that it must have.
class Parts {
 public:
  Parts(const ModelFile& file, const Index& index, std::string stem, std::shared_ptr<ReadParts> read_parts)
      : file_(file), index_(index), stem_(std::move(stem)), read_parts_(std::move(read_parts)) {}

  const ModelFile& file() const { return file_; }
  const std::shared_ptr<ReadParts>& read_parts() const { return read_parts_; }

  bool has(std::string_view suffix) const { return index_.contains(stem_ + std::string(suffix)); }
  // Where its bytes stand. The first thing wrong is kept; what was wrong gives none.
  Bytes take(std::string_view suffix, DType dtype, const Shape& shape) {
    const TensorInfo* info = find(suffix);
    if (!info) return {};
    if (info->dtype != dtype || !(info->shape == shape)) {
      fail(suffix, shape.text() + " " + pio::info(dtype).name + ", found " + info->shape.text() + " " + pio::info(info->dtype).name);
      return {};
    }
    return use(suffix);
  }
  const TensorInfo* find(std::string_view suffix) {
    const auto found = index_.find(stem_ + std::string(suffix));
    if (found == index_.end()) {
      fail(suffix, "there, found none");
      return nullptr;
    }
    return &file_.tensors()[found->second];
  }
  // The bytes themselves.
  std::vector<std::byte> read(std::string_view suffix, DType dtype, const Shape& shape) { return read(take(suffix, dtype, shape)); }
  std::vector<std::byte> read(Bytes where) {
    if (where.empty()) return {};
    Result<std::vector<std::byte>> bytes = read_bytes(file_, where);
    if (bytes) return std::move(*bytes);
    if (!error_) error_ = bytes.error();
    return {};
  }
  Bytes use(std::string_view suffix) {
    const std::size_t i = index_.find(stem_ + std::string(suffix))->second;
    if (std::find(sources_.begin(), sources_.end(), i) == sources_.end()) sources_.push_back(i);
    return file_.data(i);
  }
  void fail(std::string_view suffix, const std::string& expected) {
    if (!error_) error_ = bad_file(file_.label(), "tensor " + shown(stem_ + std::string(suffix)) + ": expected " + expected);
  }
  void refuse(std::string_view suffix, const std::string& words) {
    if (!error_) error_ = unsupported(file_.label(), "tensor " + shown(stem_ + std::string(suffix)) + ": " + words);
  }
  bool failed() const { return error_.has_value(); }

  Result<DerivedTensor> finish(std::string name, DType dtype, std::int64_t n_out, std::int64_t n_in, Rows rows) {
    if (error_) return *error_;
    DerivedTensor tensor;
    tensor.info = {.name = std::move(name), .dtype = dtype, .shape = {n_out, n_in}, .n_bytes = bytes_of(dtype, n_out * n_in)};
    tensor.sources = sources_;
    tensor.make_rows = std::move(rows);
    tensor.release = [read_parts = read_parts_] { read_parts->forget(); };
    return tensor;
  }
  Error error() const { return *error_; }

 private:
  const ModelFile& file_;
  const Index& index_;
  std::string stem_;
  std::shared_ptr<ReadParts> read_parts_;
  std::vector<std::size_t> sources_;
  std::optional<Error> error_;
};

// ---- bitsandbytes ----------------------------------------------------------------------------------------------------------------------

// Extents of the packed tensors: within what the readers of model files allow, and so that a product of two and an index of a group fit.
constexpr std::int64_t kMaxExtent = std::int64_t{1} << 30, kMaxValues = std::int64_t{1} << 40;

bool is_matrix(std::int64_t n_out, std::int64_t n_in) {
  return n_out >= 1 && n_in >= 1 && n_out <= kMaxExtent && n_in <= kMaxExtent && n_out <= kMaxValues / n_in;
}

struct Nf4State {
  std::int64_t n_out = 0, n_in = 0, block_length = 0, nested_block_length = 0;
  float nested_offset = 0;
};

// quant_state.bitsandbytes__nf4: JSON in a tensor of bytes. Writers need about 200.
constexpr std::size_t kMaxStateBytes = 64 << 10;

std::optional<Nf4State> read_nf4_state(Parts& parts, std::string_view suffix) {
  const Bytes where = parts.use(suffix);
  if (where.size() > kMaxStateBytes) {
    parts.fail(suffix, "at most " + std::to_string(kMaxStateBytes) + " bytes of JSON, found " + std::to_string(where.size()));
    return std::nullopt;
  }
  const std::vector<std::byte> bytes = parts.read(where);
  if (parts.failed()) return std::nullopt;
  Metadata json;
  if (const auto read = flatten_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "quant_state", "", json); !read) {
    parts.fail(suffix, "a JSON object, found another thing (" + read.error().message + ")");
    return std::nullopt;
  }
  Nf4State state;
  const auto* shape = value_of<std::vector<std::int64_t>>(json, "shape");
  const auto* block_length = value_of<std::int64_t>(json, "blocksize");
  if (shape && shape->size() == 2 && block_length) state = {.n_out = (*shape)[0], .n_in = (*shape)[1], .block_length = *block_length};
  if (!is_matrix(state.n_out, state.n_in) || state.block_length < 2 || state.block_length > 4096 || state.block_length % 2 != 0) {
    parts.fail(suffix, "JSON with a shape of two extents and an even blocksize, found something else");
    return std::nullopt;
  }
  for (const auto& [key, expected] : {std::pair<const char*, const char*>{"quant_type", "nf4"}, {"nested_dtype", "float32"}}) {
    const auto* name = value_of<std::string>(json, key);
    if (json.contains(key) && (!name || *name != expected)) {
      parts.refuse(suffix, std::string(key) + ": expected " + expected + ", found " + (name ? shown(*name) : std::string("another value")));
      return std::nullopt;
    }
  }
  if (json.contains("nested_blocksize")) {
    const auto* nested_length = value_of<std::int64_t>(json, "nested_blocksize");
    const std::optional<double> offset = number_of(json, "nested_offset");
    if (!nested_length || *nested_length < 1 || !offset || !(std::abs(*offset) <= std::numeric_limits<float>::max())) {
      parts.fail(suffix, "a nested_blocksize with its nested_offset, found something else");
      return std::nullopt;
    }
    state.nested_block_length = *nested_length;
    state.nested_offset = static_cast<float>(*offset);
  }
  return state;
}

// The scale of each block; with double quantization, quant_map[u8] * nested_absmax + offset, each step rounded to float32.
std::vector<float> read_absmax(Parts& parts, const Nf4State& state, std::int64_t n_blocks) {
  std::vector<float> absmax(static_cast<std::size_t>(n_blocks));
  if (state.nested_block_length == 0) {
    const auto bytes = parts.read(".weight.absmax", DType::f32, {n_blocks});
    if (!bytes.empty()) std::memcpy(absmax.data(), bytes.data(), bytes.size());
    return absmax;
  }
  const std::int64_t n_nested = (n_blocks - 1) / state.nested_block_length + 1;  // no sum of the two: the file's may be near 2^63
  const auto codes = parts.read(".weight.absmax", DType::u8, {n_blocks});
  const auto map = parts.read(".weight.nested_quant_map", DType::f32, {256});
  const auto nested = parts.read(".weight.nested_absmax", DType::f32, {n_nested});
  if (parts.failed()) return absmax;
  for (std::int64_t b = 0; b < n_blocks; ++b) {
    const float product = value_at<float>(map, static_cast<std::int64_t>(codes[b])) * value_at<float>(nested, b / state.nested_block_length);
    absmax[b] = product + state.nested_offset;
  }
  return absmax;
}

bool is_nf4_codebook(std::span<const std::byte> map) {
  for (int q = 0; q < 16; ++q) {
    if (std::abs(value_at<float>(map, q) - kNf4Values[q]) > 1e-6f) return false;  // written from the same sixteen numbers, in float32
  }
  return true;
}

Result<DerivedTensor> unpack_nf4(Parts& parts, const std::string& name) {
  const std::optional<Nf4State> state = read_nf4_state(parts, ".weight.quant_state.bitsandbytes__nf4");
  if (!state) return parts.error();
  const std::int64_t n_in = state->n_in, n_values = state->n_out * n_in, block_length = state->block_length;
  const Bytes codes = parts.take(".weight", DType::u8, {(n_values + 1) / 2, 1});
  const auto map = parts.read(".weight.quant_map", DType::f32, {16});
  if (parts.failed()) return parts.error();  // before memory of the sizes in the JSON is allocated
  const std::vector<float> absmax = read_absmax(parts, *state, (n_values + block_length - 1) / block_length);
  if (!parts.failed() && !is_nf4_codebook(map)) parts.refuse(".weight.quant_map", "expected NF4's sixteen numbers, found others");

  // Of rows the bytes that hold their codes, and the number of the first code in these.
  const auto read_codes = [&file = parts.file(), codes, n_in](std::int64_t first, std::int64_t n) -> Result<std::vector<std::byte>> {
    const std::int64_t begin = first * n_in / 2, end = ((first + n) * n_in + 1) / 2;
    return read_bytes(file, codes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  };
  if (n_in % 32 == 0 && block_length % 32 == 0) {
    return parts.finish(name, DType::nf4, state->n_out, n_in, [=](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
      ASSIGN_OR_RETURN(const std::vector<std::byte> packed, read_codes(first, n));
      const std::byte* at = packed.data();
      for (std::int64_t i = first * n_in; i < (first + n) * n_in; i += 32, out += sizeof(BlockNf4), at += sizeof(BlockNf4::qs)) {
        BlockNf4 block;
        block.absmax = absmax[i / block_length];
        std::memcpy(block.qs, at, sizeof block.qs);
        std::memcpy(out, &block, sizeof block);
      }
      return {};
    });
  }
  // Its blocks run over the ends of rows: as plain numbers.
  return parts.finish(name, DType::f32, state->n_out, n_in, [=](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
    ASSIGN_OR_RETURN(const std::vector<std::byte> packed, read_codes(first, n));
    const std::int64_t begin = first * n_in / 2 * 2;
    for (std::int64_t i = first * n_in; i < (first + n) * n_in; ++i, out += sizeof(float)) {
      const auto byte = std::to_integer<int>(packed[static_cast<std::size_t>((i - begin) / 2)]);
      const float value = kNf4Values[i % 2 == 0 ? byte >> 4 : byte & 15] * absmax[i / block_length];
      std::memcpy(out, &value, sizeof value);
    }
    return {};
  });
}

// LLM.int8(): rows of i8 with SCB, the largest magnitude of each.
Result<DerivedTensor> unpack_int8(Parts& parts, const std::string& name) {
  const TensorInfo* weight = parts.find(".weight");
  if (!weight) return parts.error();
  const Shape shape = weight->shape;
  if (shape.rank() != 2 || !is_matrix(shape[0], shape[1])) {
    parts.fail(".weight", "two extents, found " + shape.text());
    return parts.error();
  }
  const std::int64_t n_out = shape[0], n_in = shape[1];
  const Bytes codes = parts.take(".weight", DType::i8, shape);
  const auto largest = parts.read(".SCB", DType::f32, {n_out});
  if (parts.has(".weight_format")) {
    // bitsandbytes numbers its layouts: 0 row after row, 1 to 3 the tiles of old cards.
    const TensorInfo* format = parts.find(".weight_format");
    const Bytes where = parts.take(".weight_format", DType::u8, format->shape);
    const std::vector<std::byte> bytes = where.size() == 1 ? parts.read(where) : std::vector<std::byte>();
    if (!parts.failed() && (bytes.size() != 1 || bytes[0] != std::byte{0}))
      parts.refuse(".weight_format",
                   "expected 0 (rows), found " + (bytes.size() == 1 ? std::to_string(std::to_integer<int>(bytes[0])) : format->shape.text()));
  }
  if (parts.failed()) return parts.error();
  const auto read_codes = [&file = parts.file(), codes, n_in](std::int64_t first, std::int64_t n) {
    return read_bytes(file, codes.subspan(static_cast<std::size_t>(first * n_in), static_cast<std::size_t>(n * n_in)));
  };
  if (n_in % 32 == 0) {
    return parts.finish(name, DType::int8, n_out, n_in, [=](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
      ASSIGN_OR_RETURN(const std::vector<std::byte> rows, read_codes(first, n));
      const std::byte* at = rows.data();
      for (std::int64_t i = first * n_in; i < (first + n) * n_in; i += 32, out += sizeof(BlockInt8), at += sizeof(BlockInt8::qs)) {
        BlockInt8 block;
        block.scale = value_at<float>(largest, i / n_in) / 127;
        std::memcpy(block.qs, at, sizeof block.qs);
        std::memcpy(out, &block, sizeof block);
      }
      return {};
    });
  }
  return parts.finish(name, DType::f32, n_out, n_in, [=](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
    ASSIGN_OR_RETURN(const std::vector<std::byte> rows, read_codes(first, n));
    for (std::int64_t i = 0; i < n * n_in; ++i, out += sizeof(float)) {
      const float value = static_cast<float>(value_at<std::int8_t>(rows, i)) * value_at<float>(largest, first + i / n_in) / 127;
      std::memcpy(out, &value, sizeof value);
    }
    return {};
  });
}

// ---- GPTQ and AWQ ----------------------------------------------------------------------------------------------------------------------

// A matrix of 4-bit codes with a scale and a zero for each group of inputs, however it is packed.
struct Grouped {
  std::int64_t n_out = 0, n_in = 0, n_groups = 0;
  Bytes codes, zeros, scales;  // where they stand; scales: [n_groups, n_out] f16
  std::function<int(Bytes codes, std::int64_t o, std::int64_t i)> code;
  std::function<int(Bytes zeros, std::int64_t group, std::int64_t o)> zero;
  std::vector<std::int32_t> group_of;  // [n_in]
  std::shared_ptr<ReadParts> parts;

  // Whether runs of `length` inputs, from the first on, lie in one group each.
  bool has_runs_of(std::int64_t length) const {
    if (n_in % length != 0) return false;
    for (std::int64_t i = 0; i < n_in; ++i) {
      if (group_of[i] != group_of[i / length * length]) return false;
    }
    return true;
  }
};

// The same, read.
struct ReadGrouped {
  ReadParts::Part codes, zeros, scales;
  static Result<ReadGrouped> read(const Grouped& g) {
    ReadGrouped read;
    ASSIGN_OR_RETURN(read.codes, g.parts->read(g.codes));
    ASSIGN_OR_RETURN(read.zeros, g.parts->read(g.zeros));
    ASSIGN_OR_RETURN(read.scales, g.parts->read(g.scales));
    return read;
  }
};

template <class Block>
Rows grouped_rows(const Grouped& g) {
  constexpr std::int64_t kLength = 2 * sizeof(Block::qs);
  return [g](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
    ASSIGN_OR_RETURN(const ReadGrouped read, ReadGrouped::read(g));
    const Bytes codes = *read.codes, zeros = *read.zeros, scales = *read.scales;
    for (std::int64_t o = first; o < first + n; ++o) {
      for (std::int64_t i = 0; i < g.n_in; i += kLength, out += sizeof(Block)) {
        Block block{};
        block.scale = value_at<std::uint16_t>(scales, g.group_of[i] * g.n_out + o);
        block.zero = static_cast<std::uint8_t>(g.zero(zeros, g.group_of[i], o));
        for (std::int64_t k = 0; k < kLength / 2; ++k)
          block.qs[k] = static_cast<std::uint8_t>(g.code(codes, o, i + 2 * k) | g.code(codes, o, i + 2 * k + 1) << 4);
        std::memcpy(out, &block, sizeof block);
      }
    }
    return {};
  };
}

Rows plain_rows(const Grouped& g) {
  return [g](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
    ASSIGN_OR_RETURN(const ReadGrouped read, ReadGrouped::read(g));
    const Bytes codes = *read.codes, zeros = *read.zeros, scales = *read.scales;
    for (std::int64_t o = first; o < first + n; ++o) {
      for (std::int64_t i = 0; i < g.n_in; ++i, out += sizeof(float)) {
        const std::int32_t group = g.group_of[i];
        const float value =
            static_cast<float>(g.code(codes, o, i) - g.zero(zeros, group, o)) * f16_to_f32(value_at<std::uint16_t>(scales, group * g.n_out + o));
        std::memcpy(out, &value, sizeof value);
      }
    }
    return {};
  };
}

Result<DerivedTensor> finish_grouped(Parts& parts, const std::string& name, const Grouped& g) {
  if (parts.failed()) return parts.error();
  if (g.has_runs_of(128)) return parts.finish(name, DType::int4, g.n_out, g.n_in, grouped_rows<BlockInt4>(g));
  if (g.has_runs_of(32)) return parts.finish(name, DType::int4_32, g.n_out, g.n_in, grouped_rows<BlockInt4_32>(g));
  // Inputs in the order of their activations (desc_act): neighbours have different scales, so no block holds them.
  return parts.finish(name, DType::f32, g.n_out, g.n_in, plain_rows(g));
}

// Groups of the shapes that all three tensors must have. qweight_packs: which of [n_in, n_out] is divided by 8.
std::optional<Grouped> read_grouped(Parts& parts, bool inputs_are_packed) {
  const TensorInfo* qweight = parts.find(".qweight");
  const TensorInfo* scales = parts.find(".scales");
  if (!qweight || !scales) return std::nullopt;
  if (qweight->shape.rank() != 2) parts.fail(".qweight", "two extents, found " + qweight->shape.text());
  if (scales->shape.rank() != 2) parts.fail(".scales", "two extents, found " + scales->shape.text());
  if (parts.failed()) return std::nullopt;
  Grouped g;
  g.n_in = std::min(qweight->shape[0], kMaxExtent) * (inputs_are_packed ? 8 : 1);
  g.n_out = std::min(qweight->shape[1], kMaxExtent) * (inputs_are_packed ? 1 : 8);
  g.n_groups = scales->shape[0];
  if (!is_matrix(g.n_out, g.n_in) || g.n_out % 8 != 0 || g.n_groups > g.n_in) {
    parts.fail(".qweight", "a matrix whose outputs are a multiple of 8, found " + qweight->shape.text());
    return std::nullopt;
  }
  g.scales = parts.take(".scales", DType::f16, {g.n_groups, g.n_out});
  g.parts = parts.read_parts();
  return g;
}

// Inputs of group after group: `group_size` each (-1: one group of all), the last one perhaps fewer; of equal length where it is not said.
void group_in_order(Parts& parts, Grouped& g, std::optional<std::int64_t> group_size) {
  const std::int64_t length = !group_size ? g.n_in / g.n_groups : *group_size == -1 ? g.n_in : *group_size;
  const bool fits = length >= 1 && (group_size ? (g.n_in - 1) / length + 1 == g.n_groups : g.n_in % g.n_groups == 0);
  if (!fits) {
    parts.fail(".scales", "groups of " + (group_size ? "group_size " + std::to_string(*group_size) : std::string("one length")) + " for " +
                              std::to_string(g.n_in) + " inputs, found " + std::to_string(g.n_groups));
    return;
  }
  g.group_of.reserve(static_cast<std::size_t>(g.n_in));
  for (std::int64_t i = 0; i < g.n_in; ++i) g.group_of.push_back(static_cast<std::int32_t>(i / length));
}

// Zeros are stored one too low in the first format ("gptq"), as they are in "gptq_v2". A stored 15 of the first is ambiguous: some readers
// make it 16, some wrap it to 0; here it is 16.
Result<DerivedTensor> unpack_gptq(Parts& parts, const std::string& name, bool is_v2, std::optional<std::int64_t> group_size) {
  std::optional<Grouped> read = read_grouped(parts, true);
  if (!read) return parts.error();
  Grouped& g = *read;
  const std::int64_t n_out = g.n_out;
  g.codes = parts.take(".qweight", DType::i32, {g.n_in / 8, n_out});
  g.zeros = parts.take(".qzeros", DType::i32, {g.n_groups, n_out / 8});
  if (parts.failed()) return parts.error();
  if (parts.has(".g_idx")) {
    const auto groups = parts.read(".g_idx", DType::i32, {g.n_in});
    for (std::int64_t i = 0; i < g.n_in && !parts.failed(); ++i) {
      g.group_of.push_back(value_at<std::int32_t>(groups, i));
      if (g.group_of.back() < 0 || g.group_of.back() >= g.n_groups)
        parts.fail(".g_idx", "groups 0 to " + std::to_string(g.n_groups - 1) + ", found " + std::to_string(g.group_of.back()));
    }
  } else {
    group_in_order(parts, g, group_size);
  }
  g.code = [=](Bytes codes, std::int64_t o, std::int64_t i) { return value_at<std::uint32_t>(codes, i / 8 * n_out + o) >> (4 * (i % 8)) & 15; };
  g.zero = [=](Bytes zeros, std::int64_t group, std::int64_t o) {
    return static_cast<int>(value_at<std::uint32_t>(zeros, group * (n_out / 8) + o / 8) >> (4 * (o % 8)) & 15) + (is_v2 ? 0 : 1);
  };
  return finish_grouped(parts, name, g);
}

Result<DerivedTensor> unpack_awq(Parts& parts, const std::string& name, std::optional<std::int64_t> group_size) {
  std::optional<Grouped> read = read_grouped(parts, false);
  if (!read) return parts.error();
  Grouped& g = *read;
  const std::int64_t n_out = g.n_out;
  g.codes = parts.take(".qweight", DType::i32, {g.n_in, n_out / 8});
  g.zeros = parts.take(".qzeros", DType::i32, {g.n_groups, n_out / 8});
  if (parts.failed()) return parts.error();
  group_in_order(parts, g, group_size);
  const auto nibble = [n_out](Bytes packed, std::int64_t row, std::int64_t o) -> int {
    static constexpr int kPlace[8] = {0, 4, 1, 5, 2, 6, 3, 7};  // nibble n holds column {0, 2, 4, 6, 1, 3, 5, 7}[n] of its eight
    return value_at<std::uint32_t>(packed, row * (n_out / 8) + o / 8) >> (4 * kPlace[o % 8]) & 15;
  };
  g.code = [=](Bytes codes, std::int64_t o, std::int64_t i) { return nibble(codes, i, o); };
  g.zero = [=](Bytes zeros, std::int64_t group, std::int64_t o) { return nibble(zeros, group, o); };
  return finish_grouped(parts, name, g);
}

// ---- the checkpoint --------------------------------------------------------------------------------------------------------------------

// A value of quantization_config; null as if absent. A value of another type is an error, not a default: 8.0 bits are not 4.
template <class T>
Result<std::optional<T>> setting(const ModelFile& file, const std::string& key) {
  const auto found = file.metadata().find("quantization_config." + key);
  if (found == file.metadata().end()) return std::optional<T>();
  if (const T* value = std::get_if<T>(&found->second)) return std::optional<T>(*value);
  return bad_file(file.label(), "config.json: quantization_config." + key + ": expected another type of value, found one that does not fit");
}

Result<void> require_setting(const ModelFile& file, const std::string& key, std::initializer_list<std::string_view> allowed) {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, setting<std::string>(file, key));
  if (!value || std::ranges::find(allowed, *value) != allowed.end()) return {};
  std::string names;
  for (const std::string_view name : allowed) names.append(names.empty() ? "" : " or ").append(name);
  return unsupported(file.label(), "config.json: quantization_config." + key + ": expected " + names + ", found " + shown(*value));
}

// Which layer a packed tensor belongs to, by the tensor that every layer of the packing has; empty: it belongs to none.
struct Packing {
  std::string key_suffix;                  // of that tensor: ".qweight"
  std::vector<std::string> part_suffixes;  // what else belongs to a layer
  std::function<Result<DerivedTensor>(Parts&, const std::string&)> unpack;
};

Result<std::vector<Packing>> packings_of(const ModelFile& file) {
  ASSIGN_OR_RETURN(const std::optional<std::string> method, setting<std::string>(file, "quant_method"));
  if (method == "bitsandbytes") {
    ASSIGN_OR_RETURN(const std::optional<bool> is_4bit, setting<bool>(file, "load_in_4bit"));
    if (is_4bit.value_or(false)) RETURN_IF_ERROR(require_setting(file, "bnb_4bit_quant_type", {"nf4"}));
    return std::vector<Packing>{{".weight.quant_state.bitsandbytes__nf4",
                                 {".weight", ".weight.absmax", ".weight.quant_map", ".weight.nested_absmax", ".weight.nested_quant_map"},
                                 unpack_nf4},
                                {".SCB", {".weight", ".weight_format"}, unpack_int8}};
  }
  if (method == "gptq" || method == "awq") {
    ASSIGN_OR_RETURN(const std::optional<std::int64_t> bits, setting<std::int64_t>(file, "bits"));
    if (bits.value_or(4) != 4) return unsupported(file.label(), "config.json: quantization_config: expected 4 bits, found " + std::to_string(*bits));
    ASSIGN_OR_RETURN(const std::optional<std::int64_t> group_size, setting<std::int64_t>(file, "group_size"));
    RETURN_IF_ERROR(require_setting(file, "pack_dtype", {"int32"}));
    if (method == "gptq") {
      RETURN_IF_ERROR(require_setting(file, "checkpoint_format", {"gptq", "gptq_v2"}));
      ASSIGN_OR_RETURN(const std::optional<std::string> format, setting<std::string>(file, "checkpoint_format"));
      return std::vector<Packing>{
          {".qweight", {".qzeros", ".scales", ".g_idx"}, [is_v2 = format == "gptq_v2", group_size](Parts& parts, const std::string& name) {
             return unpack_gptq(parts, name, is_v2, group_size);
           }}};
    }
    RETURN_IF_ERROR(require_setting(file, "version", {"gemm", "GEMM"}));
    return std::vector<Packing>{
        {".qweight", {".qzeros", ".scales"}, [group_size](Parts& parts, const std::string& name) { return unpack_awq(parts, name, group_size); }}};
  }
  return unsupported(file.label(),
                     "config.json: expected weights in F32, F16 or BF16, or packed by bitsandbytes, gptq or awq, found a checkpoint quantized" +
                         (method ? " with " + shown(*method) : ""));
}

bool is_packed(const ModelFile& file) {
  return std::any_of(file.metadata().begin(), file.metadata().end(), [](const auto& item) { return item.first.starts_with("quantization_config."); });
}

}  // namespace

Result<std::unique_ptr<ModelFile>> unpack_checkpoint(std::unique_ptr<ModelFile> file) {
  if (!is_packed(*file)) return file;
  ASSIGN_OR_RETURN(const std::vector<Packing> packings, packings_of(*file));
  const std::vector<TensorInfo>& tensors = file->tensors();
  Index index;
  for (std::size_t i = 0; i < tensors.size(); ++i) index.emplace(tensors[i].name, i);

  const auto read_parts = std::make_shared<ReadParts>(*file);
  std::vector<bool> is_part(tensors.size(), false);
  std::vector<DerivedTensor> derived;
  std::size_t n_plain = 0;
  for (const auto& [name, i] : index) {
    constexpr std::string_view kState = ".quant_state.bitsandbytes__";
    if (const std::size_t at = name.find(kState); at != name.npos && name.substr(at + kState.size()) != "nf4")
      return unsupported(file->label(), "tensor " + shown(name) + ": expected NF4, found " + shown(name.substr(at + kState.size())));
    for (const Packing& packing : packings) {
      if (!name.ends_with(packing.key_suffix)) continue;
      const std::string stem = name.substr(0, name.size() - packing.key_suffix.size());
      Parts parts(*file, index, stem, read_parts);
      parts.use(packing.key_suffix);
      is_part[i] = true;
      for (const std::string& suffix : packing.part_suffixes) {
        if (const auto part = index.find(stem + suffix); part != index.end()) is_part[part->second] = true;
      }
      ASSIGN_OR_RETURN(DerivedTensor tensor, packing.unpack(parts, stem + ".weight"));
      n_plain += tensor.info.dtype == DType::f32;
      derived.push_back(std::move(tensor));
    }
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!is_part[i]) derived.push_back({tensors[i], {i}, {}});
  }
  if (n_plain > 0)
    log(LogLevel::warning, file->label() + ": " + std::to_string(n_plain) +
                               " packed matrices have scales that change from input to input (or rows of odd length) and are held as F32");
  std::vector<TensorInfo> infos;
  for (const DerivedTensor& tensor : derived) infos.push_back(tensor.info);
  RETURN_IF_ERROR(check_names_differ(infos, file->label()));  // a matrix packed in two ways, or packed and plain
  std::sort(derived.begin(), derived.end(), [](const DerivedTensor& a, const DerivedTensor& b) { return a.sources.front() < b.sources.front(); });
  return std::unique_ptr<ModelFile>(std::make_unique<DerivedFile>(std::move(file), std::move(derived)));
}

}  // namespace pio
