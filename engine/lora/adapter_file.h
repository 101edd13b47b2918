#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/files/model_file.h"

// What an adapter's file or folder holds (models.md 9.4): pairs of low-rank matrices, each for one matrix of a model.

namespace pio {

// y += scale * b · (a · x) for the matrix `target`.
struct AdapterPair {
  std::string target;                           // canonical name of the model's matrix: "blk.3.attn_q.weight"
  std::string shown;                            // as the file spells it, for messages
  TensorInfo a;                                 // [rank, n_in]
  TensorInfo b;                                 // [n_out, rank]
  std::span<const std::byte> a_bytes, b_bytes;  // where they stand in the file (ModelFile::data)
  float scale = 1;                              // alpha / rank, or alpha / sqrt(rank) with use_rslora
};

// Move-only, as the file.
struct AdapterFile {
  std::string label;
  WeightSource::Naming naming = WeightSource::Naming::gguf;  // and with it the order of the rows of b (llama's q and k)
  std::string architecture;                                  // of the model it was made for; "" where it doesn't say (PEFT)
  std::vector<AdapterPair> pairs;

  std::unique_ptr<ModelFile> file;  // a PEFT folder's tensors too
};

// A PEFT folder (adapter_config.json, adapter_model.safetensors), or a GGUF adapter; every name, shape and format checked. Fails with
// not_found, with bad_file, or with unsupported_model for what is no plain LoRA, by the name of the key: DoRA, trained biases, whole modules
// saved beside, bases that training changed, adapters that tokens activate, keys that are not known here and not off; and for any tensor that
// is not one of a pair.
Result<AdapterFile> open_adapter(const std::filesystem::path& path);

}  // namespace pio
