#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/files/model_file.h"

// Writing models as GGUF files in another format.

namespace pio {

struct QuantizeReport {
  std::uint64_t bytes = 0;     // of what was written
  double bits_per_weight = 0;  // of the tensors
  double seconds = 0;
  struct Format {
    DType dtype = DType::f32;
    std::int64_t n_tensors = 0, n_values = 0;
    double relative_rmse = 0;  // of the numbers encoded against those read: sqrt(sum of squared differences / sum of squares)
    double values_per_second = 0;
  };
  std::vector<Format> formats;  // those that the file has, in the order of DType
};

// Tensors written so far, of all.
using QuantizeProgress = std::function<void(std::size_t done, std::size_t total)>;

// Writes the model `in` (a GGUF file, or a Hugging Face folder) to `out`, a GGUF file, in the recipe `type`: F32, F16, BF16,
// Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K_S, Q3_K_M, Q3_K_L, Q4_K_S, Q4_K_M, Q5_K_S, Q5_K_M, Q6_K, IQ4_NL, IQ4_XS or MXFP4_MOE, in either case.
// The vision encoder of a folder whose model sees goes to "mmproj-" + out's name beside it, in F16 (F32, BF16 or Q8_0 where `type` is that).
// At most 64 MB of weights are in memory at a time, n_threads threads (0: one a processor) work on them. Files are written under another
// name beside their own and appear when they are whole; a failure (bad_argument, io, cancelled …) leaves what was there.
Result<QuantizeReport> quantize_file(const std::filesystem::path& in, const std::filesystem::path& out, std::string_view type, int n_threads,
                                     const QuantizeProgress& progress, std::stop_token stop);

// The format that llama.cpp's recipe `type` gives each tensor of a GGUF model, in order (models.md 8.3). Fails with bad_argument on a type
// that is none. `metadata` has the architecture's block_count and head counts.
Result<std::vector<DType>> formats_for(std::string_view type, const std::map<std::string, MetaValue, std::less<>>& metadata,
                                       const std::vector<TensorInfo>& tensors);

}  // namespace pio
