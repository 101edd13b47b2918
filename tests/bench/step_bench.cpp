// What a step of several decoded tokens takes beside a step of one: what a draft costs.
//
//   step_bench MODEL [--threads N] [--depth N] [--rounds N]
//
// Every size in every round, so that a machine whose speed drifts treats all alike. Printed: best and median milliseconds, the best one's
// ratio to a step of one, and to as many steps of one.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/loaded_model.h"
#include "engine/session.h"

int main(int argc, char** argv) {
  using namespace pio;
  using Clock = std::chrono::steady_clock;
  if (argc < 2) {
    std::fprintf(stderr, "usage: step_bench MODEL [--threads N] [--depth N] [--rounds N]\n");
    return 1;
  }
  LoadRequest request;
  request.path = argv[1];
  std::int64_t depth = 256, n_rounds = 12;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--threads")) request.n_threads = std::atoi(argv[i + 1]);
    if (!std::strcmp(argv[i], "--depth")) depth = std::atoll(argv[i + 1]);
    if (!std::strcmp(argv[i], "--rounds")) n_rounds = std::atoll(argv[i + 1]);
  }
  request.context_length = depth + 64;
  const auto loaded = LoadedModel::load(request, {}, {});
  if (!loaded) return std::fprintf(stderr, "step_bench: %s\n", loaded.error().message.c_str()), 1;
  LoadedModel& model = **loaded;
  Session session(model);
  std::vector<float> logits;
  unsigned state = 1;
  const auto random_ids = [&](std::int64_t n) {
    std::vector<int> ids(n);
    for (int& id : ids) id = static_cast<int>((state = state * 1664525u + 1013904223u) >> 8) % model.n_ids();
    return *model.vocabulary().check(std::move(ids), "random tokens");
  };
  const TokenIds before = random_ids(depth);
  session.begin_prompt(depth);
  if (const auto status = session.process(before, Session::Outputs::none, logits, {}); !status)
    return std::fprintf(stderr, "step_bench: %s\n", status.error().message.c_str()), 1;
  session.begin_decoding();

  const std::vector<std::int64_t> sizes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17};
  std::vector<std::vector<double>> milliseconds(sizes.size());
  for (std::int64_t round = -1; round < n_rounds; ++round) {  // -1 warms up
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const TokenIds ids = random_ids(sizes[i]);
      const Clock::time_point start = Clock::now();
      if (const auto status = session.process(ids, Session::Outputs::all, logits, {}); !status)
        return std::fprintf(stderr, "step_bench: %s\n", status.error().message.c_str()), 1;
      if (round >= 0) milliseconds[i].push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
      session.take_back_to(depth);
    }
  }
  std::printf("%6s %10s %10s %8s %12s\n", "rows", "best ms", "median ms", "of one", "of so many");
  double one = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::sort(milliseconds[i].begin(), milliseconds[i].end());
    const double best = milliseconds[i].front();
    if (i == 0) one = best;
    std::printf("%6lld %10.2f %10.2f %8.2f %12.2f\n", static_cast<long long>(sizes[i]), best, milliseconds[i][milliseconds[i].size() / 2], best / one,
                best / one / static_cast<double>(sizes[i]));
  }
  return 0;
}
