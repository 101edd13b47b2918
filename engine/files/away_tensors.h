#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "engine/files/model_file.h"
#include "kernels/matrix_source.h"

namespace pio {

// Tensors that stay in their file. What stands for one can be cut into matrices like any other, and says by its place which rows it is;
// it has no bytes.
class AwayTensors {
 public:
  // `source` is read as the file's tensor `index`; the file must outlive this.
  Tensor add(const ModelFile& file, std::size_t index, MatrixSource source);

  // A matrix among them, as its file holds it.
  struct Matrix {
    MatrixSource source;                      // of this matrix alone
    std::optional<ModelFile::Place> in_file;  // nothing where it is made while it is read
  };
  // `matrix` is one of a tensor that was added.
  Matrix matrix_of(const Tensor& matrix) const;
  bool has(const Tensor& tensor) const { return all_.contains(tensor.buffer); }

 private:
  struct Away {
    const ModelFile* file = nullptr;
    std::size_t index = 0;
    MatrixSource source;
    std::unique_ptr<Buffer> place;
  };
  std::unordered_map<const Buffer*, Away> all_;  // by their places
};

}  // namespace pio
