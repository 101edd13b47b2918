#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launch.h"

// The experts of each token and their weights (kernels/reference/route.cpp). A block has a token.

namespace pio::cuda {
namespace {

struct Shared {
  float partial[kWarps];
  float best_value[kWarps];
  uint32_t best_place[kWarps];
  float scores[kMostExperts];  // softmax or sigmoid
  float choice[kMostExperts];  // with the bias; -infinity where a group dropped out
  uint32_t is_taken[kMostExperts];
  uint32_t group_taken[kMostExperts];
  float group_score[kMostExperts];
};

__device__ __forceinline__ float rank_of(float value) { return is_nan(value) ? -infinity() : value; }

// The place of the largest of `choice` that is not taken, the lowest of equals.
__device__ uint32_t next_best(Shared& s, uint32_t n_experts) {
  uint32_t place = n_experts;
  float best = 0.0f;
  const auto take = [&](float value, uint32_t at) {
    if (at < n_experts && (place == n_experts || value > best || (value == best && at < place))) {
      best = value;
      place = at;
    }
  };
  for (uint32_t e = threadIdx.x; e < n_experts; e += kWidth) {
    if (s.is_taken[e] == 0u) take(rank_of(s.choice[e]), e);
  }
  for (int apart = static_cast<int>(kWarp) / 2; apart > 0; apart /= 2) {
    const float value = __shfl_xor_sync(kAllLanes, best, apart);
    const uint32_t at = __shfl_xor_sync(kAllLanes, place, apart);
    take(value, at);
  }
  if (lane_of_warp() == 0) {
    s.best_value[warp_of_block()] = best;
    s.best_place[warp_of_block()] = place;
  }
  __syncthreads();
  place = n_experts;
  for (unsigned i = 0; i < kWarps; ++i) take(s.best_value[i], s.best_place[i]);
  __syncthreads();
  return place;
}

// Experts of all but the best groups drop out; a group's score is the sum of its two best.
__device__ void drop_groups(Shared& s, const RouteExperts& p) {
  const uint32_t size = p.n_experts / p.n_groups;
  for (uint32_t g = threadIdx.x; g < p.n_groups; g += kWidth) {
    float first = -infinity(), second = -infinity();
    for (uint32_t e = g * size; e < (g + 1u) * size; ++e) {
      const float value = rank_of(s.choice[e]);
      if (value > first) {
        second = first;
        first = value;
      } else {
        second = fmaxf(second, value);
      }
    }
    s.group_score[g] = size > 1u ? first + second : first;
  }
  __syncthreads();
  for (uint32_t g = threadIdx.x; g < p.n_groups; g += kWidth) {
    const float own = rank_of(s.group_score[g]);
    uint32_t n_better = 0;
    for (uint32_t o = 0; o < p.n_groups; ++o) {
      const float other = rank_of(s.group_score[o]);
      if (other > own || (other == own && o < g)) ++n_better;
    }
    s.group_taken[g] = n_better < p.n_groups_used ? 1u : 0u;
  }
  __syncthreads();
  for (uint32_t e = threadIdx.x; e < p.n_experts; e += kWidth) {
    if (s.group_taken[e / size] == 0u) s.choice[e] = -infinity();
  }
  __syncthreads();
}

__global__ void __launch_bounds__(kWidth) route_experts(const RouteExperts p) {
  PIO_SHARED(Shared, s);
  const uint32_t t = blockIdx.x;
  const float* const logits = p.logits + size_t{t} * p.n_experts;
  float largest = -infinity();
  for (uint32_t e = threadIdx.x; e < p.n_experts; e += kWidth) largest = fmaxf(largest, logits[e]);
  largest = block_max(largest, s.partial);
  float sum = 0.0f;
  for (uint32_t e = threadIdx.x; e < p.n_experts; e += kWidth) {
    s.scores[e] = p.is_sigmoid ? 1.0f / (1.0f + exp_of(-logits[e])) : exp_of(logits[e] - largest);
    sum += s.scores[e];
  }
  const float total = block_sum(sum, s.partial);
  for (uint32_t e = threadIdx.x; e < p.n_experts; e += kWidth) {
    if (!p.is_sigmoid) s.scores[e] = s.scores[e] / total;
    s.choice[e] = p.bias ? s.scores[e] + p.bias[e] : s.scores[e];
    s.is_taken[e] = 0u;
  }
  __syncthreads();
  if (p.n_groups_used < p.n_groups) drop_groups(s, p);
  float chosen = 0.0f;
  for (uint32_t j = 0; j < p.k; ++j) {
    const uint32_t e = next_best(s, p.n_experts);
    if (threadIdx.x == 0) {
      s.is_taken[e] = 1u;
      p.ids[size_t{t} * p.k + j] = static_cast<int32_t>(e);
    }
    chosen += s.scores[e];
    __syncthreads();
  }
  if (threadIdx.x != 0) return;
  const float divisor = p.normalizes ? chosen + p.sum_epsilon : 1.0f;
  for (uint32_t j = 0; j < p.k; ++j) p.weights[size_t{t} * p.k + j] = s.scores[p.ids[size_t{t} * p.k + j]] / divisor * p.scale;
}

}  // namespace

void launch_route_experts(const RouteExperts& p, cudaStream_t stream) { PIO_LAUNCH(route_experts, p.n_tokens, kWidth, sizeof(Shared), stream, p); }

}  // namespace pio::cuda
