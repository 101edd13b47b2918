#include <cstdlib>
#include <cstring>
#include <memory>

#include "engine/files/mapped_model.h"
#include "engine/files/model_file.h"

// One packed layer: its tensors, present or missing, of any format, shape and bytes, and what config.json says. One program a packing
// (PIO_PACKING). The input:
//   u8 settings, then for each tensor, until the input ends: u8 name, u8 format, u8 rank (0 to 4), u8 an extent, its bytes
// Bytes that the input no longer has are zeros.

namespace {

enum Packing { nf4, int8, gptq, awq };

void require(bool condition) {
  if (!condition) std::abort();
}

struct Reader {
  const std::uint8_t* data;
  std::size_t left;

  std::uint8_t byte() {
    if (left == 0) return 0;
    --left;
    return *data++;
  }
};

std::vector<const char*> names_of(Packing packing) {
  switch (packing) {
    case nf4:
      return {"a.weight",
              "a.weight.absmax",
              "a.weight.quant_map",
              "a.weight.nested_absmax",
              "a.weight.nested_quant_map",
              "a.weight.quant_state.bitsandbytes__nf4",
              "a.SCB"};
    case int8: return {"a.weight", "a.SCB", "a.weight_format"};
    case gptq: return {"a.qweight", "a.qzeros", "a.scales", "a.g_idx", "a.weight"};
    case awq: return {"a.qweight", "a.qzeros", "a.scales", "a.weight"};
  }
  return {};
}

void set_config(Packing packing, std::uint8_t settings, pio::MappedModel& model) {
  const auto set = [&](const char* key, pio::MetaValue value) {
    model.metadata.emplace(std::string("quantization_config.") + key, std::move(value));
  };
  set("quant_method", std::string(packing == gptq ? "gptq" : packing == awq ? "awq" : "bitsandbytes"));
  if (packing == gptq) set("checkpoint_format", std::string(settings & 1 ? "gptq_v2" : "gptq"));
  constexpr std::int64_t kSizes[] = {-1, 0, 1, 8, 32, 64, 128, INT64_MAX};
  if (settings & 2) set("group_size", kSizes[settings >> 5]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr pio::DType kFormats[] = {pio::DType::u8,  pio::DType::i8,   pio::DType::i32, pio::DType::f32,
                                     pio::DType::f16, pio::DType::bf16, pio::DType::i64};
  constexpr std::int64_t kMostBytes = 1 << 16;
  Reader in{data, size};
  const std::vector<const char*> names = names_of(PIO_PACKING);
  pio::MappedModel model;
  model.naming = pio::WeightSource::Naming::hugging_face;
  model.label = "fuzz";
  set_config(PIO_PACKING, in.byte(), model);
  std::vector<std::unique_ptr<std::byte[]>> owned;  // each of its exact size, so that a read beyond is seen
  while (in.left > 0 && model.tensors.size() < names.size()) {
    pio::TensorInfo info;
    info.name = names[in.byte() % names.size()];
    info.dtype = kFormats[in.byte() % std::size(kFormats)];
    std::int64_t n_bytes = static_cast<std::int64_t>(pio::bytes_of(info.dtype, 1));
    for (int rank = in.byte() % 5; rank > 0; --rank) {
      const std::int64_t extent = std::int64_t{in.byte()} + 1;
      if (n_bytes * extent > kMostBytes) return 0;
      n_bytes *= extent;
      info.shape.append(extent);
    }
    info.n_bytes = static_cast<std::uint64_t>(n_bytes);
    const std::size_t n = std::min<std::size_t>(in.left, info.n_bytes);
    owned.push_back(std::make_unique<std::byte[]>(info.n_bytes));
    if (n > 0) std::memcpy(owned.back().get(), in.data, n);
    in.data += n;
    in.left -= n;
    model.data.emplace_back(owned.back().get(), info.n_bytes);
    model.tensors.push_back(std::move(info));
  }
  if (!pio::check_names_differ(model.tensors, "fuzz")) return 0;  // as the readers do

  const auto unpacked = pio::unpack_checkpoint(std::make_unique<pio::MappedModelFile>(std::move(model)));
  if (!unpacked) {
    require(!unpacked.error().message.empty());
    return 0;
  }
  const pio::ModelFile& file = **unpacked;
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const pio::TensorInfo& info = file.tensors()[i];
    require(info.n_bytes == pio::bytes_of(info.dtype, info.shape.n_values()));
    if (!file.is_made(i)) continue;
    if (info.shape.n_values() > (1 << 20)) continue;  // a second is the limit
    const std::int64_t n_rows = info.shape.n_rows(), half = n_rows / 2;
    const std::size_t row_bytes = pio::bytes_of(info.dtype, info.shape.back());
    const auto made = std::make_unique<std::byte[]>(info.n_bytes);
    static_cast<void>(file.make_rows(i, 0, half, made.get()));
    static_cast<void>(file.make_rows(i, half, n_rows - half, made.get() + static_cast<std::size_t>(half) * row_bytes));
    std::vector<float> values(static_cast<std::size_t>(info.shape.n_values()));
    pio::info(info.dtype).decode(made.get(), values.data(), info.shape.n_values());
  }
  return 0;
}
