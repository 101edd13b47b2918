#include "kernels/reference/reference_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/host.h"
#include "kernels/host_buffer.h"
#include "kernels/reference/route.h"

namespace pio {
namespace {

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
    return allocate_host_buffer(n_bytes, device_.name, host_memory().free_bytes);
  }

  Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) override {
    return std::unique_ptr<Buffer>(std::make_unique<BorrowedBuffer>(data, n_bytes));
  }

  void upload(Tensor destination, const void* source) override {
    if (const std::size_t n = destination.n_bytes()) std::memcpy(host_pointer<std::byte>(destination), source, n);
  }
  void download(void* destination, Tensor source) override {
    if (const std::size_t n = source.n_bytes()) std::memcpy(destination, host_pointer<std::byte>(source), n);
  }
  Result<void> sync() override { return {}; }

 private:
  bool reads_in_place(const MatrixSource& source) const override { return source.is_aligned(); }
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

  void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) override {
    const std::int64_t n_tokens = x.shape[0], n_heads = x.shape[1], head_dim = x.shape[2], n_pairs = inv_freq.shape[0];
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      if (stop_requested()) return;
      for (std::int64_t i = 0; i < n_pairs; ++i) {
        const std::int64_t axis = axes ? index_at(axes, i, positions.shape[0]) : 0;
        const float position = static_cast<float>(host_pointer<std::int32_t>(positions)[axis * n_tokens + t]);
        // The product is rounded to float32 as in the published implementations: at position 100,000 a more exact angle is another one.
        const float angle = position * host_pointer<float>(inv_freq)[i];
        const float cosine = static_cast<float>(std::cos(static_cast<double>(angle)));
        const float sine = static_cast<float>(std::sin(static_cast<double>(angle)));
        const std::int64_t first = params.first_dim + (params.pairing == RopePairing::half ? i : 2 * i);
        const std::int64_t second = params.pairing == RopePairing::half ? first + n_pairs : first + 1;
        for (std::int64_t h = 0; h < n_heads; ++h) {
          float* head = host_pointer<float>(x) + (t * n_heads + h) * head_dim;
          const double a = head[first], b = head[second], c = cosine, s = sine;
          head[first] = static_cast<float>(a * c - b * s);
          head[second] = static_cast<float>(a * s + b * c);
        }
      }
    }
  }

  void do_store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) override {
    const std::int64_t cell_length = cache.shape[1] * cache.shape[2];
    for (std::int64_t t = 0; t < x.shape[0]; ++t) {
      if (stop_requested()) return;
      encode_row(host_pointer<float>(x) + t * cell_length, cache, index_at(cells, t, cache.shape[0]), cell_length);
    }
    for (std::int64_t t = 0; page_bounds && t < x.shape[0]; ++t) {
      const std::int64_t cell = index_at(cells, t, cache.shape[0]), first = cell / kKvBlockLength * kKvBlockLength;
      for (std::int64_t h = 0; h < cache.shape[1]; ++h) {
        const Bounds bounds = bounds_of(cache, h, first, cell - first + 1);
        float* to = host_pointer<float>(page_bounds) + (cell / kKvBlockLength * cache.shape[1] + h) * 2 * cache.shape[2];
        std::copy(bounds.smallest.begin(), bounds.smallest.end(), to);
        std::copy(bounds.largest.begin(), bounds.largest.end(), to + cache.shape[2]);
      }
    }
  }

  struct Bounds {
    std::vector<float> smallest, largest;  // [head_dim]
  };
  // Of head h's keys in n cells from `first` on.
  static Bounds bounds_of(const Tensor& cache, std::int64_t h, std::int64_t first, std::int64_t n) {
    const auto head_dim = static_cast<std::size_t>(cache.shape[2]);
    std::vector<float> key(head_dim);
    Bounds bounds{std::vector<float>(head_dim, std::numeric_limits<float>::infinity()),
                  std::vector<float>(head_dim, -std::numeric_limits<float>::infinity())};
    for (std::int64_t cell = first; cell < first + n; ++cell) {
      decode_row(cache, cell * cache.shape[1] + h, cache.shape[2], key.data());
      for (std::size_t d = 0; d < head_dim; ++d) {
        bounds.smallest[d] = std::min(bounds.smallest[d], key[d]);
        bounds.largest[d] = std::max(bounds.largest[d], key[d]);
      }
    }
    return bounds;
  }

  // Whether token t keeps block j of its sequence, in which it has `length` tokens, for key head kv_head: one flag a block.
  static std::vector<bool> kept_pages(const Tensor& q, const Tensor& k_cache, const Step& step, std::int64_t t, std::int64_t length,
                                      const std::vector<std::int64_t>& cells, std::int64_t kv_head, const std::vector<bool>& is_protected) {
    const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2], group = n_heads / k_cache.shape[1];
    const std::int64_t own = (length - 1) / kKvBlockLength;
    std::vector<bool> kept = is_protected;
    kept[static_cast<std::size_t>(own)] = true;
    std::vector<std::pair<double, std::int64_t>> others;  // score bound, negated; block
    for (std::int64_t j = 0; j < own; ++j) {
      if (kept[static_cast<std::size_t>(j)]) continue;
      const Bounds bounds = bounds_of(k_cache, kv_head, cells[static_cast<std::size_t>(j * kKvBlockLength)], kKvBlockLength);
      double score_bound = 0;
      for (std::int64_t i = 0; i < group * head_dim; ++i) {
        const double value = host_pointer<float>(q)[(t * n_heads + kv_head * group) * head_dim + i];
        const auto d = static_cast<std::size_t>(i % head_dim);
        score_bound += std::max(value * static_cast<double>(bounds.smallest[d]), value * static_cast<double>(bounds.largest[d]));
      }
      others.emplace_back(-score_bound, j);
    }
    std::sort(others.begin(), others.end());
    const auto n_chosen = std::min(others.size(), static_cast<std::size_t>(step.selection.n_pages - 1));
    for (std::size_t i = 0; i < n_chosen; ++i) kept[static_cast<std::size_t>(others[i].second)] = true;
    return kept;
  }

  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2], v_head_dim = y.shape[2];
    const std::int64_t n_kv_heads = k_cache.shape[1], group = n_heads / n_kv_heads, max_blocks = step.block_table.shape[1];
    std::vector<std::int64_t> cells, kept_cells;  // of the sequence's tokens, and of those attended to, in their order
    std::vector<bool> pages;
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
      std::vector<bool> is_protected(static_cast<std::size_t>((length + kKvBlockLength - 1) / kKvBlockLength));
      for (std::size_t j = 0; step.protected_blocks && j < is_protected.size(); ++j) {
        is_protected[j] = host_pointer<std::int32_t>(step.protected_blocks)[sequence * max_blocks + static_cast<std::int64_t>(j)] != 0;
      }
      for (std::int64_t h = 0; h < n_heads; ++h) {
        if (stop_requested()) return;
        const std::int64_t kv_head = h / group;
        const KvSelection& selection = step.selection;
        if (selection.kind == KvSelection::Kind::pages && h % group == 0) {
          pages = kept_pages(q, k_cache, step, t, length, cells, kv_head, is_protected);
        }
        const auto is_kept = [&](std::int64_t j) {
          const auto page = static_cast<std::size_t>(j / kKvBlockLength);
          if (selection.kind == KvSelection::Kind::pages) return bool{pages[page]};
          return selection.kind == KvSelection::Kind::full || j < selection.n_sinks || j >= length - selection.window || is_protected[page];
        };
        const float* query = host_pointer<float>(q) + (t * n_heads + h) * head_dim;
        weights.clear();
        kept_cells.clear();
        double largest = -std::numeric_limits<double>::infinity(), total = 0;
        for (std::int64_t j = 0; j < length; ++j) {
          if (!is_kept(j)) continue;
          kept_cells.push_back(cells[static_cast<std::size_t>(j)]);
          decode_row(k_cache, kept_cells.back() * n_kv_heads + kv_head, head_dim, row.data());
          weights.push_back(static_cast<double>(params.scale) * dot(query, row.data(), head_dim));
          if (weights.back() > largest) largest = weights.back();
        }
        for (double& weight : weights) total += weight = std::exp(weight - largest);
        sums.assign(static_cast<std::size_t>(v_head_dim), 0);
        for (std::size_t j = 0; j < kept_cells.size(); ++j) {
          if (v_cache) decode_row(v_cache, kept_cells[j] * n_kv_heads + kv_head, v_head_dim, row.data());
          else decode_row(k_cache, kept_cells[j] * n_kv_heads + kv_head, head_dim, row.data());
          for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += weights[j] / total * static_cast<double>(row[d]);
        }
        float* out = host_pointer<float>(y) + (t * n_heads + h) * v_head_dim;
        for (std::size_t d = 0; d < sums.size(); ++d) out[d] = static_cast<float>(sums[d]);
      }
    }
  }

  void do_layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps) override {
    const std::int64_t dim = y.shape.back();
    for (std::int64_t r = 0; r < y.shape.n_rows(); ++r) {
      if (stop_requested()) return;
      const float* in = host_pointer<float>(x) + r * dim;
      float* out = host_pointer<float>(y) + r * dim;
      double mean = 0, variance = 0;
      for (std::int64_t i = 0; i < dim; ++i) mean += static_cast<double>(in[i]) / static_cast<double>(dim);
      for (std::int64_t i = 0; i < dim; ++i) variance += (in[i] - mean) * (in[i] - mean) / static_cast<double>(dim);
      const double scale = 1 / std::sqrt(variance + static_cast<double>(eps));
      for (std::int64_t i = 0; i < dim; ++i) {
        out[i] = static_cast<float>((in[i] - mean) * scale * static_cast<double>(host_pointer<float>(w)[i]) +
                                    static_cast<double>(host_pointer<float>(bias)[i]));
      }
    }
  }

  void do_gelu(Tensor y, Tensor x, Gelu kind) override {
    const double root_2_over_pi = std::sqrt(2 / std::acos(-1.0));
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) {
      const double v = static_cast<double>(host_pointer<float>(x)[i]);
      const double gate = kind == Gelu::erf ? std::erf(v / std::sqrt(2.0)) : std::tanh(root_2_over_pi * (v + 0.044715 * v * v * v));
      host_pointer<float>(y)[i] = static_cast<float>(0.5 * v * (1 + gate));
    }
  }

  void do_add_scaled(Tensor y, Tensor x, float scale) override {
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) host_pointer<float>(y)[i] += scale * host_pointer<float>(x)[i];
  }

  void do_copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n) override {
    const std::int64_t repeats = y.shape.n_rows() / x.shape.n_rows();
    for (std::int64_t r = 0; r < y.shape.n_rows(); ++r) {
      std::memcpy(host_pointer<float>(y) + r * y.shape.back() + y_first, host_pointer<float>(x) + r / repeats * x.shape.back() + x_first,
                  static_cast<std::size_t>(n) * sizeof(float));
    }
  }

  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override {
    const std::int64_t n_heads = w.shape[0], n_rows = w.shape[1], n_columns = w.shape[2];
    const std::int64_t n_out = params.transposed ? n_columns : params.w_rows;
    std::vector<float> matrix(static_cast<std::size_t>(params.w_rows * n_columns));
    for (std::int64_t h = 0; h < n_heads; ++h) {
      for (std::int64_t r = 0; r < params.w_rows; ++r) decode_row(w, h * n_rows + params.w_first + r, n_columns, matrix.data() + r * n_columns);
      for (std::int64_t t = 0; t < x.shape[0]; ++t) {
        if (stop_requested()) return;
        const float* in = host_pointer<float>(x) + (t * x.shape[1] + (x.shape[1] == 1 ? 0 : h)) * x.shape[2] + params.x_first;
        float* out = host_pointer<float>(y) + (t * n_heads + h) * y.shape[2] + params.y_first;
        for (std::int64_t o = 0; o < n_out; ++o) {
          if (!params.transposed) {
            out[o] = static_cast<float>(dot(in, matrix.data() + o * n_columns, n_columns));
            continue;
          }
          double sum = 0;
          for (std::int64_t i = 0; i < params.w_rows; ++i) sum += static_cast<double>(in[i]) * static_cast<double>(matrix[i * n_columns + o]);
          out[o] = static_cast<float>(sum);
        }
      }
    }
  }

  void do_self_attention(Tensor y, Tensor q, Tensor k, Tensor v, std::span<const std::int32_t> starts, std::int64_t first_head,
                         float scale) override {
    const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2], y_heads = y.shape[1];
    std::vector<double> weights, sums(static_cast<std::size_t>(head_dim));
    for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
      for (std::int64_t t = starts[s]; t < starts[s + 1]; ++t) {
        for (std::int64_t h = 0; h < n_heads; ++h) {
          if (stop_requested()) return;
          weights.clear();
          double largest = -std::numeric_limits<double>::infinity(), total = 0;
          for (std::int64_t j = starts[s]; j < starts[s + 1]; ++j) {
            weights.push_back(static_cast<double>(scale) * dot(host_pointer<float>(q) + (t * n_heads + h) * head_dim,
                                                               host_pointer<float>(k) + (j * n_heads + h) * head_dim, head_dim));
            if (weights.back() > largest) largest = weights.back();
          }
          for (double& weight : weights) total += weight = std::exp(weight - largest);
          sums.assign(sums.size(), 0);
          for (std::size_t j = 0; j < weights.size(); ++j) {
            const float* value = host_pointer<float>(v) + ((starts[s] + static_cast<std::int64_t>(j)) * n_heads + h) * head_dim;
            for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += weights[j] / total * static_cast<double>(value[d]);
          }
          float* out = host_pointer<float>(y) + (t * y_heads + first_head + h) * head_dim;
          for (std::size_t d = 0; d < sums.size(); ++d) out[d] = static_cast<float>(sums[d]);
        }
      }
    }
  }

  void do_route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) override {
    const std::int64_t n_experts = logits.shape[1], n_used = ids.shape[1];
    std::vector<float> scratch(route_scratch_floats(n_experts));
    for (std::int64_t t = 0; t < ids.shape[0]; ++t) {
      route_token({.logits = host_pointer<float>(logits) + t * n_experts,
                   .bias = bias ? host_pointer<float>(bias) : nullptr,
                   .n_experts = n_experts,
                   .n_used = n_used,
                   .ids = host_pointer<std::int32_t>(ids) + t * n_used,
                   .weights = host_pointer<float>(weights) + t * n_used},
                  params, scratch.data());
    }
  }

  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) override {
    const std::int64_t dim = x.shape[1], hidden_dim = experts.pattern().gate.shape[0], n_used = ids.shape[1];
    std::vector<float> row(static_cast<std::size_t>(std::max(dim, hidden_dim))), hidden(static_cast<std::size_t>(hidden_dim));
    std::vector<double> sums(static_cast<std::size_t>(dim));
    for (std::int64_t t = 0; t < x.shape[0]; ++t) {
      const float* in = host_pointer<float>(x) + t * dim;
      sums.assign(sums.size(), 0);
      for (std::int64_t j = 0; j < n_used; ++j) {
        if (stop_requested()) return;
        const std::int32_t id = host_pointer<std::int32_t>(ids)[t * n_used + j];
        CHECK(experts.has(id), "moe_experts: no such expert");
        const ExpertMlp& expert = experts[id];
        for (std::int64_t o = 0; o < hidden_dim; ++o) {
          decode_row(expert.gate, o, dim, row.data());
          const double gate = dot(in, row.data(), dim);
          decode_row(expert.up, o, dim, row.data());
          hidden[static_cast<std::size_t>(o)] = static_cast<float>(gate / (1 + std::exp(-gate)) * dot(in, row.data(), dim));
        }
        for (std::int64_t o = 0; o < dim; ++o) {
          decode_row(expert.down, o, hidden_dim, row.data());
          sums[static_cast<std::size_t>(o)] += static_cast<double>(host_pointer<float>(weights)[t * n_used + j]) * dot(hidden.data(), row.data(), hidden_dim);
        }
      }
      for (std::int64_t o = 0; o < dim; ++o) host_pointer<float>(y)[t * dim + o] = static_cast<float>(sums[static_cast<std::size_t>(o)]);
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
