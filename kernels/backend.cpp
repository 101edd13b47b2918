#include "kernels/backend.h"

#include <algorithm>
#include <iterator>
#include <string>

// The public ops: what every backend may rely on is checked here, once. Behind these checks the tensors are in range of their buffers,
// have the shapes and formats that backend.h promises, and have at least one row: an op without rows ends here.
//
// What lies in device memory (ids, positions, cells, block tables) cannot be checked on the way; it is the caller's to keep in range.

namespace pio {
namespace {

// A shape that is wrong is our bug, and is reported with both shapes.
[[noreturn]] void wrong_tensor(const char* op, const char* name, const Tensor& tensor, const std::string& expected) {
  const std::string text = std::string(op) + ": " + name + ": expected " + expected + ", found " + tensor.shape.text() + " " +
                           info(tensor.dtype).name + (tensor.empty() ? " without a buffer" : "");
  check_failed("tensor", text.c_str(), __FILE__, __LINE__);
}

// In range of its buffer, row after row. A tensor without values needs no buffer.
void check_place(const char* op, const char* name, const Tensor& t) {
  if (t.shape.n_values() == 0) return;
  if (t.layout != TensorLayout::rows) wrong_tensor(op, name, t, "values row after row");
  if (t.empty() || t.offset > t.buffer->n_bytes() || t.n_bytes() > t.buffer->n_bytes() - t.offset) {
    wrong_tensor(op, name, t, "values inside a buffer");
  }
}

void check_tensor(const char* op, const char* name, const Tensor& t, DType dtype, const Shape& shape) {
  if (t.dtype != dtype || t.shape != shape) wrong_tensor(op, name, t, shape.text() + " " + info(dtype).name);
  check_place(op, name, t);
}

void check_rank(const char* op, const char* name, const Tensor& t, int rank) {
  if (t.shape.rank() != rank) wrong_tensor(op, name, t, std::to_string(rank) + " extents");
}

// Rows of whole blocks, of a format that has values.
void check_rows(const char* op, const char* name, const Tensor& t) {
  if (!info(t.dtype).decode) wrong_tensor(op, name, t, "a format of real numbers");
  const int block_length = info(t.dtype).block_length;
  if (t.shape.back() % block_length != 0) wrong_tensor(op, name, t, "rows of whole blocks of " + std::to_string(block_length));
}

// Weights of an op that reads the backend's own layout.
void check_weights(const char* op, const char* name, const Tensor& w) {
  check_rows(op, name, w);
  if (w.layout == TensorLayout::rows) check_place(op, name, w);
}

bool same_place(const Tensor& a, const Tensor& b) { return a.buffer == b.buffer && a.offset == b.offset; }

bool overlap(const Tensor& a, const Tensor& b) {
  return a.buffer == b.buffer && a.offset < b.offset + b.n_bytes() && b.offset < a.offset + a.n_bytes();
}

void check_apart(const char* op, const char* name, const Tensor& y, const Tensor& x) {
  if (overlap(y, x)) wrong_tensor(op, name, x, "a place of its own, apart from the output");
}

void check_same_or_apart(const char* op, const char* name, const Tensor& y, const Tensor& x) {
  if (!same_place(y, x)) check_apart(op, name, y, x);
}

void check_elementwise(const char* op, const Tensor& y, const Tensor& a, const char* a_name, const Tensor& b, const char* b_name) {
  check_tensor(op, "y", y, DType::f32, y.shape);
  check_tensor(op, a_name, a, DType::f32, y.shape);
  check_tensor(op, b_name, b, DType::f32, y.shape);
  check_same_or_apart(op, a_name, y, a);
  check_same_or_apart(op, b_name, y, b);
}

void check_page_bounds(const char* op, const Tensor& bounds, const Tensor& k_cache) {
  check_tensor(op, "page_bounds", bounds, DType::f32, {k_cache.shape[0] / kKvBlockLength, k_cache.shape[1], 2, k_cache.shape[2]});
}

}  // namespace

const char* name_of(Op op) {
  constexpr const char* kNames[] = {"embed", "matmul", "rms_norm", "add", "glu", "rope", "store_kv", "attention", "layer_norm", "gelu",
                                    "add_scaled", "copy_columns", "matmul_heads", "self_attention", "route_experts", "moe_experts",
                                    "gather_rows", "cast", "copy", "argmax"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(Op::argmax) + 1);
  return kNames[static_cast<std::size_t>(op)];
}

Result<void> Backend::supports(Op op, DType dtype, const Shape& extents) const {
  const DTypeInfo& format = info(dtype);
  const auto no = [&](const std::string& expected, const std::string& found) -> Error {
    Error error = make_error(ErrorCode::not_available, device().name + ": expected " + expected + ", found " + found);
    error.device = device().name;
    return error;
  };
  if (op == Op::store_kv || op == Op::attention) {
    const bool is_kv_format = dtype == DType::f32 || dtype == DType::f16 || dtype == DType::q8_0 || dtype == DType::q4_0;
    if (!is_kv_format) return no("keys and values in F32, F16, Q8_0 or Q4_0", format.name);
    for (int i = op == Op::store_kv ? 1 : 2; i < extents.rank(); ++i) {
      if (extents[i] % format.block_length == 0) continue;
      return no("heads of a multiple of " + std::to_string(format.block_length) + " values in " + format.name, std::to_string(extents[i]));
    }
  } else if (op != Op::copy && !format.decode) {
    return no("a format of real numbers", format.name);
  }
  return {};
}

void Backend::refuse(Op op, const Error& reason) {
  check_failed("supports", (std::string(name_of(op)) + ": " + reason.message).c_str(), __FILE__, __LINE__);
}

void Backend::require(Op op, DType dtype, const Shape& extents) {
  if (const Result<void> answer = supports(op, dtype, extents); !answer) refuse(op, answer.error());
}

Result<Tensor> Backend::allocate_tensor(DType dtype, const Shape& shape, std::vector<std::unique_ptr<Buffer>>& buffers,
                                        const void* values) {
  ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, allocate(bytes_of(dtype, shape.n_values())));
  buffers.push_back(std::move(buffer));
  const Tensor tensor{dtype, shape, buffers.back().get(), 0};
  if (values) upload(tensor, values);
  return tensor;
}

void Backend::embed(Tensor y, Tensor table, Tensor ids) {
  check_rank("embed", "y", y, 2);
  check_rank("embed", "table", table, 2);
  check_tensor("embed", "y", y, DType::f32, {y.shape[0], table.shape[1]});
  check_tensor("embed", "ids", ids, DType::i32, {y.shape[0]});
  check_weights("embed", "table", table);
  if (y.shape.n_values() == 0) return;
  check_apart("embed", "table", y, table);
  check_apart("embed", "ids", y, ids);
  require(Op::embed, table.dtype, table.shape);
  do_embed(y, table, ids);
}

void Backend::matmul(Tensor y, Tensor x, Tensor w, Tensor bias) {
  check_rank("matmul", "x", x, 2);
  check_rank("matmul", "w", w, 2);
  check_tensor("matmul", "x", x, DType::f32, {x.shape[0], w.shape[1]});
  check_tensor("matmul", "y", y, DType::f32, {x.shape[0], w.shape[0]});
  check_weights("matmul", "w", w);
  if (bias) check_tensor("matmul", "bias", bias, DType::f32, {w.shape[0]});
  if (y.shape.n_values() == 0) return;
  check_apart("matmul", "x", y, x);
  check_apart("matmul", "w", y, w);
  if (bias) check_apart("matmul", "bias", y, bias);
  require(Op::matmul, w.dtype, w.shape);
  do_matmul(y, x, w, bias);
}

void Backend::rms_norm(Tensor y, Tensor x, Tensor w, float eps) {
  check_tensor("rms_norm", "y", y, DType::f32, y.shape);
  check_tensor("rms_norm", "x", x, DType::f32, y.shape);
  check_tensor("rms_norm", "w", w, DType::f32, {y.shape.back()});
  if (y.shape.n_values() == 0) return;
  check_same_or_apart("rms_norm", "x", y, x);
  check_apart("rms_norm", "w", y, w);
  require(Op::rms_norm, x.dtype, x.shape);
  do_rms_norm(y, x, w, eps);
}

void Backend::add(Tensor y, Tensor a, Tensor b) {
  check_elementwise("add", y, a, "a", b, "b");
  if (y.shape.n_values() == 0) return;
  require(Op::add, a.dtype, a.shape);
  do_add(y, a, b);
}

void Backend::glu(Tensor y, Tensor gate, Tensor up) {
  check_elementwise("glu", y, gate, "gate", up, "up");
  if (y.shape.n_values() == 0) return;
  require(Op::glu, gate.dtype, gate.shape);
  do_glu(y, gate, up);
}

void Backend::rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) {
  check_rank("rope", "x", x, 3);
  check_rank("rope", "inv_freq", inv_freq, 1);
  check_tensor("rope", "x", x, DType::f32, x.shape);
  const Shape one_axis{x.shape[0]};
  check_tensor("rope", "positions", positions, DType::i32, axes ? Shape{positions.shape[0], x.shape[0]} : one_axis);
  check_tensor("rope", "inv_freq", inv_freq, DType::f32, inv_freq.shape);
  if (axes) check_tensor("rope", "axes", axes, DType::i32, inv_freq.shape);
  CHECK(params.first_dim >= 0 && params.first_dim + 2 * inv_freq.shape[0] <= x.shape[2], "rope: more pairs than the head holds");
  if (x.shape.n_values() == 0 || inv_freq.shape[0] == 0) return;
  require(Op::rope, x.dtype, x.shape);
  do_rope(x, positions, inv_freq, params, axes);
}

void Backend::store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) {
  check_rank("store_kv", "cache", cache, 3);
  check_rank("store_kv", "x", x, 3);
  check_tensor("store_kv", "x", x, DType::f32, {x.shape[0], cache.shape[1], cache.shape[2]});
  check_tensor("store_kv", "cells", cells, DType::i32, {x.shape[0]});
  check_rows("store_kv", "cache", cache);
  check_place("store_kv", "cache", cache);
  if (page_bounds) check_page_bounds("store_kv", page_bounds, cache);
  if (x.shape.n_values() == 0) return;
  check_apart("store_kv", "x", cache, x);
  check_apart("store_kv", "cells", cache, cells);
  require(Op::store_kv, cache.dtype, {cache.shape[1], cache.shape[2]});
  do_store_kv(cache, x, cells, page_bounds);
}

void Backend::attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) {
  check_rank("attention", "q", q, 3);
  check_rank("attention", "k_cache", k_cache, 3);
  const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], n_kv_heads = k_cache.shape[1];
  check_tensor("attention", "q", q, DType::f32, {n_tokens, n_heads, k_cache.shape[2]});
  check_rank("attention", "y", y, 3);
  check_tensor("attention", "y", y, DType::f32, {n_tokens, n_heads, y.shape[2]});
  if (v_cache) {
    check_tensor("attention", "v_cache", v_cache, v_cache.dtype, {k_cache.shape[0], n_kv_heads, y.shape[2]});
    check_rows("attention", "v_cache", v_cache);
  } else {
    CHECK(y.shape[2] <= k_cache.shape[2], "attention: the keys are shorter than the values that they begin with");
  }
  CHECK(n_kv_heads > 0 && n_heads % n_kv_heads == 0, "attention: the query heads do not divide evenly among the key heads");
  check_rows("attention", "k_cache", k_cache);
  check_place("attention", "k_cache", k_cache);
  check_tensor("attention", "kv_lengths", step.kv_lengths, DType::i32, {n_tokens});
  check_tensor("attention", "sequences", step.sequences, DType::i32, {n_tokens});
  check_rank("attention", "block_table", step.block_table, 2);
  check_tensor("attention", "block_table", step.block_table, DType::i32, step.block_table.shape);
  if (step.protected_blocks) check_tensor("attention", "protected_blocks", step.protected_blocks, DType::i32, step.block_table.shape);
  if (params.page_bounds) check_page_bounds("attention", params.page_bounds, k_cache);
  CHECK(step.selection.n_sinks >= 0 && step.selection.window >= 1 && step.selection.n_pages >= 1, "attention: a selection of nothing");
  if (y.shape.n_values() == 0) return;
  check_apart("attention", "q", y, q);
  check_apart("attention", "k_cache", y, k_cache);
  if (v_cache) check_apart("attention", "v_cache", y, v_cache);
  const Shape heads{n_heads, n_kv_heads, k_cache.shape[2], y.shape[2]};
  require(Op::attention, k_cache.dtype, heads);
  if (v_cache && v_cache.dtype != k_cache.dtype) require(Op::attention, v_cache.dtype, heads);
  do_attention(y, q, k_cache, v_cache, step, params);
}

void Backend::layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps) {
  check_tensor("layer_norm", "y", y, DType::f32, y.shape);
  check_tensor("layer_norm", "x", x, DType::f32, y.shape);
  check_tensor("layer_norm", "w", w, DType::f32, {y.shape.back()});
  check_tensor("layer_norm", "bias", bias, DType::f32, {y.shape.back()});
  if (y.shape.n_values() == 0) return;
  check_same_or_apart("layer_norm", "x", y, x);
  check_apart("layer_norm", "w", y, w);
  check_apart("layer_norm", "bias", y, bias);
  require(Op::layer_norm, x.dtype, x.shape);
  do_layer_norm(y, x, w, bias, eps);
}

void Backend::gelu(Tensor y, Tensor x, Gelu kind) {
  check_tensor("gelu", "y", y, DType::f32, y.shape);
  check_tensor("gelu", "x", x, DType::f32, y.shape);
  if (y.shape.n_values() == 0) return;
  check_same_or_apart("gelu", "x", y, x);
  require(Op::gelu, x.dtype, x.shape);
  do_gelu(y, x, kind);
}

void Backend::add_scaled(Tensor y, Tensor x, float scale) {
  check_tensor("add_scaled", "y", y, DType::f32, y.shape);
  check_tensor("add_scaled", "x", x, DType::f32, y.shape);
  if (y.shape.n_values() == 0) return;
  check_apart("add_scaled", "x", y, x);
  require(Op::add_scaled, x.dtype, x.shape);
  do_add_scaled(y, x, scale);
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
  do_copy_columns(y, y_first, x, x_first, n);
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
  CHECK(params.x_first >= 0 && params.x_first + n_in <= x.shape[2], "matmul_heads: x's columns lie outside its heads");
  CHECK(params.y_first >= 0 && params.y_first + n_out <= y.shape[2], "matmul_heads: y's columns lie outside its heads");
  if (y.shape.n_values() == 0) return;
  check_apart("matmul_heads", "x", y, x);
  check_apart("matmul_heads", "w", y, w);
  require(Op::matmul_heads, w.dtype, w.shape);
  do_matmul_heads(y, x, w, params);
}

void Backend::self_attention(Tensor y, Tensor q, Tensor k, Tensor v, std::span<const std::int32_t> starts, std::int64_t first_head,
                             float scale) {
  check_rank("self_attention", "q", q, 3);
  check_rank("self_attention", "y", y, 3);
  check_tensor("self_attention", "q", q, DType::f32, q.shape);
  check_tensor("self_attention", "k", k, DType::f32, q.shape);
  check_tensor("self_attention", "v", v, DType::f32, q.shape);
  check_tensor("self_attention", "y", y, DType::f32, {q.shape[0], y.shape[1], q.shape[2]});
  CHECK(first_head >= 0 && first_head + q.shape[1] <= y.shape[1], "self_attention: the heads lie outside y");
  CHECK(!starts.empty() && starts.front() == 0 && starts.back() == q.shape[0], "self_attention: the segments do not cover the tokens");
  for (std::size_t i = 1; i < starts.size(); ++i) CHECK(starts[i - 1] <= starts[i], "self_attention: a segment ends before it starts");
  if (q.shape.n_values() == 0) return;
  check_apart("self_attention", "q", y, q);
  check_apart("self_attention", "k", y, k);
  check_apart("self_attention", "v", y, v);
  require(Op::self_attention, q.dtype, q.shape);
  do_self_attention(y, q, k, v, starts, first_head, scale);
}

void Backend::route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) {
  check_rank("route_experts", "ids", ids, 2);
  check_rank("route_experts", "logits", logits, 2);
  const std::int64_t n_tokens = ids.shape[0], n_experts = logits.shape[1], group = n_experts / std::max<std::int64_t>(1, params.n_groups);
  check_tensor("route_experts", "ids", ids, DType::i32, {n_tokens, ids.shape[1]});
  check_tensor("route_experts", "weights", weights, DType::f32, ids.shape);
  check_tensor("route_experts", "logits", logits, DType::f32, {n_tokens, n_experts});
  if (bias) check_tensor("route_experts", "bias", bias, DType::f32, {n_experts});
  CHECK(params.n_groups >= 1 && group * params.n_groups == n_experts && params.n_groups_used >= 1 && params.n_groups_used <= params.n_groups,
        "route_experts: the experts do not form equal groups");
  CHECK(ids.shape[1] <= params.n_groups_used * group, "route_experts: more experts wanted than may be chosen");
  if (ids.shape.n_values() == 0) return;
  require(Op::route_experts, logits.dtype, logits.shape);
  do_route_experts(ids, weights, logits, bias, params);
}

void Backend::moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) {
  check_rank("moe_experts", "x", x, 2);
  check_rank("moe_experts", "ids", ids, 2);
  const std::int64_t n_tokens = x.shape[0], dim = x.shape[1];
  check_tensor("moe_experts", "x", x, DType::f32, {n_tokens, dim});
  check_tensor("moe_experts", "y", y, DType::f32, {n_tokens, dim});
  check_tensor("moe_experts", "ids", ids, DType::i32, {n_tokens, ids.shape[1]});
  check_tensor("moe_experts", "weights", weights, DType::f32, ids.shape);
  const ExpertMlp& pattern = experts.pattern();
  CHECK(pattern.gate && pattern.gate.shape[1] == dim, "moe_experts: no experts of x's width");
  for (const Tensor& w : {pattern.gate, pattern.up, pattern.down}) check_rows("moe_experts", "an expert", w);
  if (y.shape.n_values() == 0) return;
  check_apart("moe_experts", "x", y, x);
  for (const Tensor& w : {pattern.gate, pattern.up, pattern.down}) require(Op::moe_experts, w.dtype, {experts.n_experts(), w.shape[0], w.shape[1]});
  do_moe_experts(y, x, ids, weights, experts);
}

void Backend::gather_rows(Tensor y, Tensor x, Tensor rows) {
  check_rank("gather_rows", "y", y, 2);
  check_rank("gather_rows", "x", x, 2);
  check_tensor("gather_rows", "y", y, DType::f32, {y.shape[0], x.shape[1]});
  check_tensor("gather_rows", "x", x, DType::f32, x.shape);
  check_tensor("gather_rows", "rows", rows, DType::i32, {y.shape[0]});
  if (y.shape.n_values() == 0) return;
  check_apart("gather_rows", "x", y, x);
  check_apart("gather_rows", "rows", y, rows);
  require(Op::gather_rows, x.dtype, x.shape);
  do_gather_rows(y, x, rows);
}

void Backend::cast(Tensor y, Tensor x) {
  CHECK(y.shape == x.shape, "cast: the shape changes");
  check_rows("cast", "y", y);
  check_rows("cast", "x", x);
  check_place("cast", "y", y);
  check_place("cast", "x", x);
  CHECK(y.dtype == DType::f32 || (x.dtype == DType::f32 && (y.dtype == DType::f16 || y.dtype == DType::bf16 || y.dtype == DType::q8_0 ||
                                                            y.dtype == DType::q4_0)),
        "cast: to f32, or from f32 to f16, bf16, q8_0 or q4_0");
  if (y.shape.n_values() == 0) return;
  check_apart("cast", "x", y, x);
  require(Op::cast, x.dtype == DType::f32 ? y.dtype : x.dtype, x.shape);
  do_cast(y, x);
}

void Backend::decode_rows(Tensor y, Tensor w, std::int64_t first) {
  check_tensor("decode_rows", "y", y, DType::f32, y.shape);
  check_weights("decode_rows", "w", w);
  CHECK(y.shape.back() == w.shape.back() && first >= 0 && first + y.shape.n_rows() <= w.shape.n_rows(), "decode_rows: rows outside the weights");
  if (y.shape.n_values() == 0) return;
  check_apart("decode_rows", "w", y, w);
  do_decode_rows(y, w, first);
}

void Backend::copy(Tensor y, Tensor x) {
  CHECK(y.dtype == x.dtype && y.shape.n_values() == x.shape.n_values(), "copy: the format or the number of values changes");
  check_place("copy", "y", y);
  check_place("copy", "x", x);
  if (y.shape.n_values() == 0 || same_place(y, x)) return;
  check_apart("copy", "x", y, x);
  require(Op::copy, x.dtype, x.shape);
  do_copy(y, x);
}

void Backend::argmax(Tensor y, Tensor x) {
  check_rank("argmax", "x", x, 2);
  check_tensor("argmax", "x", x, DType::f32, x.shape);
  check_tensor("argmax", "y", y, DType::i32, {x.shape[0]});
  if (x.shape[0] == 0) return;
  CHECK(x.shape[1] > 0, "argmax: rows without values");
  check_apart("argmax", "x", y, x);
  require(Op::argmax, x.dtype, x.shape);
  do_argmax(y, x);
}

}  // namespace pio
