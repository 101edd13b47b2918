#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "kernels/arena.h"
#include "kernels/base/result.h"
#include "kernels/expert_set.h"
#include "kernels/matrix_source.h"
#include "kernels/tensor.h"

// One device and its operations. The public op checks shapes (backend.cpp, once for all backends) and calls the private one that computes.
//
// Ops run in the order of the calls. They are enqueued: on a device of its own queue, errors appear at sync(). Whatever changes from
// token to token is read from device tensors (Step), never passed as a number, so that a backend may record a decode step and replay it.
// All tensors of an op live on this backend. Zero rows are allowed everywhere and do nothing.
//
// One thread at a time uses a backend. The stop token is the exception: it may be pulled from any thread.

namespace pio {

enum class DeviceKind { cpu, cuda, vulkan, reference };

struct DeviceInfo {
  std::string name;  // "cpu", "cuda:0": what --device takes
  DeviceKind kind = DeviceKind::cpu;
  std::string detail;  // "AMD EPYC, avx512, 2 threads"
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  // Of graphics cards.
  std::string driver, api;     // "NVIDIA 535.183.1"; "Vulkan 1.3.242"
  std::string uuid;            // 32 hex digits: one card has the same, whatever drives it
  bool is_integrated = false;  // draws on the host's memory
  bool is_software = false;    // no card at all: a renderer on the processor
  int least_subgroup = 0, most_subgroup = 0;
  bool has_f16 = false, has_int8_dot = false;  // arithmetic of its own for them
};

// How a product with quantized weights reads its input.
enum class Activations {
  q8,   // rounded to 8 bits in blocks (fast)
  f32,  // as it is, against decoded weights (exact)
};

// Which dims of a head are rotated as a pair (models.md 0.2, trap 4: the wrong one gives fluent text and wrong numbers).
enum class RopePairing {
  half,         // dim i with dim i + n_pairs
  interleaved,  // dim 2i with dim 2i + 1
};

// Which cached tokens of its sequence a token attends to. Leaving out any changes the logits.
struct KvSelection {
  enum class Kind {
    full,    // all
    window,  // the first n_sinks and the last `window`, itself included: Xiao et al. 2023, StreamingLLM (arXiv:2309.17453)
    pages,   // n_pages blocks of the KV pool, its own included, the others by their score bounds: Tang et al. 2024, Quest (arXiv:2406.10774)
  };
  Kind kind = Kind::full;
  std::int64_t n_sinks = 4;    // tokens, at least 0
  std::int64_t window = 4096;  // tokens, at least 1
  std::int64_t n_pages = 64;   // of kKvBlockLength tokens, at least 1
  friend bool operator==(const KvSelection&, const KvSelection&) = default;
};

// The tokens now being processed, on the device. n_tokens, n_outputs and the extents are all that the host knows of them.
struct Step {
  Tensor ids;                    // [n_tokens]  i32
  Tensor positions;              // [n_tokens]  i32, 0-based place in its sequence; [3, n_tokens] where a model places tokens by time, row, column
  Tensor cells;                  // [n_tokens]  i32, cell of the KV pool that takes this token's key and value
  Tensor kv_lengths;             // [n_tokens]  i32, how many cached tokens of its sequence, from the first, the token attends to (itself included);
                                 //   0 of a row that only fills the step up
  Tensor sequences;              // [n_tokens]  i32, its sequence: a row of block_table
  Tensor block_table;            // [n_sequences, max_blocks]  i32: entry j of a row is the pool block that holds its tokens
                                 //   j * kKvBlockLength … + kKvBlockLength - 1; entries that kv_lengths does not reach are never read
  Tensor outputs;                // [n_outputs] i32, rows of this step whose logits are wanted
  Tensor output_lengths = {};    // [n_outputs] i32, kv_lengths of these rows, and
  Tensor output_sequences = {};  // [n_outputs] i32, their sequences; empty: the last layer is computed for every row
  Tensor kv_cells = {};          // [n_cached]  i32, cells of tokens 0 … n_cached - 1 of the step's one sequence, this step's own included;
                                 //   empty where the model did not ask for them
  Tensor n_kv_cells = {};        // [1] i32, n_cached, for a backend that replays a recorded step
  Tensor ordered_blocks = {};    // [n_sequences, max_blocks] i32, with kv_cells: j for each entry j, the block table of keys that lie in order
  KvSelection selection = {};
  Tensor protected_blocks = {};  // [n_sequences, max_blocks] i32, as block_table: where not 0, every selection keeps the block; empty: nowhere

  std::int64_t n_tokens() const { return ids.shape[0]; }
  std::int64_t n_outputs() const { return outputs.shape[0]; }
};

// Tokens in a block of the KV pool. Cell c is token c % kKvBlockLength of block c / kKvBlockLength.
inline constexpr int kKvBlockLength = 32;

struct AttentionParams {
  float scale = 1;          // multiplies q·k; usually 1/sqrt(head_dim)
  Tensor page_bounds = {};  // of the keys, as store_kv keeps them; empty: selection by pages computes them from every key
};

struct RopeParams {
  RopePairing pairing = RopePairing::half;
  std::int64_t first_dim = 0;  // of each head, that is rotated; the dims before it and from first_dim + 2 * n_pairs on are left alone
};

enum class Gelu {
  erf,   // x * Φ(x): Hendrycks & Gimpel 2016 (arXiv:1606.08415)
  tanh,  // 0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))): its approximation, section 2 there
};

// Which part of a head's matrix and of each row takes part in matmul_heads.
struct HeadsParams {
  std::int64_t x_first = 0;      // first column of x's heads that is read
  std::int64_t y_first = 0;      // first column of y's heads that is written; the others stay
  std::int64_t w_first = 0;      // first row of each head's matrix
  std::int64_t w_rows = 0;       // how many of them
  bool transposed = false;       // y = x · w instead of x · wᵀ: the rows run along the input
  std::int64_t n_following = 0;  // columns of x behind those read, copied behind those written
};

enum class ExpertScoring { softmax, sigmoid };

// How a router's logits become experts and weights (models.md 1.b step 11, 2.b step 6).
struct RoutingParams {
  ExpertScoring scoring = ExpertScoring::softmax;
  bool normalize = true;  // the chosen weights are divided by (their sum + sum_epsilon)
  float sum_epsilon = 0;
  float scale = 1;                 // multiplies the weights at the end
  std::int64_t n_groups = 1;       // experts form equal groups; only those of the n_groups_used best may be chosen, a group's
  std::int64_t n_groups_used = 1;  //   score being the sum of its two best biased scores
};

// One matrix of several that read the same input: y = input · wᵀ (+ bias).
struct Projection {
  Tensor y;          // [n_tokens, n_out] f32
  Tensor w;          // [n_out, n_in] any weight format
  Tensor bias = {};  // [n_out] f32, or empty
};

// Queries, keys and values on their way from the projections to the cache.
struct QkvHeads {
  Tensor q;            // [n_tokens, n_heads, q_dim] f32: normed and rotated in place
  Tensor k;            // [n_tokens, n_kv_heads, k_dim] f32; its values mean nothing afterwards
  Tensor v = {};       // [n_tokens, n_kv_heads, v_dim] f32; empty where only keys are kept (MLA)
  Tensor q_norm = {};  // [q_dim] f32: weights of the norm of each query head; empty: none
  Tensor k_norm = {};  // [n] f32: weights of the norm of the first n dims of each key head; empty: none
  float norm_eps = 0;
  Tensor inv_freq, axes = {};  // as in rope
  RopePairing pairing = RopePairing::half;
  std::int64_t q_first_dim = 0, k_first_dim = 0;  // RopeParams::first_dim of the two
  Tensor k_cache;                                 // [n_cells, n_kv_heads, k_dim], formats and layouts as in store_kv
  Tensor v_cache = {};                            // [n_cells, n_kv_heads, v_dim]; empty where v is
  Tensor page_bounds = {};                        // of k_cache, as in store_kv
  // hadamard() of so many dims for q and k behind their rope: q·k is what it was, and no dim of a key is much larger than the others, so that it can
  // be rounded to a few bits (Ashkboos et al. 2024, QuaRot, arXiv:2404.00456). 0: not. Divides q_dim and k_dim.
  std::int64_t hadamard_length = 0;
};

// The experts of a layer, and how a token comes to its own.
struct Mixture {
  const ExpertSet& experts;
  std::int64_t n_used = 0;  // experts a token
  Tensor bias = {};         // as in route_experts
  RoutingParams routing = {};
  ExpertMlp shared = {};  // every token passes through it; without tensors where there is none
};

// What a recording holds for: steps of n_tokens rows, n_outputs of them wanted, whose temporaries are of this generation.
struct RecordingKey {
  std::uint64_t generation = 0;  // Arena::generation
  std::int64_t n_tokens = 0;
  std::int64_t n_outputs = 0;
  friend bool operator==(const RecordingKey&, const RecordingKey&) = default;
};

// The ops that a device may not have.
enum class Op {
  embed,
  matmul,
  rms_norm,
  add,
  multiply,
  silu,
  glu,
  rope,
  store_kv,
  attention,
  layer_norm,
  gelu,
  add_scaled,
  copy_columns,
  matmul_heads,
  self_attention,
  route_experts,
  moe_experts,
  gather_rows,
  cast,
  copy,
  argmax,
};
const char* name_of(Op op);  // "matmul_heads"

// Ops that devices may have in one go, or as what they are made of.
enum class Composition { norm_matmul, qk_norm_rope_store, attention, matmul_add, norm_glu_matmul, moe_experts, experts };

class Backend {
 public:
  virtual ~Backend() = default;

  virtual const DeviceInfo& device() const = 0;
  // Threads of the host that compute; 1 where the host only waits.
  virtual int n_threads() const { return 1; }

  // Memory of this device, uninitialised, aligned to 64 bytes. Fails with out_of_memory{device, needed_bytes, free_bytes}.
  virtual Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) = 0;

  // No buffer of more bytes can be had, however much is free.
  virtual std::uint64_t most_bytes_at_once() const { return UINT64_MAX; }

  // Makes host memory usable as weights: in place where the device can read it (the bytes must outlive the buffer and are never
  // written), otherwise by a copy.
  virtual Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) = 0;

  // Bytes that placing this group takes of an arena, a multiple of 64; 0 where all of it is read in place. A group is what reads one input
  // (q, k and v; gate and up; the experts of a layer): a backend may lay it together.
  virtual std::uint64_t placed_bytes(std::span<const MatrixSource> group) const;
  // Lays a group where this backend's ops read it: in place, or in placed_bytes(group) bytes of `arena` from `offset` on, a multiple of 64.
  // The default keeps rows as they are. Tells `progress` of every source how many bytes were laid out, on the calling thread. Fails with a
  // source's error, or with cancelled after a stop. Sources are kept until sync().
  virtual Result<Placed> place_weights(std::span<const MatrixSource> group, Buffer* arena, std::size_t offset, const std::stop_token& stop,
                                       const std::function<void(std::uint64_t n_bytes)>& progress);
  // The tensors that placing this group gives where none of it is read in place, before anything is laid out.
  virtual std::vector<Tensor> placed_tensors(std::span<const MatrixSource> group, Buffer* arena, std::size_t offset) const;

  // The layout of its own that place_weights may choose: the instruction set it is for, and the rows that lie side by side; 0 where it has none.
  struct OwnLayout {
    std::string isa;
    int lanes = 0;
  };
  virtual OwnLayout own_layout() const { return {}; }
  // Reads every byte of a buffer once, in order, by the threads that ops run on, to measure how fast that is. Gives the sum of its words, which
  // means nothing. Default: reads nothing and gives nothing.
  virtual std::optional<std::uint64_t> read_all(const Buffer& /*buffer*/) { return {}; }

  // Matrices first … first + n - 1 of a placed stack [n_matrices, n_out, n_in]; and matrix i, for ops that read one.
  virtual Tensor matrices(Tensor stack, std::int64_t first, std::int64_t n) const;
  Tensor matrix(Tensor stack, std::int64_t i) const;

  virtual void upload(Tensor destination, const void* source) = 0;  // destination.n_bytes() bytes from the host, copied or staged on return
  virtual void download(void* destination, Tensor source) = 0;      // and back; waits until they are there
  // The ops that were called begin, where the device would wait for more of them. Returns at once.
  virtual void flush() {}
  // What was handed to the device since the beginning: commands, replayed ones too, or, where ops run on the host, ops. A composition counts as what it is made of.
  virtual std::uint64_t n_launches() const { return n_ops_; }
  // How many launches such an op is here for one token; 0: as many as the ops that its default is made of, one each where it is a primitive. For plans.
  virtual int launches_of(Composition) const { return 0; }
  // Waits for all ops. Fails with device_lost where the device no longer answers: its memory and what is in it are gone then.
  virtual Result<void> sync() = 0;
  // A tensor in memory of its own, which is added to `buffers`: a copy of `values` on the host, or uninitialised. Fails as allocate does.
  Result<Tensor> allocate_tensor(DType dtype, const Shape& shape, std::vector<std::unique_ptr<Buffer>>& buffers, const void* values = nullptr);

  // Whether this device runs the op: asked when a model is planned, and by a CHECK in every op. Fails with not_available{device} and the
  // reason with its numbers. `dtype` and `extents` are
  //   of embed, matmul, matmul_heads:  the table's or the matrix's
  //   of moe_experts:                  the gates', ups' and downs', one by one: [n_experts, rows, columns]
  //   of store_kv, load_kv, attention: the cache's; [n_kv_heads, head_dim] and [n_heads, n_kv_heads, head_dim, v_head_dim]
  //   of cast:                         the format that is not f32, the extents of x
  //   of the others:                   those of the first input
  // Ops that no Op names are asked as the ops that their defaults call.
  // This one knows no limits but the formats': weights in any, heads of whole blocks in f32, f16, q8_0 and q4_0.
  virtual Result<void> supports(Op op, DType dtype, const Shape& extents) const;

  // How many rows a step should have on a backend that replays recorded steps, rising. Steps are filled up to the next of them; those of
  // more rows than the last come as they are. None: every step comes as it is.
  virtual std::span<const std::int64_t> step_sizes() const { return {}; }
  // The ops up to end_recording() may be kept under `key`, and with them where their result lies; they run all the same. Without a result
  // nothing is kept. A recording is good for as long as the workspace has not moved either. Default: nothing is kept.
  virtual void begin_recording(const RecordingKey&) {}
  virtual void end_recording(Tensor /*result*/) {}
  // Runs again what was kept under `key`, on what its tensors hold now, and returns the result; an empty tensor where nothing is kept.
  virtual Tensor replay(const RecordingKey&) { return {}; }

  // Once a stop is requested, ops return early and leave their outputs unfinished, within a few milliseconds even inside a long
  // product. The caller looks at the token and throws the results away. Default: never stopped.
  void set_stop(std::stop_token stop) { stop_ = std::move(stop); }
  bool stop_requested() const { return stop_.stop_requested(); }
  const std::stop_token& stop_token() const { return stop_; }

  // The temporary memory of ops that are compositions of others. Its buffers go after the backend, and must keep alive what they need for it.
  Arena& workspace() { return workspace_; }
  const Arena& workspace() const { return workspace_; }

  // ---- ops -------------------------------------------------------------------------------------------------------------------

  // y[t] = table[ids[t]], decoded.
  //   y [n_tokens, dim] f32;  table [vocab_size, dim] any weight format;  ids [n_tokens] i32, each within the table
  void embed(Tensor y, Tensor table, Tensor ids);

  // y = x · wᵀ (+ bias). With Activations::q8 also coarse weights (MatrixUse::coarse) may be rounded to 8 bits in blocks.
  //   y [n_tokens, n_out] f32;  x [n_tokens, n_in] f32;  w [n_out, n_in] any weight format, n_in a multiple of its block length
  //   bias [n_out] f32, or empty.  y overlaps neither x nor w.
  void matmul(Tensor y, Tensor x, Tensor w, Tensor bias = {});

  // y = w * x / sqrt(mean(x²) + eps) over the last extent: Zhang & Sennrich 2019 (arXiv:1910.07467).
  //   y, x [..., dim] f32, y may be x;  w [dim] f32
  void rms_norm(Tensor y, Tensor x, Tensor w, float eps);

  // y = a + b, all of one shape, f32; y may be a or b.
  void add(Tensor y, Tensor a, Tensor b);

  // y = a * b of each pair, all of one shape, f32; y may be a or b.
  void multiply(Tensor y, Tensor a, Tensor b);

  // y = x / (1 + exp(-x)), one shape, f32; y may be x: Elfwing et al. 2018 (arXiv:1702.03118).
  void silu(Tensor y, Tensor x);

  // Rotates each head of x in place by its token's position: Su et al. 2021 (arXiv:2104.09864), eq. 34.
  //   x [n_tokens, n_heads, head_dim] f32; dims from 2 * n_pairs on are left alone
  //   positions [n_tokens] i32;  inv_freq [n_pairs] f32, radians a token. The angle is the float32 product, as in the reference.
  //   With several axes (Wang et al. 2024, arXiv:2409.12191, section 2.1) positions is [n_axes, n_tokens], and pair i is rotated by row
  //   axes[i] of it: axes [n_pairs] i32, each below n_axes. Empty: all by the one row.
  void rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes = {});

  // Each stretch of n values of x by the Hadamard matrix of Sylvester's order, over sqrt(n): a rotation, and its own inverse. The sums are the
  // fast transform's: values 1 apart first, then 2, 4, …, then the division; so every backend has the same bits.
  //   x [..., dim] f32, in place;  n a power of two that divides dim
  void hadamard(Tensor x, std::int64_t n);

  // cache[cells[t]] = x[t], rounded to the cache's format.
  //   cache [n_cells, n_kv_heads, head_dim] f32, f16, q8_0 or q4_0, of layout keys, values or rows (kernels/kv_layout.h)
  //   x [n_tokens, n_kv_heads, head_dim] f32;  cells [n_tokens] i32, each once
  //   page_bounds [n_cells / kKvBlockLength, n_kv_heads, 2, head_dim] f32, or empty: of every block written to, the smallest and the largest
  //   of each dim over its cells up to the last one written (blocks fill from their first cell on; a block's cells follow each other in x)
  void store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds = {});

  // y[i] = cache[cells[i]], decoded.   y [n, n_kv_heads, head_dim] f32;  cache as in store_kv;  cells [n] i32
  void load_kv(Tensor y, Tensor cache, Tensor cells);

  // Grouped-query attention over the cached tokens of each token's sequence: query head h reads key/value head
  // h / (n_heads / n_kv_heads); softmax of scale * q·k over tokens 0 … kv_lengths[t] - 1.
  //   y [n_tokens, n_heads, v_head_dim] f32;  q [n_tokens, n_heads, head_dim] f32
  //   k_cache [n_cells, n_kv_heads, head_dim] of layout keys;  v_cache [n_cells, n_kv_heads, v_head_dim] of layout values; formats as in store_kv.
  //   Or both of layout rows, in f32.
  // Of step: kv_lengths, sequences, block_table, selection, protected_blocks. y overlaps nothing.
  // A selection keeps some of the tokens 0 … kv_lengths[t] - 1. By pages, each key/value head keeps blocks of its own for each token: the
  // token's block, the protected ones, and the n_pages - 1 others with the highest score bound. A block's score bound is the sum, over the
  // head's query heads and over the dims, of max(q * smallest key, q * largest key): no q·k in the block is larger. Of equal bounds the
  // earlier block is kept.
  // A token of length 0 gets zeros.
  // Without v_cache the first v_head_dim values of each key are its value (the latent of MLA, DeepSeek-V2, arXiv:2405.04434).
  void attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params);

  // (x - mean) / sqrt(variance + eps) * w + bias over the last extent: Ba et al. 2016 (arXiv:1607.06450).
  //   y, x [..., dim] f32, y may be x;  w, bias [dim] f32
  void layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps);

  // y = gelu(x), one shape, f32; y may be x.
  void gelu(Tensor y, Tensor x, Gelu kind);

  // The k experts of each token and their weights, by falling score; of equal scores the lower index comes first.
  //   ids [n_tokens, k] i32;  weights [n_tokens, k] f32;  logits [n_tokens, n_experts] f32
  //   bias [n_experts] f32 or empty: added to the scores for the choice, not to the weights
  void route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params);

  // y[i] = x[rows[i]].   y [n, dim] f32;  x [m, dim] f32;  rows [n] i32, each below m
  void gather_rows(Tensor y, Tensor x, Tensor rows);

  // y = x in another format: f32 from any weight format; f16, bf16, q8_0, q4_0 from f32.
  void cast(Tensor y, Tensor x);

  // y = rows of weights in whatever layout, decoded.
  //   y [n, n_in] f32, or n rows of any more extents;  w [..., n_in] any weight format;  rows first … first + n - 1 of all its rows
  void decode_rows(Tensor y, Tensor w, std::int64_t first = 0);

  // y = x, same dtype and number of values.
  void copy(Tensor y, Tensor x);

  // y[i] = the index of the largest of row i, the lowest of equals.   y [n] i32;  x [n, dim] f32
  void argmax(Tensor y, Tensor x);

  // ---- ops that are compositions of those above --------------------------------------------------------------------------------
  // Each has a default that calls them (compositions.cpp). A backend overrides what it does better in one go.

  // y = silu(gate) * up: SwiGLU, Shazeer 2020 (arXiv:2002.05202). All of one shape, f32; y may be gate or up.
  void glu(Tensor y, Tensor gate, Tensor up);

  // y += scale * x, one shape, f32.
  void add_scaled(Tensor y, Tensor x, float scale);

  // y[t] = sum over j, in this order, of weights[t][j] * x[rows[t][j]]: rounded as moe_experts rounds what a token's experts give.
  //   y [n, dim] f32, apart from x;  x [m, dim] f32;  rows [n, k] i32, each below m;  weights [n, k] f32
  void sum_rows(Tensor y, Tensor x, Tensor rows, Tensor weights);

  // y[r][y_first + i] = x[r / (y's rows / x's rows)][x_first + i] for i < n: columns of rows, repeated where y has a multiple of x's rows.
  //   y, x [..., width] f32, apart
  void copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n);

  // Each head by a matrix of its own: y[t][h][y_first + o] = sum over i of x[t][h][x_first + i] * w[h][w_first + o][i], o < w_rows, or,
  // transposed, of x[t][h][x_first + i] * w[h][w_first + i][o], i < w_rows.
  //   y [n_tokens, n_heads, y_dim] f32;  x [n_tokens, n_heads or 1 (for all heads), x_dim] f32;  w [n_heads, rows, columns] any weight
  //   format. Not transposed, x is read as Activations say, a head's columns being the input that is rounded; transposed, as it is, except
  //   that with Activations::q8 x and quantized matrices may both be rounded to bf16, of any number of tokens alike. Of a layout that is the
  //   backend's own, w_first is a multiple of its lanes. The n_following columns are x's, whatever the matrix, as they are.
  void matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params);

  // Attention of all tokens of a segment to all tokens of the same one (an image, a frame of a video); nothing of the size of
  // n_tokens² is kept. With Activations::q8 queries, keys, values and probabilities may be rounded to 11 bits or more.   q, k, v [n_tokens, n_heads, head_dim] f32;  y [n_tokens, y_heads, head_dim] f32: heads first_head and on are written
  //   starts [n_segments + 1] i32, from 0 to n_tokens: segment s is tokens starts[s] … starts[s + 1] - 1
  void self_attention(Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale);

  // y[t] = sum over j of weights[t][j] * down_e(silu(gate_e x[t]) * up_e x[t]), e = ids[t][j]; a choice below 0 adds nothing.
  //   y, x [n_tokens, dim] f32, apart;  ids, weights [n_tokens, k] as route_experts gives them;  experts: every chosen one is in it
  void moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts);

  // h = rms_norm(x, norm, eps), and of each projection y = h · wᵀ (+ bias).
  //   x [n_tokens, dim] f32;  norm [dim] f32;  normed [n_tokens, dim] f32 takes h, unless it is empty. The outputs overlap nothing.
  void norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed = {});

  // The norm of each head of q and k where there are weights for it, then their rope and what rotates them beside it, then k and v into the cells of the step's tokens.
  // Of step: positions, cells.
  void qk_norm_rope_store(const QkvHeads& heads, const Step& step);

  // residual += x · wᵀ (+ bias), the product rounded to f32 before it is added.
  //   residual [n_tokens, n_out] f32, apart from x;  x, w, bias as in matmul
  void matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias = {});

  // y = gelu(x · wᵀ (+ bias)), the product rounded to f32 before.
  //   y, x, w, bias as in matmul
  void matmul_gelu(Tensor y, Tensor x, Tensor w, Tensor bias, Gelu kind);

  // y = silu(h · gateᵀ) * (h · upᵀ), h = rms_norm(x, norm, eps).
  //   y [n_tokens, hidden_dim] f32, apart from x;  x [n_tokens, dim] f32;  norm [dim] f32;  gate, up [hidden_dim, dim] any weight format
  void norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up);

  // residual += moe_experts(x) of the experts that route_experts chooses, to which what the shared expert makes of x is added first.
  //   residual, x [n_tokens, dim] f32, apart;  logits [n_tokens, n_experts] f32
  void experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture);

 protected:
  // This one reads rows as they are.
  virtual void do_decode_rows(Tensor y, Tensor w, std::int64_t first);
  // Compositions that a backend may override for some of what they are asked.
  virtual void do_norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed);
  virtual void do_matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias);
  virtual void do_norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up);
  virtual void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts);
  virtual void do_qk_norm_rope_store(const QkvHeads& heads, const Step& step);
  virtual void do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture);
  virtual void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params);  // of n_following 0
  virtual void do_matmul_heads_and_copy(Tensor y, Tensor x, Tensor w, HeadsParams params);
  // The op that is under way is n launches, whatever it has called.
  void count_as(std::uint64_t n, std::uint64_t before) { n_ops_ = before + n; }

 private:
  // Around an op: it is one, unless it has called others.
  class OpCount {
   public:
    explicit OpCount(std::uint64_t& n) : n_(n), before_(n) {}
    ~OpCount() { n_ += n_ == before_; }
    OpCount(const OpCount&) = delete;
    OpCount& operator=(const OpCount&) = delete;

   private:
    std::uint64_t& n_;
    const std::uint64_t before_;
  };
  // An op was called that is not supported. Ends the process: a caller has asked beforehand.
  virtual void refuse(Op op, const Error& reason);
  void require(Op op, DType dtype, const Shape& extents);

  // Whether ops read this source where it is mapped.
  virtual bool reads_in_place(const MatrixSource& /*source*/) const { return false; }
  // Bytes of this source in this backend's own layout; 0 where it stays row after row.
  virtual std::uint64_t own_layout_bytes(const MatrixSource& /*source*/) const { return 0; }
  virtual Result<void> lay_out(const Tensor& /*tensor*/, const MatrixSource& /*source*/, const std::stop_token&) { return {}; }
  virtual void do_embed(Tensor y, Tensor table, Tensor ids) = 0;
  virtual void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) = 0;
  virtual void do_rms_norm(Tensor y, Tensor x, Tensor w, float eps) = 0;
  virtual void do_add(Tensor y, Tensor a, Tensor b) = 0;
  virtual void do_multiply(Tensor y, Tensor a, Tensor b) = 0;
  virtual void do_silu(Tensor y, Tensor x) = 0;
  virtual void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) = 0;
  virtual void do_hadamard(Tensor x, std::int64_t n) = 0;
  virtual void do_store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) = 0;
  virtual void do_load_kv(Tensor y, Tensor cache, Tensor cells) = 0;
  virtual void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) = 0;
  virtual void do_layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps) = 0;
  virtual void do_gelu(Tensor y, Tensor x, Gelu kind) = 0;
  virtual void do_route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) = 0;
  virtual void do_gather_rows(Tensor y, Tensor x, Tensor rows) = 0;
  virtual void do_cast(Tensor y, Tensor x) = 0;
  virtual void do_copy(Tensor y, Tensor x) = 0;
  virtual void do_argmax(Tensor y, Tensor x) = 0;

  virtual void do_glu(Tensor y, Tensor gate, Tensor up);
  virtual void do_add_scaled(Tensor y, Tensor x, float scale);
  virtual void do_sum_rows(Tensor y, Tensor x, Tensor rows, Tensor weights);
  virtual void do_copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n);
  virtual void do_self_attention(Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale);
  virtual void do_matmul_gelu(Tensor y, Tensor x, Tensor w, Tensor bias, Gelu kind);

  std::stop_token stop_;
  std::uint64_t n_ops_ = 0;
  Arena workspace_{*this};
};

}  // namespace pio
