#include "app/library/catalogue.h"

#include <QFileInfo>
#include <algorithm>

#include "engine/catalogue/catalogue.h"

namespace pio {
namespace {

QString lettersAndDigits(const QString& text) {
  QString plain;
  for (const QChar c : text) {
    if (c.isLetterOrNumber()) plain.append(c.toLower());
  }
  return plain;
}

// How a file of one of the four is recognised. What is published of it stands in resources/catalogue.json.
struct Recognition {
  const char* family;
  const char* id;
  const char* name;
  CatalogueModel::Task task;
  QStringList architectures;
  const char* key;
};

CatalogueModel withPublished(const Recognition& known) {
  CatalogueModel model{known.id, known.name, known.task, known.architectures, known.key, {}, {}, 0};
  const std::vector<PublishedModel>& published = built_in_catalogue();
  const auto found = std::find_if(published.begin(), published.end(), [&](const PublishedModel& m) { return m.family == known.family; });
  if (found == published.end() || found->files.empty()) return model;
  const PublishedFile& usual = found->files.front();
  const auto qt = [](const std::string& text) { return QString::fromStdString(text); };
  model.repository = qt(usual.repository);
  model.files = {qt(usual.path)};
  model.bytes = static_cast<qint64>(usual.bytes.value_or(0));
  if (usual.mmproj) {
    const bool isThere = usual.mmproj->repository == usual.repository;
    model.files.append(isThere ? qt(usual.mmproj->path) : qt(usual.mmproj->repository + "/" + usual.mmproj->path));
    model.bytes += static_cast<qint64>(usual.mmproj->bytes.value_or(0));
  }
  return model;
}

}  // namespace

const QList<CatalogueModel>& catalogue() {
  static const QList<CatalogueModel> models = [] {
    const Recognition four[] = {
        {"glm_4_7_flash", "glm-4.7-flash", "GLM-4.7-Flash", CatalogueModel::Reasoning, {"deepseek2", "glm4_moe_lite"}, "glm47flash"},
        {"qwen3_coder_30b", "qwen3-coder-30b", "Qwen3-Coder-30B-A3B", CatalogueModel::Code, {"qwen3moe", "qwen3_moe"}, "qwen3coder30b"},
        {"qwen3_vl_2b", "qwen3-vl-2b", "Qwen3-VL-2B", CatalogueModel::Images, {"qwen3vl", "qwen3_vl"}, "qwen3vl2b"},
        {"qwen3_4b_instruct_2507", "qwen3-4b-instruct-2507", "Qwen3-4B-Instruct-2507", CatalogueModel::Chat, {"qwen3"}, "qwen34binstruct2507"},
    };
    QList<CatalogueModel> all;
    for (const Recognition& known : four) all.append(withPublished(known));
    return all;
  }();
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
