#include "tests/support/cuda_on_cpu/faults.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace cuda_on_cpu {
namespace {

unsigned number_of(const char* variable, unsigned otherwise) {
  const char* const text = std::getenv(variable);
  return text && *text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

Reporter& reporter() {
  static auto& the = *new Reporter([](const Report& report) {
    std::fprintf(stderr, "cuda_on_cpu: %s: %s\n", name_of(report.fault), report.text.c_str());
    std::abort();
  });
  return the;
}

unsigned& order_number() {
  static unsigned the = number_of("PIO_CUDA_ON_CPU_SEED", 0);
  return the;
}

int& architecture_number() {
  static int the = static_cast<int>(number_of("PIO_CUDA_ON_CPU_SM", 86));
  return the;
}

}  // namespace

const char* name_of(Fault fault) {
  switch (fault) {
    case Fault::out_of_bounds: return "out of bounds";
    case Fault::freed: return "freed";
    case Fault::misaligned: return "misaligned";
    case Fault::race: return "race";
    case Fault::unset: return "unset";
    case Fault::barrier: return "barrier";
    case Fault::warp: return "warp";
    case Fault::shared_limit: return "shared memory";
    case Fault::launch: return "launch";
    case Fault::runtime: return "runtime";
  }
  return "";
}

Reporter set_reporter(Reporter next) { return std::exchange(reporter(), std::move(next)); }
void report(Fault fault, const std::string& text) { reporter()({fault, text}); }

void set_order(unsigned seed) { order_number() = seed; }
unsigned order() { return order_number(); }

void set_architecture(int sm) { architecture_number() = sm; }
int architecture() { return architecture_number(); }

// CUDA C++ Programming Guide, technical specifications by compute capability: of a block, in KiB.
std::size_t most_shared_bytes() {
  switch (architecture()) {
    case 75: return std::size_t{64} << 10;
    case 80: return std::size_t{163} << 10;
    case 90: return std::size_t{227} << 10;
    default: return std::size_t{99} << 10;  // 86, 89, 120
  }
}

}  // namespace cuda_on_cpu
