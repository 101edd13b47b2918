#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "engine/files/json_events.h"
#include "engine/files/mapped_model.h"
#include "engine/files/model_file.h"
#include "engine/files/words.h"

namespace pio {
namespace {

// The longest published config (id2label of 21,000 classes) has about 1 MB; an index about 100 bytes a tensor,
// of which the largest mixtures have 140,000.
constexpr std::size_t kMaxConfigBytes = 4 << 20, kMaxIndexBytes = 32 << 20;
// A dotted key. Without a limit, one long name around many short ones would be kept once for each of them.
constexpr std::size_t kMaxKeyBytes = 512;
// No list that describes a model has more than a number a layer or a few strings a class.
constexpr std::size_t kMaxListItems = 65536;

using Metadata = std::map<std::string, MetaValue, std::less<>>;

// An object as dotted keys: {"a": {"b": 1}} gives "a.b". Lists of numbers, of bools and of strings are kept; null and all other lists (and
// those of more than kMaxListItems) are left out, as if absent.
class FlattenEvents final : public JsonEvents {
 public:
  FlattenEvents(Metadata& metadata, std::string prefix) : metadata_(metadata), path_(std::move(prefix)) {}

  bool null() override { return skipping_ > 0 ? true : in_list_ ? drop_list() : depth() > 0 || no_object(); }
  bool boolean(bool value) override { return add(MetaValue(value)); }
  bool number_integer(number_integer_t value) override { return add(MetaValue(static_cast<std::int64_t>(value))); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return stop(shown(path_) + ": expected a number below 2^63, found " + std::to_string(value));
    return add(MetaValue(static_cast<std::int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t&) override { return add(MetaValue(static_cast<double>(value))); }
  bool string(string_t& value) override { return add(MetaValue(std::move(value))); }
  bool key(string_t& name) override {
    if (skipping_ > 0) return true;
    path_.resize(starts_.back());
    path_ += name;
    return path_.size() <= kMaxKeyBytes || stop("expected keys of at most " + std::to_string(kMaxKeyBytes) + " bytes, found " + shown(path_));
  }

 private:
  bool no_object() { return stop("expected a JSON object, found another value"); }
  bool drop_list() {
    keep_list_ = false;
    return true;
  }
  bool add(MetaValue value) {
    if (skipping_ > 0) return true;
    if (depth() == 0) return no_object();
    if (in_list_) {
      if (list_.size() == kMaxListItems) return drop_list();
      if (keep_list_) list_.push_back(std::move(value));
      return true;
    }
    return store(std::move(value));
  }
  bool store(MetaValue value) {
    return metadata_.emplace(path_, std::move(value)).second || stop(shown(path_) + ": expected once, found twice");
  }

  bool on_start_object() override {
    if (skipping_ > 0 || in_list_) return skip();
    if (depth() > 1) path_ += '.';
    starts_.push_back(path_.size());
    return true;
  }
  bool on_end_object() override {
    if (skipping_ > 0) {
      --skipping_;
      return true;
    }
    starts_.pop_back();
    return true;
  }
  bool on_start_array() override {
    if (depth() == 1) return no_object();
    if (skipping_ > 0 || in_list_) return skip();
    in_list_ = keep_list_ = true;
    list_.clear();
    return true;
  }
  bool on_end_array() override {
    if (skipping_ > 0) {
      --skipping_;
      return true;
    }
    in_list_ = false;
    return !keep_list_ || list_.empty() || store_list();
  }
  bool skip() {
    keep_list_ = false;
    ++skipping_;
    return true;
  }

  template <class T>
  bool all_are() const {
    return std::all_of(list_.begin(), list_.end(), [](const MetaValue& v) { return std::holds_alternative<T>(v); });
  }
  template <class T>
  bool store_as() {
    std::vector<T> values;
    values.reserve(list_.size());
    for (MetaValue& v : list_) values.push_back(std::move(std::get<T>(v)));
    return store(MetaValue(std::move(values)));
  }
  bool store_list() {
    if (all_are<bool>()) return store_as<bool>();
    if (all_are<std::int64_t>()) return store_as<std::int64_t>();
    if (all_are<std::string>()) return store_as<std::string>();
    std::vector<double> values;
    for (const MetaValue& v : list_) {
      if (const double* number = std::get_if<double>(&v)) values.push_back(*number);
      else if (const std::int64_t* whole = std::get_if<std::int64_t>(&v)) values.push_back(static_cast<double>(*whole));
      else return true;  // a mixed list
    }
    return store(MetaValue(std::move(values)));
  }

  Metadata& metadata_;
  std::string path_;                  // of the key now being read
  std::vector<std::size_t> starts_;   // where the names of the open objects' keys begin in it
  bool in_list_ = false, keep_list_ = false;
  int skipping_ = 0;                  // levels below a list that is left out
  std::vector<MetaValue> list_;
};

Result<void> read_config(const std::filesystem::path& path, const std::string& prefix, Metadata& metadata) {
  ASSIGN_OR_RETURN(const std::string text, read_text_file(path, kMaxConfigBytes));
  FlattenEvents events(metadata, prefix);
  if (read_json(text, events)) return {};
  return bad_file(path.filename().string(), events.problem);
}

// "weight_map" of model.safetensors.index.json: tensor name → file name.
class IndexEvents final : public JsonEvents {
 public:
  std::map<std::string, std::string> files;

  bool null() override { return scalar(); }
  bool boolean(bool) override { return scalar(); }
  bool number_integer(number_integer_t) override { return scalar(); }
  bool number_unsigned(number_unsigned_t) override { return scalar(); }
  bool number_float(number_float_t, const string_t&) override { return scalar(); }
  bool string(string_t& file) override {
    if (!in_map()) return true;
    return files.emplace(tensor_, std::move(file)).second || stop("tensor " + shown(tensor_) + ": expected once, found twice");
  }
  bool key(string_t& name) override {
    if (depth() == 1) map_is_next_ = name == "weight_map";
    else if (in_map()) tensor_ = std::move(name);
    return true;
  }

 private:
  bool in_map() const { return map_is_next_ && depth() == 2; }
  bool scalar() { return map_is_next_ ? stop("expected weight_map to name files, found another value") : true; }
  bool on_start_object() override { return !(map_is_next_ && depth() > 2) || scalar(); }
  bool on_end_object() override {
    if (depth() == 1) map_is_next_ = false;
    return true;
  }
  bool on_start_array() override { return scalar(); }
  bool on_end_array() override { return true; }

  bool map_is_next_ = false;
  std::string tensor_;
};

// A plain name: nothing that leads out of the folder. (The file itself may be a link, as in the cache of Hugging Face's own library.)
bool stays_in_folder(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

Result<std::map<std::string, std::string>> read_index(const std::filesystem::path& path) {
  const std::string label = path.filename().string();
  ASSIGN_OR_RETURN(const std::string text, read_text_file(path, kMaxIndexBytes));
  IndexEvents events;
  if (!read_json(text, events)) return bad_file(label, events.problem);
  if (events.files.empty()) return bad_file(label, "expected a weight_map that names files, found none");
  for (const auto& [tensor, file] : events.files)
    if (!stays_in_folder(file))
      return bad_file(label, "tensor " + shown(tensor) + ": expected the name of a file in this folder, found " + shown(file));
  return std::move(events.files);
}

Result<void> add_shard(MappedModel& model, const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  ASSIGN_OR_RETURN(std::vector<SafetensorsEntry> entries, parse_safetensors(file.bytes(), path.filename().string()));
  for (SafetensorsEntry& entry : entries) {
    model.data.push_back(file.bytes().subspan(entry.offset, entry.info.n_bytes));
    model.tensors.push_back(std::move(entry.info));
  }
  model.paths.push_back(path);
  model.files.push_back(std::move(file));
  return {};
}

Result<void> add_shards(MappedModel& model, const std::filesystem::path& folder, const std::string& index_name) {
  ASSIGN_OR_RETURN(const auto files, read_index(folder / index_name));
  std::set<std::string> names;
  for (const auto& [tensor, file] : files) names.insert(file);
  std::map<std::string, std::string> found;  // tensor → file
  for (const std::string& name : names) {
    const std::size_t first = model.tensors.size();
    RETURN_IF_ERROR(add_shard(model, folder / name));
    for (std::size_t i = first; i < model.tensors.size(); ++i) found.emplace(model.tensors[i].name, name);
  }
  RETURN_IF_ERROR(check_names_differ(model.tensors, model.label));
  for (const auto& [tensor, file] : files) {
    const auto it = found.find(tensor);
    if (it == found.end() || it->second != file)
      return bad_file(index_name, "tensor " + shown(tensor) + ": expected in " + shown(file) + ", found " +
                                      (it == found.end() ? "in no file" : "in " + shown(it->second)));
  }
  return {};
}

Result<void> check_not_quantized(const MappedModel& model) {
  for (const auto& [key, value] : model.metadata) {
    if (key.find("quantization_config") == std::string::npos) continue;
    const auto method = model.metadata.find("quantization_config.quant_method");
    const std::string* name = method == model.metadata.end() ? nullptr : std::get_if<std::string>(&method->second);
    return unsupported(model.label, "config.json: expected weights in F32, F16 or BF16, found a checkpoint quantized" +
                                        (name ? " with " + shown(*name) : " (" + shown(key) + ")"));
  }
  return {};
}

std::string name_of_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::absolute(folder, ignored).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();  // "models/a/" has an empty last name
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
  if (!std::filesystem::is_directory(folder, ignored))
    return make_error(ErrorCode::not_found, model.label + ": expected a folder, found none");

  const std::filesystem::path config = folder / "config.json", generation = folder / "generation_config.json";
  if (!std::filesystem::exists(config, ignored)) return no_checkpoint(folder, model.label);
  RETURN_IF_ERROR(read_config(config, "", model.metadata));
  model.paths.push_back(config);
  if (std::filesystem::exists(generation, ignored)) {
    RETURN_IF_ERROR(read_config(generation, "generation.", model.metadata));
    model.paths.push_back(generation);
  }

  const auto type = model.metadata.find("model_type");
  const std::string* architecture = type == model.metadata.end() ? nullptr : std::get_if<std::string>(&type->second);
  if (!architecture || architecture->empty()) return bad_file("config.json", "expected model_type, a name, found none");
  model.architecture = *architecture;
  RETURN_IF_ERROR(check_not_quantized(model));

  // As transformers: one file before the index.
  const std::string single = "model.safetensors", index = "model.safetensors.index.json";
  if (std::filesystem::exists(folder / single, ignored)) {
    RETURN_IF_ERROR(add_shard(model, folder / single));
  } else if (std::filesystem::exists(folder / index, ignored)) {
    RETURN_IF_ERROR(add_shards(model, folder, index));
  } else {
    return make_error(ErrorCode::not_found, model.label + ": expected model.safetensors or model.safetensors.index.json, found neither");
  }
  return std::unique_ptr<ModelFile>(std::make_unique<MappedModelFile>(std::move(model)));
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
