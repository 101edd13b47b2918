#include "app/settings/number_limits.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "kernels/base/check.h"

namespace pio {
namespace {

constexpr double kMostInt = std::numeric_limits<int>::max();

// look.md 2 and 6 for the first two.
constexpr NumberLimit kLimits[] = {{"zoom", 0.85, 1.6},
                                   {"sidebarWidth", 200, 360},
                                   {"temperature", 0, 2},
                                   {"topK", 0, 100'000},
                                   {"topP", 0.05, 1},
                                   {"minP", 0, 1},
                                   {"repeatPenalty", 0.8, 2},
                                   {"presencePenalty", -2, 2},
                                   {"frequencyPenalty", -2, 2},
                                   {"seed", 0, kMostInt, -1},
                                   {"maxTokens", 1, 1'000'000, -1},
                                   {"contextLength", 1, kMostInt, 0},
                                   {"threads", 1, 1024, 0},
                                   {"ramBytes", 100e6, 1e15, 0},
                                   {"vramBytes", 100e6, 1e15, 0},
                                   {"attentionSinks", 0, 1 << 20},
                                   {"attentionWindow", 1, kMostInt},
                                   {"attentionPages", 1, kMostInt}};

}  // namespace

double within(std::string_view name, double value) {
  const auto limit = std::find_if(std::begin(kLimits), std::end(kLimits), [name](const NumberLimit& one) { return name == one.name; });
  CHECK(limit != std::end(kLimits), "a number without limits");
  if (!std::isfinite(value) || (limit->automatic && value <= *limit->automatic)) return limit->automatic.value_or(limit->from);
  return std::clamp(value, limit->from, limit->to);
}

qint64 within(std::string_view name, qint64 value) { return static_cast<qint64>(within(name, static_cast<double>(value))); }
int within(std::string_view name, int value) { return static_cast<int>(within(name, static_cast<double>(value))); }

QVariantMap numberLimits() {
  QVariantMap limits;
  for (const NumberLimit& limit : kLimits) {
    QVariantMap range{{"from", limit.from}, {"to", limit.to}};
    if (limit.automatic) range.insert("automatic", *limit.automatic);
    limits.insert(QLatin1String(limit.name), range);
  }
  return limits;
}

}  // namespace pio
