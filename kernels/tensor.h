#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "kernels/base/check.h"
#include "kernels/dtype.h"

namespace pio {

// Up to four extents, row-major: the last one runs fastest. (GGUF lists them in reverse; engine/files/gguf.cpp reverses them once.)
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents) {
    CHECK(extents.size() <= 4, "a shape has at most four extents");
    for (std::int64_t extent : extents) extents_[rank_++] = extent;
  }
  int rank() const { return rank_; }
  std::int64_t operator[](int i) const {
    DCHECK(i >= 0 && i < rank_, "extent out of range");
    return extents_[i];
  }
  std::int64_t back() const { return rank_ == 0 ? 1 : extents_[rank_ - 1]; }
  // Product of all extents; 1 for the empty shape.
  std::int64_t n_values() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= extents_[i];
    return n;
  }
  // Product of all extents but the last.
  std::int64_t n_rows() const {
    std::int64_t n = 1;
    for (int i = 0; i + 1 < rank_; ++i) n *= extents_[i];
    return n;
  }
  void append(std::int64_t extent) {
    CHECK(rank_ < 4, "a shape has at most four extents");
    extents_[rank_++] = extent;
  }
  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a.extents_[i] != b.extents_[i]) return false;
    return true;
  }
  // "[2560, 4096]"
  std::string text() const {
    std::string out = "[";
    for (int i = 0; i < rank_; ++i) out += (i ? ", " : "") + std::to_string(extents_[i]);
    return out + "]";
  }

 private:
  std::array<std::int64_t, 4> extents_{};
  int rank_ = 0;
};

// Memory on one device, owned by whoever holds this; freed when it goes.
class Buffer {
 public:
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  std::size_t n_bytes() const { return n_bytes_; }
  // The bytes, where the host can read them in place (cpu, reference); null on other devices.
  std::byte* host_data() const { return host_data_; }

 protected:
  Buffer(std::size_t n_bytes, std::byte* host_data) : n_bytes_(n_bytes), host_data_(host_data) {}

 private:
  std::size_t n_bytes_;
  std::byte* host_data_;
};

// In which order a tensor's numbers lie.
enum class TensorLayout : std::uint8_t {
  rows,  // row after row, as its format says
  own,   // as its backend laid it out in place_weights(): only that backend's products, embed and decode_rows read it
  // Caches of keys and values, in tiles of one head's cells of a block (kernels/kv_layout.h): only store_kv, load_kv and attention know them.
  keys,
  values,
};

// A view of numbers in a buffer: borrowed, cheap to copy, contiguous rows without gaps.
struct Tensor {
  DType dtype = DType::f32;
  Shape shape;
  Buffer* buffer = nullptr;
  std::size_t offset = 0;  // bytes from the start of the buffer
  TensorLayout layout = TensorLayout::rows;
  bool is_coarse = false;  // of weights placed as MatrixUse::coarse

  bool empty() const { return buffer == nullptr; }
  explicit operator bool() const { return buffer != nullptr; }
  std::size_t n_bytes() const { return bytes_of(dtype, shape.n_values()); }
  // The same numbers under another shape.
  Tensor reshaped(Shape other) const {
    CHECK(other.n_values() == shape.n_values(), "reshaped: the number of values changes");
    Tensor view = *this;
    view.shape = other;
    return view;
  }
  // Rows [first, first + n) of the first extent.
  Tensor rows(std::int64_t first, std::int64_t n) const {
    CHECK(layout == TensorLayout::rows, "rows: a layout that only its backend knows");
    CHECK(shape.rank() >= 1 && first >= 0 && n >= 0 && first + n <= shape[0], "rows: out of range");
    Tensor view = *this;
    Shape s;
    s.append(n);
    for (int i = 1; i < shape.rank(); ++i) s.append(shape[i]);
    const std::int64_t row_values = shape[0] == 0 ? 0 : shape.n_values() / shape[0];
    view.shape = s;
    view.offset += bytes_of(dtype, first * row_values);
    return view;
  }
};

// In-place access where the host can (cpu, reference, tests).
template <class T>
T* host_pointer(const Tensor& t) {
  DCHECK(t.buffer && t.buffer->host_data(), "not in host memory");
  return reinterpret_cast<T*>(t.buffer->host_data() + t.offset);
}

}  // namespace pio
