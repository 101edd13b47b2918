#include "engine/lora/lora_request.h"

#include <charconv>
#include <filesystem>

#include "engine/files/local_path.h"

namespace pio {
namespace {

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

Result<LoraRequest> lora_request_of(std::string_view typed) {
  // An address is decoded after the scale is cut off, so that a broken one is told of where it has a scale too.
  const Result<std::string> whole = local_path(typed);
  if (whole && exists(*whole)) return LoraRequest{*whole, 1};
  const std::size_t colon = typed.rfind(':');
  float scale = 1;
  if (colon != std::string_view::npos && colon > 0) {
    const char* const end = typed.data() + typed.size();
    const auto [next, status] = std::from_chars(typed.data() + colon + 1, end, scale);
    if (status == std::errc() && next == end) {
      ASSIGN_OR_RETURN(std::string path, local_path(typed.substr(0, colon)));
      return LoraRequest{std::move(path), scale};
    }
  }
  ASSIGN_OR_RETURN(std::string path, local_path(typed));
  return LoraRequest{std::move(path), 1};
}

}  // namespace pio
