#pragma once

#include "engine/files/model_file.h"
#include "kernels/backend.h"

// How fast this machine is right now, measured in some 100 ms.

namespace pio {

struct SpeedProbe {
  double bytes_per_second = 0;          // of weights, multiplied by one token: memory bandwidth, or the arithmetic's where that is less
  double multiply_adds_per_second = 0;  // of a product with 64 tokens
};

// With weights of this format, far more than the processor's caches hold. Allocates them (80 MB, or an eighth of
// what is free where that is less) and gives them back. `lays_out`: as LoadedWeights.
Result<SpeedProbe> measure_products(Backend& backend, DType dtype, bool lays_out);

struct LookingProbe {
  double linear_per_second = 0;     // multiply-adds of coarse weights with many rows
  double attention_per_second = 0;  // of self_attention
};
// How fast a vision encoder with weights of this format would be, in some 50 ms.
Result<LookingProbe> measure_looking(Backend& backend, DType dtype);

// What of this process is in memory now; 0 where the system does not say.
std::uint64_t resident_bytes();
// The same without what mirrors files.
std::uint64_t anonymous_bytes();

// Which share of the file's weights the system holds in memory already, 0 to 1. Reads none of them.
double resident_share(const ModelFile& file);
// And how many bytes these are.
std::uint64_t cached_bytes(const ModelFile& file);

}  // namespace pio
