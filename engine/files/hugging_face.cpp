#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "engine/files/checkpoint_json.h"
#include "engine/files/mapped_model.h"
#include "engine/files/model_file.h"
#include "engine/files/words.h"
#include "models/hf_names.h"

namespace pio {
namespace {

// The longest published config (id2label of 21,000 classes) has about 1 MB; an index about 100 bytes a tensor,
// of which the largest mixtures have 140,000.
constexpr std::size_t kMaxConfigBytes = 4 << 20, kMaxIndexBytes = 32 << 20;

Result<void> read_config(const std::filesystem::path& path, const std::string& prefix, Metadata& metadata) {
  ASSIGN_OR_RETURN(const std::string text, read_text_file(path, kMaxConfigBytes));
  return flatten_json(text, path.filename().string(), prefix, metadata);
}

Result<void> add_shard(MappedModel& model, const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  ASSIGN_OR_RETURN(std::vector<SafetensorsEntry> entries, read_safetensors_header(file, path.filename().string()));
  for (SafetensorsEntry& entry : entries) {
    model.data.push_back(file.bytes().subspan(entry.offset, entry.info.n_bytes));
    model.tensors.push_back(std::move(entry.info));
  }
  model.paths.push_back(path);
  model.files.push_back(std::move(file));
  return {};
}

// Whether a model of these settings asks for the tensor. An index may name others that no file has: frequencies of old writers, layers
// that were cut off, the output of a tied model.
bool is_wanted(const std::string& tensor, const Metadata& metadata) {
  const std::optional<std::string> name = canonical_name(tensor);
  if (!name) return false;
  for (const std::string section : {"text_config.", ""}) {
    const auto* is_tied = value_of<bool>(metadata, section + "tie_word_embeddings");
    if (is_tied && *is_tied && *name == "output.weight") return false;
    const auto* n_layers = value_of<std::int64_t>(metadata, section + "num_hidden_layers");
    long long layer = -1;
    if (n_layers && std::sscanf(name->c_str(), "blk.%lld.", &layer) == 1 && layer >= *n_layers) return false;
  }
  return true;
}

// The tensors of all files that the index names. Where two files hold one tensor, the index says which is meant.
Result<void> add_shards(MappedModel& model, const std::filesystem::path& folder, const std::string& index_name) {
  ASSIGN_OR_RETURN(const std::string text, read_text_file(folder / index_name, kMaxIndexBytes));
  ASSIGN_OR_RETURN(const auto files, parse_weight_map(text, index_name));
  std::map<std::string, bool> shards;  // file → whether anything in it is wanted
  for (const auto& [tensor, file] : files) shards[file] |= is_wanted(tensor, model.metadata);
  std::vector<std::string> file_of;                        // of each tensor
  std::set<std::pair<std::string, std::string>> holdings;  // tensor, file
  for (const auto& [file, holds_wanted] : shards) {
    std::error_code ignored;
    if (!holds_wanted && !std::filesystem::exists(folder / file, ignored)) continue;
    RETURN_IF_ERROR(add_shard(model, folder / file));
    file_of.resize(model.tensors.size(), file);
  }
  for (std::size_t i = 0; i < file_of.size(); ++i) holdings.emplace(model.tensors[i].name, file_of[i]);
  std::size_t n_kept = 0;
  for (std::size_t i = 0; i < file_of.size(); ++i) {
    const auto meant = files.find(model.tensors[i].name);
    if (meant != files.end() && meant->second != file_of[i] && holdings.contains(*meant)) continue;
    if (n_kept != i) model.tensors[n_kept] = std::move(model.tensors[i]);
    model.data[n_kept++] = model.data[i];
  }
  model.tensors.resize(n_kept);
  model.data.resize(n_kept);
  RETURN_IF_ERROR(check_names_differ(model.tensors, model.label));
  for (const auto& [tensor, file] : files) {
    const auto held = holdings.lower_bound({tensor, ""});
    const bool is_there = held != holdings.end() && held->first == tensor;
    if (!is_there && is_wanted(tensor, model.metadata))
      return bad_file(index_name, "tensor " + shown(tensor) + ": expected in " + shown(file) + ", found in no file");
  }
  return {};
}

std::string name_of_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::absolute(folder, ignored).lexically_normal();
  const std::filesystem::path name = (whole.has_filename() ? whole : whole.parent_path()).filename();  // "models/a/" has an empty last name
  return (name.empty() ? whole : name).string();
}

// Why a folder without config.json is none of ours, in the words that help most.
Error no_checkpoint(const std::filesystem::path& folder, const std::string& label) {
  std::error_code ignored;
  for (std::filesystem::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    if (ignored) break;
    if (it->path().extension() == ".gguf")
      return make_error(ErrorCode::not_found, label + ": expected config.json, as Hugging Face folders have, found " +
                                                  shown(it->path().filename().string()) + "; open that file instead");
  }
  return make_error(ErrorCode::not_found, label + ": expected config.json, as Hugging Face folders have, found none");
}

Result<std::unique_ptr<ModelFile>> open_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  MappedModel model;
  model.naming = WeightSource::Naming::hugging_face;
  model.label = name_of_folder(folder);
  if (!std::filesystem::is_directory(folder, ignored)) return make_error(ErrorCode::not_found, model.label + ": expected a folder, found none");

  const std::filesystem::path config = folder / "config.json", generation = folder / "generation_config.json";
  if (!std::filesystem::exists(config, ignored)) return no_checkpoint(folder, model.label);
  RETURN_IF_ERROR(read_config(config, "", model.metadata));
  model.paths.push_back(config);
  if (std::filesystem::exists(generation, ignored)) {
    RETURN_IF_ERROR(read_config(generation, "generation.", model.metadata));
    model.paths.push_back(generation);
  }

  // How pictures and films are scaled, of models that see.
  for (const char* name : {"preprocessor", "video_preprocessor"}) {
    const std::filesystem::path path = folder / (std::string(name) + "_config.json");
    if (!std::filesystem::exists(path, ignored)) continue;
    RETURN_IF_ERROR(read_config(path, std::string(name) + ".", model.metadata));
    model.paths.push_back(path);
  }

  const auto* architecture = value_of<std::string>(model.metadata, "model_type");
  if (!architecture || architecture->empty()) return bad_file("config.json", "expected model_type, a name, found none");
  model.architecture = *architecture;

  // As transformers: one file before the index.
  const std::string single = "model.safetensors", index = "model.safetensors.index.json";
  if (std::filesystem::exists(folder / single, ignored)) {
    RETURN_IF_ERROR(add_shard(model, folder / single));
  } else if (std::filesystem::exists(folder / index, ignored)) {
    RETURN_IF_ERROR(add_shards(model, folder, index));
  } else {
    return make_error(ErrorCode::not_found, model.label + ": expected model.safetensors or model.safetensors.index.json, found neither");
  }
  return unpack_checkpoint(std::make_unique<MappedModelFile>(std::move(model)));
}

}  // namespace

Result<std::unique_ptr<ModelFile>> open_hugging_face(const std::filesystem::path& folder) {
  auto file = open_folder(folder);
  if (file) return file;
  Error error = file.error();
  if (error.path.empty()) error.path = folder.string();
  return error;
}

}  // namespace pio
