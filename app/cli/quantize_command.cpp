// quantize: a model as a GGUF file in another format.

#include <cstdio>

#include "app/cli/options.h"
#include "app/cli/print.h"
#include "engine/quantize/quantize.h"

namespace pio::cli {

Result<void> quantize(const Options& options) {
  bool has_begun = false;
  const auto progress = [&](std::size_t done, std::size_t total) {
    has_begun = true;
    std::fprintf(stderr, "\r%zu of %zu tensors", done, total);
  };
  ASSIGN_OR_RETURN(const std::string in, model_path(options, options.model));
  const Result<QuantizeReport> written =
      quantize_file(in, options.out, options.type, static_cast<int>(options.n_threads), progress, interrupt_token());
  if (has_begun) std::fputc('\n', stderr);
  ASSIGN_OR_RETURN(const QuantizeReport report, written);
  if (options.json) {
    Json formats = Json::array();
    for (const QuantizeReport::Format& f : report.formats)
      formats.push_back({{"type", info(f.dtype).name},
                         {"tensors", f.n_tensors},
                         {"values", f.n_values},
                         {"relative_rmse", f.relative_rmse},
                         {"values_per_second", f.values_per_second}});
    return print_json({{"bytes", report.bytes}, {"bits_per_weight", report.bits_per_weight}, {"seconds", report.seconds}, {"types", formats}});
  }
  char line[200];
  std::snprintf(line, sizeof line, "%s: %llu bytes, %.3f bits a weight, %.1f s\n", options.out.c_str(), static_cast<unsigned long long>(report.bytes),
                report.bits_per_weight, report.seconds);
  RETURN_IF_ERROR(print_text(line));
  for (const QuantizeReport::Format& f : report.formats) {
    std::snprintf(line, sizeof line, "  %-8s %5lld tensors  %12lld values  error %.5f  %.1f M values/s\n", info(f.dtype).name,
                  static_cast<long long>(f.n_tensors), static_cast<long long>(f.n_values), f.relative_rmse, f.values_per_second / 1e6);
    RETURN_IF_ERROR(print_text(line));
  }
  return {};
}

}  // namespace pio::cli
