#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "kv.glsl"
#include "merge.glsl"
#include "stop.glsl"

// What attention.comp does, of many rows: a workgroup has a tile of them, TOKENS tokens one behind the other with HEADS of the query heads of one key
// head, and reads every key and value once for all of them. An invocation has some cells of a block, then some dims of the values, of all rows. Each row
// has the sums that attention.comp makes, in their order, and so its bits, whatever rows lie beside it.
layout(constant_id = 3) const uint K_FORMAT = 0;
layout(constant_id = 4) const uint K_LAYOUT = 1;
layout(constant_id = 5) const uint V_FORMAT = 0;
layout(constant_id = 6) const uint V_LAYOUT = 2;
layout(constant_id = 7) const uint N_SUMS = 1;          // dims of the value that an invocation has
layout(constant_id = 8) const uint VALUES_IN_KEYS = 0;  // the first dims of each key are its value
layout(constant_id = 9) const uint HEADS = 1;
layout(constant_id = 10) const uint TOKENS = 1;  // no more rows than invocations

const uint SELECT_WINDOW = 1, SELECT_PAGES = 2;

layout(push_constant) uniform Params {
  F32 y;
  F32 q;
  U8 k_cache;
  U8 v_cache;
  I32 kv_lengths;
  I32 sequences;
  I32 block_table;
  I32 protected_blocks;
  U32 kept;
  Flag stop;
  uint first_group, end_group;
  uint heads;  // query heads, and above 16 bits key heads
  uint dims;   // of a key, and above 16 bits of a value
  uint max_blocks;
  uint selection;  // its kind, and above 8 bits whether there are protected blocks
  uint n_sinks, window;
  float scale;
  uint n_tokens;
};

const uint ROWS = HEADS * TOKENS;
const uint PARTS = WIDTH < KV_BLOCK ? 1u : WIDTH / KV_BLOCK;     // invocations that share the dims of a key
const uint CELLS = WIDTH < KV_BLOCK ? KV_BLOCK / WIDTH : 1u;     // and cells that one has
const uint SUMS_AT_ONCE = N_SUMS < 4u ? N_SUMS : 4u;             // dims of values that are read side by side
const uint N_VALUES = (N_SUMS + SUMS_AT_ONCE - 1u) / SUMS_AT_ONCE * SUMS_AT_ONCE;

shared float products[ROWS * PARTS * KV_BLOCK];
shared float weights[ROWS * KV_BLOCK];
// Of each row: where its query begins, how many tokens it attends to (0: there is no such row), which cells of the block it keeps, and of the softmax what
// all invocations need.
shared uint row_query[ROWS], row_length[ROWS], row_kept[ROWS], row_has_nan[ROWS];
shared float row_largest[ROWS], row_shrink[ROWS], row_total[ROWS];
shared vec2 row_factors[ROWS];

// The cells of a block from `first` on that a row of `length` tokens keeps, a bit each.
uint kept_cells(uint first, uint length, uint t, uint kv_head, uint j, bool is_protected) {
  const uint kind = selection & 255u;
  if (first >= length) return 0u;
  const uint n = min(KV_BLOCK, length - first), all = n == KV_BLOCK ? 0xffffffffu : (1u << n) - 1u;
  if (kind == SELECT_PAGES && kept.v[(t * (heads >> 16) + kv_head) * max_blocks + j] == 0u) return 0u;
  if (kind != SELECT_WINDOW || is_protected) return all;
  if (first >= n_sinks && first + n + window <= length) return 0u;
  uint some = 0u;
  for (uint c = 0u; c < n; ++c) {
    if (first + c < n_sinks || first + c + window >= length) some |= 1u << c;
  }
  return some;
}

// Rows of tokens first_token … first_token + n - 1, which are all of one sequence.
void go_over(uint first_token, uint n, uint kv_head, uint first_head, uint n_rows_heads) {
  const uint n_heads = heads & 0xffffu, n_kv_heads = heads >> 16, head_dim = dims & 0xffffu, v_head_dim = dims >> 16;
  const uint own = lane(), own_token = first_token + own / HEADS;
  const bool is_row = own < ROWS && own / HEADS < n && own % HEADS < n_rows_heads;
  barrier();
  if (own < ROWS) {
    row_query[own] = ((is_row ? own_token : first_token) * n_heads + first_head + (is_row ? own % HEADS : 0u)) * head_dim;
    row_length[own] = is_row ? uint(kv_lengths.v[own_token]) : 0u;
  }
  barrier();
  uint longest = 0u;
  for (uint r = 0u; r < ROWS; ++r) longest = max(longest, row_length[r]);
  const uint table = uint(sequences.v[first_token]) * max_blocks;

  // An invocation has the softmax of one row, where there is one of its number.
  float largest_of_all = uintBitsToFloat(0xff800000u), total_of_all = 0.0;
  float of_all[ROWS * N_VALUES], values[ROWS * N_VALUES];
  for (uint i = 0u; i < ROWS * N_VALUES; ++i) of_all[i] = 0.0;
  for (uint part = 0u; part * ATTENTION_PART < longest; ++part) {
    if (part > 0u && is_stopped(stop)) return;
    float largest = uintBitsToFloat(0xff800000u), total = 0.0;
    for (uint i = 0u; i < ROWS * N_VALUES; ++i) values[i] = 0.0;
    for (uint first = part * ATTENTION_PART; first < min((part + 1u) * ATTENTION_PART, longest); first += KV_BLOCK) {
      const uint j = first / KV_BLOCK;
      if (own < ROWS) {
        const bool is_protected = (selection >> 8) != 0u && protected_blocks.v[table + j] != 0;
        row_kept[own] = kept_cells(first, row_length[own], own_token, kv_head, j, is_protected);
      }
      barrier();
      uint any = 0u;
      for (uint r = 0u; r < ROWS; ++r) any |= row_kept[r];
      if (any == 0u) {
        barrier();
        continue;
      }
      const uint n_cells = uint(findMSB(any)) + 1u, block = uint(block_table.v[table + j]);

      // scores
      precise float product[ROWS * CELLS];
      for (uint i = 0u; i < ROWS * CELLS; ++i) product[i] = 0.0;
      for (uint d = own / KV_BLOCK; d < head_dim; d += PARTS) {
        float key[CELLS];
        for (uint i = 0u; i < CELLS; ++i) {
          const uint c = (own + i * WIDTH) % KV_BLOCK;
          key[i] = c < n_cells ? kv_at(uvec2(k_cache), K_FORMAT, K_LAYOUT, block * KV_BLOCK + c, n_kv_heads, kv_head, head_dim, d) : 0.0;
        }
        for (uint r = 0u; r < ROWS; ++r) {
          const float query = q.v[row_query[r] + d];
          for (uint i = 0u; i < CELLS; ++i) product[r * CELLS + i] = fma(query, key[i], product[r * CELLS + i]);
        }
      }
      for (uint r = 0u; r < ROWS; ++r) {
        for (uint i = 0u; i < CELLS; ++i) products[r * PARTS * KV_BLOCK + own + i * WIDTH] = product[r * CELLS + i];
      }
      barrier();
      for (uint at = own; at < ROWS * KV_BLOCK; at += WIDTH) {
        const uint r = at / KV_BLOCK, c = at % KV_BLOCK;
        precise float score = 0.0;
        for (uint p = 0u; p < PARTS; ++p) score += products[(r * PARTS + p) * KV_BLOCK + c];
        weights[at] = (row_kept[r] >> c & 1u) != 0u ? scale * score : uintBitsToFloat(0xff800000u);
      }
      barrier();
      const bool has_own = own < ROWS && row_kept[min(own, ROWS - 1u)] != 0u;
      float shrink = 1.0;
      if (has_own) {
        float larger = largest;
        bool has_nan = false;
        for (uint c = 0u; c < n_cells; ++c) {
          const float score = weights[own * KV_BLOCK + c];
          larger = max(larger, score);
          if (is_nan(score)) has_nan = true;
        }
        shrink = largest == larger ? 1.0 : exp_of(largest - larger);
        largest = larger;
        row_largest[own] = larger;
        row_shrink[own] = shrink;
        row_has_nan[own] = has_nan ? 1u : 0u;
      }
      barrier();
      for (uint at = own; at < ROWS * KV_BLOCK; at += WIDTH) {
        const uint r = at / KV_BLOCK, c = at % KV_BLOCK;
        const bool is_kept = (row_kept[r] >> c & 1u) != 0u;
        const float larger = row_largest[r];
        weights[at] = !is_kept ? 0.0 : row_has_nan[r] != 0u ? uintBitsToFloat(0x7fc00000u) : weights[at] == larger ? 1.0 : exp_of(weights[at] - larger);
      }
      barrier();

      if (has_own) {
        precise float of_block = 0.0;
        for (uint c = 0u; c < n_cells; ++c) of_block += weights[own * KV_BLOCK + c];
        total = fma(total, shrink, of_block);
      }
      for (uint i = 0u; i < N_VALUES; i += SUMS_AT_ONCE) {
        precise float sum[ROWS * SUMS_AT_ONCE];
        for (uint s = 0u; s < ROWS * SUMS_AT_ONCE; ++s) sum[s] = 0.0;
        for (uint c = 0u; c < n_cells; ++c) {
          float value[SUMS_AT_ONCE];
          for (uint s = 0u; s < SUMS_AT_ONCE; ++s) {
            const uint d = (i + s) * WIDTH + own;
            value[s] = 0.0;
            if (d < v_head_dim) {
              value[s] = VALUES_IN_KEYS != 0u
                             ? kv_at(uvec2(k_cache), K_FORMAT, K_LAYOUT, block * KV_BLOCK + c, n_kv_heads, kv_head, head_dim, d)
                             : kv_at(uvec2(v_cache), V_FORMAT, V_LAYOUT, block * KV_BLOCK + c, n_kv_heads, kv_head, v_head_dim, d);
            }
          }
          for (uint r = 0u; r < ROWS; ++r) {
            const float weight = weights[r * KV_BLOCK + c];
            const bool is_kept = (row_kept[r] >> c & 1u) != 0u;
            for (uint s = 0u; s < SUMS_AT_ONCE; ++s) {
              const float more = fma(weight, value[s], sum[r * SUMS_AT_ONCE + s]);
              sum[r * SUMS_AT_ONCE + s] = is_kept ? more : sum[r * SUMS_AT_ONCE + s];
            }
          }
        }
        for (uint r = 0u; r < ROWS; ++r) {
          if (row_kept[r] == 0u) continue;
          for (uint s = 0u; s < SUMS_AT_ONCE; ++s) {
            const uint at = r * N_VALUES + i + s;
            values[at] = fma(values[at], row_shrink[r], sum[r * SUMS_AT_ONCE + s]);
          }
        }
      }
      barrier();
    }
    if (own < ROWS) {
      vec2 factors;
      row_kept[own] = merge(largest_of_all, total_of_all, largest, total, factors) ? 1u : 0u;
      row_factors[own] = factors;
    }
    barrier();
    for (uint r = 0u; r < ROWS; ++r) {
      if (row_kept[r] == 0u) continue;
      const vec2 factors = row_factors[r];
      for (uint i = 0u; i < N_VALUES; ++i) of_all[r * N_VALUES + i] = merged(of_all[r * N_VALUES + i], values[r * N_VALUES + i], factors);
    }
    barrier();
  }
  if (own < ROWS) row_total[own] = total_of_all;
  barrier();
  for (uint r = 0u; r < ROWS; ++r) {
    if (row_length[r] == 0u) continue;
    const uint to = row_query[r] / head_dim * v_head_dim;
    for (uint i = 0u; i < N_SUMS; ++i) {
      const uint d = i * WIDTH + own;
      if (d < v_head_dim) y.v[to + d] = quotient(of_all[r * N_VALUES + i], row_total[r]);
    }
  }
}

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint n_heads = heads & 0xffffu, n_kv_heads = heads >> 16, v_head_dim = dims >> 16, n_grouped = n_heads / n_kv_heads;
  const uint n_tiles = (n_grouped + HEADS - 1u) / HEADS;  // of a key head
  const uint tile = group % n_tiles, kv_head = group / n_tiles % n_kv_heads, begin = group / n_tiles / n_kv_heads * TOKENS;
  const uint first_head = kv_head * n_grouped + tile * HEADS, n_here = min(HEADS, n_grouped - tile * HEADS), end = min(begin + TOKENS, n_tokens);
  for (uint t = begin; t < end;) {
    uint next = t + 1u;
    if (kv_lengths.v[t] == 0) {
      for (uint at = lane(); at < n_here * v_head_dim; at += WIDTH) y.v[(t * n_heads + first_head) * v_head_dim + at] = 0.0;
    } else {
      while (next < end && kv_lengths.v[next] != 0 && sequences.v[next] == sequences.v[t]) ++next;
      go_over(t, next - t, kv_head, first_head, n_here);
    }
    t = next;
  }
}
