#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/base/result.h"
#include "models/json_value.h"

// Files of JSON whose form is this program's own: the catalogue, the description of a computer.

namespace pio {

// Fails with bad_file, whose path is the label.
Result<JsonValue> parse_json_file(std::string_view text, const std::string& label);

// Reads the members of one object. The first that is wrong is kept for status(); it and all others give empty values.
class JsonMembers {
 public:
  // `label` names the file, `place` the object in it: "models[0]". The object must outlive this.
  JsonMembers(const JsonValue& object, std::string label, std::string place);

  const JsonValue* find(const char* key) const { return object_.find_given(key); }  // null also where the member is null
  std::string text(const char* key);                                                // that must be there
  std::string optional_text(const char* key, std::string otherwise = {});
  std::optional<std::uint64_t> optional_count(const char* key);
  std::optional<double> optional_number(const char* key, double most);  // from 0 on
  // Above 0. Without `otherwise` it must be there.
  double positive_number(const char* key, double most, std::optional<double> otherwise = {});
  // The member is not what was `wanted`: "a list".
  void fail(const char* key, const std::string& wanted);
  // Fails with bad_file in the words "<label>: <place>.<key>: expected <wanted>, found …", whose path is the label.
  Result<void> status() const;

 private:
  const JsonValue& object_;
  const std::string label_, place_;
  std::string problem_;
};

}  // namespace pio
