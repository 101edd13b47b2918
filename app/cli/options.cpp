#include "app/cli/options.h"

#include <algorithm>
#include <charconv>
#include <cctype>
#include <filesystem>

#include "app/cli/print.h"
#include "app/settings/model_places.h"
#include "engine/catalogue/catalogue.h"
#include "engine/experts/profile_file.h"
#include "engine/files/local_path.h"
#include "engine/lora/lora_request.h"

namespace pio::cli {

Result<std::vector<int>> parse_ids(const std::string& text) { return parse_numbers("--ids", text); }

Result<std::vector<int>> parse_numbers(const std::string& what, const std::string& text) {
  std::vector<int> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto skip = [&] {
    while (at < end && *at == ' ') ++at;
  };
  for (;;) {
    skip();
    int id = 0;
    const auto [next, status] = std::from_chars(at, end, id);
    if (status != std::errc() || id < 0)
      return make_error(ErrorCode::bad_argument, what + ": numbers from 0 on with commas between, found " +
                                                     (at < end ? "\"" + std::string(at, std::min(end, at + 20)) + "\"" : std::string("nothing")));
    ids.push_back(id);
    at = next;
    skip();
    if (at == end) return ids;
    if (*at != ',')
      return make_error(ErrorCode::bad_argument, what + ": a comma after " + std::to_string(id) + ", found \"" + std::string(1, *at) + "\"");
    ++at;
  }
}

Result<std::uint64_t> parse_size(const std::string& what, const std::string& text) {
  const auto refuse = [&] { return make_error(ErrorCode::bad_argument, what + ": a size above 0 with K, M, G or T, found \"" + text + "\""); };
  double value = 0;
  const auto [next, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || !(value > 0)) return refuse();
  std::string_view unit(next, text.data() + text.size() - next);
  if (unit.ends_with('B')) unit.remove_suffix(1);
  int power = 0;
  if (!unit.empty()) {
    const auto place = std::string_view("KMGT").find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0]))));
    if (unit.size() != 1 || place == std::string_view::npos) return refuse();
    power = static_cast<int>(place) + 1;
  }
  for (int i = 0; i < power; ++i) value *= 1024;
  if (!(value >= 1 && value < 9.2e18)) return refuse();
  return static_cast<std::uint64_t>(value);
}

namespace {

LoadQuantization quantization_of(const std::string& name) {
  if (name == "int4") return LoadQuantization::int4;
  if (name == "int8") return LoadQuantization::int8;
  if (name == "fp16") return LoadQuantization::fp16;
  if (name == "nf4") return LoadQuantization::nf4;
  return LoadQuantization::keep;
}

Result<KvSelection> parse_attention(const std::string& text) {
  const auto refuse = [&] { return make_error(ErrorCode::bad_argument, "--attention: full, window:TOKENS[:SINKS] or pages:N, found " + text); };
  KvSelection choice;
  if (text == "full") return choice;
  std::string_view rest = text;
  const auto number = [&](std::int64_t& value) {
    if (!rest.starts_with(':')) return false;
    const auto [next, status] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), value);
    if (status != std::errc() || value < 0) return false;
    rest.remove_prefix(next - rest.data());
    return true;
  };
  if (rest.starts_with("window")) {
    rest.remove_prefix(6);
    choice.kind = KvSelection::Kind::window;
    if (!number(choice.window) || choice.window < 1 || (!rest.empty() && !number(choice.n_sinks)) || !rest.empty()) return refuse();
    return choice;
  }
  if (!rest.starts_with("pages")) return refuse();
  rest.remove_prefix(5);
  choice.kind = KvSelection::Kind::pages;
  if (!number(choice.n_pages) || choice.n_pages < 1 || !rest.empty()) return refuse();
  return choice;
}

// Where files of models lie: the program's own folders, and those that the window was told.
std::vector<std::filesystem::path> places_of_models() {
  std::vector<std::filesystem::path> folders = model_folders();
  for (std::filesystem::path& folder : chosen_model_folders(default_data_folder()).all()) {
    if (std::find(folders.begin(), folders.end(), folder) == folders.end()) folders.push_back(std::move(folder));
  }
  return folders;
}

Result<std::vector<PublishedModel>> catalogue_of(const Options& options) {
  if (options.catalogue.empty()) return built_in_catalogue();
  return read_catalogue(options.catalogue);
}

}  // namespace

DType kv_of(const std::string& name, const std::string& device) {
  const std::string kv = !name.empty() ? name : device == "reference" ? "f32" : "f16";
  return dtype_from_name(kv).value();  // one of four, the parser saw to it
}

Result<std::string> model_path(const Options& options, const std::string& typed) {
  ASSIGN_OR_RETURN(const std::string path, local_path(typed));
  ASSIGN_OR_RETURN(const std::vector<PublishedModel> catalogue, catalogue_of(options));
  return find_model(path, catalogue, places_of_models());
}

Result<void> choose_model(const Options& options, const std::string& typed, LoadRequest& request) {
  ASSIGN_OR_RETURN(request.path, model_path(options, typed));
  ASSIGN_OR_RETURN(const std::vector<PublishedModel> catalogue, catalogue_of(options));
  request.spare_mmprojs = halves_elsewhere(request.path, catalogue, places_of_models());
  return {};
}

Result<std::vector<ImageInput>> image_inputs(std::span<const std::string> typed, ImageDetail detail) {
  std::vector<ImageInput> images;
  for (const std::string& name : typed) {
    ASSIGN_OR_RETURN(std::string path, local_path(name));
    images.push_back({.path = std::move(path), .bytes = nullptr, .detail = detail});
  }
  return images;
}

Result<LoadRequest> load_request(const Options& options) {
  LoadRequest request;
  if (!options.model.empty()) {
    RETURN_IF_ERROR(choose_model(options, options.model, request));
  }
  request.device = options.device;
  if (!options.split.empty()) {
    ASSIGN_OR_RETURN(const std::vector<int> split, parse_numbers("--split", options.split));
    request.split.assign(split.begin(), split.end());
  }
  if (options.split_mode == "rows") request.split_mode = SplitMode::rows;
  request.n_threads = static_cast<int>(options.n_threads);
  request.context_length = options.context_length;
  request.kv = kv_of(options.kv, options.device);
  if (options.key_rotation != "auto") request.key_rotation = options.key_rotation == "on" ? KeyRotation::on : KeyRotation::off;
  request.activations = options.activations == "f32" ? Activations::f32 : Activations::q8;
  if (!options.mmproj.empty()) {
    ASSIGN_OR_RETURN(request.mmproj, local_path(options.mmproj));
  }
  request.quantization = quantization_of(options.quantization);
  for (const std::string& lora : options.loras) {
    ASSIGN_OR_RETURN(const LoraRequest adapter, lora_request_of(lora));
    request.loras.push_back(adapter);
  }
  ASSIGN_OR_RETURN(request.attention, parse_attention(options.attention));
  if (!options.ram.empty()) {
    ASSIGN_OR_RETURN(request.ram_bytes, parse_size("--ram", options.ram));
  }
  if (!options.vram.empty()) {
    ASSIGN_OR_RETURN(request.vram_bytes, parse_size("--vram", options.vram));
  }
  for (const IoMode mode : {IoMode::automatic, IoMode::uring, IoMode::pread, IoMode::buffered})
    if (options.io == name_of(mode)) request.io = mode;
  request.huge_pages = options.huge_pages;
  request.cache_folder = default_cache_folder().string();
  return request;
}

Result<std::unique_ptr<Engine>> create_engine(const Options& options) {
  std::unique_ptr<Engine> engine = pio::create_engine();
  SnapshotSettings settings{.folder = options.snapshots};
  if (!options.snapshot_ram.empty()) {
    ASSIGN_OR_RETURN(settings.ram_bytes, parse_size("--snapshot-ram", options.snapshot_ram));
  }
  if (!options.snapshot_disk.empty()) {
    ASSIGN_OR_RETURN(settings.disk_bytes, parse_size("--snapshot-disk", options.snapshot_disk));
  }
  RETURN_IF_ERROR(engine->keep_conversations(settings));
  return engine;
}

Result<std::unique_ptr<Engine>> load_engine(const Options& options, const LoadRequest& request) {
  ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, create_engine(options));
  RETURN_IF_ERROR(engine->load(request, {}, interrupt_token()));
  print_notes(*engine);
  return engine;
}

Result<std::unique_ptr<Engine>> load_engine(const Options& options) {
  ASSIGN_OR_RETURN(const LoadRequest request, load_request(options));
  return load_engine(options, request);
}

}  // namespace pio::cli
