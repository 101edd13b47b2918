#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernels/expert_set.h"
#include "kernels/reference/reference_backend.h"
#include "tests/support/forwarding_backend.h"

namespace pio {

// The reference, whose answers to the ops that take it longest are made once a run: the same op on the same bytes, which each backend's case asks for,
// is answered with what came out before.
class KeptReference final : public ForwardingBackend {
 public:
  KeptReference() : ForwardingBackend(create_reference_backend(), "reference") {}

 private:
  // Of everything that an answer depends on: names and numbers of the op, and tensors with their bytes.
  class Question {
   public:
    explicit Question(std::string_view op) { add_bytes(op); }
    template <class Number>
    Question& number(Number value) {
      add_bytes({reinterpret_cast<const char*>(&value), sizeof value});
      return *this;
    }
    Question& tensor(const Tensor& t) {
      number(static_cast<int>(t.dtype)).number(static_cast<int>(t.layout)).number(t.is_coarse).number(t.empty()).number(t.shape.rank());
      for (int i = 0; i < t.shape.rank(); ++i) number(t.shape[i]);
      if (!t.empty()) add_bytes({host_pointer<char>(t), t.n_bytes()});
      return *this;
    }
    Question& expert(const ExpertMlp& e) { return tensor(e.gate).tensor(e.up).tensor(e.down); }
    Question& experts(const ExpertSet& set) {
      number(set.n_experts());
      for (std::int64_t id = 0; id < set.n_experts(); ++id) {
        number(set.has(id));
        if (set.has(id)) expert(set[id]);
      }
      return *this;
    }
    std::uint64_t hash() const { return hash_; }

   private:
    void add_bytes(std::string_view bytes) {
      hash_ = (hash_ ^ std::hash<std::string_view>()(bytes)) * 0x9E3779B97F4A7C15;
      hash_ ^= hash_ >> 32;
    }
    std::uint64_t hash_ = 0;
  };

  // y: what is written, and may be read before.
  void answer(Question question, const Tensor& y, const std::function<void(Backend&)>& op) {
    constexpr std::size_t kMostBytes = std::size_t{256} << 20;
    static auto& answers = *new std::unordered_map<std::uint64_t, std::vector<std::byte>>;
    static std::size_t n_bytes = 0;
    const std::uint64_t key = question.tensor(y).hash();
    if (const auto found = answers.find(key); found != answers.end()) return upload(y, found->second.data());
    run(op);
    if (!sync() || stop_requested()) return;
    n_bytes += y.n_bytes();
    if (n_bytes > kMostBytes) {
      answers.clear();
      n_bytes = y.n_bytes();
    }
    std::vector<std::byte>& kept = answers[key];
    kept.resize(y.n_bytes());
    download(kept.data(), y);
  }

  void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) override {
    answer(Question("matmul").tensor(x).tensor(w).tensor(bias), y, [=](Backend& b) { b.matmul(y, x, w, bias); });
  }
  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override { matmul_heads_once(y, x, w, params); }
  void do_matmul_heads_and_copy(Tensor y, Tensor x, Tensor w, HeadsParams params) override { matmul_heads_once(y, x, w, params); }
  void matmul_heads_once(Tensor y, Tensor x, Tensor w, const HeadsParams& p) {
    Question question("matmul_heads");
    question.number(p.x_first).number(p.y_first).number(p.w_first).number(p.w_rows).number(p.transposed).number(p.n_following);
    answer(question.tensor(x).tensor(w), y, [=](Backend& b) { b.matmul_heads(y, x, w, p); });
  }
  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) override {
    answer(Question("moe_experts").tensor(x).tensor(ids).tensor(weights).experts(experts), y,
           [=, &experts](Backend& b) { b.moe_experts(y, x, ids, weights, experts); });
  }
  void do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) override {
    const RoutingParams& r = mixture.routing;
    Question question("experts");
    question.number(static_cast<int>(r.scoring)).number(r.normalize).number(r.sum_epsilon).number(r.scale).number(r.n_groups).number(r.n_groups_used);
    question.number(mixture.n_used).tensor(mixture.bias).expert(mixture.shared).experts(mixture.experts);
    answer(question.tensor(x).tensor(logits), residual, [=, &mixture](Backend& b) { b.experts(residual, x, logits, mixture); });
  }
  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    Question question("attention");
    question.number(params.scale).tensor(params.page_bounds).tensor(q).tensor(k_cache).tensor(v_cache);
    for (const Tensor& t : {step.ids, step.positions, step.cells, step.kv_lengths, step.sequences, step.block_table, step.outputs,
                            step.output_lengths, step.output_sequences, step.kv_cells, step.n_kv_cells, step.ordered_blocks, step.protected_blocks}) {
      question.tensor(t);
    }
    const KvSelection& s = step.selection;
    question.number(static_cast<int>(s.kind)).number(s.n_sinks).number(s.window).number(s.n_pages);
    answer(question, y, [=](Backend& b) { b.attention(y, q, k_cache, v_cache, step, params); });
  }
};

}  // namespace pio
