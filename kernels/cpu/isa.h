#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/result.h"
#include "kernels/cpu/kernel_table.h"

// Which instruction sets this build has and this processor, and its operating system, can run.

namespace pio {

// What is asked for ("" and PIO_FORCE_ISA unset: the best). Fails with not_available, naming what there is.
//   scalar   no intrinsics: whatever the compiler's baseline has
//   avx2     AVX2, FMA, F16C
//   avx512   AVX-512 F, BW, VL, DQ and VNNI. Processors with AVX-512 but without VNNI (Skylake-X) take avx2, which they run at a higher clock
//   avx512_bf16   the same, and products of bf16; the best only where these are fast, which they are not on Intel's processors
//   neon     aarch64: the generic body, which the compiler turns into NEON
Result<const CpuKernels*> choose_cpu_kernels(std::string_view asked);

}  // namespace pio
