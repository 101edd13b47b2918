// NEON is the baseline of aarch64: the generic body's vectors are NEON registers there. Products with intrinsics of its own are not written.

#include <stdint.h>
#include <string.h>

#include "kernels/cpu/kernel_table.h"
#include "kernels/quant/iq4.h"
#include "kernels/quant/mxfp4.h"

namespace pio {
namespace {

#include "kernels/cpu/inl/generic_vec_inl.h"

constexpr CpuKernels kTable = make_table("neon");

}  // namespace

const CpuKernels* cpu_kernels_neon() { return &kTable; }

}  // namespace pio
