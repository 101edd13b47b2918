// What is said of where weights lie and of the memory's speed, against what a test knows.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>

#include "engine/engine.h"
#include "engine/process_counters.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

// A file, mapped while this lives.
class Mapping {
 public:
  Mapping(const fs::path& path, int access, std::size_t offset = 0) : n_bytes_(fs::file_size(path) - offset) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    at_ = ::mmap(nullptr, n_bytes_, access, MAP_PRIVATE, file, static_cast<off_t>(offset));
    ::close(file);
    EXPECT_NE(at_, MAP_FAILED);
  }
  ~Mapping() { ::munmap(at_, n_bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

 private:
  std::size_t n_bytes_;
  void* at_;
};

TEST(MappedBytes, AreThoseOfTheFilesThatCanBeReadOrWritten) {
  TempFolder folder;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t n_bytes = 3 * page + 100;
  const fs::path files[] = {folder.write("a file", std::string(n_bytes, 'x')), folder.write("b", std::string(50, 'x'))};
  const fs::path link = folder.path() / "link";
  fs::create_symlink(files[0], link);
  EXPECT_EQ(accessible_mapped_bytes(files), 0u);
  {
    const Mapping addresses(files[0], PROT_NONE);
    EXPECT_EQ(accessible_mapped_bytes(files), 0u);
    const Mapping read(files[0], PROT_READ);
    EXPECT_EQ(accessible_mapped_bytes(files), n_bytes);
    EXPECT_EQ(accessible_mapped_bytes({&files[1], 1}), 0u);
    EXPECT_EQ(accessible_mapped_bytes({&link, 1}), n_bytes);
    const Mapping written(files[1], PROT_WRITE), end(files[0], PROT_READ, 2 * page);
    EXPECT_EQ(accessible_mapped_bytes(files), n_bytes + 50 + page + 100);
  }
  EXPECT_EQ(accessible_mapped_bytes(files), 0u);
}

LoadRequest small_model() {
  LoadRequest request;
  request.path = test::model_data("llama-tiny").string();
  request.context_length = 64;
  request.n_threads = 2;
  return request;
}

TEST(LoadedLayout, SaysThatTheFileIsMapped) {
  const LoadRequest request = small_model();
  const fs::path file = fs::path(request.path) / "model.safetensors";
  const auto mapped_bytes = [&] {
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(request, {}, {});
    EXPECT_TRUE(status) << status.error().message;
    return engine->loaded()->layout.mapped_bytes;
  };
  EXPECT_EQ(mapped_bytes(), 0u);
  const Mapping mapping(file, PROT_READ);
  EXPECT_EQ(mapped_bytes(), fs::file_size(file));
}

TEST(Probe, ReadsThePlacedWeightsBeforeAndAfterEachHalf) {
  const std::unique_ptr<Engine> engine = create_engine();
  ASSERT_TRUE(engine->load(small_model(), {}, {}));
  const Result<BenchResult> result = engine->bench({.n_prompt = 8, .n_decode = 4, .n_repetitions = 3, .drafts = {}}, {});
  ASSERT_TRUE(result) << result.error().message;
  for (const auto& reads : {result->prefill_reads, result->decode_reads}) {
    ASSERT_EQ(reads.size(), 3u);
    for (const BenchResult::ReadRates& rates : reads) {
      EXPECT_GT(rates.before, 0);
      EXPECT_GT(rates.after, 0);
    }
  }
}

}  // namespace
}  // namespace pio
