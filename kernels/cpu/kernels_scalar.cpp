// No intrinsics: what runs wherever the compiler does.

#include <stdint.h>
#include <string.h>

#include "kernels/cpu/kernel_table.h"
#include "kernels/quant/iq4.h"
#include "kernels/quant/mxfp4.h"

namespace pio {
namespace {

#include "kernels/cpu/inl/generic_vec_inl.h"

constexpr CpuKernels kTable = make_table("scalar");

}  // namespace

const CpuKernels* cpu_kernels_scalar() { return &kTable; }

}  // namespace pio
