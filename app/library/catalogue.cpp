#include "app/library/catalogue.h"

#include <QFileInfo>

namespace pio {
namespace {

QString lettersAndDigits(const QString& text) {
  QString plain;
  for (const QChar c : text) {
    if (c.isLetterOrNumber()) plain.append(c.toLower());
  }
  return plain;
}

}  // namespace

const QList<CatalogueModel>& catalogue() {
  // Names and sizes: models.md 8.5.
  static const QList<CatalogueModel> models{
      {"glm-4.7-flash", "GLM-4.7-Flash", CatalogueModel::Reasoning, {"deepseek2", "glm4_moe_lite"}, "glm47flash",
       "unsloth/GLM-4.7-Flash-GGUF", {"GLM-4.7-Flash-Q4_K_M.gguf"}, 18'312'339'776},
      {"qwen3-coder-30b", "Qwen3-Coder-30B-A3B", CatalogueModel::Code, {"qwen3moe", "qwen3_moe"}, "qwen3coder30b",
       "unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF", {"Qwen3-Coder-30B-A3B-Instruct-Q4_K_M.gguf"}, 18'556'689'568},
      {"qwen3-vl-2b", "Qwen3-VL-2B", CatalogueModel::Images, {"qwen3vl", "qwen3_vl"}, "qwen3vl2b", "Qwen/Qwen3-VL-2B-Instruct-GGUF",
       {"Qwen3VL-2B-Instruct-Q4_K_M.gguf", "mmproj-Qwen3VL-2B-Instruct-Q8_0.gguf"}, 1'552'463'008},
      {"qwen3-4b-instruct-2507", "Qwen3-4B-Instruct-2507", CatalogueModel::Chat, {"qwen3"}, "qwen34binstruct2507",
       "bartowski/Qwen_Qwen3-4B-Instruct-2507-GGUF", {"Qwen_Qwen3-4B-Instruct-2507-Q4_K_M.gguf"}, 2'497'280'736},
  };
  return models;
}

int catalogueIndexOf(const ModelHeader& header) {
  const QString file = lettersAndDigits(QFileInfo(header.path).fileName());
  if (file.startsWith(QLatin1String("mmproj"))) return -1;
  const QString name = lettersAndDigits(header.name);
  for (qsizetype i = 0; i < catalogue().size(); ++i) {
    const CatalogueModel& model = catalogue()[i];
    if (!file.contains(model.key) && !name.contains(model.key)) continue;
    if (header.architecture.isEmpty() || model.architectures.contains(header.architecture)) return static_cast<int>(i);
  }
  return -1;
}

bool fitsCatalogue(int index, const ModelHeader& header) {
  return index >= 0 && index < catalogue().size() && catalogue()[index].architectures.contains(header.architecture);
}

}  // namespace pio
