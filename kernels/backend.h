#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "kernels/base/result.h"
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
  std::string name;      // "cpu", "cuda:0": what --device takes
  DeviceKind kind = DeviceKind::cpu;
  std::string detail;    // "AMD EPYC, avx512, 2 threads"
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
};

// How a product with quantized weights reads its input.
enum class Activations {
  q8,   // rounded to 8 bits in blocks (fast)
  f32,  // as it is, against decoded weights (exact)
};

// Which dims of a head turn together (models.md 0.2, trap 4: the wrong one gives fluent nonsense).
enum class RopePairing {
  half,         // dim i with dim i + n_pairs
  interleaved,  // dim 2i with dim 2i + 1
};

// The tokens now being processed, on the device. n_tokens, n_outputs and the extents are all that the host knows of them.
struct Step {
  Tensor ids;          // [n_tokens]  i32
  Tensor positions;    // [n_tokens]  i32, 0-based place in its sequence
  Tensor cells;        // [n_tokens]  i32, cell of the KV pool that takes this token's key and value
  Tensor kv_lengths;   // [n_tokens]  i32, how many cached tokens of its sequence, from the first, the token attends to (itself included)
  Tensor sequences;    // [n_tokens]  i32, its sequence: a row of block_table
  Tensor block_table;  // [n_sequences, max_blocks]  i32: entry j of a row is the pool block that holds its tokens
                       //   j * kKvBlockLength … + kKvBlockLength - 1; entries that kv_lengths does not reach are never read
  Tensor outputs;      // [n_outputs] i32, rows of this step whose logits are wanted

  std::int64_t n_tokens() const { return ids.shape[0]; }
  std::int64_t n_outputs() const { return outputs.shape[0]; }
};

// Tokens in a block of the KV pool. Cell c is token c % kKvBlockLength of block c / kKvBlockLength.
inline constexpr int kKvBlockLength = 32;

struct AttentionParams {
  float scale = 1;  // multiplies q·k; usually 1/sqrt(head_dim)
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual const DeviceInfo& device() const = 0;
  // Threads of the host that compute; 1 where the host only waits.
  virtual int n_threads() const { return 1; }

  // Memory of this device, uninitialised, aligned to 64 bytes. Fails with out_of_memory{device, needed_bytes, free_bytes}.
  virtual Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) = 0;

  // Makes host memory usable as weights: in place where the device can read it (the bytes must outlive the buffer and are never
  // written), otherwise by a copy.
  virtual Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) = 0;

  virtual void upload(Tensor destination, const void* source) = 0;         // destination.n_bytes() bytes from the host
  virtual void download(void* destination, Tensor source) = 0;             // and back; waits until they are there
  virtual Result<void> sync() = 0;

  // Whether products with weights of this format run here.
  virtual bool supports_weights(DType dtype) const = 0;
  // Whether keys and values may be stored so.
  virtual bool supports_kv(DType dtype, std::int64_t head_dim) const = 0;

  // Once a stop is requested, ops return early and leave their outputs unfinished, within a few milliseconds even inside a long
  // product. The caller looks at the token and throws the results away. Default: never stopped.
  void set_stop(std::stop_token stop) { stop_ = std::move(stop); }
  bool stop_requested() const { return stop_.stop_requested(); }

  // ---- ops -------------------------------------------------------------------------------------------------------------------

  // y[t] = table[ids[t]], decoded.
  //   y [n_tokens, dim] f32;  table [vocab_size, dim] any weight format;  ids [n_tokens] i32, each within the table
  void embed(Tensor y, Tensor table, Tensor ids);

  // y = x · wᵀ (+ bias).
  //   y [n_tokens, n_out] f32;  x [n_tokens, n_in] f32;  w [n_out, n_in] any weight format, n_in a multiple of its block length
  //   bias [n_out] f32, or empty.  y overlaps neither x nor w.
  void matmul(Tensor y, Tensor x, Tensor w, Tensor bias = {});

  // y = w * x / sqrt(mean(x²) + eps) over the last extent: Zhang & Sennrich 2019 (arXiv:1910.07467).
  //   y, x [..., dim] f32, y may be x;  w [dim] f32
  void rms_norm(Tensor y, Tensor x, Tensor w, float eps);

  // y = a + b, all of one shape, f32; y may be a or b.
  void add(Tensor y, Tensor a, Tensor b);

  // y = silu(gate) * up: SwiGLU, Shazeer 2020 (arXiv:2002.05202). All of one shape, f32; y may be gate or up.
  void glu(Tensor y, Tensor gate, Tensor up);

  // Rotates each head of x in place by its token's position: Su et al. 2021 (arXiv:2104.09864), eq. 34.
  //   x [n_tokens, n_heads, head_dim] f32; dims from 2 * n_pairs on are left alone
  //   positions [n_tokens] i32;  inv_freq [n_pairs] f32, radians a token. The angle is the float32 product, as in the reference.
  void rope(Tensor x, Tensor positions, Tensor inv_freq, RopePairing pairing);

  // cache[cells[t]] = x[t], rounded to the cache's format.
  //   cache [n_cells, n_kv_heads, head_dim] f32, f16, q8_0 or q4_0;  x [n_tokens, n_kv_heads, head_dim] f32;  cells [n_tokens] i32
  void store_kv(Tensor cache, Tensor x, Tensor cells);

  // Grouped-query attention over the cached tokens of each token's sequence: query head h reads key/value head
  // h / (n_heads / n_kv_heads); softmax of scale * q·k over tokens 0 … kv_lengths[t] - 1.
  //   y [n_tokens, n_heads, v_head_dim] f32;  q [n_tokens, n_heads, head_dim] f32
  //   k_cache [n_cells, n_kv_heads, head_dim];  v_cache [n_cells, n_kv_heads, v_head_dim], formats as in store_kv
  // Of step: kv_lengths, sequences, block_table. y overlaps nothing.
  void attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params);

  // y[i] = x[rows[i]].   y [n, dim] f32;  x [m, dim] f32;  rows [n] i32, each below m
  void gather_rows(Tensor y, Tensor x, Tensor rows);

  // y = x in another format: f32 from any weight format; f16, bf16, q8_0, q4_0 from f32.
  void cast(Tensor y, Tensor x);

  // y = x, same dtype and number of values.
  void copy(Tensor y, Tensor x);

  // y[i] = the index of the largest of row i, the lowest of equals.   y [n] i32;  x [n, dim] f32
  void argmax(Tensor y, Tensor x);

 private:
  virtual void do_embed(Tensor y, Tensor table, Tensor ids) = 0;
  virtual void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) = 0;
  virtual void do_rms_norm(Tensor y, Tensor x, Tensor w, float eps) = 0;
  virtual void do_add(Tensor y, Tensor a, Tensor b) = 0;
  virtual void do_glu(Tensor y, Tensor gate, Tensor up) = 0;
  virtual void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopePairing pairing) = 0;
  virtual void do_store_kv(Tensor cache, Tensor x, Tensor cells) = 0;
  virtual void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) = 0;
  virtual void do_gather_rows(Tensor y, Tensor x, Tensor rows) = 0;
  virtual void do_cast(Tensor y, Tensor x) = 0;
  virtual void do_copy(Tensor y, Tensor x) = 0;
  virtual void do_argmax(Tensor y, Tensor x) = 0;

  std::stop_token stop_;
};

}  // namespace pio
