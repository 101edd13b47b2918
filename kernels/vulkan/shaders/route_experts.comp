#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "reduce.glsl"

// The experts of each token and their weights (kernels/reference/route.cpp). A workgroup has a token.
layout(constant_id = 3) const uint N_EXPERTS = 1;

layout(push_constant) uniform Params {
  I32 ids;
  F32 weights;
  F32 logits;
  F32 bias;
  uint n_tokens, k;
  uint is_sigmoid, normalizes, has_bias;
  float sum_epsilon, scale;
  uint n_groups, n_groups_used;
};

shared float scores[N_EXPERTS];  // softmax or sigmoid
shared float choice[N_EXPERTS];  // with the bias; -infinity where a group dropped out
shared uint is_taken[N_EXPERTS];
shared uint best_place[WIDTH];
shared uint group_taken[N_EXPERTS];
shared float group_score[N_EXPERTS];

#define LEAST uintBitsToFloat(0xff800000u)  // -infinity: no constant in GLSL

float rank_of(float value) { return is_nan(value) ? LEAST : value; }

// The place of the largest of `choice` that is not taken, the lowest of equals.
uint next_best() {
  uint place = N_EXPERTS;
  for (uint e = lane(); e < N_EXPERTS; e += WIDTH) {
    if (is_taken[e] == 0u && (place == N_EXPERTS || rank_of(choice[e]) > rank_of(choice[place]))) place = e;
  }
  best_place[lane()] = place;
  barrier();
  for (uint apart = WIDTH / 2u; apart > 0u; apart /= 2u) {
    if (lane() < apart) {
      const uint a = best_place[lane()], b = best_place[lane() + apart];
      if (b < N_EXPERTS) {
        const bool is_better = a == N_EXPERTS || rank_of(choice[b]) > rank_of(choice[a]) || (rank_of(choice[b]) == rank_of(choice[a]) && b < a);
        if (is_better) best_place[lane()] = b;
      }
    }
    barrier();
  }
  const uint best = best_place[0];
  barrier();
  return best;
}

// Experts of all but the best groups drop out; a group's score is the sum of its two best.
void drop_groups() {
  const uint size = N_EXPERTS / n_groups;
  for (uint g = lane(); g < n_groups; g += WIDTH) {
    float first = LEAST, second = LEAST;
    for (uint e = g * size; e < (g + 1u) * size; ++e) {
      const float value = rank_of(choice[e]);
      if (value > first) {
        second = first;
        first = value;
      } else {
        second = max(second, value);
      }
    }
    group_score[g] = size > 1u ? first + second : first;
    group_taken[g] = 0u;
  }
  barrier();
  for (uint g = lane(); g < n_groups; g += WIDTH) {
    uint n_better = 0u;
    for (uint o = 0u; o < n_groups; ++o) {
      if (rank_of(group_score[o]) > rank_of(group_score[g]) || (rank_of(group_score[o]) == rank_of(group_score[g]) && o < g)) ++n_better;
    }
    if (n_better < n_groups_used) group_taken[g] = 1u;
  }
  barrier();
  for (uint e = lane(); e < N_EXPERTS; e += WIDTH) {
    if (group_taken[e / size] == 0u) choice[e] = LEAST;
  }
  barrier();
}

void main() {
  const uint t = group_index();
  if (t >= n_tokens) return;
  const uint from = t * N_EXPERTS;
  float largest = LEAST;
  for (uint e = lane(); e < N_EXPERTS; e += WIDTH) largest = max(largest, logits.v[from + e]);
  largest = group_max(largest);
  precise float sum = 0.0;
  for (uint e = lane(); e < N_EXPERTS; e += WIDTH) {
    const float x = logits.v[from + e];
    scores[e] = is_sigmoid != 0u ? 1.0 / (1.0 + exp_of(-x)) : exp_of(x - largest);
    sum += scores[e];
  }
  const float total = group_sum(sum);
  for (uint e = lane(); e < N_EXPERTS; e += WIDTH) {
    if (is_sigmoid == 0u) scores[e] = scores[e] / total;
    choice[e] = has_bias != 0u ? scores[e] + bias.v[e] : scores[e];
    is_taken[e] = 0u;
  }
  barrier();
  if (n_groups_used < n_groups) drop_groups();
  precise float chosen = 0.0;
  for (uint j = 0u; j < k; ++j) {
    const uint e = next_best();
    if (lane() == 0u) {
      is_taken[e] = 1u;
      ids.v[t * k + j] = int(e);
    }
    chosen += scores[e];
    barrier();
  }
  const float divisor = normalizes != 0u ? chosen + sum_epsilon : 1.0;
  if (lane() == 0u) {
    for (uint j = 0u; j < k; ++j) weights.v[t * k + j] = scores[uint(ids.v[t * k + j])] / divisor * scale;
  }
}
