#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace pio {

// Rope angles: the frequency of each pair of a head's dims, and which dims form a pair.
struct Rope {
  Tensor inv_freq;  // [n_pairs] f32, radians a token
  RopePairing pairing = RopePairing::half;
  Tensor axes;                                   // [n_pairs] i32: the row of the positions that each pair is rotated by; empty where there is one row
  std::vector<std::unique_ptr<Buffer>> buffers;  // of both
};

// inv_freq[i] = theta^(-2i / rope_dims) / factors[i], computed in double and rounded once. (The reference raises to the power in float32;
// that is at most one unit in the last place away, below every tolerance here.)
//   factors   [rope_dims / 2], or empty for all ones: a GGUF file's rope_freqs.weight, which holds Llama 3's stretched frequencies
Result<Rope> make_rope(Backend& backend, double theta, std::int64_t rope_dims, std::span<const float> factors, RopePairing pairing);

// Gives the pairs their axes as Qwen3-VL interleaves them (models.md 3.2.9): pair i is rotated by row where i % 3 is 1 and i < 3 * sections[1],
// by column where it is 2 and i < 3 * sections[2], else by time.   sections [3]
Result<void> interleave_axes(Backend& backend, Rope& rope, std::span<const std::int64_t> sections);

// factors as a file holds them, checked: each finite and above zero, else bad_file. Empty when `tensor` is.
Result<std::vector<float>> read_rope_factors(Backend& backend, Tensor tensor, const std::string& label);

}  // namespace pio
