#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/op_checks.h"

// The ops that are compositions of others: the checks of each (as in backend.cpp), and below them its default.

namespace pio {
namespace {

// Columns [first, first + n) of one row.
Tensor columns(Tensor t, std::int64_t row, std::int64_t first, std::int64_t n) {
  t.offset += bytes_of(t.dtype, row * t.shape.back() + first);
  t.shape = {n};
  return t;
}

// y [n_tokens, w's rows] = a product of rows of n_in values with w (+ bias).
void check_product(const char* op, const Tensor& y, std::int64_t n_tokens, std::int64_t n_in, const Tensor& w, const Tensor& bias) {
  check_rank(op, "w", w, 2);
  if (w.shape[1] != n_in) wrong_tensor(op, "w", w, "rows of " + std::to_string(n_in));
  check_tensor(op, "y", y, DType::f32, {n_tokens, w.shape[0]});
  check_weights(op, "w", w);
  if (bias) check_tensor(op, "bias", bias, DType::f32, {w.shape[0]});
}

}  // namespace

void Backend::glu(Tensor y, Tensor gate, Tensor up) {
  check_elementwise("glu", y, gate, "gate", up, "up");
  if (y.shape.n_values() == 0) return;
  require(Op::glu, gate.dtype, gate.shape);
  const OpCount count(n_ops_);
  do_glu(y, gate, up);
}

void Backend::do_glu(Tensor y, Tensor gate, Tensor up) {
  const Arena::Mark frame(workspace_);
  const Tensor activated = same_place(y, up) ? workspace_.temp(DType::f32, y.shape) : y;
  silu(activated, gate);
  multiply(y, activated, up);
}

void Backend::add_scaled(Tensor y, Tensor x, float scale) {
  check_tensor("add_scaled", "y", y, DType::f32, y.shape);
  check_tensor("add_scaled", "x", x, DType::f32, y.shape);
  if (y.shape.n_values() == 0) return;
  check_apart("add_scaled", "x", y, x);
  require(Op::add_scaled, x.dtype, x.shape);
  const OpCount count(n_ops_);
  do_add_scaled(y, x, scale);
}

// scale * x is the product of x as a column with a matrix of one number.
void Backend::do_add_scaled(Tensor y, Tensor x, float scale) {
  const Arena::Mark frame(workspace_);
  const Shape column{x.shape.n_values(), 1};
  const Tensor factor = workspace_.temp(DType::f32, {1, 1}), scaled = workspace_.temp(DType::f32, column);
  upload(factor, &scale);
  matmul(scaled, x.reshaped(column), factor);
  add(y, y, scaled.reshaped(y.shape));
}

void Backend::sum_rows(Tensor y, Tensor x, Tensor rows, Tensor weights) {
  check_rank("sum_rows", "y", y, 2);
  check_rank("sum_rows", "x", x, 2);
  check_rank("sum_rows", "rows", rows, 2);
  check_tensor("sum_rows", "y", y, DType::f32, {y.shape[0], x.shape[1]});
  check_tensor("sum_rows", "x", x, DType::f32, x.shape);
  check_tensor("sum_rows", "rows", rows, DType::i32, {y.shape[0], rows.shape[1]});
  check_tensor("sum_rows", "weights", weights, DType::f32, rows.shape);
  if (y.shape.n_values() == 0) return;
  for (const auto& [name, tensor] : {std::pair{"x", x}, std::pair{"rows", rows}, std::pair{"weights", weights}})
    check_apart("sum_rows", name, y, tensor);
  require(Op::gather_rows, x.dtype, x.shape);
  require(Op::add_scaled, x.dtype, x.shape);
  const OpCount count(n_ops_);
  do_sum_rows(y, x, rows, weights);
}

void Backend::do_sum_rows(Tensor y, Tensor x, Tensor rows, Tensor weights) {
  const std::int64_t k = rows.shape[1];
  std::vector<std::int32_t> row(static_cast<std::size_t>(rows.shape.n_values()));
  std::vector<float> weight(row.size());
  download(row.data(), rows);
  download(weight.data(), weights);
  const std::vector<float> zeros(static_cast<std::size_t>(y.shape.n_values()));
  upload(y, zeros.data());
  for (std::int64_t i = 0; i < std::ssize(row) && !stop_requested(); ++i) add_scaled(y.rows(i / k, 1), x.rows(row[i], 1), weight[i]);
}

void Backend::copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n) {
  check_tensor("copy_columns", "y", y, DType::f32, y.shape);
  check_tensor("copy_columns", "x", x, DType::f32, x.shape);
  CHECK(n >= 0 && y_first >= 0 && y_first + n <= y.shape.back() && x_first >= 0 && x_first + n <= x.shape.back(),
        "copy_columns: the columns lie outside the rows");
  if (y.shape.n_values() == 0 || n == 0) return;
  CHECK(x.shape.n_rows() > 0 && y.shape.n_rows() % x.shape.n_rows() == 0, "copy_columns: y's rows are no multiple of x's");
  check_apart("copy_columns", "x", y, x);
  require(Op::copy_columns, x.dtype, x.shape);
  const OpCount count(n_ops_);
  do_copy_columns(y, y_first, x, x_first, n);
}

void Backend::do_copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n) {
  const std::int64_t repeats = y.shape.n_rows() / x.shape.n_rows();
  for (std::int64_t r = 0; r < y.shape.n_rows() && !stop_requested(); ++r) {
    copy(columns(y, r, y_first, n), columns(x, r / repeats, x_first, n));
  }
}

void Backend::matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) {
  check_rank("matmul_heads", "y", y, 3);
  check_rank("matmul_heads", "x", x, 3);
  check_rank("matmul_heads", "w", w, 3);
  const std::int64_t n_heads = w.shape[0], x_heads = x.shape[1];
  check_tensor("matmul_heads", "y", y, DType::f32, {x.shape[0], n_heads, y.shape[2]});
  check_tensor("matmul_heads", "x", x, DType::f32, {x.shape[0], x_heads, x.shape[2]});
  CHECK(x_heads == n_heads || x_heads == 1, "matmul_heads: x has neither the matrices' heads nor one");
  check_weights("matmul_heads", "w", w);
  CHECK(params.w_first >= 0 && params.w_rows > 0 && params.w_first + params.w_rows <= w.shape[1], "matmul_heads: rows outside the matrix");
  const std::int64_t n_in = params.transposed ? params.w_rows : w.shape[2], n_out = params.transposed ? w.shape[2] : params.w_rows;
  const std::int64_t n_following = params.n_following;
  CHECK(params.x_first >= 0 && n_following >= 0 && params.x_first + n_in + n_following <= x.shape[2],
        "matmul_heads: x's columns lie outside its heads");
  CHECK(params.y_first >= 0 && params.y_first + n_out + n_following <= y.shape[2], "matmul_heads: y's columns lie outside its heads");
  if (y.shape.n_values() == 0) return;
  check_apart("matmul_heads", "x", y, x);
  check_apart("matmul_heads", "w", y, w);
  require(Op::matmul_heads, w.dtype, w.shape);
  const OpCount count(n_ops_);
  if (n_following == 0) do_matmul_heads(y, x, w, params);
  else do_matmul_heads_and_copy(y, x, w, params);
}

void Backend::do_matmul_heads_and_copy(Tensor y, Tensor x, Tensor w, HeadsParams params) {
  const std::int64_t n_in = params.transposed ? params.w_rows : w.shape[2], n_out = params.transposed ? w.shape[2] : params.w_rows;
  const std::int64_t n_following = std::exchange(params.n_following, 0);
  do_matmul_heads(y, x, w, params);
  copy_columns(y, params.y_first + n_out, x, params.x_first + n_in, n_following);
}

// Head by head, with its matrix decoded: products with f32 weights read x as it is.
void Backend::do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) {
  const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], n_columns = w.shape[2], n_rows = params.w_rows;
  const std::int64_t n_in = params.transposed ? n_rows : n_columns, n_out = params.transposed ? n_columns : n_rows;
  const Tensor x_rows = x.reshaped({n_tokens, x.shape[1] * x.shape[2]}), y_rows = y.reshaped({n_tokens, n_heads * y.shape[2]});
  const Arena::Mark frame(workspace_);
  const Tensor matrix = workspace_.temp(DType::f32, {n_rows, n_columns});
  const Tensor in = workspace_.temp(DType::f32, {n_tokens, n_in}), out = workspace_.temp(DType::f32, {n_tokens, n_out});
  Tensor identity, transposed;
  if (params.transposed) {
    identity = workspace_.temp(DType::f32, {n_columns, n_columns});
    transposed = workspace_.temp(DType::f32, {n_columns, n_rows});
    std::vector<float> ones(static_cast<std::size_t>(n_columns * n_columns));
    for (std::int64_t i = 0; i < n_columns; ++i) ones[static_cast<std::size_t>(i * n_columns + i)] = 1;
    upload(identity, ones.data());
  }
  for (std::int64_t h = 0; h < n_heads && !stop_requested(); ++h) {
    decode_rows(matrix, w, h * w.shape[1] + params.w_first);
    if (h == 0 || x.shape[1] > 1) copy_columns(in, 0, x_rows, (x.shape[1] > 1 ? h : 0) * x.shape[2] + params.x_first, n_in);
    if (params.transposed) matmul(transposed, identity, matrix);  // exact: each sum has one term that is not zero
    matmul(out, in, params.transposed ? transposed : matrix);
    copy_columns(y_rows, h * y.shape[2] + params.y_first, out, 0, n_out);
  }
}

void Backend::self_attention(Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale) {
  check_rank("self_attention", "q", q, 3);
  check_rank("self_attention", "y", y, 3);
  check_tensor("self_attention", "q", q, DType::f32, q.shape);
  check_tensor("self_attention", "k", k, DType::f32, q.shape);
  check_tensor("self_attention", "v", v, DType::f32, q.shape);
  check_tensor("self_attention", "y", y, DType::f32, {q.shape[0], y.shape[1], q.shape[2]});
  CHECK(first_head >= 0 && first_head + q.shape[1] <= y.shape[1], "self_attention: the heads lie outside y");
  check_rank("self_attention", "starts", starts, 1);
  check_tensor("self_attention", "starts", starts, DType::i32, starts.shape);
  CHECK(starts.shape[0] >= 1, "self_attention: no segments");
  if (q.shape.n_values() == 0) return;
  check_apart("self_attention", "q", y, q);
  check_apart("self_attention", "k", y, k);
  check_apart("self_attention", "v", y, v);
  require(Op::self_attention, q.dtype, q.shape);
  const OpCount count(n_ops_);
  do_self_attention(y, q, k, v, starts, first_head, scale);
}

// Attention over a cache that holds the segments as sequences, each from a block's first cell on.
void Backend::do_self_attention(Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale) {
  const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], head_dim = q.shape[2], n_segments = starts.shape[0] - 1;
  std::vector<std::int32_t> first(static_cast<std::size_t>(n_segments + 1));
  download(first.data(), starts);
  const auto blocks_of = [&](std::int64_t s) { return (first[s + 1] - first[s] + kKvBlockLength - 1) / kKvBlockLength; };
  std::int64_t max_blocks = 0, n_blocks = 0;
  for (std::int64_t s = 0; s < n_segments; ++s) max_blocks = std::max<std::int64_t>(max_blocks, blocks_of(s));
  std::vector<std::int32_t> cells, lengths, sequences, table(static_cast<std::size_t>(n_segments * max_blocks));
  for (std::int64_t s = 0; s < n_segments; ++s) {
    for (std::int32_t i = 0; i < first[s + 1] - first[s]; ++i) {
      cells.push_back(static_cast<std::int32_t>(n_blocks) * kKvBlockLength + i);
      lengths.push_back(first[s + 1] - first[s]);
      sequences.push_back(static_cast<std::int32_t>(s));
    }
    for (std::int32_t j = 0; j < blocks_of(s); ++j) table[s * max_blocks + j] = static_cast<std::int32_t>(n_blocks++);
  }

  const Arena::Mark frame(workspace_);
  const auto uploaded = [&](const std::vector<std::int32_t>& values, Shape shape) {
    const Tensor tensor = workspace_.temp(DType::i32, shape);
    upload(tensor, values.data());
    return tensor;
  };
  Step step;
  step.cells = uploaded(cells, {n_tokens});
  step.kv_lengths = uploaded(lengths, {n_tokens});
  step.sequences = uploaded(sequences, {n_tokens});
  step.block_table = uploaded(table, {n_segments, max_blocks});
  const Shape cache{n_blocks * kKvBlockLength, n_heads, head_dim};
  const Tensor k_cache = workspace_.temp(DType::f32, cache), v_cache = workspace_.temp(DType::f32, cache);
  store_kv(k_cache, k, step.cells);
  store_kv(v_cache, v, step.cells);
  const Tensor all = workspace_.temp(DType::f32, q.shape);
  attention(all, q, k_cache, v_cache, step, {.scale = scale});
  const std::int64_t width = n_heads * head_dim;
  copy_columns(y.reshaped({n_tokens, y.shape[1] * head_dim}), first_head * head_dim, all.reshaped({n_tokens, width}), 0, width);
}

void Backend::moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) {
  check_rank("moe_experts", "x", x, 2);
  check_rank("moe_experts", "ids", ids, 2);
  const std::int64_t n_tokens = x.shape[0], dim = x.shape[1];
  check_tensor("moe_experts", "x", x, DType::f32, {n_tokens, dim});
  check_tensor("moe_experts", "y", y, DType::f32, {n_tokens, dim});
  check_tensor("moe_experts", "ids", ids, DType::i32, {n_tokens, ids.shape[1]});
  check_tensor("moe_experts", "weights", weights, DType::f32, ids.shape);
  CHECK(ids.shape[1] > 0, "moe_experts: tokens without experts");
  const ExpertMlp& pattern = experts.pattern();
  CHECK(pattern.gate && pattern.gate.shape[1] == dim, "moe_experts: no experts of x's width");
  for (const Tensor& w : {pattern.gate, pattern.up, pattern.down}) check_rows("moe_experts", "an expert", w);
  if (y.shape.n_values() == 0) return;
  check_apart("moe_experts", "x", y, x);
  for (const Tensor& w : {pattern.gate, pattern.up, pattern.down}) {
    require(Op::moe_experts, w.dtype, {experts.n_experts(), w.shape[0], w.shape[1]});
  }
  const OpCount count(n_ops_);
  do_moe_experts(y, x, ids, weights, experts);
}

void Backend::do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) {
  const std::int64_t n_tokens = x.shape[0], dim = x.shape[1], n_used = ids.shape[1];
  const Shape hidden{1, experts.pattern().gate.shape[0]};
  std::vector<std::int32_t> id(static_cast<std::size_t>(n_tokens * n_used));
  std::vector<float> weight(id.size());
  download(id.data(), ids);
  download(weight.data(), weights);
  if (stop_requested()) return;  // the ids may be unfinished
  const Arena::Mark frame(workspace_);
  const Tensor gate = workspace_.temp(DType::f32, hidden), up = workspace_.temp(DType::f32, hidden), out = workspace_.temp(DType::f32, {1, dim});
  const std::vector<float> zeros(static_cast<std::size_t>(n_tokens * dim));
  upload(y, zeros.data());
  for (std::int64_t i = 0; i < n_tokens * n_used && !stop_requested(); ++i) {
    if (id[i] < 0) continue;
    CHECK(experts.has(id[i]), "moe_experts: no such expert");
    const ExpertMlp& expert = experts[id[i]];
    const std::int64_t t = i / n_used;
    matmul(gate, x.rows(t, 1), expert.gate);
    matmul(up, x.rows(t, 1), expert.up);
    glu(gate, gate, up);
    matmul(out, gate, expert.down);
    add_scaled(y.rows(t, 1), out, weight[i]);
  }
}

void Backend::norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) {
  check_rank("norm_matmul", "x", x, 2);
  const std::int64_t n_tokens = x.shape[0], dim = x.shape[1];
  check_tensor("norm_matmul", "x", x, DType::f32, x.shape);
  check_tensor("norm_matmul", "norm", norm, DType::f32, {dim});
  if (normed) {
    check_tensor("norm_matmul", "normed", normed, DType::f32, x.shape);
    check_apart("norm_matmul", "x", normed, x);
  }
  for (const Projection& p : projections) check_product("norm_matmul", p.y, n_tokens, dim, p.w, p.bias);
  if (x.shape.n_values() == 0) return;
  for (const Projection& p : projections) {
    check_apart("norm_matmul", "x", p.y, x);
    check_apart("norm_matmul", "w", p.y, p.w);
  }
  for (const Projection& p : projections) require(Op::matmul, p.w.dtype, p.w.shape);
  const OpCount count(n_ops_);
  do_norm_matmul(projections, x, norm, eps, normed);
}

void Backend::do_norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) {
  const Arena::Mark frame(workspace_);
  const Tensor h = normed ? normed : workspace_.temp(DType::f32, x.shape);
  rms_norm(h, x, norm, eps);
  for (const Projection& p : projections) matmul(p.y, h, p.w, p.bias);
}

void Backend::qk_norm_rope_store(const QkvHeads& heads, const Step& step) {
  const char* const op = "qk_norm_rope_store";
  const auto& [q, k, v, q_norm, k_norm, norm_eps, inv_freq, axes, pairing, q_first_dim, k_first_dim, k_cache, v_cache, page_bounds, hadamard_length] =
      heads;
  for (const auto& [name, tensor] : {std::pair{"q", q}, std::pair{"k", k}, std::pair{"k_cache", k_cache}}) check_rank(op, name, tensor, 3);
  const std::int64_t n_tokens = q.shape[0];
  check_tensor(op, "q", q, DType::f32, q.shape);
  check_tensor(op, "k", k, DType::f32, {n_tokens, k_cache.shape[1], k_cache.shape[2]});
  if (q_norm) check_tensor(op, "q_norm", q_norm, DType::f32, {q.shape[2]});
  if (k_norm) check_tensor(op, "k_norm", k_norm, DType::f32, {k_norm.shape.back()});
  CHECK(!k_norm || k_norm.shape[0] <= k.shape[2], "qk_norm_rope_store: k_norm is longer than a key");
  check_rank(op, "inv_freq", inv_freq, 1);
  check_tensor(op, "inv_freq", inv_freq, DType::f32, inv_freq.shape);
  if (axes) check_tensor(op, "axes", axes, DType::i32, inv_freq.shape);
  check_tensor(op, "positions", step.positions, DType::i32, axes ? Shape{step.positions.shape[0], n_tokens} : Shape{n_tokens});
  CHECK(
      q_first_dim >= 0 && q_first_dim + 2 * inv_freq.shape[0] <= q.shape[2] && k_first_dim >= 0 && k_first_dim + 2 * inv_freq.shape[0] <= k.shape[2],
      "qk_norm_rope_store: more pairs than a head holds");
  CHECK(hadamard_length == 0 || (hadamard_length > 0 && (hadamard_length & (hadamard_length - 1)) == 0 && q.shape[2] % hadamard_length == 0 &&
                                 k.shape[2] % hadamard_length == 0),
        "qk_norm_rope_store: expected a power of two that divides a head");
  check_tensor(op, "cells", step.cells, DType::i32, {n_tokens});
  CHECK(v.empty() == v_cache.empty(), "qk_norm_rope_store: values without a cache of them, or a cache without values");
  for (const auto& [name, cache] : {std::pair{"k_cache", k_cache}, std::pair{"v_cache", v_cache}}) {
    if (!cache) continue;
    check_cache(op, name, cache);
    require(Op::store_kv, cache.dtype, {cache.shape[1], cache.shape[2]});
  }
  if (v) check_tensor(op, "v", v, DType::f32, {n_tokens, v_cache.shape[1], v_cache.shape[2]});
  if (page_bounds) check_page_bounds(op, page_bounds, k_cache);
  if (q.shape.n_values() == 0) return;
  check_apart(op, "k", q, k);
  check_apart(op, "k", k_cache, k);
  const OpCount count(n_ops_);
  do_qk_norm_rope_store(heads, step);
}

void Backend::do_qk_norm_rope_store(const QkvHeads& heads, const Step& step) {
  const Tensor& k = heads.k;
  if (heads.q_norm) rms_norm(heads.q, heads.q, heads.q_norm, heads.norm_eps);
  if (heads.k_norm && heads.k_norm.shape[0] == k.shape[2]) {
    rms_norm(k, k, heads.k_norm, heads.norm_eps);
  } else if (heads.k_norm) {
    const std::int64_t n = heads.k_norm.shape[0];
    const Arena::Mark frame(workspace_);
    const Tensor part = workspace_.temp(DType::f32, {k.shape[0], k.shape[1], n});
    copy_columns(part, 0, k, 0, n);
    rms_norm(part, part, heads.k_norm, heads.norm_eps);
    copy_columns(k, 0, part, 0, n);
  }
  rope(heads.q, step.positions, heads.inv_freq, {.pairing = heads.pairing, .first_dim = heads.q_first_dim}, heads.axes);
  rope(k, step.positions, heads.inv_freq, {.pairing = heads.pairing, .first_dim = heads.k_first_dim}, heads.axes);
  if (heads.hadamard_length > 0) {
    hadamard(heads.q, heads.hadamard_length);
    hadamard(k, heads.hadamard_length);
  }
  store_kv(heads.k_cache, k, step.cells, heads.page_bounds);
  if (heads.v) store_kv(heads.v_cache, heads.v, step.cells);
}

namespace {

// Of a product of x [n_tokens, n_in] that goes to y, and whether there is anything to compute.
bool checked_product(const char* op, const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias) {
  check_rank(op, "x", x, 2);
  check_tensor(op, "x", x, DType::f32, x.shape);
  check_product(op, y, x.shape[0], x.shape[1], w, bias);
  if (y.shape.n_values() == 0) return false;
  check_apart(op, "x", y, x);
  check_apart(op, "w", y, w);
  return true;
}

}  // namespace

void Backend::matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias) {
  if (!checked_product("matmul_add", residual, x, w, bias)) return;
  require(Op::matmul, w.dtype, w.shape);
  const OpCount count(n_ops_);
  do_matmul_add(residual, x, w, bias);
}

void Backend::do_matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias) {
  const Arena::Mark frame(workspace_);
  const Tensor product = workspace_.temp(DType::f32, residual.shape);
  matmul(product, x, w, bias);
  add(residual, residual, product);
}

void Backend::matmul_gelu(Tensor y, Tensor x, Tensor w, Tensor bias, Gelu kind) {
  if (!checked_product("matmul_gelu", y, x, w, bias)) return;
  require(Op::matmul, w.dtype, w.shape);
  const OpCount count(n_ops_);
  do_matmul_gelu(y, x, w, bias, kind);
}

void Backend::do_matmul_gelu(Tensor y, Tensor x, Tensor w, Tensor bias, Gelu kind) {
  matmul(y, x, w, bias);
  gelu(y, y, kind);
}

void Backend::norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) {
  check_rank("norm_glu_matmul", "x", x, 2);
  check_tensor("norm_glu_matmul", "x", x, DType::f32, x.shape);
  check_tensor("norm_glu_matmul", "norm", norm, DType::f32, {x.shape[1]});
  for (const Tensor& w : {gate, up}) check_product("norm_glu_matmul", y, x.shape[0], x.shape[1], w, {});
  if (y.shape.n_values() == 0) return;
  check_apart("norm_glu_matmul", "x", y, x);
  for (const Tensor& w : {gate, up}) {
    check_apart("norm_glu_matmul", "w", y, w);
    require(Op::matmul, w.dtype, w.shape);
  }
  const OpCount count(n_ops_);
  do_norm_glu_matmul(y, x, norm, eps, gate, up);
}

void Backend::do_norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) {
  const Arena::Mark frame(workspace_);
  const Tensor h = workspace_.temp(DType::f32, x.shape), ups = workspace_.temp(DType::f32, y.shape);
  rms_norm(h, x, norm, eps);
  matmul(y, h, gate);
  matmul(ups, h, up);
  glu(y, y, ups);
}

void Backend::experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) {
  check_rank("experts", "x", x, 2);
  const std::int64_t n_tokens = x.shape[0], dim = x.shape[1];
  check_tensor("experts", "x", x, DType::f32, x.shape);
  check_tensor("experts", "residual", residual, DType::f32, x.shape);
  check_routing("experts", logits, n_tokens, mixture.n_used, mixture.bias, mixture.routing);
  const ExpertMlp &pattern = mixture.experts.pattern(), &shared = mixture.shared;
  CHECK(pattern.gate && pattern.gate.shape[1] == dim, "experts: no experts of x's width");
  if (shared.gate) {
    const Shape in{shared.gate.shape[0], dim}, out{dim, shared.gate.shape[0]};
    for (const auto& [w, shape] : {std::pair{shared.gate, in}, std::pair{shared.up, in}, std::pair{shared.down, out}}) {
      if (w.shape != shape) wrong_tensor("experts", "shared", w, shape.text());
      check_weights("experts", "shared", w);
    }
  }
  if (x.shape.n_values() == 0) return;
  check_apart("experts", "x", residual, x);
  for (const Tensor& w : {pattern.gate, pattern.up, pattern.down}) {
    require(Op::moe_experts, w.dtype, {mixture.experts.n_experts(), w.shape[0], w.shape[1]});
  }
  for (const Tensor& w : {shared.gate, shared.up, shared.down}) {
    if (w) require(Op::matmul, w.dtype, w.shape);
  }
  const OpCount count(n_ops_);
  do_experts(residual, x, logits, mixture);
}

void Backend::do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) {
  const Arena::Mark frame(workspace_);
  const Shape chosen{x.shape[0], mixture.n_used};
  const Tensor ids = workspace_.temp(DType::i32, chosen), weights = workspace_.temp(DType::f32, chosen), sum = workspace_.temp(DType::f32, x.shape);
  route_experts(ids, weights, logits, mixture.bias, mixture.routing);
  moe_experts(sum, x, ids, weights, mixture.experts);
  if (const ExpertMlp& shared = mixture.shared; shared.gate) {
    const Shape hidden{x.shape[0], shared.gate.shape[0]};
    const Tensor gate = workspace_.temp(DType::f32, hidden), up = workspace_.temp(DType::f32, hidden);
    matmul(gate, x, shared.gate);
    matmul(up, x, shared.up);
    glu(gate, gate, up);
    matmul_add(sum, gate, shared.down);
  }
  add(residual, residual, sum);
}

}  // namespace pio
