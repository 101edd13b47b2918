#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/kv_layout.h"
#include "kernels/reference/reference_ops.h"

// Rotary positions, the cache of keys and values, and attention.

namespace pio {
namespace {

// Head h of a cell, as float32.
void decode_head(const Tensor& cache, std::int64_t cell, std::int64_t h, float* values) {
  std::vector<std::byte> row(bytes_of(cache.dtype, cache.shape[2]));
  take_head(cache, cell, h, row.data());
  info(cache.dtype).decode(row.data(), values, cache.shape[2]);
}

// All heads of a cell, rounded to the cache's format.
void encode_cell(const float* values, const Tensor& cache, std::int64_t cell) {
  std::vector<std::byte> row(bytes_of(cache.dtype, cache.shape[2]));
  for (std::int64_t h = 0; h < cache.shape[1]; ++h) {
    info(cache.dtype).encode(values + h * cache.shape[2], row.data(), cache.shape[2]);
    put_head(cache, cell, h, row.data());
  }
}

struct Bounds {
  std::vector<float> smallest, largest;  // [head_dim]
};

// Of head h's keys in n cells from `first` on.
Bounds bounds_of(const Tensor& cache, std::int64_t h, std::int64_t first, std::int64_t n) {
  const auto head_dim = static_cast<std::size_t>(cache.shape[2]);
  std::vector<float> key(head_dim);
  Bounds bounds{std::vector<float>(head_dim, std::numeric_limits<float>::infinity()),
                std::vector<float>(head_dim, -std::numeric_limits<float>::infinity())};
  for (std::int64_t cell = first; cell < first + n; ++cell) {
    decode_head(cache, cell, h, key.data());
    for (std::size_t d = 0; d < head_dim; ++d) {
      bounds.smallest[d] = std::min(bounds.smallest[d], key[d]);
      bounds.largest[d] = std::max(bounds.largest[d], key[d]);
    }
  }
  return bounds;
}

// Whether token t keeps block j of its sequence, in which it has `length` tokens, for key head kv_head: one flag a block.
std::vector<bool> kept_pages(const Tensor& q, const Tensor& k_cache, const Step& step, std::int64_t t, std::int64_t length,
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

// Rotates the heads [n_heads, head_dim] of token t of n_tokens.
void rotate_token(float* heads, std::int64_t n_heads, std::int64_t head_dim, std::int64_t t, std::int64_t n_tokens, const Tensor& positions,
                  const Tensor& inv_freq, const Tensor& axes, RopeParams params) {
  const std::int64_t n_pairs = inv_freq.shape[0];
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
      float* head = heads + h * head_dim;
      const double a = head[first], b = head[second], c = cosine, s = sine;
      head[first] = static_cast<float>(a * c - b * s);
      head[second] = static_cast<float>(a * s + b * c);
    }
  }
}

// The bounds of the blocks that these cells lie in, over their cells up to each of these.
void bound_pages(const Tensor& cache, const Tensor& cells, const Tensor& page_bounds) {
  for (std::int64_t t = 0; t < cells.shape[0]; ++t) {
    const std::int64_t cell = index_at(cells, t, cache.shape[0]), first = cell / kKvBlockLength * kKvBlockLength;
    for (std::int64_t h = 0; h < cache.shape[1]; ++h) {
      const Bounds bounds = bounds_of(cache, h, first, cell - first + 1);
      float* to = host_pointer<float>(page_bounds) + (cell / kKvBlockLength * cache.shape[1] + h) * 2 * cache.shape[2];
      std::copy(bounds.smallest.begin(), bounds.smallest.end(), to);
      std::copy(bounds.largest.begin(), bounds.largest.end(), to + cache.shape[2]);
    }
  }
}

void transform(float* x, std::int64_t n_values, std::int64_t n) {
  const float root = std::sqrt(static_cast<float>(n));
  for (float* part = x; part < x + n_values; part += n) {
    for (std::int64_t apart = 1; apart < n; apart *= 2) {
      for (std::int64_t i = 0; i < n; ++i) {
        if (i & apart) continue;
        const float a = part[i], b = part[i + apart];
        part[i] = a + b;
        part[i + apart] = a - b;
      }
    }
    for (std::int64_t i = 0; i < n; ++i) part[i] /= root;
  }
}

}  // namespace

void reference_hadamard(const Backend& backend, Tensor x, std::int64_t n) {
  const std::int64_t dim = x.shape.back();
  for (std::int64_t r = 0; r < x.shape.n_rows(); ++r) {
    if (backend.stop_requested()) return;
    transform(host_pointer<float>(x) + r * dim, dim, n);
  }
}

void reference_rope(const Backend& backend, Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) {
  const std::int64_t n_tokens = x.shape[0], n_heads = x.shape[1], head_dim = x.shape[2];
  for (std::int64_t t = 0; t < n_tokens; ++t) {
    if (backend.stop_requested()) return;
    rotate_token(host_pointer<float>(x) + t * n_heads * head_dim, n_heads, head_dim, t, n_tokens, positions, inv_freq, axes, params);
  }
}

void reference_store_kv(const Backend& backend, Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) {
  const std::int64_t cell_length = cache.shape[1] * cache.shape[2];
  for (std::int64_t t = 0; t < x.shape[0]; ++t) {
    if (backend.stop_requested()) return;
    encode_cell(host_pointer<float>(x) + t * cell_length, cache, index_at(cells, t, cache.shape[0]));
  }
  if (page_bounds) bound_pages(cache, cells, page_bounds);
}

void reference_load_kv(const Backend& backend, Tensor y, Tensor cache, Tensor cells) {
  for (std::int64_t i = 0; i < y.shape[0] * y.shape[1]; ++i) {
    if (backend.stop_requested()) return;
    decode_head(cache, index_at(cells, i / y.shape[1], cache.shape[0]), i % y.shape[1], host_pointer<float>(y) + i * y.shape[2]);
  }
}

// Token by token, from the projections to the cells.
void reference_qk_norm_rope_store(const Backend& backend, const QkvHeads& heads, const Step& step) {
  const Tensor &q = heads.q, &k = heads.k, &v = heads.v;
  const std::int64_t n_tokens = q.shape[0], q_dim = q.shape[2], k_dim = k.shape[2];
  const auto norm_heads = [&](float* first, std::int64_t n_heads, std::int64_t head_dim, const Tensor& weights) {
    if (!weights) return;
    for (float* head = first; head < first + n_heads * head_dim; head += head_dim) {
      norm_row(head, host_pointer<float>(weights), weights.shape[0], heads.norm_eps, head);
    }
  };
  for (std::int64_t t = 0; t < n_tokens; ++t) {
    if (backend.stop_requested()) return;
    float* const query = host_pointer<float>(q) + t * q.shape[1] * q_dim;
    float* const key = host_pointer<float>(k) + t * k.shape[1] * k_dim;
    norm_heads(query, q.shape[1], q_dim, heads.q_norm);
    norm_heads(key, k.shape[1], k_dim, heads.k_norm);
    rotate_token(query, q.shape[1], q_dim, t, n_tokens, step.positions, heads.inv_freq, heads.axes, {heads.pairing, heads.q_first_dim});
    rotate_token(key, k.shape[1], k_dim, t, n_tokens, step.positions, heads.inv_freq, heads.axes, {heads.pairing, heads.k_first_dim});
    if (heads.hadamard_length > 0) {
      transform(query, q.shape[1] * q_dim, heads.hadamard_length);
      transform(key, k.shape[1] * k_dim, heads.hadamard_length);
    }
    const std::int64_t cell = index_at(step.cells, t, heads.k_cache.shape[0]);
    encode_cell(key, heads.k_cache, cell);
    if (v) encode_cell(host_pointer<float>(v) + t * v.shape[1] * v.shape[2], heads.v_cache, cell);
  }
  if (heads.page_bounds) bound_pages(heads.k_cache, step.cells, heads.page_bounds);
}

void reference_attention(const Backend& backend, Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) {
  const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2], v_head_dim = y.shape[2];
  const std::int64_t n_kv_heads = k_cache.shape[1], group = n_heads / n_kv_heads, max_blocks = step.block_table.shape[1];
  std::vector<std::int64_t> cells, kept_cells;  // of the sequence's tokens, and of those attended to, in their order
  std::vector<bool> pages;
  std::vector<float> row(static_cast<std::size_t>(head_dim > v_head_dim ? head_dim : v_head_dim));
  std::vector<double> weights, sums;
  for (std::int64_t t = 0; t < q.shape[0]; ++t) {
    const std::int64_t length = host_pointer<std::int32_t>(step.kv_lengths)[t];
    CHECK(length >= 0 && length <= max_blocks * kKvBlockLength, "attention: kv_lengths is out of range");
    if (length == 0) {
      std::fill_n(host_pointer<float>(y) + t * n_heads * v_head_dim, n_heads * v_head_dim, 0.0f);
      continue;
    }
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
      if (backend.stop_requested()) return;
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
        decode_head(k_cache, kept_cells.back(), kv_head, row.data());
        weights.push_back(static_cast<double>(params.scale) * dot(query, row.data(), head_dim));
        if (weights.back() > largest) largest = weights.back();
      }
      for (double& weight : weights) total += weight = std::exp(weight - largest);
      sums.assign(static_cast<std::size_t>(v_head_dim), 0);
      for (std::size_t j = 0; j < kept_cells.size(); ++j) {
        decode_head(v_cache ? v_cache : k_cache, kept_cells[j], kv_head, row.data());
        for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += weights[j] / total * static_cast<double>(row[d]);
      }
      float* out = host_pointer<float>(y) + (t * n_heads + h) * v_head_dim;
      for (std::size_t d = 0; d < sums.size(); ++d) out[d] = static_cast<float>(sums[d]);
    }
  }
}

void reference_self_attention(const Backend& backend, Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale) {
  const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], head_dim = q.shape[2], y_heads = y.shape[1];
  std::vector<double> weights, sums(static_cast<std::size_t>(head_dim));
  CHECK(host_pointer<std::int32_t>(starts)[0] == 0, "self_attention: the segments do not begin with the first token");
  CHECK(host_pointer<std::int32_t>(starts)[starts.shape[0] - 1] == n_tokens, "self_attention: the segments do not cover the tokens");
  for (std::int64_t s = 0; s + 1 < starts.shape[0]; ++s) {
    const std::int64_t first = index_at(starts, s, n_tokens + 1), end = index_at(starts, s + 1, n_tokens + 1);
    for (std::int64_t t = first; t < end; ++t) {
      for (std::int64_t h = 0; h < n_heads; ++h) {
        if (backend.stop_requested()) return;
        weights.clear();
        double largest = -std::numeric_limits<double>::infinity(), total = 0;
        for (std::int64_t j = first; j < end; ++j) {
          weights.push_back(static_cast<double>(scale) * dot(host_pointer<float>(q) + (t * n_heads + h) * head_dim,
                                                             host_pointer<float>(k) + (j * n_heads + h) * head_dim, head_dim));
          if (weights.back() > largest) largest = weights.back();
        }
        for (double& weight : weights) total += weight = std::exp(weight - largest);
        sums.assign(sums.size(), 0);
        for (std::size_t j = 0; j < weights.size(); ++j) {
          const float* value = host_pointer<float>(v) + ((first + static_cast<std::int64_t>(j)) * n_heads + h) * head_dim;
          for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += weights[j] / total * static_cast<double>(value[d]);
        }
        float* out = host_pointer<float>(y) + (t * y_heads + first_head + h) * head_dim;
        for (std::size_t d = 0; d < sums.size(); ++d) out[d] = static_cast<float>(sums[d]);
      }
    }
  }
}

}  // namespace pio
