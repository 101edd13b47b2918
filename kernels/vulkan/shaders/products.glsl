// Products of some rows of a matrix with some rows of x. An invocation has every WIDTH-th piece of the inputs, whatever the numbers of rows: so a
// result has the same bits beside any others.

layout(constant_id = 3) const uint TOKENS = 1;  // rows of x of a workgroup
layout(constant_id = 4) const uint ROWS = 1;    // rows of the matrix
layout(constant_id = 5) const uint FORMAT = 0;  // of the matrix, and of others that the shader has beside it
layout(constant_id = 6) const uint FORMAT_B = 0;
layout(constant_id = 7) const uint FORMAT_C = 0;

const uint N_PRODUCTS = TOKENS * ROWS;

// Rows of x, and what their values are multiplied by beforehand: the weights of a norm, or nothing.
struct Input {
  uvec2 x;
  uint first, stride, n_tokens, n_in;
  uvec2 norm;
  bool has_norm;
};

float value_of(Input x, uint t, uint i) {
  const float value = F32(x.x).v[x.first + t * x.stride + i];
  if (!x.has_norm) return value;
  precise const float weighted = value * F32(x.norm).v[i];
  return weighted;
}

// An input's squares are summed beside its products, without the weights.
void add_products(uint format, Input x, uvec2 matrix, uint first_row, uint n_rows, inout float sums[N_PRODUCTS], inout float squares[TOKENS]) {
  const uint row_bytes = row_bytes_of(format, x.n_in);
  if (DOT != 0u && !is_plain(format)) {
    for (uint i = lane() * ROUNDED_BLOCK; i < x.n_in; i += WIDTH * ROUNDED_BLOCK) {
      uint x_codes[TOKENS * ROUNDED_WORDS];
      float x_scale[TOKENS];
      int x_sums[TOKENS * ROUNDED_RUNS];
      [[unroll]] for (uint t = 0u; t < TOKENS; ++t) {
        float values[ROUNDED_BLOCK];
        uint codes[ROUNDED_WORDS];
        [[unroll]] for (uint j = 0u; j < ROUNDED_BLOCK; ++j) {
          const float value = t < x.n_tokens ? F32(x.x).v[x.first + t * x.stride + i + j] : 0.0;
          precise const float weighted = x.has_norm ? value * F32(x.norm).v[i + j] : value;
          if (x.has_norm) squares[t] = fma(value, value, squares[t]);
          values[j] = weighted;
        }
        round_to_8_bits(values, codes, x_scale[t]);
        [[unroll]] for (uint word = 0u; word < ROUNDED_WORDS; ++word) x_codes[t * ROUNDED_WORDS + word] = codes[word];
        for (uint run = 0u; run < ROUNDED_RUNS; ++run) {
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
          [[unroll]] for (uint t = 0u; t < TOKENS; ++t) {
            const uint at = t * ROUNDED_WORDS + 2u * run;
            const int of_x = x_sums[t * ROUNDED_RUNS + run];
            const int product = dot4(codes.x, x_codes[at]) + dot4(codes.y, x_codes[at + 1u]) - offset_of(format) * of_x;
            precise float sum = fma(scale, float(product), of_block[t]);
            if (has_least(format)) sum = fma(least, float(of_x), sum);
            of_block[t] = sum;
          }
        }
        [[unroll]] for (uint t = 0u; t < TOKENS; ++t) {
          precise const float sum = fma(of_block[t], x_scale[t], sums[r * TOKENS + t]);
          sums[r * TOKENS + t] = sum;
        }
      }
    }
    return;
  }
  for (uint i = lane() * RUN; i < x.n_in; i += WIDTH * RUN) {
    float values[TOKENS * RUN];
    [[unroll]] for (uint t = 0u; t < TOKENS; ++t) {
      [[unroll]] for (uint j = 0u; j < RUN; ++j) {
        const float value = t < x.n_tokens && i + j < x.n_in ? F32(x.x).v[x.first + t * x.stride + i + j] : 0.0;
        precise float weighted = value;
        if (x.has_norm) {
          squares[t] = fma(value, value, squares[t]);
          if (i + j < x.n_in) weighted = value * F32(x.norm).v[i + j];
        }
        values[t * RUN + j] = weighted;
      }
    }
    for (uint r = 0u; r < ROWS; ++r) {
      if (r >= n_rows) continue;
      float w[RUN];
      decode_run(format, U8(moved_by(matrix, first_row + r, row_bytes)), i, x.n_in, w);
      [[unroll]] for (uint t = 0u; t < TOKENS; ++t) {
        precise float sum = sums[r * TOKENS + t];
        [[unroll]] for (uint j = 0u; j < RUN; ++j) {
          if (i + j < x.n_in) sum = fma(w[j], values[t * RUN + j], sum);
        }
        sums[r * TOKENS + t] = sum;
      }
    }
  }
}

// Sums over the workgroup, of which invocation k gets number k, k + WIDTH, …: reduce_all() puts them where total_of() finds them.
shared float products[N_PRODUCTS * WIDTH];

void reduce_all(float sums[N_PRODUCTS]) {
  if (BY_SUBGROUPS != 0u) {
    for (uint k = 0u; k < N_PRODUCTS; ++k) {
      const float of_subgroup = subgroupAdd(sums[k]);
      if (subgroupElect()) products[k * WIDTH + gl_SubgroupID] = of_subgroup;
    }
    barrier();
    return;
  }
  for (uint k = 0u; k < N_PRODUCTS; ++k) products[k * WIDTH + lane()] = sums[k];
  barrier();
  for (uint apart = WIDTH / 2u; apart > 0u; apart /= 2u) {
    if (lane() < apart) {
      for (uint k = 0u; k < N_PRODUCTS; ++k) products[k * WIDTH + lane()] += products[k * WIDTH + lane() + apart];
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
