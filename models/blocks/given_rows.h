#pragma once

#include <vector>

#include "models/model.h"

namespace pio {

// Rows first … first + n - 1 of a step take rows from … of GivenEmbeddings.
struct RowRun {
  std::int64_t first = 0, from = 0, n = 0;
};

// The given rows in stretches without gaps: a picture is one or a few. Waits for the device; only prefill has given rows.
inline std::vector<RowRun> runs_of(ForwardContext& ctx, const GivenEmbeddings& given) {
  std::vector<std::int32_t> rows(given.rows.shape[0]);
  ctx.backend().download(rows.data(), given.rows);
  std::vector<RowRun> runs;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(rows.size()); ++i) {
    if (i > 0 && rows[i] == rows[i - 1] + 1) ++runs.back().n;
    else runs.push_back({.first = rows[i], .from = i, .n = 1});
  }
  return runs;
}

}  // namespace pio
