// Products of some rows of a matrix with some rows of x. An invocation has every WIDTH-th piece of the inputs, whatever the numbers of rows: so a
// result has the same bits beside any others.

layout(constant_id = 3) const uint TOKENS = 1;  // rows of x of a workgroup
layout(constant_id = 4) const uint ROWS = 1;    // rows of the matrix
layout(constant_id = 5) const uint FORMAT = 0;  // of the matrix, and of others that the shader has beside it
layout(constant_id = 6) const uint FORMAT_B = 0;
layout(constant_id = 7) const uint FORMAT_C = 0;
layout(constant_id = 8) const uint IS_ROUNDED = 0;  // x comes from round.comp: of each row its blocks, and what all of it is multiplied by

// A shader with two matrices of the same rows says so before.
#ifndef N_MATRICES
#define N_MATRICES 1u
#endif
const uint N_PRODUCTS = TOKENS * ROWS, N_ALL = N_MATRICES * N_PRODUCTS;

// Rows of x, and what their values are multiplied by beforehand: the weights of a norm, or nothing.
struct Input {
  uvec2 x;
  uint first, stride, n_tokens, n_in;
  uvec2 norm;
  bool has_norm;
};

// Words from row to row of x, where the rows lie one behind the other.
uint row_stride(uint n_in) { return IS_ROUNDED != 0u ? n_in / ROUNDED_BLOCK * (ROUNDED_WORDS + 1u) + 1u : n_in; }

// A value of x times the norm's weight; its square is added to the others.
float weighted(float value, Input x, uint i, inout float squares) {
  if (!x.has_norm) return value;
  squares = fma(value, value, squares);
  precise const float product = value * F32(x.norm).v[i];
  return product;
}

// An input's squares are summed beside its products, without the weights.
void add_products(uint format, Input x, uvec2 matrix, uint first_row, uint n_rows, uint to, inout float sums[N_ALL], inout float squares[TOKENS]) {
  const uint row_bytes = row_bytes_of(format, x.n_in);
  if (DOT != 0u && !is_plain(format)) {
    for (uint i = lane() * ROUNDED_BLOCK; i < x.n_in; i += WIDTH * ROUNDED_BLOCK) {
      uint x_codes[TOKENS * ROUNDED_WORDS];
      float x_scale[TOKENS];
      int x_sums[TOKENS * ROUNDED_RUNS];
      for (uint t = 0u; t < TOKENS; ++t) {
        uint codes[ROUNDED_WORDS];
        if (IS_ROUNDED != 0u) {
          const uint at = x.first + min(t, x.n_tokens - 1u) * x.stride + i / ROUNDED_BLOCK * (ROUNDED_WORDS + 1u);
          [[unroll]] for (uint word = 0u; word < ROUNDED_WORDS; ++word) codes[word] = U32(x.x).v[at + word];
          x_scale[t] = uintBitsToFloat(U32(x.x).v[at + ROUNDED_WORDS]);
        } else {
          float values[ROUNDED_BLOCK];
          [[unroll]] for (uint j = 0u; j < ROUNDED_BLOCK; ++j) {
            const float value = t < x.n_tokens ? F32(x.x).v[x.first + t * x.stride + i + j] : 0.0;
            values[j] = weighted(value, x, i + j, squares[t]);
          }
          round_to_8_bits(values, codes, x_scale[t]);
        }
        [[unroll]] for (uint word = 0u; word < ROUNDED_WORDS; ++word) x_codes[t * ROUNDED_WORDS + word] = codes[word];
        [[unroll]] for (uint run = 0u; run < ROUNDED_RUNS; ++run) {
          x_sums[t * ROUNDED_RUNS + run] = dot4(0x01010101u, codes[2u * run]) + dot4(0x01010101u, codes[2u * run + 1u]);
        }
      }
      for (uint r = 0u; r < ROWS; ++r) {
        if (r >= n_rows) continue;
        U8 row = U8(moved_by(matrix, first_row + r, row_bytes));
        float of_block[TOKENS];
        [[unroll]] for (uint t = 0u; t < TOKENS; ++t) of_block[t] = 0.0;
        for (uint run = 0u; run < ROUNDED_RUNS; ++run) {
          uvec2 codes;
          float scale, least;
          codes_of_run(format, row, i + run * RUN, codes, scale, least);
          for (uint t = 0u; t < TOKENS; ++t) {
            const uint at = t * ROUNDED_WORDS + 2u * run;
            const int of_x = x_sums[t * ROUNDED_RUNS + run];
            const int product = dot4(codes.x, x_codes[at]) + dot4(codes.y, x_codes[at + 1u]) - offset_of(format) * of_x;
            precise float sum = fma(scale, float(product), of_block[t]);
            if (has_least(format)) sum = fma(least, float(of_x), sum);
            of_block[t] = sum;
          }
        }
        [[unroll]] for (uint t = 0u; t < TOKENS; ++t) {
          precise const float sum = fma(of_block[t], x_scale[t], sums[to + r * TOKENS + t]);
          sums[to + r * TOKENS + t] = sum;
        }
      }
    }
    return;
  }
  for (uint i = lane() * RUN; i < x.n_in; i += WIDTH * RUN) {
    float values[TOKENS * RUN];
    for (uint t = 0u; t < TOKENS; ++t) {
      [[unroll]] for (uint j = 0u; j < RUN; ++j) {
        const bool is_there = t < x.n_tokens && i + j < x.n_in;
        values[t * RUN + j] = is_there ? weighted(F32(x.x).v[x.first + t * x.stride + i + j], x, i + j, squares[t]) : 0.0;
      }
    }
    for (uint r = 0u; r < ROWS; ++r) {
      if (r >= n_rows) continue;
      float w[RUN];
      decode_run(format, U8(moved_by(matrix, first_row + r, row_bytes)), i, x.n_in, w);
      for (uint t = 0u; t < TOKENS; ++t) {
        precise float sum = sums[to + r * TOKENS + t];
        [[unroll]] for (uint j = 0u; j < RUN; ++j) {
          if (i + j < x.n_in) sum = fma(w[j], values[t * RUN + j], sum);
        }
        sums[to + r * TOKENS + t] = sum;
      }
    }
  }
}

// Sums over the workgroup: reduce_all() puts them where total_of() finds them. All at once, as waiting for each other costs more than adding.
shared float products[(N_ALL + TOKENS) * WIDTH];

void put(uint k, float sum) {
  if (BY_SUBGROUPS == 0u) {
    products[k * WIDTH + lane()] = sum;
    return;
  }
  const float of_subgroup = subgroupAdd(sum);
  if (subgroupElect()) products[k * WIDTH + gl_SubgroupID] = of_subgroup;
}

void reduce_all(float sums[N_ALL], float squares[TOKENS], bool has_squares) {
  for (uint k = 0u; k < N_ALL; ++k) put(k, sums[k]);
  if (has_squares) {
    for (uint t = 0u; t < TOKENS; ++t) put(N_ALL + t, squares[t]);
  }
  barrier();
  if (BY_SUBGROUPS != 0u) return;
  const uint n = has_squares ? N_ALL + TOKENS : N_ALL;
  [[dont_unroll]] for (uint apart = WIDTH / 2u; apart > 0u; apart /= 2u) {
    if (lane() < apart) {
      for (uint k = 0u; k < n; ++k) products[k * WIDTH + lane()] += products[k * WIDTH + lane() + apart];
    }
    barrier();
  }
}

float total_of(uint k) {
  if (BY_SUBGROUPS == 0u) return products[k * WIDTH];
  precise float sum = 0.0;
  for (uint i = 0u; i < gl_NumSubgroups; ++i) sum += products[k * WIDTH + i];
  return sum;
}

// Of the norm of a row of x, beside its weights: 1 / sqrt(mean(x²) + eps).
float scale_of_norm(Input x, uint t, float eps) {
  if (IS_ROUNDED != 0u) return F32(x.x).v[x.first + min(t, x.n_tokens - 1u) * x.stride + x.n_in / ROUNDED_BLOCK * (ROUNDED_WORDS + 1u)];
  return 1.0 / sqrt(total_of(N_ALL + t) / float(x.n_in) + eps);
}
