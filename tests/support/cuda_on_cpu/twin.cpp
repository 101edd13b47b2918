#include <cstring>
#include <string>

#include "tests/support/cuda_on_cpu/block.h"
#include "tests/support/cuda_on_cpu/faults.h"
#include "tests/support/cuda_on_cpu/include/cuda_twin.h"
#include "tests/support/cuda_on_cpu/memory.h"

// Instructions by what the PTX manual (9.0, chapter 9.7) says of them.

namespace cuda_on_cpu {

float half_value(std::uint16_t bits) {
#if defined(__F16C__)
  return static_cast<float>(bits_as<_Float16>(bits));
#else
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
  if (exponent == 0) return bits_as<float>(sign | bits_as<std::uint32_t>(static_cast<float>(fraction) * 0x1p-24f));
  return bits_as<float>(sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13);
#endif
}

void load_bytes(void* to, const void* from, std::size_t n_bytes) {
  if (reinterpret_cast<std::uintptr_t>(from) % n_bytes != 0) {
    report(Fault::misaligned, place_text() + ": reads a vector of " + std::to_string(n_bytes) + " bytes at an address that is no multiple of it");
  }
  note_access(from, n_bytes, 1, false);
  std::memcpy(to, from, n_bytes);
}

void store_bytes(void* to, const void* from, std::size_t n_bytes) {
  if (reinterpret_cast<std::uintptr_t>(to) % n_bytes != 0) {
    report(Fault::misaligned, place_text() + ": writes a vector of " + std::to_string(n_bytes) + " bytes at an address that is no multiple of it");
  }
  note_access(to, n_bytes, 1, true);
  std::memcpy(to, from, n_bytes);
}

namespace {

struct IntegerFragments {
  int* d;
  const std::uint32_t *a, *b;
};
struct HalfFragments {
  float* d;
  const std::uint32_t *a, *b;
  bool is_bfloat;
};

int byte_of(const std::uint32_t* words, int i) { return static_cast<std::int8_t>(words[i / 4] >> 8 * (i % 4)); }
float number_of(const std::uint32_t* words, int i, bool is_bfloat) {
  const auto bits = static_cast<std::uint16_t>(words[i / 2] >> 16 * (i % 2));
  return is_bfloat ? bits_as<float>(static_cast<std::uint32_t>(bits) << 16) : half_value(bits);
}

// m16n8k32, 8-bit integers, and m16n8k16, 16-bit floats: row and column of element i of what a lane holds.
constexpr int group_of(int lane) { return lane / 4; }
constexpr int in_group(int lane) { return lane % 4; }
constexpr int a8_row(int lane, int i) { return group_of(lane) + ((i < 4 || (i >= 8 && i < 12)) ? 0 : 8); }
constexpr int a8_column(int lane, int i) { return in_group(lane) * 4 + i % 4 + (i < 8 ? 0 : 16); }
constexpr int b8_row(int lane, int i) { return in_group(lane) * 4 + i % 4 + (i < 4 ? 0 : 16); }
constexpr int a16_row(int lane, int i) { return group_of(lane) + ((i < 2 || (i >= 4 && i < 6)) ? 0 : 8); }
constexpr int a16_column(int lane, int i) { return in_group(lane) * 2 + i % 2 + (i < 4 ? 0 : 8); }
constexpr int b16_row(int lane, int i) { return in_group(lane) * 2 + i % 2 + (i < 2 ? 0 : 8); }
constexpr int b_column(int lane) { return group_of(lane); }
constexpr int d_row(int lane, int i) { return group_of(lane) + (i < 2 ? 0 : 8); }
constexpr int d_column(int lane, int i) { return in_group(lane) * 2 + i % 2; }

}  // namespace

// Of the 8-bit products k 0 … 15 have the first words of both sides, 16 … 31 the others.
template <int k_bytes>
void multiply_s8(void* const* lanes) {
  alignas(32) std::int8_t a_all[16][k_bytes], b_all[8][k_bytes];
  for (int lane = 0; lane < kWarp; ++lane) {
    const auto& f = *static_cast<const IntegerFragments*>(lanes[lane]);
    for (int i = 0; i < k_bytes / 2; ++i) a_all[a8_row(lane, i)][a8_column(lane, i)] = static_cast<std::int8_t>(byte_of(f.a, i));
    for (int i = 0; i < k_bytes / 4; ++i) b_all[b_column(lane)][b8_row(lane, i)] = static_cast<std::int8_t>(byte_of(f.b, i));
  }
  for (int lane = 0; lane < kWarp; ++lane) {
    const auto& f = *static_cast<const IntegerFragments*>(lanes[lane]);
    for (int i = 0; i < 4; ++i) {
      const std::int8_t *const row = a_all[d_row(lane, i)], *const column = b_all[d_column(lane, i)];
      int sum = 0;
      for (int k = 0; k < k_bytes; ++k) sum += row[k] * column[k];
      f.d[i] += sum;
    }
  }
}

void mma_s8(int* d, const std::uint32_t* a, const std::uint32_t* b) {
  IntegerFragments own{d, a, b};
  together(&own, multiply_s8<32>);
}
void mma_s8_16(int* d, const std::uint32_t* a, const std::uint32_t* b) {
  IntegerFragments own{d, a, b};
  together(&own, multiply_s8<16>);
}

void mma_half(float* d, const std::uint32_t* a, const std::uint32_t* b, bool is_bfloat) {
  HalfFragments own{d, a, b, is_bfloat};
  together(&own, [](void* const* lanes) {
    float a_all[16][16], b_all[16][8];
    for (int lane = 0; lane < kWarp; ++lane) {
      const auto& f = *static_cast<const HalfFragments*>(lanes[lane]);
      for (int i = 0; i < 8; ++i) a_all[a16_row(lane, i)][a16_column(lane, i)] = number_of(f.a, i, f.is_bfloat);
      for (int i = 0; i < 4; ++i) b_all[b16_row(lane, i)][b_column(lane)] = number_of(f.b, i, f.is_bfloat);
    }
    for (int lane = 0; lane < kWarp; ++lane) {
      const auto& f = *static_cast<const HalfFragments*>(lanes[lane]);
      for (int i = 0; i < 4; ++i) {
        double sum = 0;  // a card keeps the products whole and says nothing of their order
        for (int k = 0; k < 16; ++k) sum += static_cast<double>(a_all[d_row(lane, i)][k]) * static_cast<double>(b_all[k][d_column(lane, i)]);
        f.d[i] = static_cast<float>(static_cast<double>(f.d[i]) + sum);
      }
    }
  });
}

namespace {
struct MatrixRow {
  std::uint16_t row[8];
  std::uint32_t* r;
  int n_matrices;
  bool is_transposed;
};
}  // namespace

void ldmatrix(std::uint32_t* r, int n_matrices, const void* row, bool is_transposed) {
  MatrixRow own{{}, r, n_matrices, is_transposed};
  if (current->index % kWarp < 8 * n_matrices) load_bytes(own.row, row, 16);
  together(&own, [](void* const* lanes) {
    for (int lane = 0; lane < kWarp; ++lane) {
      const auto& own = *static_cast<const MatrixRow*>(lanes[lane]);
      for (int m = 0; m < own.n_matrices; ++m) {
        std::uint32_t word = 0;
        for (int i = 0; i < 2; ++i) {
          const int a = lane / 4, b = lane % 4 * 2 + i, row_at = own.is_transposed ? b : a, column = own.is_transposed ? a : b;
          word |= static_cast<std::uint32_t>(static_cast<const MatrixRow*>(lanes[8 * m + row_at])->row[column]) << 16 * i;
        }
        own.r[m] = word;
      }
    }
  });
}

void cp_async(void* to_shared, const void* from_global, std::size_t n_bytes) {
  for (const void* address : {static_cast<const void*>(to_shared), from_global}) {
    if (reinterpret_cast<std::uintptr_t>(address) % n_bytes != 0) {
      report(Fault::misaligned, place_text() + ": cp.async of " + std::to_string(n_bytes) + " bytes at an address that is no multiple of it");
    }
  }
  note_access(from_global, n_bytes, 1, false);
  current->copies.push_back({to_shared, from_global, n_bytes, current->n_groups});
}

void cp_async_commit() { ++current->n_groups; }

void cp_async_wait(int n) {
  auto& copies = current->copies;
  std::vector<Thread::Copy> left;
  for (const Thread::Copy& copy : copies) {
    if (copy.group >= current->n_groups - n) {
      left.push_back(copy);
      continue;
    }
    note_access(copy.to, copy.n_bytes, 1, true);
    std::memcpy(copy.to, copy.from, copy.n_bytes);
  }
  copies = left;
}

}  // namespace cuda_on_cpu
