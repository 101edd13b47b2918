#include "engine/files/gguf_writer.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "engine/files/model_file.h"
#include "kernels/base/check.h"

namespace pio {
namespace {

constexpr std::uint64_t kAlignment = 32;  // of a file that does not say general.alignment

// gguf.md
enum ValueType : std::uint32_t { kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9, kI64 = 11, kF64 = 12 };

class Header {
 public:
  template <class T>
  void number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
  }
  void string(std::string_view text) {
    number<std::uint64_t>(text.size());
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    bytes_.insert(bytes_.end(), bytes, bytes + text.size());
  }
  void text(std::string_view four) {
    for (const char c : four) bytes_.push_back(static_cast<std::byte>(c));
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

template <class T>
bool fits(std::int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}
bool is_f32(double value) { return !(value == value) || static_cast<double>(static_cast<float>(value)) == value; }

void write_value(Header& h, bool value) { h.number<std::uint32_t>(kBool), h.number<std::uint8_t>(value); }
void write_value(Header& h, std::int64_t value) {
  if (fits<std::uint32_t>(value)) h.number<std::uint32_t>(kU32), h.number(static_cast<std::uint32_t>(value));
  else if (fits<std::int32_t>(value)) h.number<std::uint32_t>(kI32), h.number(static_cast<std::int32_t>(value));
  else h.number<std::uint32_t>(kI64), h.number(value);
}
void write_value(Header& h, double value) {
  if (is_f32(value)) h.number<std::uint32_t>(kF32), h.number(static_cast<float>(value));
  else h.number<std::uint32_t>(kF64), h.number(value);
}
void write_value(Header& h, const std::string& value) { h.number<std::uint32_t>(kString), h.string(value); }

void begin_array(Header& h, ValueType type, std::size_t n) {
  h.number<std::uint32_t>(kArray);
  h.number<std::uint32_t>(type);
  h.number<std::uint64_t>(n);
}
void write_value(Header& h, const std::vector<bool>& values) {
  begin_array(h, kBool, values.size());
  for (const bool value : values) h.number<std::uint8_t>(value);
}
void write_value(Header& h, const std::vector<std::int64_t>& values) {
  const bool is_small = std::all_of(values.begin(), values.end(), fits<std::int32_t>);
  begin_array(h, is_small ? kI32 : kI64, values.size());
  for (const std::int64_t value : values) {
    if (is_small) h.number(static_cast<std::int32_t>(value));
    else h.number(value);
  }
}
void write_value(Header& h, const std::vector<double>& values) {
  const bool is_small = std::all_of(values.begin(), values.end(), is_f32);
  begin_array(h, is_small ? kF32 : kF64, values.size());
  for (const double value : values) {
    if (is_small) h.number(static_cast<float>(value));
    else h.number(value);
  }
}
void write_value(Header& h, const std::vector<std::string>& values) {
  begin_array(h, kString, values.size());
  for (const std::string& value : values) h.string(value);
}

std::uint64_t padded(std::uint64_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Result<GgufFileWriter> GgufFileWriter::create(const std::filesystem::path& path, const std::map<std::string, MetaValue, std::less<>>& metadata,
                                              std::vector<TensorInfo> tensors) {
  Header header;
  header.text("GGUF");
  header.number<std::uint32_t>(3);
  header.number<std::uint64_t>(tensors.size());
  header.number<std::uint64_t>(metadata.size());
  for (const auto& [key, value] : metadata) {
    CHECK(key != "general.alignment", "gguf_writer: the alignment is the writer's");
    header.string(key);
    std::visit([&](const auto& v) { write_value(header, v); }, value);
  }
  std::uint64_t offset = 0;
  for (const TensorInfo& tensor : tensors) {
    header.string(tensor.name);
    header.number<std::uint32_t>(static_cast<std::uint32_t>(tensor.shape.rank()));
    for (int d = tensor.shape.rank(); d-- > 0;) header.number<std::uint64_t>(static_cast<std::uint64_t>(tensor.shape[d]));
    const auto number = ggml_from_dtype(tensor.dtype);
    CHECK(number.has_value(), "gguf_writer: a format that GGUF does not have");
    header.number<std::uint32_t>(*number);
    header.number<std::uint64_t>(offset);
    offset += padded(tensor.n_bytes);
  }

  ASSIGN_OR_RETURN(ReplaceFile file, ReplaceFile::open(path));
  GgufFileWriter writer(std::move(file), std::move(tensors));
  RETURN_IF_ERROR(writer.file_.write(header.bytes()));
  RETURN_IF_ERROR(writer.pad());
  return writer;
}

Result<void> GgufFileWriter::pad() {
  constexpr std::byte kZeros[kAlignment] = {};
  return file_.write(std::span(kZeros).first(padded(file_.n_written()) - file_.n_written()));
}

Result<void> GgufFileWriter::append(std::span<const std::byte> bytes) {
  CHECK(next_ < tensors_.size() && bytes.size() <= tensors_[next_].n_bytes - n_of_tensor_, "gguf_writer: more than the tensor that was announced");
  RETURN_IF_ERROR(file_.write(bytes));
  n_of_tensor_ += bytes.size();
  if (n_of_tensor_ < tensors_[next_].n_bytes) return {};
  ++next_;
  n_of_tensor_ = 0;
  return pad();
}

Result<void> GgufFileWriter::sync() {
  CHECK(next_ == tensors_.size(), "gguf_writer: tensors are missing");
  return file_.sync();
}

Result<std::uint64_t> GgufFileWriter::finish() { return file_.commit(); }

}  // namespace pio
