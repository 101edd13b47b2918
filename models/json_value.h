#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/base/result.h"

// JSON as Python's json module reads and writes it: key order kept (a repeated key keeps its first place and its last value), integers of
// any size, numbers spelled as Python prints them. Chat templates need exactly that.

namespace pio {

class JsonValue {
 public:
  enum class Kind { null, boolean, number, string, array, object };
  using Member = std::pair<std::string, JsonValue>;

  JsonValue() = default;
  static JsonValue boolean(bool value);
  static JsonValue integer(long long value);
  static JsonValue number(std::string spelling);  // already as Python prints it
  static JsonValue string(std::string value);
  static JsonValue array(std::vector<JsonValue> items);
  static JsonValue object(std::vector<Member> members);
  // Bytes that are no UTF-8, and escaped halves of surrogate pairs, are U+FFFD.
  static Result<JsonValue> parse(std::string_view text);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }
  bool as_bool() const { return boolean_; }
  const std::string& text() const { return text_; }                // of a string: its characters; of a number: its spelling
  const std::vector<JsonValue>& items() const { return items_; }   // of an array
  const std::vector<Member>& members() const { return members_; }  // of an object
  const JsonValue* find(std::string_view key) const;               // null when absent, and where this is no object
  const JsonValue* find_given(std::string_view key) const {        // null also where the member is null
    const JsonValue* value = find(key);
    return value && !value->is_null() ? value : nullptr;
  }
  void set(std::string key, JsonValue value);  // of an object

  // json.dumps(value, ensure_ascii=False): separators ", " and ": ".
  std::string dump() const;
  // str(value) of Python: True, None, ['a', 1], {'k': 'v'}; a string itself without quotes.
  std::string python_str() const;
  // Python's truth: empty strings, lists, objects, zero, None and False are false.
  bool truthy() const;

 private:
  Kind kind_ = Kind::null;
  bool boolean_ = false;
  std::string text_;
  std::vector<JsonValue> items_;
  std::vector<Member> members_;
};

// A member of what may be no object, or not be there at all; null then.
inline const JsonValue* member_of(const JsonValue* value, std::string_view key) { return value ? value->find(key) : nullptr; }

// JSON whose bytes are UTF-8 and whose surrogates come in pairs, for parsers that insist: what was neither is U+FFFD, a byte or a surrogate each.
std::string readable_json(std::string_view text);
// A string's characters as they stand between the quotes of JSON: only ", \ and what is below U+0020 is escaped.
std::string json_escaped(std::string_view text);

}  // namespace pio
