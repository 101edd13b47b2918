#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"

// Small checkpoints with known results, for tests that run a model without the engine. Whatever is wrong with the data itself throws.

namespace pio::test {

// tests/data/models/NAME, committed; and NAME in the folder of all fixtures ($PIO_SHARED/fixtures, by default ../shared/fixtures beside
// the source), empty where that is missing.
std::filesystem::path model_data(const std::string& name);
std::filesystem::path shared_fixture(const std::string& name);

// A float32 array of numpy.
struct Npy {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};
Npy read_npy(const std::filesystem::path& path);
// The values of an int32 array.
std::vector<std::int32_t> read_npy_ints(const std::filesystem::path& path);
// The values of an int64 array.
std::vector<std::int64_t> read_npy_longs(const std::filesystem::path& path);
// A uint8 array.
struct NpyBytes {
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> values;
};
NpyBytes read_npy_bytes(const std::filesystem::path& path);

// "ids" of cases/NAME.json.
std::vector<int> read_ids(const std::filesystem::path& path);

// A checkpoint (config.json, model.safetensors) in memory, that a test may bend before a model is made of it.
class TestCheckpoint final : public WeightSource {
 public:
  TestCheckpoint(const std::filesystem::path& folder, Backend& backend);

  Naming naming() const override { return naming_; }
  const std::string& label() const override { return label_; }
  const std::string& architecture() const override { return architecture_; }
  const MetaValue* metadata(std::string_view key) const override;
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  Result<std::vector<Tensor>> load(std::span<const WeightGroup> groups) override;

  void set(const std::string& key, MetaValue value) { metadata_[key] = std::move(value); }
  // Every key that begins with `from` also under `to`.
  void copy_metadata(const std::string& from, const std::string& to);
  void erase(const std::string& key) { metadata_.erase(key); }
  void set_architecture(const std::string& name) { architecture_ = name; }
  void drop(const std::string& name);
  void rename(const std::string& from, const std::string& to);
  void reshape(const std::string& name, Shape shape);
  void add(const std::string& name, Shape shape, const std::vector<float>& values);
  std::vector<float> values(const std::string& name) const;
  // The same model as llama.cpp's converter writes it: its keys and names, q and k of llama permuted, experts stacked, vectors in f32. Of
  // latent attention as it wrote it until April 2025: kv_b whole, no keys for its parts.
  void become_gguf();
  // In place of `names`, all of one shape, one tensor [names, …] f32.
  void stack(const std::vector<std::string>& names, const std::string& as);
  // Every matrix whose rows are whole blocks in this format.
  void store_as(DType dtype);
  // Tensors loaded so far.
  int n_loads() const { return n_loads_; }

 private:
  std::size_t index_of(const std::string& name) const;

  Backend& backend_;
  Naming naming_ = Naming::hugging_face;
  std::string label_;
  std::string architecture_;
  std::map<std::string, MetaValue, std::less<>> metadata_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::vector<std::byte>> bytes_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  int n_loads_ = 0;
};

// Runs a model over some sequences with a cache of its own. The blocks of a sequence lie backwards and alternate with those of the
// others, so that only who follows the block table gets right numbers.
class ModelRunner {
 public:
  ModelRunner(const Model& model, Backend& backend, int n_sequences, std::int64_t max_tokens, DType kv = DType::f32);

  struct Piece {
    int sequence = 0;
    std::vector<int> ids;
  };
  // Appends the pieces in one step. Returns the logits of the wanted rows of the step, all of them by default.
  std::vector<float> run(const std::vector<Piece>& pieces, std::optional<std::vector<int>> outputs = std::nullopt);
  std::vector<float> run(std::span<const int> ids) { return run({{0, {ids.begin(), ids.end()}}}); }
  // The step of these pieces, for a test that calls the model itself; valid until the next one.
  const Step& make_step(const std::vector<Piece>& pieces, std::optional<std::vector<int>> outputs = std::nullopt);
  std::vector<float> download(Tensor t);

  ForwardContext& context() { return context_; }
  KvState& state() { return state_; }

 private:
  Tensor ints(const std::vector<std::int32_t>& values, Shape shape);

  const Model& model_;
  Backend& backend_;
  ForwardContext context_;
  KvState state_;
  Step step_;
  int n_sequences_;
  std::int64_t max_blocks_;
  std::vector<std::int64_t> n_cached_;  // tokens of each sequence
  std::vector<std::unique_ptr<Buffer>> kv_buffers_;
  std::vector<std::unique_ptr<Buffer>> step_buffers_;
};

}  // namespace pio::test
