#include "kernels/expert_set.h"

#include <string>

namespace pio {
namespace {

void check_matrix(const char* name, const Tensor& w, const Shape& shape) {
  const bool is_right = w.shape == shape && info(w.dtype).decode && shape.back() % info(w.dtype).block_length == 0 && w.buffer &&
                        (w.layout != TensorLayout::rows || (w.offset <= w.buffer->n_bytes() && w.n_bytes() <= w.buffer->n_bytes() - w.offset));
  if (is_right) return;
  const std::string text =
      std::string("moe_experts: ") + name + ": expected " + shape.text() + " inside a buffer, found " + w.shape.text() + " " + info(w.dtype).name;
  check_failed("tensor", text.c_str(), __FILE__, __LINE__);
}

}  // namespace

void ExpertSet::put(std::int64_t id, const ExpertMlp& expert) {
  CHECK(id >= 0 && id < n_experts(), "put: no such expert");
  if (!pattern_.gate) {
    CHECK(expert.gate.shape.rank() == 2, "put: a gate is a matrix");
    pattern_ = expert;
  }
  const std::int64_t hidden_dim = pattern_.gate.shape[0], dim = pattern_.gate.shape[1];
  check_matrix("gate", expert.gate, {hidden_dim, dim});
  check_matrix("up", expert.up, {hidden_dim, dim});
  check_matrix("down", expert.down, {dim, hidden_dim});
  experts_[id] = expert;
}

void ExpertSet::remove(std::int64_t id) {
  CHECK(has(id), "remove: an expert that is not there");
  experts_[id] = {};
}

}  // namespace pio
