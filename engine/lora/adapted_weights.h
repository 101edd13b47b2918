#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/backend.h"
#include "models/model.h"
#include "models/weight_source.h"

namespace pio {

struct LoraRequest {
  std::string path;  // a GGUF adapter or a PEFT folder
  float scale = 1;
  bool operator==(const LoraRequest&) const = default;
};

// A model's weights with low-rank adapters beside them, whatever format and naming either has. Nothing is merged: a quantized matrix stays
// as it is, and its products get the adapters' added (models.md 9.4). `base` and `backend` must outlive it. One thread.
class AdaptedWeights final : public WeightSource {
 public:
  AdaptedWeights(WeightSource& base, Backend& backend) : base_(base), backend_(backend) {}

  // Reads one more adapter; what a model takes of it goes to the device. Fails with the file's error; with bad_file where a matrix has no counterpart in the
  // model or another shape; with unsupported_model where it was made for another architecture.
  Result<void> add(const LoraRequest& request);
  // Once the model is built: fails with unsupported_model when a matrix takes no adapters (experts, kv_b, embeddings).
  Result<void> check_all_taken() const;
  std::uint64_t n_bytes() const;  // of all adapters, on the device

  Naming naming() const override { return base_.naming(); }
  const std::string& label() const override { return base_.label(); }
  const std::string& architecture() const override { return base_.architecture(); }
  const MetaValue* metadata(std::string_view key) const override { return base_.metadata(key); }
  const std::vector<TensorInfo>& tensors() const override { return base_.tensors(); }
  Result<std::vector<Tensor>> load(std::span<const WeightGroup> groups) override { return base_.load(groups); }
  Result<std::vector<LowRank>> adapters(std::string_view canonical_name) override;
  void leave_adapters(std::string_view canonical_name) override;

 private:
  struct Pair {
    Shape a_shape, b_shape;
    std::vector<float> a, b;  // empty once they are on the device
    float scale = 1;
  };
  struct Held {
    std::vector<Pair> pairs;
    std::vector<LowRank> placed;
    std::string where;  // the first adapter's name for it, for messages
    bool is_taken = false;
  };

  WeightSource& base_;
  Backend& backend_;
  std::unordered_map<std::string, Held> held_;  // by canonical name
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

struct AdaptedModel {
  std::unique_ptr<AdaptedWeights> adapters;  // null without any
  std::unique_ptr<Model> model;              // refers to them
};
// The model of these weights, or a part of it, with all adapters beside them. `base` and `backend` must outlive it.
Result<AdaptedModel> create_adapted_model(WeightSource& base, Backend& backend, std::span<const LoraRequest> loras, const ModelPart& part = {});

}  // namespace pio
