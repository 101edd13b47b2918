#include "engine/lora/adapter_file.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "engine/files/checkpoint_json.h"
#include "engine/files/mapped_model.h"
#include "engine/files/words.h"
#include "kernels/base/number_text.h"
#include "models/hf_names.h"

namespace pio {
namespace {

constexpr std::size_t kMaxConfigBytes = 4 << 20;
constexpr std::string_view kConfig = "adapter_config.json", kTensors = "adapter_model.safetensors";

// The two halves of a pair, found in any order.
struct Half {
  const TensorInfo* info = nullptr;
  std::span<const std::byte> bytes;
};
struct Halves {
  Half a, b;
};

Result<AdapterPair> make_pair(const std::string& label, const std::string& shown_name, std::string target, const Halves& halves) {
  const std::string where = "adapter of " + shown(shown_name) + ": ";
  if (!halves.a.info || !halves.b.info) return bad_file(label, where + "expected both lora_A and lora_B, found one of them");
  for (const Half* half : {&halves.a, &halves.b}) {
    const TensorInfo& tensor = *half->info;
    if (tensor.shape.rank() != 2 || info(tensor.dtype).decode == nullptr || tensor.shape.back() % info(tensor.dtype).block_length != 0)
      return bad_file(label, where + "expected matrices of numbers, found " + tensor.shape.text() + " of " + info(tensor.dtype).name);
  }
  if (halves.a.info->shape[0] != halves.b.info->shape[1])
    return bad_file(label, where + "expected lora_A's " + std::to_string(halves.a.info->shape[0]) + " rows as columns of lora_B, found " +
                               halves.b.info->shape.text());
  return AdapterPair{.target = std::move(target),
                     .shown = shown_name,
                     .a = *halves.a.info,
                     .b = *halves.b.info,
                     .a_bytes = halves.a.bytes,
                     .b_bytes = halves.b.bytes};
}

Result<float> checked_scale(const std::string& label, double scale) {
  const auto rounded = static_cast<float>(scale);
  if (!std::isfinite(rounded)) return bad_file(label, "alpha: expected a finite scale, found " + short_text(scale));
  return rounded;
}

// ---- GGUF: "blk.3.attn_q.weight.lora_a", adapter.lora.alpha ------------------------------------------------------------------------

Result<AdapterFile> open_gguf_adapter(const std::filesystem::path& path) {
  AdapterFile file;
  ASSIGN_OR_RETURN(file.file, open_gguf(path));
  file.label = file.file->label();
  file.architecture = file.file->architecture();
  const Metadata& metadata = file.file->metadata();
  for (const auto& [key, expected] : {std::pair<const char*, const char*>{"general.type", "adapter"}, {"adapter.type", "lora"}}) {
    const std::string* found = value_of<std::string>(metadata, key);
    if (!found || *found != expected)
      return unsupported(file.label, std::string(key) + ": expected " + expected + ", found " + (found ? shown(*found) : std::string("none")));
  }
  // llama.cpp's keys (gguf-py, constants.py): of the others some ask for what is not computed here, as adapter.alora's activation by tokens.
  for (const auto& [key, value] : metadata) {
    if (!key.starts_with("adapter.") || key == "adapter.type" || key == "adapter.lora.alpha" || key == "adapter.lora.task_name") continue;
    const std::string* text = std::get_if<std::string>(&value);
    if (key == "adapter.lora.prompt_prefix" && text && text->empty()) continue;
    return unsupported(file.label, shown(key) + ": expected a plain adapter, without this key, found one with it");
  }
  const std::optional<double> alpha = number_of(metadata, "adapter.lora.alpha");
  if (!alpha) return bad_file(file.label, "adapter.lora.alpha: expected a number, found none");

  std::map<std::string, Halves> found;
  for (std::size_t i = 0; i < file.file->tensors().size(); ++i) {
    const TensorInfo& tensor = file.file->tensors()[i];
    const std::size_t dot = tensor.name.rfind('.');
    const std::string suffix = dot == std::string::npos ? "" : tensor.name.substr(dot);
    if (suffix != ".lora_a" && suffix != ".lora_b")
      return unsupported(file.label, "tensor " + shown(tensor.name) + ": expected only names that end in .lora_a and .lora_b");
    Halves& halves = found[tensor.name.substr(0, dot)];
    Half& half = suffix == ".lora_a" ? halves.a : halves.b;
    half.info = &tensor;
    half.bytes = file.file->data(i);
  }
  for (const auto& [name, halves] : found) {
    ASSIGN_OR_RETURN(AdapterPair pair, make_pair(file.label, name, name, halves));
    // llama.cpp takes an alpha of 0 as "as trained": the caller's scale alone
    ASSIGN_OR_RETURN(pair.scale, checked_scale(file.label, *alpha == 0 ? 1 : *alpha / static_cast<double>(pair.a.shape[0])));
    file.pairs.push_back(std::move(pair));
  }
  return file;
}

// ---- PEFT --------------------------------------------------------------------------------------------------------------------------

// The keys of PEFT's LoraConfig (peft 0.21, tuners/lora/config.py) that change nothing here: which modules were trained (the tensors say it),
// how training began and went, where the file comes from. fan_in_fan_out tells how the base stores its matrix, not these two.
constexpr std::string_view kHarmless[] = {"peft_type",         "r",
                                          "lora_alpha",        "rank_pattern",
                                          "alpha_pattern",     "use_rslora",  // read below
                                          "auto_mapping",      "base_model_name_or_path",
                                          "corda_config",      "eva_config",
                                          "exclude_modules",   "fan_in_fan_out",
                                          "inference_mode",    "init_lora_weights",
                                          "layers_pattern",    "layers_to_transform",
                                          "loftq_config",      "lora_dropout",
                                          "lora_ga_config",    "megatron_core",
                                          "merge_weights",     "peft_version",
                                          "qalora_group_size", "revision",
                                          "runtime_config",    "target_modules",
                                          "task_type"};

std::string text_of(const MetaValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return shown(*text);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) return short_text(*real);
  return "a list";
}

// An adapter that is nothing but pairs of matrices beside linear layers. An allow-list: what a later PEFT adds is refused by its name, unless
// it is off. (Empty and null values never get here.)
Result<void> check_plain(const Metadata& config) {
  const std::string* type = value_of<std::string>(config, "peft_type");
  if (!type || *type != "LORA") return unsupported(kConfig, "peft_type: expected LORA, found " + (type ? shown(*type) : std::string("none")));
  for (const auto& [path, value] : config) {
    const std::string_view key = std::string_view(path).substr(0, path.find('.'));
    if (key == "init_lora_weights") {
      // Of the other ways some change the base (pissa, olora, corda, loftq, lora_ga): the pair alone is not what was trained.
      const std::string* way = std::get_if<std::string>(&value);
      if (std::holds_alternative<bool>(value) || (way && (*way == "gaussian" || *way == "orthogonal"))) continue;
      return unsupported(kConfig,
                         "init_lora_weights: expected true, false, gaussian or orthogonal, which leave the model as it is, found " + text_of(value));
    }
    if (key == "use_rslora") {
      if (!std::holds_alternative<bool>(value)) return bad_file(kConfig, "use_rslora: expected true or false, found " + text_of(value));
      continue;
    }
    if (std::ranges::find(kHarmless, key) != std::ranges::end(kHarmless)) continue;
    const bool* flag = std::get_if<bool>(&value);
    if (flag && !*flag && path == key) continue;
    const std::string* text = std::get_if<std::string>(&value);
    if (key == "bias" && text && *text == "none") continue;
    const char* expected = key == "bias" ? "none" : flag ? "false" : "none";
    const bool is_part = path != key || !(flag || text || std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value));
    return unsupported(kConfig, shown(key) + ": expected " + expected + ", found " + (is_part ? std::string("some") : text_of(value)));
  }
  for (const char* key : {"rank_pattern", "alpha_pattern"})
    if (config.contains(key)) return bad_file(kConfig, std::string(key) + ": expected an object, found another value");
  return {};
}

// The value of the pattern that names `module` or ends its name: "q_proj", "layers.0.self_attn.q_proj". PEFT takes regular expressions; what
// is more than a name is refused, and so are two that fit and differ.
Result<std::optional<double>> pattern_value(const Metadata& config, std::string_view key, std::string_view module) {
  const std::string prefix = std::string(key) + ".";
  std::optional<double> value;
  for (auto it = config.lower_bound(prefix); it != config.end() && it->first.starts_with(prefix); ++it) {
    const std::string_view name = std::string_view(it->first).substr(prefix.size());
    const bool is_name = std::ranges::all_of(
        name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; });
    if (!is_name) return unsupported(kConfig, std::string(key) + ": expected names of modules, found " + shown(name));
    const bool fits = module == name || (module.ends_with(name) && module[module.size() - name.size() - 1] == '.');
    if (!fits) continue;
    const std::optional<double> found = number_of(config, it->first);
    if (!found || (value && *value != *found))
      return bad_file(kConfig, std::string(key) + ": expected one number for " + shown(module) + ", found another value");
    value = found;
  }
  return value;
}

Result<float> peft_scale(const Metadata& config, const std::string& module, std::int64_t rank) {
  ASSIGN_OR_RETURN(std::optional<double> wanted_rank, pattern_value(config, "rank_pattern", module));
  if (!wanted_rank) wanted_rank = number_of(config, "r");
  if (!wanted_rank || *wanted_rank != static_cast<double>(rank))
    return bad_file(kConfig, "rank of " + shown(module) + ": expected the " + std::to_string(rank) + " rows of its lora_A, found " +
                                 (wanted_rank ? std::to_string(*wanted_rank) : std::string("none")));
  ASSIGN_OR_RETURN(std::optional<double> alpha, pattern_value(config, "alpha_pattern", module));
  if (!alpha) alpha = number_of(config, "lora_alpha");
  if (!alpha) return bad_file(kConfig, "lora_alpha: expected a number, found none");
  const auto r = static_cast<double>(rank);
  const bool* is_rslora = value_of<bool>(config, "use_rslora");
  return checked_scale(std::string(kConfig), *alpha / (is_rslora && *is_rslora ? std::sqrt(r) : r));  // Kalajdzievski 2023, arXiv:2312.03732
}

// "base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight": the module, and which half.
struct PeftName {
  std::string module;
  bool is_a = false;
};
std::optional<PeftName> peft_name(std::string_view name) {
  constexpr std::string_view wrapper = "base_model.model.";
  if (name.starts_with(wrapper)) name.remove_prefix(wrapper.size());
  for (const bool is_a : {true, false}) {
    for (const std::string_view middle : {"", ".default"}) {  // a state dict saved by hand keeps the adapter's name
      const std::string suffix = std::string(is_a ? ".lora_A" : ".lora_B").append(middle).append(".weight");
      if (name.size() > suffix.size() && name.ends_with(suffix)) return PeftName{std::string(name.substr(0, name.size() - suffix.size())), is_a};
    }
  }
  return std::nullopt;
}

Result<AdapterFile> open_peft(const std::filesystem::path& folder) {
  AdapterFile file;
  file.naming = WeightSource::Naming::hugging_face;
  file.label = folder.has_filename() ? folder.filename().string() : folder.parent_path().filename().string();
  std::error_code ignored;
  for (const std::string_view name : {kConfig, kTensors}) {
    if (!std::filesystem::exists(folder / name, ignored))
      return make_error(ErrorCode::not_found, file.label + ": expected " + std::string(name) + ", as PEFT's folders have, found none");
  }
  ASSIGN_OR_RETURN(const std::string text, read_text_file(folder / kConfig, kMaxConfigBytes));
  Metadata config;
  RETURN_IF_ERROR(flatten_json(text, kConfig, "", config));
  RETURN_IF_ERROR(check_plain(config));

  ASSIGN_OR_RETURN(MappedFile tensors, MappedFile::open(folder / kTensors));
  ASSIGN_OR_RETURN(const std::vector<SafetensorsEntry> entries, read_safetensors_header(tensors, kTensors));
  std::map<std::string, Halves> found;  // by module
  for (const SafetensorsEntry& entry : entries) {
    const std::optional<PeftName> name = peft_name(entry.info.name);
    if (!name) return unsupported(kTensors, "tensor " + shown(entry.info.name) + ": expected only lora_A and lora_B of linear layers");
    Halves& halves = found[name->module];
    Half& half = name->is_a ? halves.a : halves.b;
    if (half.info) return bad_file(kTensors, "tensor " + shown(entry.info.name) + ": expected once, found twice");
    half.info = &entry.info;
    half.bytes = tensors.bytes().subspan(entry.offset, entry.info.n_bytes);
  }
  for (const auto& [module, halves] : found) {
    const std::optional<std::string> target = canonical_name(module + ".weight");
    if (!target)
      return unsupported(file.label, "adapter of " + shown(module) + ": expected a linear layer of a known architecture, found another module");
    ASSIGN_OR_RETURN(AdapterPair pair, make_pair(file.label, module, *target, halves));
    ASSIGN_OR_RETURN(pair.scale, peft_scale(config, module, pair.a.shape[0]));
    file.pairs.push_back(std::move(pair));
  }
  MappedModel model;
  model.files.push_back(std::move(tensors));
  file.file = std::make_unique<MappedModelFile>(std::move(model));
  return file;
}

Result<AdapterFile> open_any(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return open_peft(path);
  if (path.filename() == kTensors || path.filename() == kConfig) return open_peft(path.parent_path());
  return open_gguf_adapter(path);
}

}  // namespace

Result<AdapterFile> open_adapter(const std::filesystem::path& path) {
  Result<AdapterFile> file = open_any(path);
  if (file && file->pairs.empty()) return bad_file(file->label, "expected pairs of low-rank matrices, found none");
  if (file) return file;
  Error error = file.error();
  if (error.path.empty()) error.path = path.string();
  return error;
}

}  // namespace pio
