#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string_view>
#include <vector>

#include "engine/files/model_file.h"
#include "kernels/backend.h"

namespace pio {

// The weights of a model file on one device: in place where the device reads host memory, copied otherwise. Owns the file and the
// buffers; the backend must outlive it. One thread at a time, as the backend.
class LoadedWeights final : public WeightSource {
 public:
  // Bytes made ready so far, of all tensors.
  using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

  // `progress` and `stop` are for weights that are made while they are loaded; load() then fails with cancelled.
  LoadedWeights(std::unique_ptr<ModelFile> file, Backend& backend, const Progress& progress = {}, std::stop_token stop = {});

  Naming naming() const override { return file_->naming(); }
  const std::string& label() const override { return file_->label(); }
  const std::string& architecture() const override { return file_->architecture(); }
  const MetaValue* metadata(std::string_view key) const override;
  const std::vector<TensorInfo>& tensors() const override { return file_->tensors(); }
  // A second load of the same tensor gives the first one's memory.
  Result<Tensor> load(std::size_t index) override;

  // Reads all pages of the loaded tensors that are read in place into memory, in the order of the files, so that the first token does not
  // wait for the disk; what was not loaded (a layer for multi-token prediction) stays there.
  // Calls progress(bytes done, bytes of all loaded tensors) at the start, every few megabytes and at the end. Asks `stop` every 256 KiB (a disk
  // of 2 MB/s still answers within 200 ms) and then returns Error{cancelled}.
  Result<void> prefault(const Progress& progress, std::stop_token stop) const;

  const ModelFile& file() const { return *file_; }
  // Bytes of all tensors.
  std::uint64_t n_bytes() const;

 private:
  Result<void> make(std::size_t index, Tensor tensor);

  std::unique_ptr<ModelFile> file_;
  Backend& backend_;
  std::vector<std::unique_ptr<Buffer>> buffers_;  // one a tensor, null until it is loaded
  Progress progress_;
  std::stop_token stop_;
  std::uint64_t n_bytes_made_ = 0;
};

}  // namespace pio
