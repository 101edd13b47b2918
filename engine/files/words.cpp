#include "engine/files/words.h"

#include <algorithm>
#include <cstdio>

namespace pio {
namespace {

constexpr std::size_t kLongestShown = 80;

}  // namespace

std::string shown(std::string_view name) {
  std::string text;
  for (const char c : name.substr(0, kLongestShown)) text += c >= 0x20 && c <= 0x7e ? c : '?';
  if (name.size() > kLongestShown) text += "...";
  return text;
}

std::string what_it_looks_like(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 64));
  if (text.empty()) return "an empty file";
  if (text.starts_with("version https://git-lfs")) return "a Git LFS pointer instead of the file itself";
  if (text.starts_with("<!DOCTYPE") || text.starts_with("<!doctype") || text.starts_with("<html")) return "a web page";
  if (text.starts_with("PK\x03\x04")) return "a zip archive (a PyTorch checkpoint is one)";
  if (text.starts_with("GGUF")) return "a GGUF file";
  for (const std::string_view magic : {"lmgg", "fmgg", "tjgg", "algg"})
    if (text.starts_with(magic)) return "a GGML file of before August 2023";
  std::string hex = "the bytes";
  for (const char c : text.substr(0, 4)) {
    char digits[4];
    std::snprintf(digits, sizeof digits, " %02x", static_cast<unsigned char>(c));
    hex += digits;
  }
  return hex;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

Error bad_file(std::string_view label, const std::string& words) { return make_error(ErrorCode::bad_file, std::string(label) + ": " + words); }

Error unsupported(std::string_view label, const std::string& words) {
  return make_error(ErrorCode::unsupported_model, std::string(label) + ": " + words);
}

}  // namespace pio
