#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/result.h"

// The published models that the program knows by name: resources/catalogue.json, or a file of the same form. What is not known of a file is
// absent.

namespace pio {

// A file of a repository. Its address is BASE/repository/resolve/revision/path.
struct PublishedPart {
  std::string repository;  // "owner/name"
  std::string revision = "main";
  std::string path;  // there
  std::optional<std::uint64_t> bytes;
  std::string sha256;  // lower-case hexadecimal; "": not known
};

struct PublishedFile : PublishedPart {
  std::string quantization;             // "Q4_K_M"
  std::optional<PublishedPart> mmproj;  // the vision model's file
};

struct PublishedModel {
  std::string name;    // "Qwen3-4B-Instruct-2507"
  std::string family;  // its folder under models/
  std::string role;    // "chat"
  std::string licence_name, licence_url;
  std::vector<PublishedFile> files;  // the first is the usual one
};

// Fails with bad_file, in words that begin with `label` and name the place. Members that are not known here are passed over.
Result<std::vector<PublishedModel>> parse_catalogue(std::string_view json, const std::string& label);
Result<std::vector<PublishedModel>> read_catalogue(const std::filesystem::path& path);
// The program's own.
const std::vector<PublishedModel>& built_in_catalogue();

// $XDG_DATA_HOME/inference-pio ($HOME/.local/share where that is unset); empty where both are.
std::filesystem::path default_data_folder();
// Where downloaded models and the starter model lie: the data folder's "models", and the folder of $PIO_STARTER_MODEL.
std::vector<std::filesystem::path> model_folders();

// The models below a folder, sorted: .gguf files that are neither vision models nor later parts of a split one, and folders with a config.json. Looks
// no more than 8 folders deep and at no more than 200,000 entries. Reads no file.
std::vector<std::filesystem::path> models_below(const std::filesystem::path& folder);

// Where the vision half of a published file may lie if none lies beside it: under its published name in one of `folders`, in their order. None of a
// file whose name the catalogue does not have, or has without one. Reads no file.
std::vector<std::string> halves_elsewhere(const std::filesystem::path& model, std::span<const PublishedModel> catalogue,
                                          std::span<const std::filesystem::path> folders);

// The path that `typed` means. What exists as it was typed comes first. Then NAME or NAME:QUANTIZATION of the catalogue, in upper or lower
// case: one of its files, else a .gguf or a Hugging Face folder whose name has the model's in it, anywhere below `folders`. A known model
// without a file fails with not_found: "known, not downloaded". All else is returned as it is.
Result<std::string> find_model(const std::string& typed, std::span<const PublishedModel> catalogue, std::span<const std::filesystem::path> folders);

}  // namespace pio
