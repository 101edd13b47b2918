#include <iterator>
#include <string>

#include "kernels/op_checks.h"
#include "kernels/refusal.h"

// The public ops: what every backend may rely on is checked here, once. Behind these checks the tensors are in range of their buffers,
// have the shapes and formats that backend.h promises, and have at least one row: an op without rows ends here.
//
// What lies in device memory (ids, positions, cells, block tables) cannot be checked on the way; it is the caller's to keep in range.

namespace pio {

const char* name_of(Op op) {
  constexpr const char* kNames[] = {"embed",        "matmul",         "rms_norm",      "add",         "multiply",    "silu",       "glu",
                                    "rope",         "store_kv",       "attention",     "layer_norm",  "gelu",        "add_scaled", "copy_columns",
                                    "matmul_heads", "self_attention", "route_experts", "moe_experts", "gather_rows", "cast",       "copy",
                                    "argmax"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(Op::argmax) + 1);
  return kNames[static_cast<std::size_t>(op)];
}

Result<void> Backend::supports(Op op, DType dtype, const Shape& extents) const {
  const DTypeInfo& format = info(dtype);
  const auto no = [&](const std::string& expected, const std::string& found) { return not_supported(device(), expected, found); };
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

Result<Tensor> Backend::allocate_tensor(DType dtype, const Shape& shape, std::vector<std::unique_ptr<Buffer>>& buffers, const void* values) {
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
  const OpCount count(n_ops_);
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
  const OpCount count(n_ops_);
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
  const OpCount count(n_ops_);
  do_rms_norm(y, x, w, eps);
}

void Backend::add(Tensor y, Tensor a, Tensor b) {
  check_elementwise("add", y, a, "a", b, "b");
  if (y.shape.n_values() == 0) return;
  require(Op::add, a.dtype, a.shape);
  const OpCount count(n_ops_);
  do_add(y, a, b);
}

void Backend::multiply(Tensor y, Tensor a, Tensor b) {
  check_elementwise("multiply", y, a, "a", b, "b");
  if (y.shape.n_values() == 0) return;
  require(Op::multiply, a.dtype, a.shape);
  const OpCount count(n_ops_);
  do_multiply(y, a, b);
}

void Backend::silu(Tensor y, Tensor x) {
  check_elementwise("silu", y, x, "x", x, "x");
  if (y.shape.n_values() == 0) return;
  require(Op::silu, x.dtype, x.shape);
  const OpCount count(n_ops_);
  do_silu(y, x);
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
  const OpCount count(n_ops_);
  do_rope(x, positions, inv_freq, params, axes);
}

void Backend::store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) {
  check_rank("store_kv", "cache", cache, 3);
  check_rank("store_kv", "x", x, 3);
  check_tensor("store_kv", "x", x, DType::f32, {x.shape[0], cache.shape[1], cache.shape[2]});
  check_tensor("store_kv", "cells", cells, DType::i32, {x.shape[0]});
  check_cache("store_kv", "cache", cache);
  if (page_bounds) check_page_bounds("store_kv", page_bounds, cache);
  if (x.shape.n_values() == 0) return;
  check_apart("store_kv", "x", cache, x);
  check_apart("store_kv", "cells", cache, cells);
  require(Op::store_kv, cache.dtype, {cache.shape[1], cache.shape[2]});
  const OpCount count(n_ops_);
  do_store_kv(cache, x, cells, page_bounds);
}

void Backend::hadamard(Tensor x, std::int64_t n) {
  check_tensor("hadamard", "x", x, DType::f32, x.shape);
  CHECK(n >= 1 && (n & (n - 1)) == 0 && x.shape.back() % n == 0, "hadamard: expected a power of two that divides the last extent");
  if (x.shape.n_values() == 0) return;
  require(Op::rope, x.dtype, x.shape);
  const OpCount count(n_ops_);
  do_hadamard(x, n);
}

void Backend::load_kv(Tensor y, Tensor cache, Tensor cells) {
  check_rank("load_kv", "cache", cache, 3);
  check_rank("load_kv", "y", y, 3);
  check_tensor("load_kv", "y", y, DType::f32, {y.shape[0], cache.shape[1], cache.shape[2]});
  check_tensor("load_kv", "cells", cells, DType::i32, {y.shape[0]});
  check_cache("load_kv", "cache", cache);
  if (y.shape.n_values() == 0) return;
  check_apart("load_kv", "cache", y, cache);
  check_apart("load_kv", "cells", y, cells);
  require(Op::store_kv, cache.dtype, {cache.shape[1], cache.shape[2]});
  const OpCount count(n_ops_);
  do_load_kv(y, cache, cells);
}

void Backend::attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) {
  check_rank("attention", "q", q, 3);
  check_rank("attention", "k_cache", k_cache, 3);
  const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], n_kv_heads = k_cache.shape[1];
  check_tensor("attention", "q", q, DType::f32, {n_tokens, n_heads, k_cache.shape[2]});
  check_rank("attention", "y", y, 3);
  check_tensor("attention", "y", y, DType::f32, {n_tokens, n_heads, y.shape[2]});
  if (v_cache) {
    const Shape values{k_cache.shape[0], n_kv_heads, y.shape[2]};
    if (v_cache.shape != values) wrong_tensor("attention", "v_cache", v_cache, values.text());
    check_attended("attention", "v_cache", v_cache, TensorLayout::values);
    CHECK((k_cache.layout == TensorLayout::rows) == (v_cache.layout == TensorLayout::rows),
          "attention: keys in rows and values in tiles, or the reverse");
  } else {
    CHECK(y.shape[2] <= k_cache.shape[2], "attention: the keys are shorter than the values that they begin with");
  }
  CHECK(n_kv_heads > 0 && n_heads % n_kv_heads == 0, "attention: the query heads do not divide evenly among the key heads");
  check_attended("attention", "k_cache", k_cache, TensorLayout::keys);
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
  const OpCount count(n_ops_);
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
  const OpCount count(n_ops_);
  do_layer_norm(y, x, w, bias, eps);
}

void Backend::gelu(Tensor y, Tensor x, Gelu kind) {
  check_tensor("gelu", "y", y, DType::f32, y.shape);
  check_tensor("gelu", "x", x, DType::f32, y.shape);
  if (y.shape.n_values() == 0) return;
  check_same_or_apart("gelu", "x", y, x);
  require(Op::gelu, x.dtype, x.shape);
  const OpCount count(n_ops_);
  do_gelu(y, x, kind);
}

void Backend::route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) {
  check_rank("route_experts", "ids", ids, 2);
  check_tensor("route_experts", "ids", ids, DType::i32, ids.shape);
  check_tensor("route_experts", "weights", weights, DType::f32, ids.shape);
  check_routing("route_experts", logits, ids.shape[0], ids.shape[1], bias, params);
  if (ids.shape.n_values() == 0) return;
  require(Op::route_experts, logits.dtype, logits.shape);
  const OpCount count(n_ops_);
  do_route_experts(ids, weights, logits, bias, params);
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
  const OpCount count(n_ops_);
  do_gather_rows(y, x, rows);
}

void Backend::cast(Tensor y, Tensor x) {
  CHECK(y.shape == x.shape, "cast: the shape changes");
  check_rows("cast", "y", y);
  check_rows("cast", "x", x);
  check_place("cast", "y", y);
  check_place("cast", "x", x);
  CHECK(y.dtype == DType::f32 ||
            (x.dtype == DType::f32 && (y.dtype == DType::f16 || y.dtype == DType::bf16 || y.dtype == DType::q8_0 || y.dtype == DType::q4_0)),
        "cast: to f32, or from f32 to f16, bf16, q8_0 or q4_0");
  if (y.shape.n_values() == 0) return;
  check_apart("cast", "x", y, x);
  require(Op::cast, x.dtype == DType::f32 ? y.dtype : x.dtype, x.shape);
  const OpCount count(n_ops_);
  do_cast(y, x);
}

void Backend::decode_rows(Tensor y, Tensor w, std::int64_t first) {
  check_tensor("decode_rows", "y", y, DType::f32, y.shape);
  check_weights("decode_rows", "w", w);
  CHECK(y.shape.back() == w.shape.back() && first >= 0 && first + y.shape.n_rows() <= w.shape.n_rows(), "decode_rows: rows outside the weights");
  if (y.shape.n_values() == 0) return;
  check_apart("decode_rows", "w", y, w);
  const OpCount count(n_ops_);
  do_decode_rows(y, w, first);
}

void Backend::copy(Tensor y, Tensor x) {
  CHECK(y.dtype == x.dtype && y.shape.n_values() == x.shape.n_values(), "copy: the format or the number of values changes");
  check_place("copy", "y", y);
  check_place("copy", "x", x);
  if (y.shape.n_values() == 0 || same_place(y, x)) return;
  check_apart("copy", "x", y, x);
  require(Op::copy, x.dtype, x.shape);
  const OpCount count(n_ops_);
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
  const OpCount count(n_ops_);
  do_argmax(y, x);
}

}  // namespace pio
