#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#include "kernels/cpu/kernel_table.h"
#include "kernels/host_buffer.h"

// Temporary memory of the ops: what lies where in it, and the memory itself.

namespace pio {

constexpr std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

// Where the pieces of a memory lie, each aligned. Pieces are added first; then they are found in any memory of n_bytes().
class Layout {
 public:
  template <class T>
  class Piece {
   public:
    Piece() = default;
    T* in(std::byte* memory) const { return reinterpret_cast<T*>(memory + offset_); }
    std::size_t offset() const { return offset_; }

   private:
    friend class Layout;
    explicit Piece(std::size_t offset) : offset_(offset) {}
    std::size_t offset_ = 0;
  };
  // Memories of another layout, one after the other.
  class Repeated {
   public:
    Repeated() = default;
    std::byte* in(std::byte* memory, std::int64_t i) const { return memory + offset_ + i * each_; }

   private:
    friend class Layout;
    Repeated(std::size_t offset, std::size_t each) : offset_(offset), each_(each) {}
    std::size_t offset_ = 0, each_ = 0;
  };

  template <class T>
  Piece<T> add(std::int64_t n) {
    return Piece<T>(take(n * static_cast<std::int64_t>(sizeof(T))));
  }
  Repeated add(std::int64_t n, const Layout& each) {
    const auto bytes = static_cast<std::int64_t>(each.n_bytes());
    return Repeated(take(n * bytes), each.n_bytes());
  }
  std::size_t n_bytes() const { return n_bytes_; }

 private:
  std::size_t take(std::int64_t n_bytes) {
    const std::size_t offset = n_bytes_;
    n_bytes_ += static_cast<std::size_t>(round_up(n_bytes, kHostAlignment));
    return offset;
  }

  std::size_t n_bytes_ = 0;
};

// A row of activations in 8 bits.
class Q8RowLayout : public Layout {
 public:
  explicit Q8RowLayout(std::int64_t n_in)
      : q_(add<std::int8_t>(n_in)), d_(add<float>(n_in / kActivationBlock)), sum16_(add<std::int32_t>(n_in / 16)), sum32_(add<float>(n_in / 32)) {}
  Q8Row in(std::byte* memory) const { return {q_.in(memory), d_.in(memory), sum16_.in(memory), sum32_.in(memory)}; }

 private:
  Piece<std::int8_t> q_;
  Piece<float> d_;
  Piece<std::int32_t> sum16_;
  Piece<float> sum32_;
};

// Memory that grows before a parallel section and is then only used. Contents do not survive growing.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { std::free(data_); }
  Scratch(Scratch&& other) noexcept : data_(std::exchange(other.data_, nullptr)), n_bytes_(std::exchange(other.n_bytes_, 0)) {}
  Scratch& operator=(Scratch&&) = delete;

  // Throws std::bad_alloc, and is then empty.
  std::byte* reserve(std::size_t n_bytes) {
    if (n_bytes <= n_bytes_) return data_;
    const std::size_t grown = round_up(std::max(n_bytes, n_bytes_ + n_bytes_ / 2), kHostAlignment);
    std::free(data_);
    n_bytes_ = 0;
    data_ = static_cast<std::byte*>(std::aligned_alloc(kHostAlignment, grown));
    if (!data_) throw std::bad_alloc();
    n_bytes_ = grown;
    return data_;
  }
  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t n_bytes_ = 0;
};

}  // namespace pio
