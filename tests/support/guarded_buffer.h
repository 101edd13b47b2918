#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/backend.h"

// A tensor in a buffer of its own, with guard bytes before its first and behind its last byte: what an op must not touch.

namespace pio {

class GuardedTensor {
 public:
  // Values that mean nothing: the guard pattern too, which as float32 is -2.87e-16.
  GuardedTensor(Backend& backend, DType dtype, Shape shape) : backend_(&backend) {
    tensor_.dtype = dtype;
    tensor_.shape = shape;
    tensor_.offset = kGuardBytes;
    auto buffer = backend.allocate((tensor_.n_bytes() + 2 * kGuardBytes + 3) / 4 * 4);
    CHECK(buffer.has_value(), "no memory for a test tensor");
    buffer_ = std::move(*buffer);
    tensor_.buffer = buffer_.get();
    fill_with_pattern();
  }
  GuardedTensor(Backend& backend, DType dtype, Shape shape, const void* values) : GuardedTensor(backend, dtype, shape) { upload(values); }
  GuardedTensor(Backend& backend, Shape shape, const std::vector<float>& values) : GuardedTensor(backend, DType::f32, shape) {
    CHECK(static_cast<std::int64_t>(values.size()) == shape.n_values(), "values do not fit the shape");
    upload(values.data());
  }
  GuardedTensor(Backend& backend, Shape shape, const std::vector<std::int32_t>& values) : GuardedTensor(backend, DType::i32, shape) {
    CHECK(static_cast<std::int64_t>(values.size()) == shape.n_values(), "values do not fit the shape");
    upload(values.data());
  }

  operator Tensor() const { return tensor_; }  // NOLINT: it is one, for the ops
  const Tensor& tensor() const { return tensor_; }
  // The same bytes, said to lie in another order.
  Tensor as(TensorLayout layout) const {
    Tensor other = tensor_;
    other.layout = layout;
    return other;
  }

  void upload(const void* values) { backend_->upload(tensor_, values); }

  void fill_with_pattern() {
    const std::vector<std::byte> pattern(buffer_->n_bytes(), kPattern);
    backend_->upload(everything(), pattern.data());
  }

  std::vector<std::byte> bytes() const {
    std::vector<std::byte> out(tensor_.n_bytes());
    backend_->download(out.data(), tensor_);
    return out;
  }

  template <class T>
  std::vector<T> values() const {
    std::vector<T> out(tensor_.n_bytes() / sizeof(T));
    backend_->download(out.data(), tensor_);
    return out;
  }
  std::vector<float> floats() const { return values<float>(); }

  testing::AssertionResult guards_are_intact() const {
    std::vector<std::byte> all(buffer_->n_bytes());
    backend_->download(all.data(), everything());
    const std::size_t end = kGuardBytes + tensor_.n_bytes();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((i < kGuardBytes || i >= end) && all[i] != kPattern) {
        return testing::AssertionFailure() << "wrote at byte " << static_cast<std::ptrdiff_t>(i - kGuardBytes) << " of a tensor of "
                                           << tensor_.n_bytes() << " bytes";
      }
    }
    return testing::AssertionSuccess();
  }

 private:
  static constexpr std::size_t kGuardBytes = 192;  // three cache lines: a stray vector store is 64 bytes
  static constexpr std::byte kPattern{0xA5};

  Tensor everything() const {
    Tensor all;
    all.dtype = DType::i32;  // no format has single bytes; the buffer is a multiple of four
    all.shape = {static_cast<std::int64_t>(buffer_->n_bytes() / 4)};
    all.buffer = buffer_.get();
    return all;
  }

  Backend* backend_;
  std::unique_ptr<Buffer> buffer_;
  Tensor tensor_;
};

}  // namespace pio
