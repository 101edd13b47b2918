#include "models/glm_4_7_flash/config.h"
#include "models/model.h"
#include "models/qwen3_4b_instruct_2507/config.h"
#include "models/qwen3_coder_30b/config.h"
#include "models/qwen3_vl_2b/config.h"
#include "models/qwen3_vl_2b/vision.h"
#include "models/small_dense/config.h"

namespace pio {
namespace {

struct Family {
  const char* architecture;
  Result<std::unique_ptr<Model>> (*create)(WeightSource& source, Backend& backend, const ModelPart& part);
};

template <Result<DenseConfig> (*read_config)(const WeightSource&)>
Result<std::unique_ptr<Model>> create_dense(WeightSource& source, Backend& backend, const ModelPart& part) {
  ASSIGN_OR_RETURN(const DenseConfig config, read_config(source));
  ASSIGN_OR_RETURN(std::unique_ptr<DenseDecoder> model, DenseDecoder::create(config, source, backend, part));
  return std::unique_ptr<Model>(std::move(model));
}

constexpr Family kFamilies[] = {
    {"llama", &create_dense<read_small_dense_config>},
    {"qwen2", &create_dense<read_small_dense_config>},
    {"qwen3", &create_dense<read_qwen3_config>},
    {"qwen3_moe", &create_dense<read_qwen3_moe_config>},
    {"qwen3moe", &create_dense<read_qwen3_moe_config>},
    {"glm4_moe_lite", &create_dense<read_glm4_moe_lite_config>},
    {"deepseek2", &create_dense<read_glm4_moe_lite_config>},
    {"glm4-moe-lite", &create_dense<read_glm4_moe_lite_config>},
    {"qwen3_vl", &create_dense<read_qwen3_vl_config>},
    {"qwen3vl", &create_dense<read_qwen3_vl_config>},
};

}  // namespace

const std::vector<std::string>& known_architectures() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Family& family : kFamilies) all.push_back(family.architecture);
    return all;
  }();
  return names;
}

Result<std::unique_ptr<Model>> create_model(WeightSource& source, Backend& backend, const ModelPart& part) {
  for (const Family& family : kFamilies) {
    if (source.architecture() == family.architecture) return family.create(source, backend, part);
  }
  std::string known;
  for (const std::string& name : known_architectures()) known += (known.empty() ? "" : ", ") + name;
  return make_error(ErrorCode::unsupported_model, source.label() + ": expected an architecture of " + known + ", found " + source.architecture());
}

Result<std::unique_ptr<Vision>> create_vision(WeightSource& source, Backend& backend, const ModelSpec& language_model) {
  // One vision encoder so far, and two ways to hold it.
  if (source.architecture() == "qwen3_vl" || source.architecture() == "clip") return create_qwen3_vl_vision(source, backend, language_model);
  return make_error(ErrorCode::unsupported_model, source.label() + ": expected a vision tower of architecture clip, found " + source.architecture());
}

}  // namespace pio
