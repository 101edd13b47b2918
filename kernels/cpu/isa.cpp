#include "kernels/cpu/isa.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstdlib>

#include "kernels/cpu/cpu_backend.h"

namespace pio {
namespace {

#if defined(__x86_64__)
// __builtin_cpu_supports asks xgetbv too: without the system saving ZMM state the first store would trap.
bool runs_avx2() {
  unsigned a = 0, b = 0, c = 0, d = 0;  // f16c by its bit: clang 16's builtin does not know the name. It needs no state beyond AVX's.
  const bool has_f16c = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c;
}
bool runs_avx512() {
  return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}

// On Intel's processors a product of bf16 takes longer than two of float32: attention of 512 tokens over 16,384 in F16 65 GMAC/s with them, 101
// without (Sapphire Rapids); on Zen 4 131 and 77.
bool gains_by_bf16() { return !__builtin_cpu_is("intel"); }
#endif

// Best first.
std::vector<const CpuKernels*> tables() {
  std::vector<const CpuKernels*> found;
#if defined(__x86_64__)
  if (runs_avx512()) found.push_back(cpu_kernels_avx512());
  if (runs_avx512() && __builtin_cpu_supports("avx512bf16")) found.insert(gains_by_bf16() ? found.begin() : found.end(), cpu_kernels_avx512_bf16());
  if (runs_avx2()) found.push_back(cpu_kernels_avx2());
#elif defined(__aarch64__)
  found.push_back(cpu_kernels_neon());
#endif
  found.push_back(cpu_kernels_scalar());
  return found;
}

}  // namespace

std::vector<std::string> available_cpu_isas() {
  std::vector<std::string> names;
  for (const CpuKernels* table : tables()) names.emplace_back(table->name);
  return names;
}

const char* best_cpu_isa() { return tables().front()->name; }

Result<const CpuKernels*> choose_cpu_kernels(std::string_view asked) {
  std::string wanted(asked);
  if (wanted.empty()) {
    if (const char* forced = std::getenv("PIO_FORCE_ISA")) wanted = forced;
  }
  const std::vector<const CpuKernels*> found = tables();
  if (wanted.empty()) return found.front();
  std::string names;
  for (const CpuKernels* table : found) {
    if (wanted == table->name) return table;
    names += (names.empty() ? "" : ", ") + std::string(table->name);
  }
  Error error = make_error(ErrorCode::not_available, "instruction set: expected one of " + names + ", found \"" + wanted + "\"");
  error.device = "cpu";
  return error;
}

}  // namespace pio
