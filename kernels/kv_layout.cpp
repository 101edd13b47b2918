#include "kernels/kv_layout.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace pio {
namespace {

constexpr std::int64_t kCells = kKvBlockLength;
constexpr std::int64_t kGroup = 32;  // dims of a strip, or with one scale
constexpr std::int64_t kScaleBytes = 2;
constexpr std::int64_t kScales = kScaleBytes * kCells;  // bytes before a group's codes

template <std::int64_t n>
using Bytes = std::integral_constant<std::int64_t, n>;

// copy(in the tile, in the row, n) for each piece of numbers of a width, in keys or values, that lie together in both.
template <std::int64_t kWidth, class Copy>
void for_each_piece(bool are_keys, std::int64_t head_dim, std::int64_t c, const Copy& copy) {
  if (are_keys) {
    for (std::int64_t d = 0; d < head_dim; ++d) copy((d * kCells + c) * kWidth, d * kWidth, Bytes<kWidth>{});
    return;
  }
  for (std::int64_t first = 0; first < head_dim; first += kGroup) {
    const std::int64_t n = std::min(kGroup, head_dim - first);
    copy((first * kCells + c * n) * kWidth, first * kWidth, n * kWidth);
  }
}

// The same of Q8_0, or of keys in Q4_0, whose halves lie in both as they are.
template <class Copy>
void for_each_piece_of_groups(bool are_keys, DType dtype, std::int64_t head_dim, std::int64_t c, const Copy& copy) {
  const auto block_bytes = static_cast<std::int64_t>(bytes_of(dtype, kGroup)), n_codes = block_bytes - kScaleBytes;
  for (std::int64_t g = 0; g < head_dim / kGroup; ++g) {
    const std::int64_t group = g * block_bytes * kCells, codes = group + kScales, from = g * block_bytes, from_codes = from + kScaleBytes;
    copy(group + kScaleBytes * c, from, Bytes<kScaleBytes>{});
    if (are_keys) {
      for (std::int64_t i = 0; i < n_codes; i += 4) copy(codes + i * kCells + 4 * c, from_codes + i, Bytes<4>{});
    } else {
      for (std::int64_t d = 0; d < kGroup; ++d) copy(codes + (c / 4 * kGroup + d) * 4 + c % 4, from_codes + d, Bytes<1>{});
    }
  }
}

// Values in Q4_0: copy() of the scales, copy_half(in the tile, its shift there, in the row, its shift there) of the codes.
template <class Copy, class CopyHalf>
void for_each_half(std::int64_t head_dim, std::int64_t c, const Copy& copy, const CopyHalf& copy_half) {
  const auto block_bytes = static_cast<std::int64_t>(bytes_of(DType::q4_0, kGroup));
  for (std::int64_t g = 0; g < head_dim / kGroup; ++g) {
    const std::int64_t group = g * block_bytes * kCells, from = g * block_bytes;
    copy(group + kScaleBytes * c, from, Bytes<kScaleBytes>{});
    for (std::int64_t d = 0; d < kGroup; ++d) {
      copy_half(group + kScales + (c % 16 / 4 * kGroup + d) * 4 + c % 4, c / 16 * 4, from + kScaleBytes + d % 16, d / 16 * 4);
    }
  }
}

template <class Copy, class CopyHalf>
void for_each_place(const Tensor& cache, std::int64_t c, const Copy& copy, const CopyHalf& copy_half) {
  const bool are_keys = cache.layout == TensorLayout::keys;
  const std::int64_t head_dim = cache.shape[2];
  switch (cache.dtype) {
    case DType::f32: return for_each_piece<4>(are_keys, head_dim, c, copy);
    case DType::f16: return for_each_piece<2>(are_keys, head_dim, c, copy);
    case DType::q8_0: return for_each_piece_of_groups(are_keys, cache.dtype, head_dim, c, copy);
    case DType::q4_0:
      if (are_keys) return for_each_piece_of_groups(are_keys, cache.dtype, head_dim, c, copy);
      return for_each_half(head_dim, c, copy, copy_half);
    default: CHECK(false, "no tiles of this format");
  }
}

std::byte* tile_of(const Tensor& cache, std::int64_t cell, std::int64_t head) {
  return host_pointer<std::byte>(cache) + kv_tile_offset(cache, cell / kCells, head);
}

std::byte* row_of(const Tensor& cache, std::int64_t cell, std::int64_t head) {
  return host_pointer<std::byte>(cache) + bytes_of(cache.dtype, (cell * cache.shape[1] + head) * cache.shape[2]);
}

}  // namespace

void put_head(const Tensor& cache, std::int64_t cell, std::int64_t head, const std::byte* row) {
  if (cache.layout == TensorLayout::rows) {
    std::memcpy(row_of(cache, cell, head), row, bytes_of(cache.dtype, cache.shape[2]));
    return;
  }
  std::byte* const tile = tile_of(cache, cell, head);
  for_each_place(
      cache, cell % kCells,
      [=](std::int64_t to, std::int64_t from, auto n) { std::memcpy(tile + to, row + from, static_cast<std::size_t>(std::int64_t{n})); },
      [=](std::int64_t to, std::int64_t to_shift, std::int64_t from, std::int64_t from_shift) {
        const auto code = static_cast<unsigned>(row[from]) >> from_shift & 15u, other = static_cast<unsigned>(tile[to]) & ~(15u << to_shift);
        tile[to] = static_cast<std::byte>(other | code << to_shift);
      });
}

void take_head(const Tensor& cache, std::int64_t cell, std::int64_t head, std::byte* row) {
  if (cache.layout == TensorLayout::rows) {
    std::memcpy(row, row_of(cache, cell, head), bytes_of(cache.dtype, cache.shape[2]));
    return;
  }
  const std::byte* const tile = tile_of(cache, cell, head);
  for_each_place(
      cache, cell % kCells,
      [=](std::int64_t from, std::int64_t to, auto n) { std::memcpy(row + to, tile + from, static_cast<std::size_t>(std::int64_t{n})); },
      [=](std::int64_t from, std::int64_t from_shift, std::int64_t to, std::int64_t to_shift) {
        const auto code = static_cast<unsigned>(tile[from]) >> from_shift & 15u, other = static_cast<unsigned>(row[to]) & ~(15u << to_shift);
        row[to] = static_cast<std::byte>(other | code << to_shift);
      });
}

}  // namespace pio
