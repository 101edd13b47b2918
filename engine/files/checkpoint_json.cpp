#include "engine/files/checkpoint_json.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "engine/files/json_events.h"
#include "engine/files/words.h"

namespace pio {
namespace {

// A dotted key. Without a limit, one long name around many short ones would be kept once for each of them.
constexpr std::size_t kMaxKeyBytes = 512;
// No list that describes a model has more than a number a layer or a few strings a class.
constexpr std::size_t kMaxListItems = 65536;

class FlattenEvents final : public JsonEvents {
 public:
  FlattenEvents(Metadata& metadata, std::string prefix) : metadata_(metadata), path_(std::move(prefix)) {}

  bool null() override { return skipping_ > 0 ? true : in_list_ ? drop_list() : depth() > 0 || no_object(); }
  bool boolean(bool value) override { return add(MetaValue(value)); }
  bool number_integer(number_integer_t value) override { return add(MetaValue(static_cast<std::int64_t>(value))); }
  bool number_unsigned(number_unsigned_t value) override {
    // As a fraction (a seed, say): readers of whole numbers do not find it.
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return add(MetaValue(static_cast<double>(value)));
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
  bool store(MetaValue value) { return metadata_.emplace(path_, std::move(value)).second || stop(shown(path_) + ": expected once, found twice"); }

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
    if (!keep_list_) return store_another_list();
    return list_.empty() || store_list();
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
      else return store_another_list();
    }
    return store(MetaValue(std::move(values)));
  }
  // Of null, of mixed values, of lists or objects, or too long: no reader takes it, but it must not pass for absent.
  bool store_another_list() { return store(MetaValue(std::vector<std::string>())); }

  Metadata& metadata_;
  std::string path_;                 // of the key now being read
  std::vector<std::size_t> starts_;  // where the names of the open objects' keys begin in it
  bool in_list_ = false, keep_list_ = false;
  int skipping_ = 0;  // levels below a list that is left out
  std::vector<MetaValue> list_;
};

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

}  // namespace

Result<void> flatten_json(std::string_view text, std::string_view label, std::string_view prefix, Metadata& metadata) {
  FlattenEvents events(metadata, std::string(prefix));
  if (read_json(text, events)) return {};
  return bad_file(label, events.problem);
}

Result<std::map<std::string, std::string>> parse_weight_map(std::string_view text, std::string_view label) {
  IndexEvents events;
  if (!read_json(text, events)) return bad_file(label, events.problem);
  if (events.files.empty()) return bad_file(label, "expected a weight_map that names files, found none");
  for (const auto& [tensor, file] : events.files)
    if (!stays_in_folder(file))
      return bad_file(label, "tensor " + shown(tensor) + ": expected the name of a file in this folder, found " + shown(file));
  return std::move(events.files);
}

}  // namespace pio
