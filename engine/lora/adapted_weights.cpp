#include "engine/lora/adapted_weights.h"

#include <algorithm>
#include <cmath>

#include "engine/files/words.h"
#include "engine/lora/adapter_file.h"
#include "models/hf_names.h"
#include "models/hyper.h"

namespace pio {
namespace {

// One name for both spellings of an architecture: "qwen3_moe" and "qwen3moe", "glm4_moe_lite", "glm4-moe-lite" and "deepseek2".
std::string same_name(std::string_view architecture) {
  std::string name(architecture);
  std::erase_if(name, [](char c) { return c == '_' || c == '-'; });
  return name == "glm4moelite" ? "deepseek2" : name;
}

Result<std::vector<float>> decoded(const ModelFile& file, const TensorInfo& tensor, std::span<const std::byte> where) {
  std::vector<std::byte> bytes(where.size());
  RETURN_IF_ERROR(file.read(where, bytes.data()));
  std::vector<float> values(tensor.shape.n_values());
  info(tensor.dtype).decode(bytes.data(), values.data(), static_cast<std::int64_t>(values.size()));
  return values;
}

// llama.cpp's converter lays the rows of each head of llama's q and k in pairs (models.md 0.2, trap 4): row (side, pair) of two halves goes
// to (pair, side). `to_pairs` does that, its opposite undoes it.
void permute_rows(std::vector<float>& b, std::int64_t n_rows, std::int64_t n_heads, bool to_pairs) {
  const std::int64_t head = n_rows / n_heads, half = head / 2, rank = static_cast<std::int64_t>(b.size()) / n_rows;
  const std::vector<float> from = b;
  for (std::int64_t row = 0; row < n_rows; ++row) {
    const std::int64_t first = row / head * head, i = row % head;
    const std::int64_t paired = first + i % half * 2 + i / half;  // where row `row` of the halves stands among the pairs
    const std::int64_t source = to_pairs ? row : paired, destination = to_pairs ? paired : row;
    std::copy_n(from.begin() + source * rank, rank, b.begin() + destination * rank);
  }
}

const TensorInfo* find_base(const WeightSource& base, const std::string& target) {
  const bool is_gguf = base.naming() == WeightSource::Naming::gguf;
  const std::string name = is_gguf ? target : hugging_face_name(target).value_or(target);
  const auto it = std::ranges::find(base.tensors(), name, &TensorInfo::name);
  return it == base.tensors().end() ? nullptr : &*it;
}

// Heads whose rows stand in another order in the adapter than in the model; 0: the order is the same.
Result<std::int64_t> heads_to_permute(const WeightSource& base, const AdapterFile& adapter, const AdapterPair& pair) {
  if (base.architecture() != "llama" || base.naming() == adapter.naming) return 0;
  const bool is_q = pair.target.ends_with(".attn_q.weight"), is_k = pair.target.ends_with(".attn_k.weight");
  if (!is_q && !is_k) return 0;
  Hyper hyper(base);
  const HyperKey heads{"attention.head_count", "num_attention_heads"}, kv_heads{"attention.head_count_kv", "num_key_value_heads"};
  std::int64_t n_heads = hyper.integer(heads, kHeadRange);
  if (is_k) n_heads = hyper.integer_or(kv_heads, n_heads, kHeadRange);
  const std::int64_t n_rows = pair.b.shape[0];
  hyper.require(n_rows % (2 * n_heads) == 0, "adapter of " + shown(pair.shown) + ": expected " + std::to_string(n_heads) +
                                                 " heads of even size, found " + std::to_string(n_rows) + " rows");
  RETURN_IF_ERROR(hyper.status());
  return n_heads;
}

}  // namespace

Result<void> AdaptedWeights::add(const LoraRequest& request) {
  if (!std::isfinite(request.scale)) return make_error(ErrorCode::bad_argument, request.path + ": expected a finite scale, found another");
  ASSIGN_OR_RETURN(const AdapterFile adapter, open_adapter(request.path));
  if (!adapter.architecture.empty() && same_name(adapter.architecture) != same_name(base_.architecture()))
    return unsupported(adapter.label, "expected an adapter for " + base_.architecture() + ", found one for " + shown(adapter.architecture));

  for (const AdapterPair& pair : adapter.pairs) {
    const std::string where = "adapter of " + shown(pair.shown) + ": ";
    const TensorInfo* matrix = find_base(base_, pair.target);
    if (matrix == nullptr) return bad_file(adapter.label, where + "expected a matrix of " + base_.label() + ", found none of this name");
    const Shape product{pair.b.shape[0], pair.a.shape[1]};
    if (!(matrix->shape == product))
      return bad_file(adapter.label, where + "expected the shape " + matrix->shape.text() + " of " + base_.label() + ", found " + product.text());
    ASSIGN_OR_RETURN(const std::int64_t n_heads, heads_to_permute(base_, adapter, pair));
    ASSIGN_OR_RETURN(std::vector<float> a, decoded(*adapter.file, pair.a, pair.a_bytes));
    ASSIGN_OR_RETURN(std::vector<float> b, decoded(*adapter.file, pair.b, pair.b_bytes));
    if (n_heads > 0) permute_rows(b, pair.b.shape[0], n_heads, base_.naming() == Naming::gguf);

    Held& held = held_[pair.target];
    if (held.pairs.empty()) held.where = adapter.label + ": " + where;
    held.pairs.push_back({pair.a.shape, pair.b.shape, std::move(a), std::move(b), pair.scale * request.scale});
  }
  return {};
}

Result<std::vector<LowRank>> AdaptedWeights::adapters(std::string_view canonical_name) {
  const auto it = held_.find(std::string(canonical_name));
  if (it == held_.end()) return base_.adapters(canonical_name);
  Held& held = it->second;
  held.is_taken = true;
  for (std::size_t i = held.placed.size(); i < held.pairs.size(); ++i) {
    Pair& pair = held.pairs[i];
    LowRank low_rank;
    low_rank.scale = pair.scale;
    ASSIGN_OR_RETURN(low_rank.a, backend_.allocate_tensor(DType::f32, pair.a_shape, buffers_, pair.a.data()));
    ASSIGN_OR_RETURN(low_rank.b, backend_.allocate_tensor(DType::f32, pair.b_shape, buffers_, pair.b.data()));
    held.placed.push_back(low_rank);
    RETURN_IF_ERROR(backend_.sync());
    pair.a = {}, pair.b = {};
  }
  return held.placed;
}

void AdaptedWeights::leave_adapters(std::string_view canonical_name) {
  const auto it = held_.find(std::string(canonical_name));
  if (it == held_.end()) return base_.leave_adapters(canonical_name);
  it->second.is_taken = true;
}

Result<void> AdaptedWeights::check_all_taken() const {
  for (const auto& [name, held] : held_) {
    if (!held.is_taken)
      return make_error(ErrorCode::unsupported_model,
                        held.where + "expected a linear layer of attention or a feed-forward block, found a matrix that takes no adapter");
  }
  return {};
}

Result<AdaptedModel> create_adapted_model(WeightSource& base, Backend& backend, std::span<const LoraRequest> loras, const ModelPart& part) {
  AdaptedModel adapted;
  if (loras.empty()) {
    ASSIGN_OR_RETURN(adapted.model, create_model(base, backend, part));
    return adapted;
  }
  adapted.adapters = std::make_unique<AdaptedWeights>(base, backend);
  for (const LoraRequest& lora : loras) RETURN_IF_ERROR(adapted.adapters->add(lora));
  ASSIGN_OR_RETURN(adapted.model, create_model(*adapted.adapters, backend, part));
  RETURN_IF_ERROR(adapted.adapters->check_all_taken());
  return adapted;
}

std::uint64_t AdaptedWeights::n_bytes() const {
  std::uint64_t n = 0;
  for (const std::unique_ptr<Buffer>& buffer : buffers_) n += buffer->n_bytes();
  return n;
}

}  // namespace pio
