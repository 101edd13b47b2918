#pragma once

#include <algorithm>
#include <string>

#include "kernels/backend.h"

// What the public ops check before a backend computes (backend.cpp, compositions.cpp).

namespace pio {

// A shape that is wrong is our bug, and is reported with both shapes.
[[noreturn]] inline void wrong_tensor(const char* op, const char* name, const Tensor& tensor, const std::string& expected) {
  const std::string text = std::string(op) + ": " + name + ": expected " + expected + ", found " + tensor.shape.text() + " " +
                           info(tensor.dtype).name + (tensor.empty() ? " without a buffer" : "");
  check_failed("tensor", text.c_str(), __FILE__, __LINE__);
}

// In range of its buffer. A tensor without values needs no buffer.
inline void check_range(const char* op, const char* name, const Tensor& t) {
  if (t.shape.n_values() == 0) return;
  if (t.empty() || t.offset > t.buffer->n_bytes() || t.n_bytes() > t.buffer->n_bytes() - t.offset) {
    wrong_tensor(op, name, t, "values inside a buffer");
  }
}

// The same, row after row.
inline void check_place(const char* op, const char* name, const Tensor& t) {
  if (t.shape.n_values() == 0) return;
  if (t.layout != TensorLayout::rows) wrong_tensor(op, name, t, "values row after row");
  check_range(op, name, t);
}

inline void check_tensor(const char* op, const char* name, const Tensor& t, DType dtype, const Shape& shape) {
  if (t.dtype != dtype || t.shape != shape) wrong_tensor(op, name, t, shape.text() + " " + info(dtype).name);
  check_place(op, name, t);
}

inline void check_rank(const char* op, const char* name, const Tensor& t, int rank) {
  if (t.shape.rank() != rank) wrong_tensor(op, name, t, std::to_string(rank) + " extents");
}

// Rows of whole blocks, of a format that has values.
inline void check_rows(const char* op, const char* name, const Tensor& t) {
  if (!info(t.dtype).decode) wrong_tensor(op, name, t, "a format of real numbers");
  const int block_length = info(t.dtype).block_length;
  if (t.shape.back() % block_length != 0) wrong_tensor(op, name, t, "rows of whole blocks of " + std::to_string(block_length));
}

// Weights of an op that reads the backend's own layout.
inline void check_weights(const char* op, const char* name, const Tensor& w) {
  check_rows(op, name, w);
  if (w.layout == TensorLayout::rows) check_place(op, name, w);
}

// A cache of keys or values.
inline void check_cache(const char* op, const char* name, const Tensor& t) {
  check_rows(op, name, t);
  if (t.layout == TensorLayout::own) wrong_tensor(op, name, t, "cells of keys or values");
  if (t.layout != TensorLayout::rows && t.shape[0] % kKvBlockLength != 0) wrong_tensor(op, name, t, "whole blocks of cells");
  check_range(op, name, t);
}

// One that attention reads, in tiles or in rows.
inline void check_attended(const char* op, const char* name, const Tensor& t, TensorLayout tiles) {
  check_cache(op, name, t);
  if (t.layout != tiles && (t.layout != TensorLayout::rows || t.dtype != DType::f32)) {
    wrong_tensor(op, name, t, std::string("the layout of ") + (tiles == TensorLayout::keys ? "keys" : "values") + ", or rows of F32");
  }
}

inline bool same_place(const Tensor& a, const Tensor& b) { return a.buffer == b.buffer && a.offset == b.offset; }

inline bool overlap(const Tensor& a, const Tensor& b) {
  return a.buffer == b.buffer && a.offset < b.offset + b.n_bytes() && b.offset < a.offset + a.n_bytes();
}

inline void check_apart(const char* op, const char* name, const Tensor& y, const Tensor& x) {
  if (overlap(y, x)) wrong_tensor(op, name, x, "a place of its own, apart from the output");
}

inline void check_same_or_apart(const char* op, const char* name, const Tensor& y, const Tensor& x) {
  if (!same_place(y, x)) check_apart(op, name, y, x);
}

inline void check_elementwise(const char* op, const Tensor& y, const Tensor& a, const char* a_name, const Tensor& b, const char* b_name) {
  check_tensor(op, "y", y, DType::f32, y.shape);
  check_tensor(op, a_name, a, DType::f32, y.shape);
  check_tensor(op, b_name, b, DType::f32, y.shape);
  check_same_or_apart(op, a_name, y, a);
  check_same_or_apart(op, b_name, y, b);
}

// n_used experts a token out of logits [n_tokens, n_experts].
inline void check_routing(const char* op, const Tensor& logits, std::int64_t n_tokens, std::int64_t n_used, const Tensor& bias,
                          const RoutingParams& params) {
  check_rank(op, "logits", logits, 2);
  const std::int64_t n_experts = logits.shape[1], group = n_experts / std::max<std::int64_t>(1, params.n_groups);
  check_tensor(op, "logits", logits, DType::f32, {n_tokens, n_experts});
  if (bias) check_tensor(op, "bias", bias, DType::f32, {n_experts});
  CHECK(params.n_groups >= 1 && group * params.n_groups == n_experts && params.n_groups_used >= 1 && params.n_groups_used <= params.n_groups,
        "route_experts: the experts do not form equal groups");
  CHECK(n_used <= params.n_groups_used * group, "route_experts: more experts wanted than may be chosen");
}

inline void check_page_bounds(const char* op, const Tensor& bounds, const Tensor& k_cache) {
  check_tensor(op, "page_bounds", bounds, DType::f32, {k_cache.shape[0] / kKvBlockLength, k_cache.shape[1], 2, k_cache.shape[2]});
}

}  // namespace pio
