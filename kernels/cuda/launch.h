#pragma once

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/dtype.h"

// The kernels, as the backend calls them: what an op reads and writes, by addresses of the device, and a stream. C++17: nvcc compiles it too.
// Shapes stand as in kernels/backend.h; strides are in numbers.

namespace pio::cuda {

// A weight matrix, or a stack of them.
struct Matrix {
  const uint8_t* w = nullptr;
  size_t row_bytes = 0;
  DType format = DType::f32;
};

// Of a launch that may take long: blocks look at `stop` before they begin. Block 0 of the grid is block first_block of all.
struct Part {
  const uint32_t* stop = nullptr;
  uint32_t first_block = 0, n_blocks = 0;
};

// ---- values and rows ----

enum class PairOp { add, multiply, silu, glu, gelu_erf, gelu_tanh, add_scaled };
struct Pairs {
  float* y;
  const float *a, *b;
  uint64_t n;
  float factor;
};
void launch_pairs(PairOp op, const Pairs& p, cudaStream_t stream);

struct DecodeRows {
  float* y;
  Matrix w;
  const int32_t* ids;  // or null: rows 0 … n_rows - 1
  uint32_t n_rows, n_in;
};
void launch_decode_rows(const DecodeRows& p, cudaStream_t stream);

struct Cast {
  void* y;
  const float* x;
  uint64_t n;
  DType format;  // f16, bf16, q8_0, q4_0
};
void launch_cast(const Cast& p, cudaStream_t stream);

struct GatherRows {
  float* y;
  const float* x;
  const int32_t* rows;
  uint32_t n, dim;
};
void launch_gather_rows(const GatherRows& p, cudaStream_t stream);

struct CopyColumns {
  float* y;
  const float* x;
  uint32_t n_rows, n, repeats, y_first, y_width, x_first, x_width;
};
void launch_copy_columns(const CopyColumns& p, cudaStream_t stream);

struct SumRows {
  float* y;
  const float* x;
  const int32_t* rows;
  const float* weights;
  uint32_t n, k, dim;
};
void launch_sum_rows(const SumRows& p, cudaStream_t stream);

struct Argmax {
  int32_t* y;
  const float* x;
  uint32_t n_rows, dim;
};
void launch_argmax(const Argmax& p, cudaStream_t stream);

struct ReadAll {
  const void* x;
  uint32_t* sum;
  uint64_t n;  // of 16 bytes each
};
constexpr uint32_t kReadOfABlock = 4096;
void launch_read_all(const ReadAll& p, const Part& part, cudaStream_t stream);

// ---- norms and positions ----

struct Norm {
  float* y;
  const float *x, *w, *bias;
  uint32_t n_rows, dim;
  float eps;
};
void launch_rms_norm(const Norm& p, cudaStream_t stream);
void launch_layer_norm(const Norm& p, cudaStream_t stream);

struct Rope {
  float* x;
  const int32_t* positions;
  const float* frequencies;
  const int32_t* axes;  // or null
  uint32_t n_tokens, n_heads, head_dim, n_pairs, first_dim;
  bool is_interleaved;
};
void launch_rope(const Rope& p, cudaStream_t stream);

struct Hadamard {
  float* x;
  uint32_t n_parts, n;
  float root;
};
void launch_hadamard(const Hadamard& p, cudaStream_t stream);

// ---- products ----

constexpr uint32_t kTokensOfABlock = 8;  // rows of x that a block multiplies at once, where there is more than one
// Inputs that a block can round into its shared memory, beside one row of x.
constexpr uint32_t kMostInputsToRound = 32768;
// Of a rounded row: codes, of each 32 their scale and their sums, a factor; a multiple of 16 bytes.
inline uint32_t rounded_words(uint32_t n_in) { return (n_in / 4 + n_in / 32 * 2 + 4) / 4 * 4; }

// Rows of x rounded to 8 bits in blocks of 32, as products do themselves where they read one row. Of a norm the weights are multiplied in before, and what all
// of a row is to be multiplied by comes behind its blocks; `normed` takes the row, normed and not rounded.
struct Round {
  uint32_t* y;  // [n_rows, rounded_words(n_in)]
  const float *x, *norm;
  float* normed;
  uint32_t n_rows, n_in, n_heads;
  uint64_t stride, head_stride;
  float eps;
};
inline uint32_t blocks_of(const Round& p) { return p.n_rows; }
void launch_round(const Round& p, const Part& part, cudaStream_t stream);

enum class After { store, add, gelu_erf, gelu_tanh, gate };  // gate: y = silu(y) * product

// y = x · wᵀ (+ bias), each head by a matrix of its own.
struct Matmul {
  float* y;
  const float* x;
  const uint32_t* rounded;  // of x, by launch_round; null: a block rounds its one row itself where `rounds`, or no row is
  Matrix w;
  const float* bias;
  uint32_t n_tokens, n_in, n_out, n_heads;
  uint64_t x_stride, x_head_stride, y_stride, y_head_stride;
  uint32_t x_heads;      // of `rounded`: 1 where all heads read the same
  uint32_t head_rows;    // of w, from head to head
  uint32_t n_following;  // columns of x behind those that are multiplied, copied behind those that are written
  bool rounds;
  After after;
};
uint32_t blocks_of(const Matmul& p);
void launch_matmul(const Matmul& p, const Part& part, cudaStream_t stream);

// h = norm * x / sqrt(mean(x²) + eps), and y = h · wᵀ (+ bias) of up to three matrices.
struct NormMatmul {
  float* y[3];
  Matrix w[3];
  const float* bias[3];
  uint32_t n_out[3];  // 0: no such matrix
  const float *x, *norm;
  const uint32_t* rounded;  // as in Matmul; of a few matrices that want x as it is x is read
  float* normed;            // or null
  uint32_t n_tokens, n_in;
  float eps;
  bool rounds;
};
uint32_t blocks_of(const NormMatmul& p);
void launch_norm_matmul(const NormMatmul& p, const Part& part, cudaStream_t stream);

// y = silu(h · gateᵀ) * (h · upᵀ)
struct NormGluMatmul {
  float* y;
  const float *x, *norm;
  const uint32_t* rounded;
  Matrix gate, up;
  uint32_t n_tokens, n_in, n_out;
  float eps;
  bool rounds;
};
uint32_t blocks_of(const NormGluMatmul& p);
void launch_norm_glu_matmul(const NormGluMatmul& p, const Part& part, cudaStream_t stream);

// y[t][h][o] = sum over rows i of x[t][h][i] * w[h][i][o]
struct MatmulTransposed {
  float* y;
  const float* x;
  Matrix w;
  uint32_t n_tokens, n_heads, n_rows, n_columns;
  uint64_t x_stride, x_head_stride, y_stride, y_head_stride;
  uint32_t head_rows, n_following;
};
uint32_t blocks_of(const MatmulTransposed& p);
void launch_matmul_transposed(const MatmulTransposed& p, const Part& part, cudaStream_t stream);

// ---- experts ----

// Where an expert's matrices lie.
struct ExpertAddresses {
  const uint8_t *gate, *up, *down;
};

// hidden[t][j] = silu(gate_e x[t]) * up_e x[t], e = ids[t][j], zeros where it is negative, and behind them the same of the shared expert.
struct ExpertsIn {
  float* hidden;  // [n_tokens, k * hidden_dim + shared_dim]
  const float* x;
  const uint32_t* rounded;  // of x; or null
  const int32_t* ids;
  const ExpertAddresses* table;
  Matrix pattern;  // of gate and up, without an address
  Matrix shared_gate, shared_up;
  uint32_t n_tokens, k, dim, hidden_dim, shared_dim;
  bool rounds;
};
uint32_t blocks_of(const ExpertsIn& p);
void launch_experts_in(const ExpertsIn& p, const Part& part, cudaStream_t stream);

// y[t] = sum over j with ids[t][j] >= 0, in this order, of weights[t][j] * down_e hidden[t][j]; then the shared expert's; all of it added to y where it `adds`.
struct ExpertsOut {
  float* y;
  const float* hidden;
  const uint32_t* rounded;  // of hidden; or null
  const int32_t* ids;
  const float* weights;
  const ExpertAddresses* table;
  Matrix pattern, shared_down;
  uint32_t n_tokens, k, dim, hidden_dim, shared_dim;
  bool rounds, adds;
};
uint32_t blocks_of(const ExpertsOut& p);
void launch_experts_out(const ExpertsOut& p, const Part& part, cudaStream_t stream);

// ---- products of prompts, on tensor cores ----

constexpr uint32_t kTileTokens = 64;

// Up to kTileTokens choices of one expert: those from `first` on in the order that launch_group_experts has put them into.
struct ExpertTile {
  uint32_t expert, first, n;
};
enum class OfExpert { gate, up, down };

// y = x · wᵀ (+ bias) as Matmul has it, of many rows that were rounded beforehand: the same bits. Where there is an `order`, row i of x is of choice order[i],
// place order[i] % k of token order[i] / k, and the matrix is the one of that expert.
struct Tiles {
  float* y;
  const uint32_t* rounded;  // of x; a row has row_inputs, of which the product has n_in, from x_first + place * x_step on
  Matrix w;
  const float* bias;
  const float* x;  // for n_following
  uint32_t n_tokens, n_in, n_out, n_heads, n_tiles;
  uint32_t row_inputs, x_first, x_step, x_heads;
  uint64_t x_stride, x_head_stride, y_stride, y_step, y_head_stride;
  uint32_t head_rows, n_following, chunk_bytes;  // chunk_bytes: of 256 inputs of a row of w
  bool has_factors;                              // of rows that were normed
  After after;
  const uint32_t *order, *n_of_experts;
  const ExpertTile* of_experts;
  const ExpertAddresses* table;
  OfExpert matrix;
  uint32_t k;
};
uint32_t blocks_of(const Tiles& p);
void launch_tiles(const Tiles& p, const Part& part, cudaStream_t stream);

// Rows of x in the format of coarse weights of 16 bits, which Tiles then takes for its `rounded`.
struct RoundToHalves {
  uint32_t* y;  // [n_rows, halves_words(n_in)]
  const float* x;
  uint32_t n_rows, n_in, n_heads;
  uint64_t stride, head_stride;
  bool is_bfloat;
};
inline uint32_t halves_words(uint32_t n_in) { return (n_in + 15) / 16 * 8 + 4; }
void launch_round_to_halves(const RoundToHalves& p, cudaStream_t stream);
void launch_halves(const Tiles& p, const Part& part, cudaStream_t stream);

constexpr uint32_t kMostExperts = 1024;

// Choices sorted by expert, those below zero left out, and what tiles they make; zeros into `hidden` where a choice is left out.
struct GroupExperts {
  uint32_t *order, *n_tiles;
  ExpertTile* tiles;
  const int32_t* ids;
  float* hidden;
  uint32_t n_tokens, k, n_experts, hidden_stride, hidden_dim;
};
void launch_group_experts(const GroupExperts& p, cudaStream_t stream);

// y[t] = sum over j with ids[t][j] >= 0 of weights[t][j] * products[t][j], then products[t][k] of a shared expert, in this order; added to y where it `adds`.
struct CombineExperts {
  float* y;
  const float* products;
  const int32_t* ids;
  const float* weights;
  uint32_t n_tokens, k, dim;
  bool has_shared, adds;
};
void launch_combine_experts(const CombineExperts& p, cudaStream_t stream);

struct RouteExperts {
  int32_t* ids;
  float* weights;
  const float *logits, *bias;
  uint32_t n_tokens, n_experts, k, n_groups, n_groups_used;
  float sum_epsilon, scale;
  bool is_sigmoid, normalizes;
};
void launch_route_experts(const RouteExperts& p, cudaStream_t stream);

// ---- keys and values ----

// A cache of keys or values: kernels/kv_layout.h.
enum class CacheLayout : uint32_t { rows, keys, values };
struct Cache {
  uint8_t* data = nullptr;
  DType format = DType::f32;
  CacheLayout layout = CacheLayout::rows;
  uint32_t n_heads = 0, head_dim = 0;
};

struct StoreKv {
  Cache cache;
  const float* x;
  const int32_t* cells;
  uint32_t n_tokens;
};
void launch_store_kv(const StoreKv& p, cudaStream_t stream);

struct LoadKv {
  float* y;
  Cache cache;
  const int32_t* cells;
  uint32_t n;
};
void launch_load_kv(const LoadKv& p, cudaStream_t stream);

struct BoundPages {
  float* bounds;
  Cache cache;
  const int32_t* cells;
  uint32_t n_tokens;
};
void launch_bound_pages(const BoundPages& p, cudaStream_t stream);

constexpr uint32_t kMostHeadDims = 2048;
struct QkNormRopeStore {
  float* q;
  const float *k, *v;  // v: or null
  const float *q_norm, *k_norm;
  const int32_t* positions;
  const float* frequencies;
  const int32_t *axes, *cells;
  Cache k_cache, v_cache;
  uint32_t n_tokens, n_heads, q_dim, n_pairs, q_first_dim, k_first_dim, k_norm_dims, hadamard_length;
  float root, eps;
  bool is_interleaved;
};
void launch_qk_norm_rope_store(const QkNormRopeStore& p, cudaStream_t stream);

// ---- attention ----

constexpr uint32_t kBlocksOfAPart = 8;  // of the KV pool: what attention goes over before it is merged
constexpr uint32_t kMostTileDims = 512;
constexpr uint32_t kRowsOfAttentionTile = 32;
constexpr uint32_t kMostSums = 8;  // dims of the value that a thread has: at most kMostSums * 128

struct SelectPages {
  uint32_t* kept;  // [n_tokens, n_kv_heads, max_blocks]
  float* scores;   // the same
  const float* q;
  Cache k_cache;
  const int32_t *kv_lengths, *sequences, *block_table, *protected_blocks;
  const float* page_bounds;
  uint32_t n_tokens, n_heads, max_blocks, n_pages;
};
void launch_select_pages(const SelectPages& p, cudaStream_t stream);

enum class Select : uint32_t { full, window, pages };
struct Attention {
  float* y;  // in parts: [n_tokens, n_heads, n_parts, v_head_dim + 2]
  const float* q;
  Cache k_cache, v_cache;  // v_cache: without data where the first dims of a key are its value
  const int32_t *kv_lengths, *sequences, *block_table, *protected_blocks;
  const uint32_t* kept;
  uint32_t n_tokens, n_heads, v_head_dim, max_blocks, n_parts;
  Select selection;
  uint32_t n_sinks, window;
  float scale;
  bool in_parts, by_tiles;  // by_tiles: not in parts, values of at most kMostTileDims
};
uint32_t blocks_of(const Attention& p);
void launch_attention(const Attention& p, const Part& part, cudaStream_t stream);

struct MergeAttention {
  float* y;
  const float* parts;
  const int32_t* kv_lengths;
  uint32_t n_tokens, n_heads, v_head_dim, n_parts;
};
void launch_merge_attention(const MergeAttention& p, cudaStream_t stream);

}  // namespace pio::cuda
