#include "engine/files/local_path.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "engine/files/words.h"

namespace pio {
namespace {

bool is_scheme(std::string_view text) {
  constexpr std::string_view kScheme = "file:";
  return text.size() > kScheme.size() && std::equal(kScheme.begin(), kScheme.end(), text.begin(), [](char a, char b) {
           return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
         });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

Result<std::string> local_path(std::string_view typed) {
  std::error_code ignored;
  const bool has_zero = typed.find('\0') != std::string_view::npos;
  if (!is_scheme(typed) || (!has_zero && std::filesystem::exists(typed, ignored))) return std::string(typed);
  const auto refuse = [&](const std::string& words) {
    return make_error(ErrorCode::bad_argument, shown(typed) + ": expected the address of a file on this machine, as file:///path, found " + words);
  };
  std::string_view rest = typed.substr(5);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const std::string_view host = rest.substr(0, rest.find('/'));
    if (!host.empty() && host != "localhost") return refuse("the host " + shown(host));
    rest.remove_prefix(host.size());
  }
  if (!rest.starts_with('/')) return refuse("no path from the root on");
  std::string path;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != '%') {
      path += rest[i];
      continue;
    }
    const int high = i + 2 < rest.size() ? hex_digit(rest[i + 1]) : -1, low = i + 2 < rest.size() ? hex_digit(rest[i + 2]) : -1;
    if (high < 0 || low < 0) return refuse("a % without two hexadecimal digits");
    path += static_cast<char>(high << 4 | low);
    i += 2;
  }
  if (path.find('\0') != std::string::npos) return refuse("a zero byte");
  return path;
}

}  // namespace pio
