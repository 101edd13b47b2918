#pragma once

#include <stddef.h>
#include <stdint.h>

// The kernels of one instruction set, as plain functions on plain memory: no allocation, no threads, no dtypes. Included by the files that
// are compiled for one instruction set, so C headers only and nothing inline (house rule of kernels/README.md; a test looks at the symbols).

namespace pio {

// Inputs that share a scale of the activations.
constexpr int kActivationBlock = 32;

// One row of activations rounded to int8: value i is d[i / kActivationBlock] * q[i].
// sum16[i] and sum32[i] are the sums of the q of 16 and of 32, the latter as float32: exact.
struct Q8Row {
  int8_t* q;
  float* d;
  int32_t* sum16;
  float* sum32;
};

// Activations of up to n_columns tokens, side by side for the matrix product: q holds, for each four inputs, four bytes a token; d holds for
// each block of activations, sum and init for each group of weights one number a token. sum is that of the group's q; init is the start of the
// integer sum that takes the format's offset off.
struct GemmPanel {
  const int8_t* q;
  const float* d;
  const float* sum;
  const int32_t* init;
};

// gemm_lanes rows of weights, side by side: quants holds, for each four inputs, four bytes a row; scales and mins for each group of
// inputs one number a row.
struct GemmWeights {
  uint8_t* quants;
  float* scales;
  float* mins;
};

// In how many widths a panel comes: CpuKernels::gemm_columns.
constexpr int kGemmWidths = 3;

// So many rows of activations gemv_lines takes by themselves; more are a panel.
constexpr int kMostLineRows = 2;

// One weight format. Rows are blocks one after the other, as they lie in a file.
struct QuantKernels {
  // n_values (a multiple of the block length) to f32.
  void (*decode)(const uint8_t* blocks, float* values, int64_t n_values);
  // y[r] = bias[r] + row r · a, for n_rows rows that are row_bytes apart; bias may be null. The bits of gemm's.
  void (*gemv)(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const Q8Row& a, const float* bias, float* y);

  // The matrix product of many tokens; null where the instruction set has none.
  //   pack: the first n_rows (1 … gemm_lanes) rows at w into `out`; the places of rows beyond them hold the last of them.
  //   gemm[i]: y[c][r] = bias[r] + weights · panel for a panel gemm_columns[i] wide, written for c < n_columns and r < n_rows;
  //            rows of y are y_stride floats apart; bias holds gemm_lanes floats.
  void (*pack)(const uint8_t* w, size_t row_bytes, int n_rows, int64_t n_in, const GemmWeights& out);
  void (*gemm[kGemmWidths])(const GemmWeights& w, const GemmPanel& panel, int64_t n_in, const float* bias, float* y, size_t y_stride, int n_rows,
                            int n_columns);

  // Weights laid out side by side: lines of gemm_lanes rows (inl/lanes_inl.h); null where the format or the instruction set has none.
  //   line_bytes: of a line of n_in inputs.  place: n_rows (1 … gemm_lanes) rows at w into a line.
  //   gemv_lines[i]: as gemv for i + 1 rows of activations, whose results are y_stride floats apart. gemm_lines[i]: as gemm, for n_rows rows and
  //   with a bias that may be null; weights are decoded once for all columns, and nothing is unpacked. pack_line: as pack. The bits too.
  //   decode_line: rows first … first + n - 1 of a line, to n_in floats each.
  size_t (*line_bytes)(int64_t n_in);
  void (*place)(const uint8_t* w, size_t row_bytes, int n_rows, int64_t n_in, uint8_t* line);
  void (*gemv_lines[kMostLineRows])(const uint8_t* lines, int64_t n_rows, int64_t n_in, const Q8Row* rows, const float* bias, float* y,
                                    size_t y_stride);
  void (*gemm_lines[kGemmWidths])(const uint8_t* lines, int64_t n_rows, int64_t n_in, const GemmPanel& panel, const float* bias, float* y,
                                  size_t y_stride, int n_columns);
  void (*pack_line)(const uint8_t* line, int64_t n_in, const GemmWeights& out);
  void (*decode_line)(const uint8_t* line, int first, int n, int64_t n_in, float* values);

  int group;   // inputs that share a scale: 32 or 16
  int offset;  // what `pack` added to each number: init = -offset * sum of q over the group
};

// How keys and values are stored, as the kernels see it.
enum class KvFormat : int { f32, f16, q8_0, q4_0 };

// Attention of some query rows over a run of cached tokens of one key/value head. Rows are the n_group query heads of each of n_tokens
// tokens: row r is token r / n_group, head r % n_group.
struct AttendTask {
  const float* q;  // [n_tokens] rows of q_token_stride floats; its n_group heads lie one after the other
  size_t q_token_stride;
  const uint8_t* k;      // the head's tile of block 0 (kernels/kv_layout.h)
  const uint8_t* v;      // the same as k: values are the beginnings of the keys
  size_t k_block_bytes;  // from block to block
  size_t v_block_bytes;
  size_t row_floats;  // 0, or keys and values lie in rows of floats, as far apart; block c / 32 then begins with cell c
  size_t v_row_floats;
  KvFormat k_format;
  KvFormat v_format;
  bool may_round;             // quantized keys and values may be multiplied with queries and probabilities rounded to 8 bits, halves as bf16
  const int32_t* blocks;      // block_table row of the sequence
  const int32_t* kv_lengths;  // [n_tokens]
  int n_tokens;
  int n_group;
  int head_dim;
  int v_head_dim;
  int first_block;  // blocks of the sequence [first_block, end_block), or those that visit names at these places
  int end_block;
  int n_places;  // blocks that others read next: as far as this they may be fetched beforehand
  // What is left out of that. A row reads block b where its token has chosen it, and there, unless b is open, leaves out the tokens from
  // n_sinks to its length less window.
  const int32_t* visit;   // rising; null: every block
  const uint8_t* chosen;  // [n_tokens] rows of chosen_stride: not 0 where the token reads the block; null: everywhere
  size_t chosen_stride;
  const int32_t* open;  // not 0 for blocks without a hole; null: none
  int n_sinks;
  int window;  // 0: no hole anywhere
  float scale;
  bool (*stopped)(const void* context);  // asked once a block: true ends the task with unfinished results
  const void* stop_context;
  // Out, per row: the largest score, the sum of exp(score - largest), and the sum of exp(score - largest) * v.
  float* largest;  // [rows]
  float* sum;      // [rows]
  float* out;      // [rows][out_stride], out_stride = v_head_dim rounded up to 32
  float* scratch;  // attend_scratch_floats() of them, aligned to 64 bytes
};

// Keys and values of one head in 16-bit integers (inl/self_attention_inl.h): kSegmentKeys tokens of a sequence, or fewer at its end.
constexpr int kSegmentKeys = 128;
constexpr int kMaxSegmentDims = 512;  // of a head
constexpr int kMaxSegmentRows = 96;   // queries of a task
struct SegmentBlock {
  int16_t* k;       // [dims of a head / 2, rounded up][kSegmentKeys][2]
  int16_t* v;       // [kSegmentKeys / 2][width][2], width = dims of a value rounded up to 16
  float* k_scales;  // [kSegmentKeys]
  float* v_scales;  // [kSegmentKeys]
  int n_keys;
};

// Attention of n_rows query rows of one head to blocks that hold the tokens of their sequence.
struct SegmentTask {
  const float* q;  // rows q_stride floats apart
  size_t q_stride;
  const SegmentBlock* blocks;
  const int32_t* lengths;  // to so many of the tokens a row attends; null: all rows to all
  int n_rows;              // at most kMaxSegmentRows
  int n_blocks;
  int head_dim;
  int v_dim;
  float scale;
  bool (*stopped)(const void* context);  // asked once a block: true ends the task with unfinished results
  const void* stop_context;
  float* scratch;  // segment_scratch_floats() of them, aligned to 64 bytes
  float* y;        // rows y_stride floats apart
  size_t y_stride;
};

struct CpuKernels {
  const char* name;
  int gemm_lanes;                 // rows that `pack` puts side by side; 0 without a matrix product
  int gemm_min_tokens;            // from here on packing pays (measured)
  int gemm_columns[kGemmWidths];  // tokens of a panel, the widest first; a rest is padded up to the next of them

  QuantKernels q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4;

  void (*decode_f16)(const uint8_t* bits, float* values, int64_t n_values);
  void (*decode_bf16)(const uint8_t* bits, float* values, int64_t n_values);
  void (*encode_f16)(const float* values, uint16_t* bits, int64_t n_values);
  // y[t][r] = w row r · x row t (+ bias[r]); all strides in floats; bias may be null.
  void (*matmul_f32)(const float* w, size_t w_stride, int64_t n_rows, const float* x, size_t x_stride, int64_t n_tokens, int64_t n_in,
                     const float* bias, float* y, size_t y_stride);
  // y[t][o] = sum over i < n_in of x[t][i] * w[i][o], o < n_columns: the rows of w run along the input.
  void (*matmul_f32_transposed)(const float* w, size_t w_stride, int64_t n_in, int64_t n_columns, const float* x, size_t x_stride, int64_t n_tokens,
                                float* y, size_t y_stride);
  // The same of numbers rounded to bf16, each in a pair with its neighbour; null where the processor multiplies none.
  //   round_bf16: n floats of a row of x, zeros up to 32 of them.
  //   pair_bf16: rows 2 i and 2 i + 1 of w into row i of `out`, which may begin where w does; n_columns is a multiple of 32.
  //   matmul_bf16_transposed: `adds` to y, or writes it; x_stride in pairs.
  void (*round_bf16)(const float* x, int64_t n, uint32_t* out);
  void (*pair_bf16)(const float* w, int64_t n_in, int64_t n_columns, uint32_t* out);
  void (*matmul_bf16_transposed)(const uint32_t* w, int64_t n_in, int64_t n_columns, const uint32_t* x, size_t x_stride, int64_t n_tokens, bool adds,
                                 float* y, size_t y_stride);
  // y[t][r] = w row r · x row t (+ bias[r]), rows of bf16; x rounded by round_bf16, x_stride in pairs; bias may be null. Null where the processor
  // multiplies none.
  void (*gemm_bf16)(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const uint32_t* x, size_t x_stride, int64_t n_tokens,
                    const float* bias, float* y, size_t y_stride);
  // y[r] = w row r · x (+ bias[r]), rows of half-width floats; bias may be null. The bits of matmul_f32 with the rows decoded.
  void (*gemv_f16)(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const float* x, const float* bias, float* y);
  void (*gemv_bf16)(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const float* x, const float* bias, float* y);

  void (*quantize_q8)(const float* x, int64_t n, const Q8Row& out);
  // Puts n_columns quantized rows side by side as GemmPanel wants them, `width` wide, the rest zero.
  void (*pack_panel)(const Q8Row* rows, int n_columns, int width, int64_t n_in, int group, int offset, int8_t* q, float* d, float* sum,
                     int32_t* init);

  void (*rms_norm)(float* y, const float* x, const float* w, int64_t n, float eps);
  void (*layer_norm)(float* y, const float* x, const float* w, const float* bias, int64_t n, float eps);
  void (*add)(float* y, const float* a, const float* b, int64_t n);
  void (*add_scaled)(float* y, const float* x, float scale, int64_t n);
  void (*glu)(float* y, const float* gate, const float* up, int64_t n);
  void (*gelu_tanh)(float* y, const float* x, int64_t n);
  // One head: pairs (i, i + n_pairs) are rotated by cos[i], sin[i]. Interleaved: (2i, 2i + 1).
  void (*rope_half)(float* x, const float* cos, const float* sin, int64_t n_pairs);
  void (*rope_interleaved)(float* x, const float* cos, const float* sin, int64_t n_pairs);
  int64_t (*argmax)(const float* x, int64_t n);
  // The sum of n words: what plain reads cost.
  uint64_t (*read_words)(const uint64_t* words, size_t n);
  // Rounds of products_a_round products of bytes each, as the products of weights have them but in registers alone: the most that the processor
  // does. What it gives means nothing. Null where there are none.
  int32_t (*multiply_in_registers)(int64_t n_rounds);
  int64_t products_a_round;

  void (*attend)(const AttendTask& task);
  size_t (*attend_scratch_floats)(int n_rows, int head_dim, int v_head_dim);
  // A tile of keys to floats [head_dim][32 cells].
  void (*decode_key_tile)(KvFormat format, const uint8_t* tile, int head_dim, float* out);
  // The sum over n_rows queries, head_dim apart, and all dims of max(q * bounds[dim], q * bounds[head_dim + dim]).
  float (*score_bound)(const float* q, int n_rows, int head_dim, const float* bounds);
  // One row's results of a further part of its cached tokens (AttendTask), taken into those of the parts before it; n, out_stride of both.
  void (*merge_attention)(float* largest, float* sum, float* out, float part_largest, float part_sum, const float* part_out, int n);
  // y[i] = out[i] / sum, i < n; 0 where nothing was attended to.
  void (*divide_attention)(float* y, float sum, const float* out, int n);

  // The product with coarse weights in 16-bit integers (inl/coarse_inl.h); coarse_lanes is 0 where 8 bits are faster.
  //   coarse_lanes: rows side by side.  coarse_depth: inputs that share a scale.  coarse_rows: tokens side by side.
  int coarse_lanes;
  int coarse_depth;
  int coarse_rows;
  void (*round_shorts)(const float* x, int64_t n, int16_t* q, float* scales);
  void (*pack_shorts)(const int16_t* q, size_t q_stride, const float* scales, size_t scale_stride, int64_t n_in, int16_t* out, float* out_scales);
  void (*gemm_shorts)(const int16_t* w, const float* w_scales, const int16_t* x, size_t x_stride, const float* x_scales, size_t x_scale_stride,
                      int64_t n_in, const float* bias, int64_t n_tokens, int n_rows, float* y, size_t y_stride);

  // Attention inside segments in 16-bit integers; null where the instruction set has none. k and v: rows `stride` floats apart.
  // n keys and values, as rows, become those from `first` on of a block; `first` is even.
  void (*pack_segment)(const float* k, size_t k_stride, const float* v, size_t v_stride, int first, int n, int head_dim, int v_dim,
                       const SegmentBlock& out);
  size_t (*segment_scratch_floats)(int head_dim, int v_dim);
  void (*attend_segment)(const SegmentTask& task);
};

// Of those that the build has: the scalar one always, the others for their processor.
const CpuKernels* cpu_kernels_scalar();
const CpuKernels* cpu_kernels_avx2();
const CpuKernels* cpu_kernels_avx512();
const CpuKernels* cpu_kernels_avx512_bf16();
const CpuKernels* cpu_kernels_neon();

}  // namespace pio
