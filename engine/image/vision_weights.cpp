#include "engine/image/vision_weights.h"

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "engine/files/words.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "mmproj";

Result<LoadedVision> open_vision(const fs::path& path, const ModelSpec& spec, Backend& backend, const PlacingProgress& progress,
                                 const std::stop_token& stop) {
  ASSIGN_OR_RETURN(std::unique_ptr<ModelFile> file, open_model_file(path));
  if (file->architecture() != "clip") {
    return unsupported(file->label(), "expected a vision tower (architecture clip), found " + shown(file->architecture()));
  }
  LoadedVision loaded;
  loaded.weights = std::make_unique<LoadedWeights>(std::move(file), backend, progress, stop);
  ASSIGN_OR_RETURN(loaded.vision, create_vision(*loaded.weights, backend, spec));
  return loaded;
}

// How many characters two names begin with in common, letters of either case and '-' left aside: "Qwen3VL-2B" is "Qwen3-VL-2B".
std::size_t likeness(const std::string& a, const std::string& b) {
  const auto plain = [](const std::string& name) {
    std::string out;
    for (const char c : name)
      if (c != '-' && c != '_' && c != '.') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return out;
  };
  const std::string x = plain(a), y = plain(b);
  const std::size_t n = std::min(x.size(), y.size());
  return std::mismatch(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n), y.begin()).first - x.begin();
}

std::vector<fs::path> vision_files_beside(const fs::path& model) {
  struct Candidate {
    fs::path path;
    std::size_t likeness;
    std::uintmax_t n_bytes;
  };
  std::vector<Candidate> found;
  std::error_code ignored;
  const fs::path folder = model.has_parent_path() ? model.parent_path() : fs::path(".");
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    if (ignored) break;
    const std::string name = it->path().filename().string();
    if (!name.starts_with(kPrefix) || it->path().extension() != ".gguf") continue;
    const std::size_t rest = std::min(name.find_first_not_of("-_", kPrefix.size()), name.size());
    std::error_code problem;
    found.push_back({it->path(), likeness(name.substr(rest), model.filename().string()), fs::file_size(it->path(), problem)});
  }
  std::sort(found.begin(), found.end(),
            [](const Candidate& a, const Candidate& b) { return std::tie(b.likeness, b.n_bytes, a.path) < std::tie(a.likeness, a.n_bytes, b.path); });
  std::vector<fs::path> paths;
  for (Candidate& candidate : found) paths.push_back(std::move(candidate.path));
  return paths;
}

}  // namespace

std::vector<fs::path> vision_candidates(const fs::path& model, const std::vector<std::string>& spare) {
  std::vector<fs::path> found = vision_files_beside(model);
  for (const std::string& elsewhere : spare) {
    std::error_code problem;
    const auto is_same = [&](const fs::path& other) { return fs::equivalent(other, elsewhere, problem); };
    if (fs::is_regular_file(elsewhere, problem) && std::none_of(found.begin(), found.end(), is_same)) found.push_back(elsewhere);
  }
  return found;
}

Result<LoadedVision> load_vision(const VisionPlaces& places, const ModelFile& model, WeightSource& language, const ModelSpec& spec, Backend& backend,
                                 const PlacingProgress& progress, const std::stop_token& stop) {
  LoadedVision loaded;
  if (spec.n_position_axes != 3) {
    if (places.mmproj.empty()) return loaded;
    return make_error(ErrorCode::bad_argument, "--mmproj: a model that sees, found " + spec.architecture);
  }
  if (!places.mmproj.empty()) return open_vision(places.mmproj, spec, backend, progress, stop);
  if (model.naming() == WeightSource::Naming::hugging_face) {
    ASSIGN_OR_RETURN(loaded.vision, create_vision(language, backend, spec));
    return loaded;
  }
  for (const fs::path& path : vision_candidates(model.paths().front(), places.spare)) {
    Result<LoadedVision> vision = open_vision(path, spec, backend, progress, stop);
    if (!vision && vision.error().code == ErrorCode::cancelled) return vision.error();
    if (vision) {
      vision->notes = std::move(loaded.notes);
      return vision;
    }
    loaded.notes.push_back(VisionDoesNotFit{vision.error().message});
  }
  loaded.notes.push_back(NoVision{});
  return loaded;
}

}  // namespace pio
