#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// Writes GGUF files for tests, sound ones and any kind of broken one: every number that the format lets a file claim can be a lie.

namespace pio {

class Bytes {
 public:
  template <class T>
  Bytes& number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    return raw(&value, sizeof value);
  }
  Bytes& text(std::string_view text) { return raw(text.data(), text.size()); }
  Bytes& string(std::string_view value) { return number<std::uint64_t>(value.size()).text(value); }
  Bytes& append(const std::vector<std::byte>& other) { return raw(other.data(), other.size()); }
  Bytes& pad_to(std::size_t alignment) {
    while (bytes_.size() % alignment) bytes_.push_back({});
    return *this;
  }
  const std::vector<std::byte>& get() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

 private:
  Bytes& raw(const void* source, std::size_t n) {  // not insert(): g++ 12 warns of its null ranges
    if (n == 0) return *this;
    bytes_.resize(bytes_.size() + n);
    std::memcpy(bytes_.data() + bytes_.size() - n, source, n);
    return *this;
  }

  std::vector<std::byte> bytes_;
};

namespace gguf_type {
inline constexpr std::uint32_t u8 = 0, i8 = 1, u16 = 2, i16 = 3, u32 = 4, i32 = 5, f32 = 6, boolean = 7, string = 8, array = 9, u64 = 10, i64 = 11,
                               f64 = 12;
}

class GgufWriter {
 public:
  struct TensorSpec {
    std::string name;
    std::vector<std::uint64_t> extents;  // as in the file: the fastest first
    std::uint32_t type = 0;
    std::vector<std::byte> data;
    std::optional<std::uint64_t> offset;  // a lie, when set
    std::optional<std::uint32_t> n_dims;  // likewise
  };

  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::size_t alignment = 32;  // used for the padding; say it with a key as well
  std::optional<std::uint64_t> n_tensors, n_keys;
  std::vector<TensorSpec> tensors;

  GgufWriter() = default;
  explicit GgufWriter(std::string_view architecture) { key("general.architecture", architecture); }

  GgufWriter& raw_key(std::string_view name, std::uint32_t type, const Bytes& value) {
    keys_.string(name).number(type).append(value.get());
    ++n_keys_;
    return *this;
  }
  GgufWriter& key(std::string_view name, std::string_view value) { return raw_key(name, gguf_type::string, Bytes().string(value)); }
  GgufWriter& key(std::string_view name, const char* value) { return key(name, std::string_view(value)); }
  template <class T>
  requires std::is_arithmetic_v<T> GgufWriter& key(std::string_view name, T value) { return raw_key(name, type_of<T>(), Bytes().number(value)); }
  template <class T>
  GgufWriter& array(std::string_view name, const std::vector<T>& values) {
    Bytes bytes;
    if constexpr (std::is_same_v<T, std::string>) {
      bytes.number(gguf_type::string).number<std::uint64_t>(values.size());
      for (const std::string& value : values) bytes.string(value);
    } else {
      bytes.number(type_of<T>()).template number<std::uint64_t>(values.size());
      for (const T value : values) bytes.number(value);
    }
    return raw_key(name, gguf_type::array, bytes);
  }
  GgufWriter& tensor(TensorSpec spec) {
    tensors.push_back(std::move(spec));
    return *this;
  }
  GgufWriter& tensor_f32(std::string name, std::vector<std::uint64_t> extents, const std::vector<float>& values) {
    Bytes data;
    for (const float value : values) data.number(value);
    return tensor({.name = std::move(name), .extents = std::move(extents), .type = 0, .data = data.get(), .offset = {}, .n_dims = {}});
  }

  // Where the parts of the last bytes() end: front, keys, each tensor's entry, padding, each tensor's data.
  std::vector<std::size_t> boundaries;

  std::vector<std::byte> bytes() {
    boundaries.clear();
    Bytes out;
    out.text(magic).number(version).number<std::uint64_t>(n_tensors.value_or(tensors.size())).number<std::uint64_t>(n_keys.value_or(n_keys_));
    boundaries.push_back(out.size());
    out.append(keys_.get());
    boundaries.push_back(out.size());
    std::uint64_t offset = 0;
    Bytes data;
    std::vector<std::size_t> data_ends;
    for (const TensorSpec& t : tensors) {
      out.string(t.name).number(t.n_dims.value_or(static_cast<std::uint32_t>(t.extents.size())));
      for (const std::uint64_t extent : t.extents) out.number(extent);
      out.number(t.type).number(t.offset.value_or(offset));
      boundaries.push_back(out.size());
      data.append(t.data);
      data_ends.push_back(data.size());
      data.pad_to(alignment);
      offset = data.size();
    }
    out.pad_to(alignment);
    boundaries.push_back(out.size());
    for (const std::size_t end : data_ends) boundaries.push_back(out.size() + end);
    return out.append(data.get()).get();
  }

 private:
  template <class T>
  static constexpr std::uint32_t type_of() {
    if constexpr (std::is_same_v<T, bool>) return gguf_type::boolean;
    else if constexpr (std::is_same_v<T, float>) return gguf_type::f32;
    else if constexpr (std::is_same_v<T, double>) return gguf_type::f64;
    else if constexpr (sizeof(T) == 1) return std::is_signed_v<T> ? gguf_type::i8 : gguf_type::u8;
    else if constexpr (sizeof(T) == 2) return std::is_signed_v<T> ? gguf_type::i16 : gguf_type::u16;
    else if constexpr (sizeof(T) == 4) return std::is_signed_v<T> ? gguf_type::i32 : gguf_type::u32;
    else return std::is_signed_v<T> ? gguf_type::i64 : gguf_type::u64;
  }

  Bytes keys_;
  std::uint64_t n_keys_ = 0;
};

}  // namespace pio
