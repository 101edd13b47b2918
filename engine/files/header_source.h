#pragma once

#include "engine/files/model_file.h"

namespace pio {

// What a file's header says, as readers of hyper-parameters ask for it; no weights come from it. The file must outlive it.
class HeaderSource : public WeightSource {
 public:
  explicit HeaderSource(const ModelFile& file) : file_(file) {}

  Naming naming() const override { return file_.naming(); }
  const std::string& label() const override { return file_.label(); }
  const std::string& architecture() const override { return file_.architecture(); }
  const MetaValue* metadata(std::string_view key) const override {
    const auto found = file_.metadata().find(key);
    return found == file_.metadata().end() ? nullptr : &found->second;
  }
  const std::vector<TensorInfo>& tensors() const override { return file_.tensors(); }
  Result<std::vector<Tensor>> load(std::span<const WeightGroup>) override {
    return make_error(ErrorCode::not_available, label() + ": only its header is read");
  }

 private:
  const ModelFile& file_;
};

}  // namespace pio
