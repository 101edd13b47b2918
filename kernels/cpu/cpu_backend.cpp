#include "kernels/cpu/cpu_backend.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/host.h"
#include "kernels/reference/route.h"

namespace pio {
namespace {

static_assert(kKvBlockLength == 32, "inl/attention_inl.h works in blocks of 32 cells");

constexpr std::size_t kAlignment = 64;  // a cache line, and the widest register

// Below this much work (bytes moved, or multiplications / 4) an op stays on the calling thread: handing out costs 1 to 2 microseconds.
constexpr std::int64_t kAloneBytes = 48 * 1024;

std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

class OwnedBuffer final : public Buffer {
 public:
  OwnedBuffer(std::size_t n_bytes, std::byte* data) : Buffer(n_bytes, data) {}
  ~OwnedBuffer() override { std::free(host_data()); }
};

class WrappedBuffer final : public Buffer {
 public:
  WrappedBuffer(const void* data, std::size_t n_bytes)
      : Buffer(n_bytes, const_cast<std::byte*>(static_cast<const std::byte*>(data))) {}  // weights are never written
};

// Memory that grows before a parallel section and is then only used. Contents do not survive growing.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { std::free(data_); }
  Scratch(Scratch&& other) noexcept : data_(std::exchange(other.data_, nullptr)), n_bytes_(std::exchange(other.n_bytes_, 0)) {}
  Scratch& operator=(Scratch&&) = delete;

  void reserve(std::size_t n_bytes) {
    if (n_bytes <= n_bytes_) return;
    const std::size_t grown = round_up(std::max(n_bytes, n_bytes_ + n_bytes_ / 2), kAlignment);
    std::free(data_);
    n_bytes_ = 0;
    data_ = static_cast<std::byte*>(std::aligned_alloc(kAlignment, grown));
    if (!data_) throw std::bad_alloc();
    n_bytes_ = grown;
  }
  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t n_bytes_ = 0;
};

// Hands out aligned pieces of a scratch memory, or, without one, counts what they need.
class Carver {
 public:
  explicit Carver(std::byte* data) : data_(data) {}
  template <class T>
  T* take(std::int64_t n) {
    std::byte* piece = data_ ? data_ + used_ : nullptr;
    used_ += round_up(n * static_cast<std::int64_t>(sizeof(T)), kAlignment);
    return reinterpret_cast<T*>(piece);
  }
  std::size_t used() const { return used_; }

 private:
  std::byte* data_;
  std::size_t used_ = 0;
};

Q8Row take_q8_row(Carver& carver, std::int64_t n_in) {
  const std::int64_t n32 = round_up(n_in / 32, 16), n16 = round_up(n_in / 16, 16);
  Q8Row row;
  row.q = carver.take<std::int8_t>(n_in);
  row.sum16 = carver.take<std::int32_t>(n16);
  row.d32 = carver.take<float>(n32);
  row.s32 = carver.take<float>(n32);
  row.d16 = carver.take<float>(n16);
  row.s16 = carver.take<float>(n16);
  return row;
}

const QuantKernels* quant_kernels(const CpuKernels& k, DType dtype) {
  switch (dtype) {
    case DType::q4_0: return &k.q4_0;
    case DType::q4_1: return &k.q4_1;
    case DType::q5_0: return &k.q5_0;
    case DType::q5_1: return &k.q5_1;
    case DType::q8_0: return &k.q8_0;
    case DType::q2_k: return &k.q2_k;
    case DType::q3_k: return &k.q3_k;
    case DType::q4_k: return &k.q4_k;
    case DType::q5_k: return &k.q5_k;
    case DType::q6_k: return &k.q6_k;
    case DType::iq4_nl: return &k.iq4_nl;
    case DType::iq4_xs: return &k.iq4_xs;
    case DType::mxfp4: return &k.mxfp4;
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    default: return nullptr;  // decoded, then multiplied in float32
  }
}

KvFormat kv_format(DType dtype) {
  switch (dtype) {
    case DType::f32: return KvFormat::f32;
    case DType::f16: return KvFormat::f16;
    case DType::q8_0: return KvFormat::q8_0;
    case DType::q4_0: return KvFormat::q4_0;
    default: CHECK(false, "no format for keys and values");
  }
}

const std::uint8_t* bytes_at(const Tensor& t) { return host_pointer<const std::uint8_t>(t); }

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

DeviceInfo describe(const char* isa, int n_threads) {
  const HostMemory memory = host_memory();
  DeviceInfo device;
  device.name = "cpu";
  device.kind = DeviceKind::cpu;
  device.detail = processor_name() + ", " + isa + ", " + std::to_string(n_threads) + (n_threads == 1 ? " thread" : " threads");
  device.total_bytes = memory.total_bytes;
  device.free_bytes = memory.free_bytes;
  return device;
}

class CpuBackend final : public Backend {
 public:
  CpuBackend(const CpuKernels* kernels, int n_threads, Activations activations)
      : kernels_(*kernels), activations_(activations), pool_(n_threads), worker_scratch_(n_threads), device_(describe(kernels->name, n_threads)) {}

  const DeviceInfo& device() const override { return device_; }
  int n_threads() const override { return pool_.n_threads(); }

  Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) override {
    // The system promises more than it has: what can never be there is refused here, not when it is first touched.
    const bool hopeless = n_bytes > device_.total_bytes && device_.total_bytes != 0;
    void* data = hopeless ? nullptr : std::aligned_alloc(kAlignment, round_up(std::max<std::int64_t>(n_bytes, 1), kAlignment));
    if (!data) {
      Error error = make_error(ErrorCode::out_of_memory, "cpu: expected " + std::to_string(n_bytes) + " bytes, found too few");
      error.device = device_.name;
      error.needed_bytes = n_bytes;
      error.free_bytes = host_memory().free_bytes;
      return error;
    }
    return std::unique_ptr<Buffer>(std::make_unique<OwnedBuffer>(n_bytes, static_cast<std::byte*>(data)));
  }

  Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) override {
    return std::unique_ptr<Buffer>(std::make_unique<WrappedBuffer>(data, n_bytes));
  }

  void upload(Tensor destination, const void* source) override {
    if (destination.n_bytes() != 0) std::memcpy(host_pointer<std::byte>(destination), source, destination.n_bytes());
  }
  void download(void* destination, Tensor source) override {
    if (source.n_bytes() != 0) std::memcpy(destination, host_pointer<std::byte>(source), source.n_bytes());
  }
  Result<void> sync() override { return {}; }

  bool supports_weights(DType dtype) const override { return info(dtype).decode != nullptr; }
  bool supports_kv(DType dtype, std::int64_t head_dim) const override {
    if (dtype == DType::f32 || dtype == DType::f16) return true;
    return (dtype == DType::q8_0 || dtype == DType::q4_0) && head_dim % 32 == 0;
  }

 private:
  // body(tile, worker) for each tile until a stop is requested; on this thread alone when the whole moves few bytes.
  template <class Body>
  void for_each_tile(std::int64_t n_tiles, std::int64_t n_bytes, const Body& body) {
    const auto unless_stopped = [&](std::int64_t tile, int worker) {
      if (!stop_requested()) body(tile, worker);
    };
    if (n_bytes < kAloneBytes) {
      for (std::int64_t tile = 0; tile < n_tiles; ++tile) unless_stopped(tile, 0);
    } else {
      pool_.for_each_tile(n_tiles, unless_stopped);
    }
  }

  // body(first, n) for spans of [0, n_items).
  template <class Body>
  void for_each_span(std::int64_t n_items, std::int64_t bytes_per_item, const Body& body) {
    const std::int64_t span = std::max<std::int64_t>(1, kAloneBytes / std::max<std::int64_t>(1, bytes_per_item));
    for_each_tile((n_items + span - 1) / span, n_items * bytes_per_item,
                  [&](std::int64_t tile, int) { body(tile * span, std::min(span, n_items - tile * span)); });
  }

  void reserve_worker_scratch(std::size_t n_bytes) {
    for (Scratch& scratch : worker_scratch_) scratch.reserve(n_bytes);
  }

  void decode_row(DType dtype, const std::uint8_t* from, float* to, std::int64_t n) const {
    switch (dtype) {
      case DType::f32: std::memcpy(to, from, n * sizeof(float)); return;
      case DType::f16: kernels_.decode_f16(from, to, n); return;
      case DType::bf16: kernels_.decode_bf16(from, to, n); return;
      default: break;
    }
    if (const QuantKernels* quant = quant_kernels(kernels_, dtype)) {
      quant->decode(from, to, n);
    } else {
      info(dtype).decode(from, to, n);
    }
  }

  // ---- products --------------------------------------------------------------------------------------------------------------------

  void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) override {
    const std::int64_t n_tokens = x.shape[0];
    const QuantKernels* quant = quant_kernels(kernels_, w.dtype);
    if (w.dtype == DType::f16 && n_tokens < kDecodeTokens) return matvec_half(y, x, w, bias, kernels_.gemv_f16);
    if (w.dtype == DType::bf16 && n_tokens < kDecodeTokens) return matvec_half(y, x, w, bias, kernels_.gemv_bf16);
    if (!quant || activations_ == Activations::f32) return matmul_decoded(y, x, w, bias);
    if (kernels_.gemm_lanes > 0 && n_tokens >= kernels_.gemm_min_tokens) return matmul_packed(y, x, w, bias, *quant);
    matvec_q8(y, x, w, bias, *quant);
  }

  // Rows of weights in a tile: at most 256 KiB, some 10 microseconds of memory bandwidth, and a few tiles a thread. Not smaller, because
  // kernels fetch some KiB ahead, past the end of their tile. Kernels take four rows together.
  std::int64_t rows_per_tile(std::int64_t n_rows, std::int64_t row_bytes) const {
    return round_up(std::max<std::int64_t>(1, std::min(256 * 1024 / row_bytes, n_rows / (4 * pool_.n_threads()))), 4);
  }

  // gemv(t, first, n, y) computes rows [first, first + n) for token t.
  template <class Gemv>
  void matvec(Tensor y, Tensor w, Tensor bias, const Gemv& gemv) {
    const std::int64_t n_tokens = y.shape[0], n_out = w.shape[0];
    const std::int64_t row_bytes = bytes_of(w.dtype, w.shape[1]);
    const std::int64_t rows = rows_per_tile(n_out, row_bytes);
    float* const out = host_pointer<float>(y);
    const float* const b = bias ? host_pointer<float>(bias) : nullptr;
    for_each_tile((n_out + rows - 1) / rows, n_tokens * n_out * row_bytes, [&](std::int64_t tile, int) {
      const std::int64_t first = tile * rows, n = std::min(rows, n_out - first);
      for (std::int64_t t = 0; t < n_tokens && !stop_requested(); ++t) {
        float* const yt = out + t * n_out + first;
        gemv(t, first, n, yt);
        if (b) kernels_.add(yt, yt, b + first, n);
      }
    });
  }

  void matvec_half(Tensor y, Tensor x, Tensor w, Tensor bias, decltype(CpuKernels::gemv_f16) gemv) {
    const std::int64_t n_in = w.shape[1];
    const std::size_t row_bytes = bytes_of(w.dtype, n_in);
    matvec(y, w, bias, [&](std::int64_t t, std::int64_t first, std::int64_t n, float* yt) {
      gemv(bytes_at(w) + first * row_bytes, row_bytes, n, n_in, host_pointer<float>(x) + t * n_in, yt);
    });
  }

  void matvec_q8(Tensor y, Tensor x, Tensor w, Tensor bias, const QuantKernels& quant) {
    const std::int64_t n_tokens = x.shape[0], n_in = w.shape[1];
    const std::size_t row_bytes = bytes_of(w.dtype, n_in);
    Carver count(nullptr);
    take_q8_row(count, n_in);
    scratch_.reserve(n_tokens * count.used());
    const auto row_of = [&](std::int64_t t) {
      Carver carver(scratch_.data() + t * count.used());
      return take_q8_row(carver, n_in);
    };
    for_each_span(n_tokens, n_in * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t t = first; t < first + n; ++t) kernels_.quantize_q8(host_pointer<float>(x) + t * n_in, n_in, row_of(t));
    });
    matvec(y, w, bias, [&](std::int64_t t, std::int64_t first, std::int64_t n, float* yt) {
      quant.gemv(bytes_at(w) + first * row_bytes, row_bytes, n, n_in, row_of(t), yt);
    });
  }

  // Each tile of weights is decoded once and multiplied with all tokens, in float32.
  void matmul_decoded(Tensor y, Tensor x, Tensor w, Tensor bias) {
    const std::int64_t n_tokens = x.shape[0], n_out = w.shape[0], n_in = w.shape[1];
    const std::size_t row_bytes = bytes_of(w.dtype, n_in);
    const bool direct = w.dtype == DType::f32;
    // 256 KiB of floats stay in the second cache, 64 beside a few tokens' outputs; 4 rows are what the kernel multiplies at once
    const std::int64_t by_bytes = std::clamp<std::int64_t>((n_tokens > kTokensAtOnce ? 256 : 64) * 1024 / (4 * n_in), 4, 64);
    const std::int64_t rows = std::max<std::int64_t>(std::min(by_bytes, n_out / (4 * pool_.n_threads())), std::min<std::int64_t>(4, n_out));
    if (!direct) reserve_worker_scratch(rows * n_in * sizeof(float));
    const float* const b = bias ? host_pointer<float>(bias) : nullptr;
    for_each_tile((n_out + rows - 1) / rows, n_out * n_in * (n_tokens + 1), [&](std::int64_t tile, int worker) {
      const std::int64_t first = tile * rows, n = std::min(rows, n_out - first);
      const float* decoded = reinterpret_cast<const float*>(worker_scratch_[worker].data());
      if (direct) decoded = host_pointer<float>(w) + first * n_in;
      else decode_row(w.dtype, bytes_at(w) + first * row_bytes, reinterpret_cast<float*>(worker_scratch_[worker].data()), n * n_in);
      for (std::int64_t t = 0; t < n_tokens && !stop_requested(); t += kTokensAtOnce) {
        kernels_.matmul_f32(decoded, n_in, n, host_pointer<float>(x) + t * n_in, n_in, std::min(kTokensAtOnce, n_tokens - t), n_in,
                            b ? b + first : nullptr, host_pointer<float>(y) + t * n_out + first, n_out);
      }
    });
  }

  // Many tokens with 8-bit activations: tokens in panels, weights unpacked side by side a tile at a time (kernel_table.h).
  void matmul_packed(Tensor y, Tensor x, Tensor w, Tensor bias, const QuantKernels& quant) {
    const std::int64_t n_tokens = x.shape[0], n_out = w.shape[0], n_in = w.shape[1];
    const std::size_t row_bytes = bytes_of(w.dtype, n_in);
    const std::int64_t lanes = kernels_.gemm_lanes, n_groups = n_in / quant.group;
    const std::int64_t widest = kernels_.gemm_columns[0], n_panels = (n_tokens + widest - 1) / widest;

    // the last panel takes the narrowest width that holds the rest
    int last_width = 0;
    const std::int64_t rest = n_tokens - (n_panels - 1) * widest;
    while (last_width + 1 < kGemmWidths && kernels_.gemm_columns[last_width + 1] >= rest) ++last_width;

    struct PanelMemory {
      std::int8_t* q;
      float* d;
      float* s;
      std::int32_t* init;
    };
    const auto take_panel = [&](Carver& carver) {
      PanelMemory panel;
      panel.q = carver.take<std::int8_t>(n_in * widest);
      panel.d = carver.take<float>(n_groups * widest);
      panel.s = carver.take<float>(n_groups * widest);
      panel.init = carver.take<std::int32_t>(n_groups * widest);
      return panel;
    };
    Carver panel_count(nullptr);
    take_panel(panel_count);
    scratch_.reserve(n_panels * panel_count.used());
    const auto panel_at = [&](std::int64_t i) {
      Carver carver(scratch_.data() + i * panel_count.used());
      return take_panel(carver);
    };

    Carver row_count(nullptr);
    take_q8_row(row_count, n_in);
    // Lines of weights in a tile: as many as stay in the second cache beside a panel, and a few tiles a thread.
    const std::int64_t n_lines = (n_out + lanes - 1) / lanes;
    const std::int64_t line_bytes = lanes * (n_in + 8 * n_groups);
    std::int64_t lines = std::clamp<std::int64_t>(256 * 1024 / line_bytes, 1, 8);
    while (lines > 1 && (n_lines + lines - 1) / lines < 4 * pool_.n_threads()) --lines;
    const auto take_line = [&](Carver& carver) {
      GemmWeights line;
      line.quants = carver.take<std::uint8_t>(n_in * lanes);
      line.scales = carver.take<float>(n_groups * lanes);
      line.mins = carver.take<float>(n_groups * lanes);
      return line;
    };
    Carver line_count(nullptr);
    take_line(line_count);
    reserve_worker_scratch(std::max<std::size_t>(widest * row_count.used(), lines * (line_count.used() + lanes * sizeof(float))));

    for_each_tile(n_panels, n_tokens * n_in * 8, [&](std::int64_t i, int worker) {
      Carver carver(worker_scratch_[worker].data());
      Q8Row rows[16];
      const std::int64_t first = i * widest;
      const int n = static_cast<int>(std::min(widest, n_tokens - first));
      for (int c = 0; c < n; ++c) {
        rows[c] = take_q8_row(carver, n_in);
        kernels_.quantize_q8(host_pointer<float>(x) + (first + c) * n_in, n_in, rows[c]);
      }
      const PanelMemory panel = panel_at(i);
      const int width = kernels_.gemm_columns[i + 1 == n_panels ? last_width : 0];
      kernels_.pack_panel(rows, n, width, n_in, quant.group, quant.offset, panel.q, panel.d, panel.s, panel.init);
    });

    for_each_tile((n_lines + lines - 1) / lines, n_out * n_in * n_tokens, [&](std::int64_t tile, int worker) {
      const std::int64_t first_line = tile * lines, n = std::min(lines, n_lines - first_line);
      const auto line_at = [&](std::int64_t l) {
        Carver carver(worker_scratch_[worker].data() + l * line_count.used());
        return take_line(carver);
      };
      float* const biases = reinterpret_cast<float*>(worker_scratch_[worker].data() + lines * line_count.used());
      for (std::int64_t l = 0; l < n; ++l) {
        const std::int64_t row = (first_line + l) * lanes;
        const int n_rows = static_cast<int>(std::min(lanes, n_out - row));
        quant.pack(bytes_at(w) + row * row_bytes, row_bytes, n_rows, n_in, line_at(l));
        for (std::int64_t r = 0; r < lanes; ++r) biases[l * lanes + r] = bias && r < n_rows ? host_pointer<float>(bias)[row + r] : 0.0f;
      }
      for (std::int64_t i = 0; i < n_panels && !stop_requested(); ++i) {
        const PanelMemory memory = panel_at(i);
        const GemmPanel panel{memory.q, memory.d, memory.s, memory.init};
        const std::int64_t token = i * widest;
        for (std::int64_t l = 0; l < n; ++l) {
          const std::int64_t row = (first_line + l) * lanes;
          quant.gemm[i + 1 == n_panels ? last_width : 0](line_at(l), panel, n_in, biases + l * lanes, host_pointer<float>(y) + token * n_out + row,
                                                         n_out, static_cast<int>(std::min(lanes, n_out - row)),
                                                         static_cast<int>(std::min(widest, n_tokens - token)));
        }
      }
    });
  }

  // ---- a matrix a head ---------------------------------------------------------------------------------------------------------------

  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override {
    if (!params.transposed) heads_by_rows(y, x, w, params);
    else if (x.shape[0] < kDecodeTokens) heads_transposed_few(y, x, w, params);
    else heads_transposed(y, x, w, params);
  }

  // What matmul_heads reads and writes of head h, from token t on.
  struct Head {
    const float* x;
    float* y;
    std::size_t x_stride, y_stride;  // from token to token
    const std::uint8_t* w;           // its row w_first
    std::int64_t n_columns;
    std::size_t row_bytes;
  };
  static Head head_of(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params, std::int64_t h, std::int64_t t = 0) {
    Head head;
    head.x_stride = x.shape[1] * x.shape[2];
    head.y_stride = y.shape[1] * y.shape[2];
    head.x = host_pointer<float>(x) + t * head.x_stride + (x.shape[1] == 1 ? 0 : h) * x.shape[2] + params.x_first;
    head.y = host_pointer<float>(y) + t * head.y_stride + h * y.shape[2] + params.y_first;
    head.n_columns = w.shape[2];
    head.row_bytes = bytes_of(w.dtype, head.n_columns);
    head.w = bytes_at(w) + (h * w.shape[1] + params.w_first) * head.row_bytes;
    return head;
  }

  // n rows of weights as float32: where they lie, or decoded into the worker's scratch.
  const float* floats_of(DType dtype, const std::uint8_t* rows, std::int64_t n_values, int worker) {
    if (dtype == DType::f32) return reinterpret_cast<const float*>(rows);
    float* const decoded = reinterpret_cast<float*>(worker_scratch_[worker].data());
    decode_row(dtype, rows, decoded, n_values);
    return decoded;
  }

  void heads_by_rows(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params) {
    const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], n_columns = w.shape[2];
    const bool few = n_tokens < kDecodeTokens;
    const auto gemv = w.dtype == DType::f16 ? kernels_.gemv_f16 : w.dtype == DType::bf16 ? kernels_.gemv_bf16 : nullptr;
    constexpr std::int64_t kRows = 64;
    const std::int64_t n_pieces = (params.w_rows + kRows - 1) / kRows;
    reserve_worker_scratch(kRows * n_columns * sizeof(float));
    for_each_tile(n_heads * n_pieces, n_heads * params.w_rows * n_columns * (n_tokens + 1), [&](std::int64_t tile, int worker) {
      const Head head = head_of(y, x, w, params, tile / n_pieces);
      const std::int64_t first = tile % n_pieces * kRows, n = std::min(kRows, params.w_rows - first);
      const std::uint8_t* const rows = head.w + first * head.row_bytes;
      if (few && gemv) {
        for (std::int64_t t = 0; t < n_tokens; ++t) gemv(rows, head.row_bytes, n, n_columns, head.x + t * head.x_stride, head.y + t * head.y_stride + first);
        return;
      }
      const float* const weights = floats_of(w.dtype, rows, n * n_columns, worker);
      for (std::int64_t t = 0; t < n_tokens && !stop_requested(); t += kTokensAtOnce) {
        kernels_.matmul_f32(weights, n_columns, n, head.x + t * head.x_stride, head.x_stride, std::min(kTokensAtOnce, n_tokens - t), n_columns,
                            nullptr, head.y + t * head.y_stride + first, head.y_stride);
      }
    });
  }

  // Row by row into the sums, which stay in the nearest cache: the weights are read once and never laid down decoded.
  void heads_transposed_few(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params) {
    const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], n_columns = w.shape[2];
    reserve_worker_scratch(n_columns * sizeof(float));
    for_each_tile(n_heads, n_heads * params.w_rows * n_columns * (n_tokens + 1), [&](std::int64_t h, int worker) {
      const Head head = head_of(y, x, w, params, h);
      for (std::int64_t t = 0; t < n_tokens; ++t) std::fill_n(head.y + t * head.y_stride, n_columns, 0.0f);
      for (std::int64_t i = 0; i < params.w_rows; ++i) {
        const float* const row = floats_of(w.dtype, head.w + i * head.row_bytes, n_columns, worker);
        for (std::int64_t t = 0; t < n_tokens; ++t) kernels_.add_scaled(head.y + t * head.y_stride, row, head.x[t * head.x_stride + i], n_columns);
      }
    });
  }

  // Many tokens: a head's matrix is decoded whole, for a run of tokens long enough to make that cheap.
  void heads_transposed(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params) {
    const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], n_columns = w.shape[2];
    const std::int64_t runs_wanted = (4 * pool_.n_threads() + n_heads - 1) / n_heads;
    const std::int64_t run = round_up(std::max<std::int64_t>(64, (n_tokens + runs_wanted - 1) / runs_wanted), kTokensAtOnce);
    const std::int64_t n_runs = (n_tokens + run - 1) / run;
    reserve_worker_scratch(params.w_rows * n_columns * sizeof(float));
    for_each_tile(n_heads * n_runs, n_heads * params.w_rows * n_columns * n_tokens, [&](std::int64_t tile, int worker) {
      const std::int64_t first = tile % n_runs * run, end = std::min(first + run, n_tokens);
      const Head head = head_of(y, x, w, params, tile / n_runs, first);
      const float* const weights = floats_of(w.dtype, head.w, params.w_rows * n_columns, worker);
      for (std::int64_t t = first; t < end && !stop_requested(); t += kTokensAtOnce) {
        kernels_.matmul_f32_transposed(weights, n_columns, params.w_rows, n_columns, head.x + (t - first) * head.x_stride, head.x_stride,
                                       std::min(kTokensAtOnce, end - t), head.y + (t - first) * head.y_stride, head.y_stride);
      }
    });
  }

  // ---- mixtures of experts ------------------------------------------------------------------------------------------------------------

  void do_route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) override {
    const std::int64_t n_used = ids.shape[1], n_experts = logits.shape[1];
    for_each_span(ids.shape[0], n_experts * 64, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t t = first; t < first + n; ++t) {
        route_token(host_pointer<float>(logits) + t * n_experts, bias ? host_pointer<float>(bias) : nullptr, n_experts, params, n_used,
                    host_pointer<std::int32_t>(ids) + t * n_used, host_pointer<float>(weights) + t * n_used);
      }
    });
  }

  // Either way a token's experts are summed by rising index, so the two agree but for what the products round.
  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, std::span<const ExpertMlp> experts) override {
    for (std::int64_t i = 0; i < ids.shape.n_values(); ++i) {
      const std::int32_t id = host_pointer<std::int32_t>(ids)[i];
      CHECK(id >= 0 && static_cast<std::size_t>(id) < experts.size(), "moe_experts: no such expert");
    }
    if (x.shape[0] < kDecodeTokens) experts_of_few(y, x, ids, weights, experts);
    else experts_of_many(y, x, ids, weights, experts);
  }

  // Rows of activations are gathered expert by expert and go through the products of many tokens. An expert without tokens costs nothing.
  void experts_of_many(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, std::span<const ExpertMlp> experts) {
    const std::int64_t dim = x.shape[1], hidden_dim = experts[0].gate.shape[0], n_used = ids.shape[1], n_places = ids.shape.n_values();
    // Places (token * n_used + choice) in the order of their experts, each expert's by rising token.
    expert_starts_.assign(experts.size() + 1, 0);
    for (std::int64_t i = 0; i < n_places; ++i) ++expert_starts_[host_pointer<std::int32_t>(ids)[i] + 1];
    for (std::size_t e = 0; e < experts.size(); ++e) expert_starts_[e + 1] += expert_starts_[e];
    places_.resize(n_places);
    std::vector<std::int64_t>& next = expert_next_;
    next.assign(expert_starts_.begin(), expert_starts_.end() - 1);
    for (std::int64_t i = 0; i < n_places; ++i) places_[next[host_pointer<std::int32_t>(ids)[i]]++] = i;

    constexpr std::int64_t kMostRows = 512;  // of an expert at a time: bounds the memory, and is plenty for the products
    std::int64_t most_rows = 0;
    for (std::size_t e = 0; e < experts.size(); ++e) most_rows = std::max(most_rows, expert_starts_[e + 1] - expert_starts_[e]);
    most_rows = std::min(most_rows, kMostRows);
    Carver count(nullptr);
    const auto take_all = [&](Carver& carver) {
      return std::array{carver.take<float>(most_rows * dim), carver.take<float>(most_rows * hidden_dim), carver.take<float>(most_rows * hidden_dim)};
    };
    take_all(count);
    experts_scratch_.reserve(count.used());
    WrappedBuffer memory(experts_scratch_.data(), count.used());
    Carver carver(experts_scratch_.data());
    const auto pieces = take_all(carver);
    const auto tensor = [&](float* at, std::int64_t n_rows, std::int64_t width) {
      return Tensor{DType::f32, {n_rows, width}, &memory, static_cast<std::size_t>(reinterpret_cast<std::byte*>(at) - experts_scratch_.data())};
    };

    std::memset(host_pointer<float>(y), 0, y.n_bytes());
    for (std::size_t e = 0; e < experts.size(); ++e) {
      for (std::int64_t at = expert_starts_[e]; at < expert_starts_[e + 1]; at += kMostRows) {
        if (stop_requested()) return;
        const std::int64_t n = std::min(kMostRows, expert_starts_[e + 1] - at);
        const Tensor rows = tensor(pieces[0], n, dim), gate = tensor(pieces[1], n, hidden_dim), up = tensor(pieces[2], n, hidden_dim);
        for_each_span(n, dim * 8, [&](std::int64_t first, std::int64_t n_rows) {
          for (std::int64_t i = first; i < first + n_rows; ++i) {
            std::memcpy(pieces[0] + i * dim, host_pointer<float>(x) + places_[at + i] / n_used * dim, dim * sizeof(float));
          }
        });
        do_matmul(gate, rows, experts[e].gate, {});
        do_matmul(up, rows, experts[e].up, {});
        do_glu(gate, gate, up);
        do_matmul(rows, gate, experts[e].down, {});
        for_each_span(n, dim * 12, [&](std::int64_t first, std::int64_t n_rows) {
          for (std::int64_t i = first; i < first + n_rows; ++i) {
            const std::int64_t place = places_[at + i];
            kernels_.add_scaled(host_pointer<float>(y) + place / n_used * dim, pieces[0] + i * dim, host_pointer<float>(weights)[place], dim);
          }
        });
      }
    }
  }

  // y[r] = row first + r of w · x, for n rows. `rounded` is x in 8 bits, read where rounded_input(w) says so.
  void multiply_rows(const Tensor& w, std::int64_t first, std::int64_t n, const float* x, const Q8Row& rounded, float* y, int worker) {
    const std::int64_t n_in = w.shape.back();
    const std::size_t row_bytes = bytes_of(w.dtype, n_in);
    const std::uint8_t* const rows = bytes_at(w) + first * row_bytes;
    if (rounded_input(w)) return quant_kernels(kernels_, w.dtype)->gemv(rows, row_bytes, n, n_in, rounded, y);
    if (w.dtype == DType::f16) return kernels_.gemv_f16(rows, row_bytes, n, n_in, x, y);
    if (w.dtype == DType::bf16) return kernels_.gemv_bf16(rows, row_bytes, n, n_in, x, y);
    for (std::int64_t r = 0; r < n; r += kRowsAtOnce) {
      const std::int64_t n_rows = std::min(kRowsAtOnce, n - r);
      kernels_.matmul_f32(floats_of(w.dtype, rows + r * row_bytes, n_rows * n_in, worker), n_in, n_rows, x, 0, 1, n_in, nullptr, y + r, 0);
    }
  }
  bool rounded_input(const Tensor& w) const { return activations_ == Activations::q8 && quant_kernels(kernels_, w.dtype); }

  // Two sections of tiles for all chosen experts together: their products are too short to wait for each other.
  void experts_of_few(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, std::span<const ExpertMlp> experts) {
    const std::int64_t n_tokens = x.shape[0], dim = x.shape[1], hidden_dim = experts[0].gate.shape[0], n_used = ids.shape[1];
    const std::int64_t n_places = n_tokens * n_used;
    const std::int32_t* const id = host_pointer<std::int32_t>(ids);
    places_.resize(n_places);
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      const auto begin = places_.begin() + t * n_used;
      std::iota(begin, begin + n_used, t * n_used);
      std::sort(begin, begin + n_used, [&](std::int64_t a, std::int64_t b) { return id[a] != id[b] ? id[a] < id[b] : a < b; });
    }

    // gate and up of a place need its token's row in 8 bits, down needs its own hidden row
    const auto any_rounded = [&](Tensor ExpertMlp::*which) {
      return std::any_of(id, id + n_places, [&](std::int32_t e) { return rounded_input(experts[e].*which); });
    };
    const bool round_x = any_rounded(&ExpertMlp::gate) || any_rounded(&ExpertMlp::up), round_hidden = any_rounded(&ExpertMlp::down);
    Carver count(nullptr);
    count.take<float>(n_places * hidden_dim);
    const std::size_t hidden_bytes = count.used();
    take_q8_row(count, dim);
    const std::size_t x_row_bytes = count.used() - hidden_bytes;
    take_q8_row(count, hidden_dim);
    const std::size_t hidden_row_bytes = count.used() - hidden_bytes - x_row_bytes;
    scratch_.reserve(hidden_bytes + n_tokens * x_row_bytes + n_places * hidden_row_bytes);
    float* const hidden = reinterpret_cast<float*>(scratch_.data());
    const auto x_row = [&](std::int64_t t) {
      Carver carver(scratch_.data() + hidden_bytes + t * x_row_bytes);
      return take_q8_row(carver, dim);
    };
    const auto hidden_row = [&](std::int64_t place) {
      Carver carver(scratch_.data() + hidden_bytes + n_tokens * x_row_bytes + place * hidden_row_bytes);
      return take_q8_row(carver, hidden_dim);
    };

    const std::int64_t in_row_bytes = bytes_of(experts[id[0]].gate.dtype, dim), out_row_bytes = bytes_of(experts[id[0]].down.dtype, hidden_dim);
    const std::int64_t in_rows = std::min(rows_per_tile(n_places * hidden_dim, 2 * in_row_bytes), hidden_dim);
    const std::int64_t out_rows = std::min(rows_per_tile(n_tokens * dim, n_used * out_row_bytes), dim);
    const std::size_t decoded_bytes = round_up(kRowsAtOnce * std::max(dim, hidden_dim) * sizeof(float), kAlignment);
    reserve_worker_scratch(decoded_bytes + std::max(in_rows, out_rows) * sizeof(float));
    const auto products_of = [&](int worker) { return reinterpret_cast<float*>(worker_scratch_[worker].data() + decoded_bytes); };

    if (round_x) {
      for (std::int64_t t = 0; t < n_tokens; ++t) kernels_.quantize_q8(host_pointer<float>(x) + t * dim, dim, x_row(t));
    }
    const std::int64_t in_tiles = (hidden_dim + in_rows - 1) / in_rows;
    for_each_tile(n_places * in_tiles, n_places * hidden_dim * in_row_bytes * 2, [&](std::int64_t tile, int worker) {
      const std::int64_t place = tile / in_tiles, t = place / n_used, first = tile % in_tiles * in_rows, n = std::min(in_rows, hidden_dim - first);
      const ExpertMlp& expert = experts[id[place]];
      float* const gate = hidden + place * hidden_dim + first;
      const float* const xt = host_pointer<float>(x) + t * dim;
      multiply_rows(expert.gate, first, n, xt, x_row(t), gate, worker);
      multiply_rows(expert.up, first, n, xt, x_row(t), products_of(worker), worker);
      kernels_.glu(gate, gate, products_of(worker), n);
    });
    if (round_hidden) {
      for (std::int64_t place = 0; place < n_places; ++place) kernels_.quantize_q8(hidden + place * hidden_dim, hidden_dim, hidden_row(place));
    }
    const std::int64_t out_tiles = (dim + out_rows - 1) / out_rows;
    for_each_tile(n_tokens * out_tiles, n_places * dim * out_row_bytes, [&](std::int64_t tile, int worker) {
      const std::int64_t t = tile / out_tiles, first = tile % out_tiles * out_rows, n = std::min(out_rows, dim - first);
      float* const yt = host_pointer<float>(y) + t * dim + first;
      std::fill_n(yt, n, 0.0f);
      for (std::int64_t i = t * n_used; i < (t + 1) * n_used && !stop_requested(); ++i) {
        const std::int64_t place = places_[i];
        multiply_rows(experts[id[place]].down, first, n, hidden + place * hidden_dim, hidden_row(place), products_of(worker), worker);
        kernels_.add_scaled(yt, products_of(worker), host_pointer<float>(weights)[place], n);
      }
    });
  }

  // ---- attention -------------------------------------------------------------------------------------------------------------------

  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], head_dim = q.shape[2], v_head_dim = y.shape[2];
    const std::int64_t n_kv_heads = k_cache.shape[1], n_group = n_heads / n_kv_heads;
    const std::int64_t out_stride = round_up(v_head_dim, 32), max_blocks = step.block_table.shape[1];
    const std::int32_t* const lengths = host_pointer<std::int32_t>(step.kv_lengths);
    const std::int32_t* const sequences = host_pointer<std::int32_t>(step.sequences);

    // Runs of tokens of one sequence. 96 query rows keep the vector units busy while the keys of a block are turned round once.
    const std::int64_t most_tokens = std::max<std::int64_t>(1, 96 / n_group);
    runs_.clear();
    std::int64_t longest = 0, work = 0;
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      if (runs_.empty() || runs_.back().n_tokens == most_tokens || sequences[runs_.back().first] != sequences[t]) {
        runs_.push_back({t, 0, 0, 0});
      }
      Run& run = runs_.back();
      ++run.n_tokens;
      run.n_keys = std::max<std::int64_t>(run.n_keys, lengths[t]);
      longest = std::max(longest, run.n_blocks());
      work += lengths[t];
    }
    const std::int64_t n_runs = static_cast<std::int64_t>(runs_.size());
    const std::int64_t n_rows_most = std::min(most_tokens, n_tokens) * n_group;

    // Few heads and few tokens: the cached tokens are cut too, in parts of at least 8 blocks.
    const std::int64_t n_threads = pool_.n_threads();
    std::int64_t n_parts = 1;
    if (n_threads > 1 && n_runs * n_kv_heads < 3 * n_threads) {
      n_parts = std::clamp<std::int64_t>((4 * n_threads + n_runs * n_kv_heads - 1) / (n_runs * n_kv_heads), 1, std::max<std::int64_t>(1, longest / 8));
    }

    const std::size_t kernel_floats = kernels_.attend_scratch_floats(static_cast<int>(n_rows_most), static_cast<int>(head_dim), static_cast<int>(v_head_dim));
    struct Partial {
      float* largest;
      float* sum;
      float* out;
    };
    const auto take_partial = [&](Carver& carver) {
      Partial partial;
      partial.largest = carver.take<float>(n_rows_most);
      partial.sum = carver.take<float>(n_rows_most);
      partial.out = carver.take<float>(n_rows_most * out_stride);
      return partial;
    };
    Carver partial_count(nullptr);
    take_partial(partial_count);
    const std::int64_t partial_floats = static_cast<std::int64_t>(partial_count.used() / sizeof(float));

    const auto write = [&](const Run& run, std::int64_t kv_head, const Partial& partial) {
      for (std::int64_t r = 0; r < run.n_tokens * n_group; ++r) {
        float* const out = host_pointer<float>(y) + ((run.first + r / n_group) * n_heads + kv_head * n_group + r % n_group) * v_head_dim;
        kernels_.merge_attention(out, static_cast<int>(v_head_dim), partial.largest + r, partial.sum + r, partial.out + r * out_stride,
                                 static_cast<int>(n_parts), partial_floats, partial_floats);
      }
    };

    // A selection that reaches everything is none. What one keeps is written down for a slab of runs at a time, to bound its memory.
    const KvSelection& kept = step.selection;
    const bool by_pages = kept.kind == KvSelection::Kind::pages && kept.n_pages < longest;
    const bool by_window = kept.kind == KvSelection::Kind::window && kept.n_sinks + kept.window < longest * kKvBlockLength;
    constexpr std::int64_t kSlabBytes = 16 << 20;
    const std::int64_t run_bytes = (by_pages ? n_kv_heads : 1) * longest * (by_pages ? 5 * most_tokens + 4 : 4);
    const std::int64_t slab = by_pages || by_window ? std::clamp<std::int64_t>(kSlabBytes / run_bytes, 1, n_runs) : n_runs;
    const float* const bounds = by_pages ? page_bounds_of(step, k_cache, params.page_bounds) : nullptr;

    const std::int64_t n_bytes = work * n_heads * (head_dim + v_head_dim);
    // the longest runs, which are the last of a prompt, first
    for (std::int64_t end_run = n_runs; end_run > 0 && !stop_requested(); end_run -= slab) {
      const std::int64_t n_slab = std::min(slab, end_run), first_run = end_run - n_slab;
      if (by_window) keep_window(step, first_run, n_slab, longest);
      if (by_pages) keep_pages(step, q, n_kv_heads, bounds, first_run, n_slab, most_tokens, longest);
      reserve_worker_scratch(kernel_floats * sizeof(float) + kAlignment + partial_count.used());
      if (n_parts > 1) scratch_.reserve(n_slab * n_kv_heads * n_parts * partial_count.used());
      for_each_tile(n_slab * n_kv_heads * n_parts, n_bytes, [&](std::int64_t tile, int worker) {
        const std::int64_t place = n_slab - 1 - tile / (n_kv_heads * n_parts), kv_head = tile / n_parts % n_kv_heads, part = tile % n_parts;
        const Run& run = runs_[first_run + place];
        Carver own(worker_scratch_[worker].data());
        float* const kernel_scratch = own.take<float>(kernel_floats);
        Partial partial;
        if (n_parts > 1) {
          Carver shared(scratch_.data() + tile * partial_count.used());
          partial = take_partial(shared);
        } else {
          partial = take_partial(own);
        }
        AttendTask task = attend_task(params.scale);
        task.q = host_pointer<float>(q) + (run.first * n_heads + kv_head * n_group) * head_dim;
        task.q_token_stride = n_heads * head_dim;
        task.k = bytes_at(k_cache) + bytes_of(k_cache.dtype, kv_head * head_dim);
        task.v = v_cache ? bytes_at(v_cache) + bytes_of(v_cache.dtype, kv_head * v_head_dim) : task.k;
        task.k_cell_bytes = bytes_of(k_cache.dtype, n_kv_heads * head_dim);
        task.v_cell_bytes = v_cache ? bytes_of(v_cache.dtype, n_kv_heads * v_head_dim) : task.k_cell_bytes;
        task.k_format = kv_format(k_cache.dtype);
        task.v_format = v_cache ? kv_format(v_cache.dtype) : task.k_format;
        task.blocks = host_pointer<std::int32_t>(step.block_table) + sequences[run.first] * max_blocks;
        task.kv_lengths = lengths + run.first;
        task.n_tokens = static_cast<int>(run.n_tokens);
        task.n_group = static_cast<int>(n_group);
        task.head_dim = static_cast<int>(head_dim);
        task.v_head_dim = static_cast<int>(v_head_dim);
        std::int64_t n_blocks = run.n_blocks();
        if (by_window || by_pages) {
          const std::int64_t list = by_pages ? place * n_kv_heads + kv_head : place;
          task.visit = kept_.visits + list * longest;
          n_blocks = kept_.n_visits[list];
          if (by_pages) {
            task.chosen = kept_.chosen + list * most_tokens * longest;
            task.chosen_stride = longest;
          } else {
            task.n_sinks = static_cast<int>(std::min<std::int64_t>(kept.n_sinks, INT32_MAX));
            task.window = static_cast<int>(kept.window);  // less than the tokens there are
            if (step.protected_blocks) task.open = host_pointer<std::int32_t>(step.protected_blocks) + sequences[run.first] * max_blocks;
          }
        }
        task.first_block = static_cast<int>(n_blocks * part / n_parts);
        task.end_block = static_cast<int>(n_blocks * (part + 1) / n_parts);
        task.largest = partial.largest;
        task.sum = partial.sum;
        task.out = partial.out;
        task.scratch = kernel_scratch;
        kernels_.attend(task);
        if (n_parts == 1) write(run, kv_head, partial);
      });

      if (n_parts == 1 || stop_requested()) continue;
      for_each_tile(n_slab * n_kv_heads, n_tokens * n_heads * n_parts * out_stride * 4, [&](std::int64_t tile, int) {
        Carver carver(scratch_.data() + tile * n_parts * partial_count.used());
        write(runs_[first_run + n_slab - 1 - tile / n_kv_heads], tile % n_kv_heads, take_partial(carver));
      });
    }
  }

  // ---- what a selection keeps ----------------------------------------------------------------------------------------------------------

  // For each run of a slab, or each run and key head: the blocks that any of its tokens reads, and which token reads which.
  struct Kept {
    std::int32_t* visits;    // lists of `longest` numbers
    std::int32_t* n_visits;  // of each list
    std::uint8_t* chosen;    // [lists, most_tokens, longest]
    float* promises;         // the same
  };

  Kept take_kept(std::int64_t n_lists, std::int64_t most_tokens, std::int64_t longest) {
    const auto take = [&](Carver& carver) {
      return Kept{carver.take<std::int32_t>(n_lists * longest), carver.take<std::int32_t>(n_lists),
                  carver.take<std::uint8_t>(n_lists * most_tokens * longest), carver.take<float>(n_lists * most_tokens * longest)};
    };
    Carver count(nullptr);
    take(count);
    kept_scratch_.reserve(count.used());
    Carver carver(kept_scratch_.data());
    return take(carver);
  }

  static const std::int32_t* protected_of(const Step& step, std::int64_t token) {
    if (!step.protected_blocks) return nullptr;
    return host_pointer<std::int32_t>(step.protected_blocks) + host_pointer<std::int32_t>(step.sequences)[token] * step.block_table.shape[1];
  }

  void keep_window(const Step& step, std::int64_t first_run, std::int64_t n_runs, std::int64_t longest) {
    kept_ = take_kept(n_runs, 0, longest);
    const std::int32_t* const lengths = host_pointer<std::int32_t>(step.kv_lengths);
    for (std::int64_t i = 0; i < n_runs; ++i) {
      const Run& run = runs_[first_run + i];
      const std::int32_t* const open = protected_of(step, run.first);
      const std::int64_t shortest = *std::min_element(lengths + run.first, lengths + run.first + run.n_tokens);
      std::int32_t n = 0;
      for (std::int64_t j = 0; j < run.n_blocks(); ++j) {
        const bool sinks = j * kKvBlockLength < step.selection.n_sinks, recent = (j + 1) * kKvBlockLength > shortest - step.selection.window;
        if (sinks || recent || (open && open[j])) kept_.visits[i * longest + n++] = static_cast<std::int32_t>(j);
      }
      kept_.n_visits[i] = n;
    }
  }

  void keep_pages(const Step& step, const Tensor& q, std::int64_t n_kv_heads, const float* bounds, std::int64_t first_run, std::int64_t n_runs,
                  std::int64_t most_tokens, std::int64_t longest) {
    const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2], n_group = n_heads / n_kv_heads, n_lists = n_runs * n_kv_heads;
    kept_ = take_kept(n_lists, most_tokens, longest);
    const std::int32_t* const lengths = host_pointer<std::int32_t>(step.kv_lengths);
    const auto own_page = [&](std::int64_t token) { return (lengths[token] - 1) / kKvBlockLength; };

    constexpr std::int64_t kSpan = 32;  // pages in a tile: their bounds, at most 150 KB, are read once for all tokens of the run
    const std::int64_t n_spans = (longest + kSpan - 1) / kSpan;
    for_each_tile(n_lists * n_spans, n_lists * most_tokens * longest * n_group * head_dim, [&](std::int64_t tile, int) {
      const std::int64_t list = tile / n_spans, first = tile % n_spans * kSpan, kv_head = list % n_kv_heads;
      const Run& run = runs_[first_run + list / n_kv_heads];
      const std::int32_t* const blocks =
          host_pointer<std::int32_t>(step.block_table) + host_pointer<std::int32_t>(step.sequences)[run.first] * step.block_table.shape[1];
      for (std::int64_t j = first; j < std::min(first + kSpan, run.n_blocks() - 1); ++j) {
        const float* const page = bounds + (blocks[j] * n_kv_heads + kv_head) * 2 * head_dim;
        for (std::int64_t i = 0; i < run.n_tokens; ++i) {
          if (j >= own_page(run.first + i)) continue;
          kept_.promises[(list * most_tokens + i) * longest + j] =
              kernels_.page_promise(host_pointer<float>(q) + ((run.first + i) * n_heads + kv_head * n_group) * head_dim, static_cast<int>(n_group),
                                    static_cast<int>(head_dim), page);
        }
      }
    });
    if (stop_requested()) return;

    reserve_worker_scratch(longest * sizeof(std::int32_t));
    for_each_tile(n_lists, n_lists * most_tokens * longest * 16, [&](std::int64_t list, int worker) {
      const Run& run = runs_[first_run + list / n_kv_heads];
      const std::int32_t* const open = protected_of(step, run.first);
      for (std::int64_t i = 0; i < run.n_tokens; ++i) {
        const std::int64_t own = own_page(run.first + i);
        std::uint8_t* const chosen = kept_.chosen + (list * most_tokens + i) * longest;
        const float* const promises = kept_.promises + (list * most_tokens + i) * longest;
        std::int32_t* const others = reinterpret_cast<std::int32_t*>(worker_scratch_[worker].data());
        std::int64_t n_others = 0;
        for (std::int64_t j = 0; j < longest; ++j) {
          chosen[j] = j == own || (j < own && open && open[j]);
          if (j < own && !chosen[j]) others[n_others++] = static_cast<std::int32_t>(j);
        }
        const std::int64_t n_best = std::min(step.selection.n_pages - 1, n_others);
        const auto rank = [&](std::int32_t j) { return std::isnan(promises[j]) ? -std::numeric_limits<float>::infinity() : promises[j]; };
        std::nth_element(others, others + n_best, others + n_others,
                         [&](std::int32_t a, std::int32_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
        for (std::int64_t k = 0; k < n_best; ++k) chosen[others[k]] = 1;
      }
      std::int32_t n = 0;
      for (std::int64_t j = 0; j < run.n_blocks(); ++j) {
        const std::uint8_t* const column = kept_.chosen + list * most_tokens * longest + j;
        std::int64_t i = 0;
        while (i < run.n_tokens && !column[i * longest]) ++i;
        if (i < run.n_tokens) kept_.visits[list * longest + n++] = static_cast<std::int32_t>(j);
      }
      kept_.n_visits[list] = n;
    });
  }

  // The smallest and the largest of each dim over the first n_cells keys of a block, for each head.
  void bound_page(const Tensor& cache, std::int64_t block, std::int64_t n_cells, float* bounds, int worker) {
    const std::int64_t n_heads = cache.shape[1], head_dim = cache.shape[2], width = n_heads * head_dim, cell_bytes = bytes_of(cache.dtype, width);
    for (std::int64_t c = 0; c < n_cells; ++c) {
      const float* const keys = floats_of(cache.dtype, bytes_at(cache) + (block * kKvBlockLength + c) * cell_bytes, width, worker);
      for (std::int64_t h = 0; h < n_heads; ++h) {
        float* const smallest = bounds + (block * n_heads + h) * 2 * head_dim;
        float* const largest = smallest + head_dim;
        const float* const key = keys + h * head_dim;
        for (std::int64_t d = 0; d < head_dim; ++d) {
          smallest[d] = c == 0 || key[d] < smallest[d] ? key[d] : smallest[d];
          largest[d] = c == 0 || key[d] > largest[d] ? key[d] : largest[d];
        }
      }
    }
  }

  // Those that the cache keeps, or, where it keeps none, made for this call from every key that may be read.
  const float* page_bounds_of(const Step& step, const Tensor& k_cache, const Tensor& kept) {
    if (kept) return host_pointer<float>(kept);
    const std::int64_t n_blocks = k_cache.shape[0] / kKvBlockLength, width = k_cache.shape[1] * k_cache.shape[2];
    bounds_scratch_.reserve(n_blocks * 2 * width * sizeof(float));
    float* const bounds = reinterpret_cast<float*>(bounds_scratch_.data());
    touched_.assign(n_blocks, 0);
    for (const Run& run : runs_) {
      const std::int32_t* const blocks =
          host_pointer<std::int32_t>(step.block_table) + host_pointer<std::int32_t>(step.sequences)[run.first] * step.block_table.shape[1];
      for (std::int64_t j = 0; j + 1 < run.n_blocks(); ++j) touched_[blocks[j]] = kKvBlockLength;
    }
    reserve_worker_scratch(width * sizeof(float));
    for_each_tile(n_blocks, n_blocks * width * kKvBlockLength, [&](std::int64_t block, int worker) {
      bound_page(k_cache, block, touched_[block], bounds, worker);
    });
    return bounds;
  }

  // Each head by itself through the attention over cached tokens: a segment's keys lie one after the other, so their blocks are counted off.
  void do_self_attention(Tensor y, Tensor q, Tensor k, Tensor v, std::span<const std::int32_t> starts, std::int64_t first_head,
                         float scale) override {
    const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2], token_floats = n_heads * head_dim;
    constexpr std::int64_t kQueries = 96;  // as in do_attention
    runs_.clear();
    std::int64_t longest = 0, work = 0;
    for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
      const std::int64_t length = starts[s + 1] - starts[s];
      longest = std::max(longest, length);
      work += length * length;
      for (std::int64_t t = starts[s]; t < starts[s + 1]; t += kQueries) {
        runs_.push_back({t, std::min<std::int64_t>(kQueries, starts[s + 1] - t), starts[s], length});
      }
    }
    counted_.resize(std::max<std::size_t>(counted_.size(), (longest + kKvBlockLength - 1) / kKvBlockLength));
    std::iota(counted_.begin(), counted_.end(), 0);

    const int width = static_cast<int>(head_dim);
    const std::int64_t out_stride = round_up(head_dim, 32);
    const std::size_t kernel_floats = kernels_.attend_scratch_floats(kQueries, width, width);
    const auto take_all = [&](Carver& carver, AttendTask& task) {
      task.scratch = carver.take<float>(kernel_floats);
      task.largest = carver.take<float>(kQueries);
      task.sum = carver.take<float>(kQueries);
      task.out = carver.take<float>(kQueries * out_stride);
      return carver.take<std::int32_t>(kQueries);
    };
    Carver count(nullptr);
    AttendTask unused{};
    take_all(count, unused);
    reserve_worker_scratch(count.used());
    const std::int64_t n_runs = static_cast<std::int64_t>(runs_.size());
    for_each_tile(n_runs * n_heads, work * token_floats, [&](std::int64_t tile, int worker) {
      // a head's runs one after the other: its keys stay in the cache
      const Run& run = runs_[tile % n_runs];
      const std::int64_t h = tile / n_runs, at = run.first_key * token_floats + h * head_dim;
      AttendTask task = attend_task(scale);
      Carver carver(worker_scratch_[worker].data());
      std::int32_t* const lengths = take_all(carver, task);
      std::fill_n(lengths, run.n_tokens, static_cast<std::int32_t>(run.n_keys));
      task.q = host_pointer<float>(q) + run.first * token_floats + h * head_dim;
      task.q_token_stride = token_floats;
      task.k = reinterpret_cast<const std::uint8_t*>(host_pointer<float>(k) + at);
      task.v = reinterpret_cast<const std::uint8_t*>(host_pointer<float>(v) + at);
      task.k_cell_bytes = task.v_cell_bytes = token_floats * sizeof(float);
      task.k_format = task.v_format = KvFormat::f32;
      task.blocks = counted_.data();
      task.kv_lengths = lengths;
      task.n_tokens = static_cast<int>(run.n_tokens);
      task.n_group = 1;
      task.head_dim = task.v_head_dim = width;
      task.end_block = static_cast<int>((run.n_keys + kKvBlockLength - 1) / kKvBlockLength);
      kernels_.attend(task);
      for (std::int64_t r = 0; r < run.n_tokens; ++r) {
        kernels_.merge_attention(host_pointer<float>(y) + ((run.first + r) * y.shape[1] + first_head + h) * head_dim, width, task.largest + r,
                                 task.sum + r, task.out + r * out_stride, 1, 0, 0);
      }
    });
  }

  AttendTask attend_task(float scale) const {
    AttendTask task{};
    task.scale = scale;
    task.stopped = [](const void* self) { return static_cast<const CpuBackend*>(self)->stop_requested(); };
    task.stop_context = this;
    return task;
  }

  void do_store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) override {
    const std::int64_t width = x.shape[1] * x.shape[2], cell_bytes = bytes_of(cache.dtype, width);
    for_each_span(x.shape[0], width * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t t = first; t < first + n; ++t) {
        const float* const from = host_pointer<float>(x) + t * width;
        std::byte* const to = host_pointer<std::byte>(cache) + host_pointer<std::int32_t>(cells)[t] * cell_bytes;
        if (cache.dtype == DType::f32) std::memcpy(to, from, cell_bytes);
        else if (cache.dtype == DType::f16) kernels_.encode_f16(from, reinterpret_cast<std::uint16_t*>(to), width);
        else info(cache.dtype).encode(from, to, width);
      }
    });
    if (!page_bounds || stop_requested()) return;
    // Cells come in the order of their tokens: a block is bounded once, when the last of its tokens is here.
    reserve_worker_scratch(width * sizeof(float));
    const std::int32_t* const cell = host_pointer<std::int32_t>(cells);
    for_each_tile(x.shape[0], x.shape[0] * width * 8, [&](std::int64_t t, int worker) {
      const std::int64_t block = cell[t] / kKvBlockLength;
      if (t + 1 < x.shape[0] && cell[t + 1] / kKvBlockLength == block) return;
      bound_page(cache, block, cell[t] % kKvBlockLength + 1, host_pointer<float>(page_bounds), worker);
    });
  }

  // ---- the rest --------------------------------------------------------------------------------------------------------------------

  void do_embed(Tensor y, Tensor table, Tensor ids) override {
    const std::int64_t dim = table.shape[1], row_bytes = bytes_of(table.dtype, dim);
    for_each_span(y.shape[0], dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t t = first; t < first + n; ++t) {
        decode_row(table.dtype, bytes_at(table) + host_pointer<std::int32_t>(ids)[t] * row_bytes, host_pointer<float>(y) + t * dim, dim);
      }
    });
  }

  void do_rms_norm(Tensor y, Tensor x, Tensor w, float eps) override {
    const std::int64_t dim = x.shape.back();
    for_each_span(x.shape.n_rows(), dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t r = first; r < first + n; ++r) {
        kernels_.rms_norm(host_pointer<float>(y) + r * dim, host_pointer<float>(x) + r * dim, host_pointer<float>(w), dim, eps);
      }
    });
  }

  void do_add(Tensor y, Tensor a, Tensor b) override {
    for_each_span(y.shape.n_values(), 12, [&](std::int64_t first, std::int64_t n) {
      kernels_.add(host_pointer<float>(y) + first, host_pointer<float>(a) + first, host_pointer<float>(b) + first, n);
    });
  }

  void do_glu(Tensor y, Tensor gate, Tensor up) override {
    for_each_span(y.shape.n_values(), 24, [&](std::int64_t first, std::int64_t n) {
      kernels_.glu(host_pointer<float>(y) + first, host_pointer<float>(gate) + first, host_pointer<float>(up) + first, n);
    });
  }

  // cos and sin of the step's angles. Every layer asks for the same ones, so they are kept while positions, frequencies and axes stay.
  void turn_angles(Tensor positions, std::int64_t n_tokens, Tensor inv_freq, Tensor axes) {
    const std::int32_t* const position = host_pointer<std::int32_t>(positions);
    const std::int32_t* const axis = axes ? host_pointer<std::int32_t>(axes) : nullptr;
    const float* const freq = host_pointer<float>(inv_freq);
    const std::int64_t n_pairs = inv_freq.shape[0], n_axes = axes ? n_pairs : 0;
    const auto same = [](const auto& kept, const auto* now, std::int64_t n) { return std::equal(kept.begin(), kept.end(), now, now + n); };
    if (same(angle_positions_, position, positions.shape.n_values()) && same(angle_freq_, freq, n_pairs) && same(angle_axes_, axis, n_axes)) return;
    angle_positions_.assign(position, position + positions.shape.n_values());
    angle_freq_.assign(freq, freq + n_pairs);
    angle_axes_.assign(axis, axis + n_axes);
    cos_.resize(n_tokens * n_pairs);
    sin_.resize(n_tokens * n_pairs);
    for_each_span(n_tokens, n_pairs * 256, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t t = first; t < first + n; ++t) {
        for (std::int64_t i = 0; i < n_pairs; ++i) {
          const float angle = static_cast<float>(position[(axis ? axis[i] : 0) * n_tokens + t]) * freq[i];
          cos_[t * n_pairs + i] = std::cos(angle);
          sin_[t * n_pairs + i] = std::sin(angle);
        }
      }
    });
    if (stop_requested()) angle_positions_.clear();  // perhaps unfinished
  }

  void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) override {
    const std::int64_t n_tokens = x.shape[0], n_heads = x.shape[1], head_dim = x.shape[2], n_pairs = inv_freq.shape[0];
    turn_angles(positions, n_tokens, inv_freq, axes);
    const auto turn = params.pairing == RopePairing::half ? kernels_.rope_half : kernels_.rope_interleaved;
    for_each_span(n_tokens, n_heads * head_dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t t = first; t < first + n; ++t) {
        for (std::int64_t h = 0; h < n_heads; ++h) {
          turn(host_pointer<float>(x) + (t * n_heads + h) * head_dim + params.first_dim, cos_.data() + t * n_pairs, sin_.data() + t * n_pairs,
               n_pairs);
        }
      }
    });
  }

  void do_layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps) override {
    const std::int64_t dim = x.shape.back();
    for_each_span(x.shape.n_rows(), dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t r = first; r < first + n; ++r) {
        kernels_.layer_norm(host_pointer<float>(y) + r * dim, host_pointer<float>(x) + r * dim, host_pointer<float>(w),
                            host_pointer<float>(bias), dim, eps);
      }
    });
  }

  void do_gelu(Tensor y, Tensor x, Gelu kind) override {
    float* const to = host_pointer<float>(y);
    const float* const from = host_pointer<float>(x);
    for_each_span(y.shape.n_values(), 24, [&](std::int64_t first, std::int64_t n) {
      if (kind == Gelu::tanh) return kernels_.gelu_tanh(to + first, from + first, n);
      // erfc of the other side: 1 + erf would lose the digits of large negative x
      for (std::int64_t i = first; i < first + n; ++i) to[i] = 0.5f * from[i] * std::erfc(-from[i] * 0.70710678f);
    });
  }

  void do_add_scaled(Tensor y, Tensor x, float scale) override {
    for_each_span(y.shape.n_values(), 12, [&](std::int64_t first, std::int64_t n) {
      kernels_.add_scaled(host_pointer<float>(y) + first, host_pointer<float>(x) + first, scale, n);
    });
  }

  void do_copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n) override {
    const std::int64_t repeats = y.shape.n_rows() / x.shape.n_rows();
    for_each_span(y.shape.n_rows(), n * 8, [&](std::int64_t first, std::int64_t n_rows) {
      for (std::int64_t r = first; r < first + n_rows; ++r) {
        std::memcpy(host_pointer<float>(y) + r * y.shape.back() + y_first, host_pointer<float>(x) + r / repeats * x.shape.back() + x_first,
                    n * sizeof(float));
      }
    });
  }

  void do_gather_rows(Tensor y, Tensor x, Tensor rows) override {
    const std::int64_t dim = y.shape[1];
    for_each_span(y.shape[0], dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t i = first; i < first + n; ++i) {
        std::memcpy(host_pointer<float>(y) + i * dim, host_pointer<float>(x) + host_pointer<std::int32_t>(rows)[i] * dim, dim * sizeof(float));
      }
    });
  }

  void do_cast(Tensor y, Tensor x) override {
    const bool decodes = y.dtype == DType::f32;
    // values at a time: whole blocks of every format
    constexpr std::int64_t kStep = 256;
    const std::int64_t n_values = y.shape.n_values();
    for_each_span((n_values + kStep - 1) / kStep, kStep * 8, [&](std::int64_t first_step, std::int64_t n_steps) {
      const std::int64_t first = first_step * kStep, n = std::min(n_steps * kStep, n_values - first);
      const std::uint8_t* const from = bytes_at(x) + bytes_of(x.dtype, first);
      std::byte* const to = host_pointer<std::byte>(y) + bytes_of(y.dtype, first);
      if (decodes) decode_row(x.dtype, from, reinterpret_cast<float*>(to), n);
      else if (y.dtype == DType::f16) kernels_.encode_f16(reinterpret_cast<const float*>(from), reinterpret_cast<std::uint16_t*>(to), n);
      else info(y.dtype).encode(reinterpret_cast<const float*>(from), to, n);
    });
  }

  void do_copy(Tensor y, Tensor x) override {
    for_each_span(static_cast<std::int64_t>(y.n_bytes()), 2, [&](std::int64_t first, std::int64_t n) {
      std::memcpy(host_pointer<std::byte>(y) + first, host_pointer<std::byte>(x) + first, n);
    });
  }

  void do_argmax(Tensor y, Tensor x) override {
    const std::int64_t dim = x.shape[1];
    for_each_span(x.shape[0], dim * 4, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t i = first; i < first + n; ++i) {
        host_pointer<std::int32_t>(y)[i] = static_cast<std::int32_t>(kernels_.argmax(host_pointer<float>(x) + i * dim, dim));
      }
    });
  }

  // Queries that attend together, and how many keys the longest of them reaches, from first_key on.
  struct Run {
    std::int64_t first, n_tokens, first_key, n_keys;
    std::int64_t n_blocks() const { return (n_keys + kKvBlockLength - 1) / kKvBlockLength; }
  };

  static constexpr std::int64_t kRowsAtOnce = 4;     // of weights, decoded for one token: what matmul_f32 multiplies together
  static constexpr std::int64_t kTokensAtOnce = 48;  // between two looks at the stop token; a multiple of all kMatmulTokens and kPanelRows
  static constexpr std::int64_t kDecodeTokens = 4;   // from here on it pays to widen 16-bit weights once for all tokens

  const CpuKernels& kernels_;
  const Activations activations_;
  ThreadPool pool_;
  Scratch scratch_;                      // of the op that runs; written before or in disjoint pieces by its tiles
  std::vector<Scratch> worker_scratch_;  // one a worker
  std::vector<Run> runs_;
  std::vector<std::int32_t> counted_;    // 0, 1, 2, …
  Kept kept_{};                          // by the selection of the attention that runs, in kept_scratch_
  Scratch kept_scratch_, bounds_scratch_;
  std::vector<std::int64_t> touched_;    // cells of each block that bounds are made of
  Scratch experts_scratch_;              // of moe_experts, whose products use scratch_
  std::vector<std::int64_t> expert_starts_, expert_next_, places_;
  std::vector<std::int32_t> angle_positions_, angle_axes_;
  std::vector<float> angle_freq_, cos_, sin_;
  const DeviceInfo device_;
};

}  // namespace

Result<std::unique_ptr<Backend>> create_cpu_backend(const BackendOptions& options) {
  if (options.n_threads < 0) {
    return make_error(ErrorCode::bad_argument, "threads: expected 0 or more, found " + std::to_string(options.n_threads));
  }
  ASSIGN_OR_RETURN(const CpuKernels* kernels, choose_cpu_kernels(options.isa));
  const int n_threads = options.n_threads > 0 ? options.n_threads : default_n_threads();
  return std::unique_ptr<Backend>(std::make_unique<CpuBackend>(kernels, n_threads, options.activations));
}

DeviceInfo cpu_device_info() { return describe(best_cpu_isa(), default_n_threads()); }

}  // namespace pio
