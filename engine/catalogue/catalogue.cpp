#include "engine/catalogue/catalogue.h"

#include <algorithm>
#include <cstdlib>

#include "engine/catalogue/built_in.h"
#include "engine/files/json_members.h"
#include "engine/files/mapped_file.h"
#include "engine/files/words.h"
#include "kernels/base/check.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCatalogueBytes = std::size_t{16} << 20;

bool is_sha256(std::string_view text) { return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

void read_part(JsonMembers& members, PublishedPart& part) {
  part.revision = members.optional_text("revision", part.revision);
  part.path = members.text("path");
  if (part.path.empty()) members.fail("path", "a text that is not empty");
  part.bytes = members.optional_count("bytes");
  part.sha256 = members.optional_text("sha256");
  if (!part.sha256.empty() && !is_sha256(part.sha256)) members.fail("sha256", "64 lower-case hexadecimal digits");
}

Result<PublishedFile> read_file(const JsonValue& value, const std::string& place, const std::string& label) {
  JsonMembers members(value, label, place);
  PublishedFile file;
  file.quantization = members.text("quantization");
  file.repository = members.text("repository");
  read_part(members, file);
  RETURN_IF_ERROR(members.status());
  if (const JsonValue* mmproj = members.find("mmproj")) {
    JsonMembers part(*mmproj, label, place + ".mmproj");
    file.mmproj.emplace();
    file.mmproj->repository = part.optional_text("repository", file.repository);
    file.mmproj->revision = file.mmproj->repository == file.repository ? file.revision : "main";
    read_part(part, *file.mmproj);
    RETURN_IF_ERROR(part.status());
  }
  return file;
}

Result<PublishedModel> read_model(const JsonValue& value, const std::string& place, const std::string& label) {
  JsonMembers members(value, label, place);
  PublishedModel model;
  model.name = members.text("name");
  if (model.name.empty()) members.fail("name", "a text that is not empty");
  model.family = members.optional_text("family");
  model.role = members.optional_text("role");
  if (const JsonValue* licence = members.find("licence")) {
    JsonMembers parts(*licence, label, place + ".licence");
    model.licence_name = parts.optional_text("name");
    model.licence_url = parts.optional_text("url");
    RETURN_IF_ERROR(parts.status());
  }
  const JsonValue* files = members.find("files");
  if (!files || !files->is_array()) members.fail("files", "a list");
  RETURN_IF_ERROR(members.status());
  for (std::size_t i = 0; i < files->items().size(); ++i) {
    ASSIGN_OR_RETURN(PublishedFile file, read_file(files->items()[i], place + ".files[" + std::to_string(i) + "]", label));
    model.files.push_back(std::move(file));
  }
  return model;
}

std::string letters_and_digits(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') plain += static_cast<char>(c - 'A' + 'a');
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) plain += c;
  }
  return plain;
}

fs::path variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// "x-00002-of-00003.gguf" and on: opened through the first.
bool is_later_part(const std::string& stem) {
  const std::size_t of = stem.rfind("-of-");
  return of != std::string::npos && of >= 5 && stem.find_first_not_of("0123456789", of + 4) == std::string::npos &&
         stem.compare(of - 5, 5, "00001") != 0;
}

}  // namespace

Result<std::vector<PublishedModel>> parse_catalogue(std::string_view json, const std::string& label) {
  ASSIGN_OR_RETURN(const JsonValue root, parse_json_file(json, label));
  JsonMembers members(root, label, "catalogue");
  if (members.optional_count("version") != 1) members.fail("version", "1");
  const JsonValue* models = members.find("models");
  if (!models || !models->is_array()) members.fail("models", "a list");
  RETURN_IF_ERROR(members.status());
  std::vector<PublishedModel> catalogue;
  for (std::size_t i = 0; i < models->items().size(); ++i) {
    ASSIGN_OR_RETURN(PublishedModel model, read_model(models->items()[i], "models[" + std::to_string(i) + "]", label));
    catalogue.push_back(std::move(model));
  }
  return catalogue;
}

Result<std::vector<PublishedModel>> read_catalogue(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string text, read_text_file(path, kCatalogueBytes));
  return parse_catalogue(text, path.string());
}

const std::vector<PublishedModel>& built_in_catalogue() {
  static const std::vector<PublishedModel> catalogue = [] {
    Result<std::vector<PublishedModel>> parsed = parse_catalogue(kBuiltInCatalogue, "resources/catalogue.json");
    CHECK(parsed, "the catalogue of the program can be read");
    return std::move(*parsed);
  }();
  return catalogue;
}

fs::path default_data_folder() {
  fs::path data = variable("XDG_DATA_HOME");
  if (data.is_relative() && !variable("HOME").empty())
    data = variable("HOME") / ".local/share";  // the base directory specification: a relative one is ignored
  return data.empty() ? data : data / "inference-pio";
}

std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  if (const fs::path data = default_data_folder(); !data.empty()) folders.push_back(data / "models");
  if (const fs::path starter = variable("PIO_STARTER_MODEL"); starter.has_parent_path()) folders.push_back(starter.parent_path());
  return folders;
}

std::vector<fs::path> models_below(const fs::path& folder) {
  constexpr int kMostDepth = 8, kMostEntries = 200'000;  // links may lead in circles, and a folder that somebody chose may be a whole disk
  std::vector<fs::path> found;
  std::error_code status;
  fs::recursive_directory_iterator entries(folder, fs::directory_options::skip_permission_denied | fs::directory_options::follow_directory_symlink,
                                           status),
      end;
  for (int n = 0; !status && entries != end && n < kMostEntries; entries.increment(status), ++n) {
    if (entries.depth() >= kMostDepth) entries.disable_recursion_pending();
    std::error_code ignored;
    const fs::path path = entries->path();
    if (lower_case(path.extension().string()) == ".gguf") {
      const std::string stem = path.stem().string();
      if (entries->is_regular_file(ignored) && !lower_case(stem).starts_with("mmproj") && !is_later_part(stem)) found.push_back(path);
    } else if (path.filename() == "config.json") {
      found.push_back(path.parent_path());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> halves_elsewhere(const fs::path& model, std::span<const PublishedModel> catalogue, std::span<const fs::path> folders) {
  std::vector<std::string> places;
  for (const PublishedModel& published : catalogue) {
    for (const PublishedFile& file : published.files) {
      if (!file.mmproj || fs::path(file.path).filename() != model.filename()) continue;
      for (const fs::path& folder : folders) places.push_back((folder / fs::path(file.mmproj->path).filename()).string());
    }
  }
  return places;
}

Result<std::string> find_model(const std::string& typed, std::span<const PublishedModel> catalogue, std::span<const fs::path> folders) {
  std::error_code ignored;
  if (fs::exists(typed, ignored)) return typed;
  const auto named = [&](std::string_view name) {
    return std::find_if(catalogue.begin(), catalogue.end(), [&](const PublishedModel& model) { return lower_case(model.name) == lower_case(name); });
  };
  std::string quantization;
  auto model = named(typed);
  if (const std::size_t colon = typed.rfind(':'); model == catalogue.end() && colon != std::string::npos) {
    model = named(typed.substr(0, colon));
    quantization = typed.substr(colon + 1);
  }
  if (model == catalogue.end()) return typed;

  std::vector<fs::path> found;
  std::string places;
  for (const fs::path& folder : folders) {
    for (fs::path& path : models_below(folder)) found.push_back(std::move(path));
    places += (places.empty() ? "" : ", ") + folder.string();
  }
  std::string wanted;
  for (const PublishedFile& file : model->files) {
    if (!quantization.empty() && lower_case(file.quantization) != lower_case(quantization)) continue;
    const fs::path name = fs::path(file.path).filename();
    const auto same = std::find_if(found.begin(), found.end(), [&](const fs::path& path) { return path.filename() == name; });
    if (same != found.end()) return same->string();
    if (wanted.empty()) wanted = name.string();
  }
  // Somebody else's file of the same model; of several the one in the usual format.
  const std::string key = letters_and_digits(model->name), kind = letters_and_digits(quantization);
  const auto matches = [&](const fs::path& path, const std::string& also) {
    const std::string name = letters_and_digits(path.filename().string());
    const std::size_t at = name.find(key);
    return at != std::string::npos && name.find(also, at + key.size()) != std::string::npos;
  };
  for (const std::string& also : quantization.empty() ? std::vector<std::string>{"q4km", ""} : std::vector<std::string>{kind}) {
    const auto other = std::find_if(found.begin(), found.end(), [&](const fs::path& path) { return matches(path, also); });
    if (other != found.end()) return other->string();
  }
  return make_error(ErrorCode::not_found, typed + ": known, not downloaded: expected " + (wanted.empty() ? "a file of it" : wanted) + " in " +
                                              (places.empty() ? "a data folder" : places) + ", found none");
}

}  // namespace pio
