#pragma once

#include <algorithm>
#include <span>

#include "kernels/cpu/cpu_context.h"

namespace pio {

// A row of activations in 8 bits for several weights, whose formats may ask for different blocks (QuantKernels::block): once in each length
// that one of them asks for.
class RoundedRowLayout : public Layout {
 public:
  RoundedRowLayout(const CpuContext& context, std::int64_t n_in, std::span<const DType> readers) : context_(context), n_in_(n_in), row_(n_in) {
    for (const bool is_long : {false, true}) {
      has_[is_long] = std::ranges::any_of(readers, [&](DType reader) { return in_long_blocks(context, reader) == is_long; });
      if (has_[is_long]) rows_[is_long] = add(1, row_);
    }
  }
  static bool in_long_blocks(const CpuContext& context, DType reader) {
    const QuantKernels* const quant = context.quant_kernels(reader);
    return quant && quant->block == 64;
  }

  void round(const float* x, std::byte* memory) const {
    for (const bool is_long : {false, true})
      if (has_[is_long]) context_.kernels.quantize_q8(x, n_in_, is_long ? 64 : 32, in(memory, is_long));
  }
  Q8Row in(std::byte* memory, bool is_long) const { return has_[is_long] ? row_.in(rows_[is_long].in(memory, 0)) : Q8Row{}; }
  Q8Row in(std::byte* memory, DType reader) const { return in(memory, in_long_blocks(context_, reader)); }

 private:
  const CpuContext& context_;
  std::int64_t n_in_;
  Q8RowLayout row_;
  bool has_[2] = {};
  Repeated rows_[2];
};

}  // namespace pio
