#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "kernels/base/result.h"

// JSON from a stranger, event by event: no tree is built, so neither depth nor size of the text costs more than the handler keeps. Private to
// this folder (nlohmann's header takes seconds to compile).

namespace pio {

// A nlohmann SAX handler that refuses what no model file needs: depth above 64, floats and integers beyond their types, binary. An event
// returns false to stop, after setting `problem`.
class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  static constexpr int kMaxDepth = 64;

  std::string problem;  // "expected …, found …"

  bool binary(binary_t&) final { return stop("expected text, found binary"); }
  bool start_object(std::size_t) final { return enter() && on_start_object(); }
  bool end_object() final {
    --depth_;
    return on_end_object();
  }
  bool start_array(std::size_t) final { return enter() && on_start_array(); }
  bool end_array() final {
    --depth_;
    return on_end_array();
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) final {
    // 406: a number beyond double
    return stop(std::string(error.id == 406 ? "expected numbers within double's range, found one beyond at byte "
                                            : "expected JSON, found a mistake at byte ") +
                std::to_string(position));
  }

 protected:
  bool stop(std::string words) {
    if (problem.empty()) problem = std::move(words);
    return false;
  }
  int depth() const { return depth_; }

 private:
  virtual bool on_start_object() = 0;
  virtual bool on_end_object() = 0;
  virtual bool on_start_array() = 0;
  virtual bool on_end_array() = 0;

  bool enter() {
    if (++depth_ > kMaxDepth) return stop("expected at most " + std::to_string(kMaxDepth) + " levels, found more");
    return true;
  }

  int depth_ = 0;
};

// False when the text is no JSON or a handler stopped; events.problem says why. Throws nothing but bad_alloc.
inline bool read_json(std::string_view text, JsonEvents& events) {
  if (const std::size_t nul = text.find('\0'); nul != text.npos) {  // nlohmann takes it for the end
    events.problem = "expected JSON, found a mistake at byte " + std::to_string(nul + 1);
    return false;
  }
  return nlohmann::json::sax_parse(text.begin(), text.end(), &events) && events.problem.empty();
}

}  // namespace pio
