#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "engine/tokenizer/tokenizer.h"

// The expected ids, pieces and texts were made by the published implementation: Hugging Face tokenizers 0.23.3. Those of the small
// tokenizers are in tests/data/tokenizer; the two of full size are read from the folder that PIO_SHARED names.

namespace pio::fixtures {

inline const std::filesystem::path kData = std::filesystem::path(PIO_TEST_DATA) / "tokenizer";

inline std::filesystem::path shared() {
  const char* named = std::getenv("PIO_SHARED");
  return named ? std::filesystem::path(named) : std::filesystem::path(PIO_SOURCE) / "../shared";
}

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline nlohmann::json read_json(const std::filesystem::path& path) { return nlohmann::json::parse(read(path)); }

inline std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

inline std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const unsigned char byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

// One tokenizer with its expectations, wherever they lie.
struct Family {
  std::string name;
  std::filesystem::path tokenizer, corpus, expected, decode;
};

inline Family family(const std::string& name) {
  if (name != "qwen3" && name != "smollm2") {
    return {name, kData / name / "tokenizer.json", kData / "corpus.json", kData / "expected" / (name + ".json"), kData / "decode" / (name + ".json")};
  }
  const std::filesystem::path folder = shared() / "fixtures" / "tokenizer";
  return {name, name == "qwen3" ? shared() / "tokenizers/qwen3/tokenizer.json" : folder / "smollm2/tokenizer.json", folder / "corpus.json",
          folder / "expected" / (name + ".json"), folder / "decode" / (name + ".json")};
}

inline std::unique_ptr<Tokenizer> load(const std::filesystem::path& path) {
  Result<std::unique_ptr<Tokenizer>> tokenizer = load_tokenizer_json(read(path), path.filename().string());
  EXPECT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

}  // namespace pio::fixtures
