#include "kernels/reference/reference_backend.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/host_memory.h"

namespace pio {
namespace {

constexpr std::size_t kAlignment = 64;

class OwnedBuffer final : public Buffer {
 public:
  OwnedBuffer(std::size_t n_bytes, void* data) : Buffer(n_bytes, static_cast<std::byte*>(data)) {}
  ~OwnedBuffer() override { std::free(host_data()); }
};

// Borrowed memory; nothing here writes to it.
class WrappedBuffer final : public Buffer {
 public:
  WrappedBuffer(const void* data, std::size_t n_bytes) : Buffer(n_bytes, static_cast<std::byte*>(const_cast<void*>(data))) {}
};

// Row `row` of a tensor whose rows are `row_length` values long, as float32.
void decode_row(const Tensor& t, std::int64_t row, std::int64_t row_length, float* values) {
  info(t.dtype).decode(host_pointer<std::byte>(t) + bytes_of(t.dtype, row * row_length), values, row_length);
}

// The float32 values `values` into row `row`, rounded to the tensor's format.
void encode_row(const float* values, const Tensor& t, std::int64_t row, std::int64_t row_length) {
  info(t.dtype).encode(values, host_pointer<std::byte>(t) + bytes_of(t.dtype, row * row_length), row_length);
}

double dot(const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

std::int64_t index_at(const Tensor& indices, std::int64_t i, std::int64_t limit) {
  const std::int32_t index = host_pointer<std::int32_t>(indices)[i];
  CHECK(index >= 0 && index < limit, "an index in device memory is out of range");
  return index;
}

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend() {
    const HostMemory memory = host_memory();
    device_.name = "reference";
    device_.kind = DeviceKind::reference;
    device_.detail = "scalar, double sums, 1 thread";
    device_.total_bytes = memory.total_bytes;
    device_.free_bytes = memory.free_bytes;
  }

  const DeviceInfo& device() const override { return device_; }

  Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) override {
    const std::uint64_t free_bytes = host_memory().free_bytes;
    void* data = nullptr;
    // asked for before the system is: it would promise more than there is
    if (n_bytes <= free_bytes) data = std::aligned_alloc(kAlignment, (n_bytes / kAlignment + 1) * kAlignment);
    if (!data) {
      Error error = make_error(ErrorCode::out_of_memory, "memory: expected " + std::to_string(n_bytes) + " bytes, found " +
                                                             std::to_string(free_bytes) + " free");
      error.device = device_.name;
      error.needed_bytes = n_bytes;
      error.free_bytes = free_bytes;
      return error;
    }
    return std::unique_ptr<Buffer>(std::make_unique<OwnedBuffer>(n_bytes, data));
  }

  Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) override {
    return std::unique_ptr<Buffer>(std::make_unique<WrappedBuffer>(data, n_bytes));
  }

  void upload(Tensor destination, const void* source) override {
    if (const std::size_t n = destination.n_bytes()) std::memcpy(host_pointer<std::byte>(destination), source, n);
  }
  void download(void* destination, Tensor source) override {
    if (const std::size_t n = source.n_bytes()) std::memcpy(destination, host_pointer<std::byte>(source), n);
  }
  Result<void> sync() override { return {}; }

  bool supports_weights(DType dtype) const override { return info(dtype).decode != nullptr; }
  bool supports_kv(DType dtype, std::int64_t head_dim) const override {
    const bool is_kv_format = dtype == DType::f32 || dtype == DType::f16 || dtype == DType::q8_0 || dtype == DType::q4_0;
    return is_kv_format && head_dim % info(dtype).block_length == 0;
  }

 private:
  void do_embed(Tensor y, Tensor table, Tensor ids) override {
    const std::int64_t dim = y.shape[1];
    for (std::int64_t t = 0; t < y.shape[0]; ++t) {
      if (stop_requested()) return;
      decode_row(table, index_at(ids, t, table.shape[0]), dim, host_pointer<float>(y) + t * dim);
    }
  }

  void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) override {
    const std::int64_t n_tokens = x.shape[0], n_in = w.shape[1], n_out = w.shape[0];
    std::vector<float> row(static_cast<std::size_t>(n_in));
    for (std::int64_t o = 0; o < n_out; ++o) {
      if (stop_requested()) return;
      decode_row(w, o, n_in, row.data());
      const double start = bias ? static_cast<double>(host_pointer<float>(bias)[o]) : 0;
      for (std::int64_t t = 0; t < n_tokens; ++t) {
        host_pointer<float>(y)[t * n_out + o] = static_cast<float>(start + dot(host_pointer<float>(x) + t * n_in, row.data(), n_in));
      }
    }
  }

  void do_rms_norm(Tensor y, Tensor x, Tensor w, float eps) override {
    const std::int64_t dim = y.shape.back();
    const float* weights = host_pointer<float>(w);
    for (std::int64_t r = 0; r < y.shape.n_rows(); ++r) {
      if (stop_requested()) return;
      const float* in = host_pointer<float>(x) + r * dim;
      float* out = host_pointer<float>(y) + r * dim;
      const double scale = 1 / std::sqrt(dot(in, in, dim) / static_cast<double>(dim) + static_cast<double>(eps));
      for (std::int64_t i = 0; i < dim; ++i) out[i] = static_cast<float>(static_cast<double>(weights[i]) * static_cast<double>(in[i]) * scale);
    }
  }

  void do_add(Tensor y, Tensor a, Tensor b) override {
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) host_pointer<float>(y)[i] = host_pointer<float>(a)[i] + host_pointer<float>(b)[i];
  }

  void do_glu(Tensor y, Tensor gate, Tensor up) override {
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) {
      const double g = static_cast<double>(host_pointer<float>(gate)[i]);
      host_pointer<float>(y)[i] = static_cast<float>(g / (1 + std::exp(-g)) * static_cast<double>(host_pointer<float>(up)[i]));
    }
  }

  void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopePairing pairing) override {
    const std::int64_t n_heads = x.shape[1], head_dim = x.shape[2], n_pairs = inv_freq.shape[0];
    for (std::int64_t t = 0; t < x.shape[0]; ++t) {
      if (stop_requested()) return;
      const float position = static_cast<float>(host_pointer<std::int32_t>(positions)[t]);
      for (std::int64_t i = 0; i < n_pairs; ++i) {
        // The product is rounded to float32 as in the published implementations: at position 100,000 a more exact angle is another one.
        const float angle = position * host_pointer<float>(inv_freq)[i];
        const float cosine = static_cast<float>(std::cos(static_cast<double>(angle)));
        const float sine = static_cast<float>(std::sin(static_cast<double>(angle)));
        const std::int64_t first = pairing == RopePairing::half ? i : 2 * i;
        const std::int64_t second = pairing == RopePairing::half ? i + n_pairs : 2 * i + 1;
        for (std::int64_t h = 0; h < n_heads; ++h) {
          float* head = host_pointer<float>(x) + (t * n_heads + h) * head_dim;
          const double a = head[first], b = head[second], c = cosine, s = sine;
          head[first] = static_cast<float>(a * c - b * s);
          head[second] = static_cast<float>(a * s + b * c);
        }
      }
    }
  }

  void do_store_kv(Tensor cache, Tensor x, Tensor cells) override {
    const std::int64_t cell_length = cache.shape[1] * cache.shape[2];
    for (std::int64_t t = 0; t < x.shape[0]; ++t) {
      if (stop_requested()) return;
      encode_row(host_pointer<float>(x) + t * cell_length, cache, index_at(cells, t, cache.shape[0]), cell_length);
    }
  }

  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2], v_head_dim = y.shape[2];
    const std::int64_t n_kv_heads = k_cache.shape[1], group = n_heads / n_kv_heads, max_blocks = step.block_table.shape[1];
    std::vector<std::int64_t> cells;  // of the tokens attended to, in their order
    std::vector<float> row(static_cast<std::size_t>(head_dim > v_head_dim ? head_dim : v_head_dim));
    std::vector<double> weights, sums;
    for (std::int64_t t = 0; t < q.shape[0]; ++t) {
      const std::int64_t length = host_pointer<std::int32_t>(step.kv_lengths)[t];
      CHECK(length >= 1 && length <= max_blocks * kKvBlockLength, "attention: kv_lengths is out of range");
      const std::int64_t sequence = index_at(step.sequences, t, step.block_table.shape[0]);
      cells.clear();
      for (std::int64_t j = 0; j < length; ++j) {
        const std::int64_t block = index_at(step.block_table, sequence * max_blocks + j / kKvBlockLength, k_cache.shape[0]);
        cells.push_back(block * kKvBlockLength + j % kKvBlockLength);
        CHECK(cells.back() < k_cache.shape[0], "attention: the block table points behind the pool");
      }
      for (std::int64_t h = 0; h < n_heads; ++h) {
        if (stop_requested()) return;
        const std::int64_t kv_head = h / group;
        const float* query = host_pointer<float>(q) + (t * n_heads + h) * head_dim;
        weights.clear();
        double largest = -std::numeric_limits<double>::infinity(), total = 0;
        for (const std::int64_t cell : cells) {
          decode_row(k_cache, cell * n_kv_heads + kv_head, head_dim, row.data());
          weights.push_back(static_cast<double>(params.scale) * dot(query, row.data(), head_dim));
          if (weights.back() > largest) largest = weights.back();
        }
        for (double& weight : weights) total += weight = std::exp(weight - largest);
        sums.assign(static_cast<std::size_t>(v_head_dim), 0);
        for (std::size_t j = 0; j < cells.size(); ++j) {
          decode_row(v_cache, cells[j] * n_kv_heads + kv_head, v_head_dim, row.data());
          for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += weights[j] / total * static_cast<double>(row[d]);
        }
        float* out = host_pointer<float>(y) + (t * n_heads + h) * v_head_dim;
        for (std::size_t d = 0; d < sums.size(); ++d) out[d] = static_cast<float>(sums[d]);
      }
    }
  }

  void do_gather_rows(Tensor y, Tensor x, Tensor rows) override {
    const std::int64_t dim = y.shape[1];
    for (std::int64_t i = 0; i < y.shape[0]; ++i) {
      const float* source = host_pointer<float>(x) + index_at(rows, i, x.shape[0]) * dim;
      std::memcpy(host_pointer<float>(y) + i * dim, source, static_cast<std::size_t>(dim) * sizeof(float));
    }
  }

  void do_cast(Tensor y, Tensor x) override {
    const std::int64_t row_length = y.shape.back();
    std::vector<float> row(static_cast<std::size_t>(row_length));
    for (std::int64_t r = 0; r < y.shape.n_rows(); ++r) {
      if (stop_requested()) return;
      decode_row(x, r, row_length, row.data());
      encode_row(row.data(), y, r, row_length);
    }
  }

  void do_copy(Tensor y, Tensor x) override { std::memcpy(host_pointer<std::byte>(y), host_pointer<std::byte>(x), y.n_bytes()); }

  // A NaN is never the largest; a row of nothing else gives 0.
  void do_argmax(Tensor y, Tensor x) override {
    const std::int64_t dim = x.shape[1];
    for (std::int64_t i = 0; i < x.shape[0]; ++i) {
      const float* row = host_pointer<float>(x) + i * dim;
      std::int64_t best = 0;
      for (std::int64_t j = 1; j < dim; ++j) {
        if (row[j] > row[best] || std::isnan(row[best])) best = std::isnan(row[j]) ? best : j;
      }
      host_pointer<std::int32_t>(y)[i] = static_cast<std::int32_t>(best);
    }
  }

  DeviceInfo device_;
};

}  // namespace

std::unique_ptr<Backend> create_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace pio
