#include "kernels/vulkan/pipeline_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_folder.h"

namespace pio::vulkan {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

TEST(PipelineFile, GivesBackWhatWasWrittenLast) {
  const TempFolder folder;
  const std::string path = (folder.path() / "below" / "card.pipelines").string();
  EXPECT_TRUE(read_pipelines(path).empty());
  for (const std::string text : {"compiled", "compiled again, and more of it"}) {
    write_pipelines(path, bytes_of(text));
    EXPECT_EQ(read_pipelines(path), bytes_of(text));
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(fs::path(path).parent_path()), fs::directory_iterator()), 1) << "nothing is left beside it";
}

TEST(PipelineFile, IgnoresADamagedOne) {
  const TempFolder folder;
  const std::string path = (folder.path() / "card.pipelines").string();
  write_pipelines(path, bytes_of("compiled"));
  std::ifstream in(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  const auto put = [&](const std::string& text) { std::ofstream(path, std::ios::binary | std::ios::trunc) << text; };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    put(damaged);
    EXPECT_TRUE(read_pipelines(path).empty()) << "byte " << i;
    put(whole.substr(0, i));
    EXPECT_TRUE(read_pipelines(path).empty()) << i << " bytes of it";
  }
  put(whole + "more");
  EXPECT_TRUE(read_pipelines(path).empty());
  put(whole);
  EXPECT_EQ(read_pipelines(path), bytes_of("compiled"));
}

TEST(PipelineFile, LiesInTheCacheFolderIfThereIsOne) {
  const char* const before = std::getenv("XDG_CACHE_HOME");
  const std::string kept = before ? before : "";
  setenv("XDG_CACHE_HOME", "/somewhere", 1);
  EXPECT_EQ(pipeline_file("card"), "/somewhere/inference-pio/vulkan/card.pipelines");
  if (before) setenv("XDG_CACHE_HOME", kept.c_str(), 1);
  else unsetenv("XDG_CACHE_HOME");
  EXPECT_TRUE(read_pipelines("").empty());
  write_pipelines("/dev/null/nowhere", bytes_of("compiled"));  // no error
  write_pipelines("", bytes_of("compiled"));
}

}  // namespace
}  // namespace pio::vulkan
