#include "app/settings/model_places.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace pio {

namespace fs = std::filesystem;

std::vector<fs::path> ChosenModelFolders::all() const {
  std::vector<fs::path> folders = others;
  if (!fetched.empty()) folders.insert(folders.begin(), fetched);
  return folders;
}

ChosenModelFolders chosen_model_folders(const fs::path& data_folder) {
  ChosenModelFolders chosen;
  std::ifstream file(data_folder / "settings.json");
  if (!file) return chosen;
  const nlohmann::json settings = nlohmann::json::parse(file, nullptr, false);
  if (!settings.is_object()) return chosen;
  const auto folder = [](const nlohmann::json& value) -> fs::path {
    const fs::path path = value.is_string() ? value.get<std::string>() : "";
    return path.is_absolute() ? path : "";
  };
  if (const auto own = settings.find("models_folder"); own != settings.end()) chosen.fetched = folder(*own);
  if (const auto others = settings.find("model_folders"); others != settings.end() && others->is_array()) {
    for (const nlohmann::json& other : *others) {
      if (fs::path path = folder(other); !path.empty()) chosen.others.push_back(std::move(path));
    }
  }
  return chosen;
}

}  // namespace pio
