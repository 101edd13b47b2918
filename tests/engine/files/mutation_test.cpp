#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "engine/files/mapped_file.h"
#include "engine/files/model_file.h"
#include "tests/engine/files/counted_memory.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/safetensors_writer.h"

// Sound files, damaged at random: whatever the reader says of them, it must say it within bounds of time and memory, and what it accepts must
// lie within the file. (Bytes beyond are seen by the sanitizer: each file is a heap block of its own size.)

namespace pio {
namespace {

using File = std::vector<std::byte>;

// Numbers that sit at the edges of types and sums.
constexpr std::uint64_t kEdges[] = {0,
                                    1,
                                    7,
                                    31,
                                    32,
                                    255,
                                    65535,
                                    65536,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    0x100000000,
                                    0x3fffffffffffffff,
                                    0x4000000000000000,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    0xfffffffffffffff8,
                                    0xffffffffffffffe0,
                                    0xffffffffffffffff};

void damage(File& file, std::mt19937_64& random) {
  const int n_changes = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < n_changes && !file.empty(); ++i) {
    const std::size_t at = random() % file.size();
    switch (random() % 6) {
      case 0: file[at] = static_cast<std::byte>(random()); break;
      case 1: file[at] ^= static_cast<std::byte>(1u << (random() % 8)); break;
      case 2: {  // a number at the edge
        const std::uint64_t edge = kEdges[random() % std::size(kEdges)];
        const std::size_t n = std::min<std::size_t>(random() % 2 ? 8 : 4, file.size() - at);
        std::memcpy(file.data() + at, &edge, n);
        break;
      }
      case 3: file.resize(at); break;
      case 4: {  // a stretch doubled
        const std::size_t n = std::min<std::size_t>(1 + random() % 40, file.size() - at);
        const File stretch(file.begin() + at, file.begin() + at + n);
        file.insert(file.begin() + at, stretch.begin(), stretch.end());
        break;
      }
      case 5: file.erase(file.begin() + at, file.begin() + at + std::min<std::size_t>(1 + random() % 40, file.size() - at)); break;
    }
  }
}

void damage_many(const File& sound, int n_rounds, const std::function<bool(const File&)>& read) {
  std::mt19937_64 random(20261121);
  int n_accepted = 0;
  for (int i = 0; i < n_rounds; ++i) {
    File file = sound;
    damage(file, random);
    file.shrink_to_fit();
    const CountedMemory memory;
    n_accepted += read(file);
    ASSERT_LE(memory.peak_bytes(), 12 * file.size() + 32768) << "round " << i;
  }
  // Some damage hits data or text only, most does not: both ways were walked.
  EXPECT_GT(n_accepted, n_rounds / 100);
  EXPECT_LT(n_accepted, n_rounds);
}

bool read_gguf(const File& file) {
  const auto parsed = parse_gguf(file, "damaged.gguf");
  if (!parsed) {
    EXPECT_FALSE(parsed.error().message.empty());
    return false;
  }
  for (std::size_t i = 0; i < (*parsed)->tensors().size(); ++i) {
    const auto data = (*parsed)->data(i);
    EXPECT_EQ(data.size(), (*parsed)->tensors()[i].n_bytes);
    EXPECT_TRUE(data.data() >= file.data() && data.data() + data.size() <= file.data() + file.size());
  }
  return true;
}

TEST(Mutations, DamagedGgufsAreReadOrRefused) {
  GgufWriter writer("test");
  writer.key("a.number", std::uint32_t{7}).array("a.list", std::vector<std::string>{"x", "yy", "zzz"}).key("a.float", 0.5f).key("yes", true);
  writer.array("numbers", std::vector<std::uint16_t>{1, 2, 3}).key("general.alignment", std::uint32_t{32});
  writer.tensor_f32("first", {4, 2}, std::vector<float>(8, 1)).tensor_f32("second", {8}, std::vector<float>(8, 2));
  writer.tensor({.name = "third", .extents = {32, 2}, .type = 2, .data = File(36), .offset = {}, .n_dims = {}});
  damage_many(writer.bytes(), 20000, read_gguf);
}

TEST(Mutations, DamagedRealGgufsAreReadOrRefused) {
  const auto file = MappedFile::open(std::string(PIO_TEST_DATA) + "/files/tokenizer-only.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const auto bytes = file->read_front(file->n_bytes());
  ASSERT_TRUE(bytes) << bytes.error().message;
  damage_many(*bytes, 5000, read_gguf);
}

TEST(Mutations, DamagedSafetensorsAreReadOrRefused) {
  const File sound = safetensors_file(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},)"
                                      R"("v":{"dtype":"F32","shape":[5],"data_offsets":[12,32]}})",
                                      32);
  damage_many(sound, 20000, [](const File& file) {
    const auto parsed = parse_safetensors(file, "damaged.safetensors");
    if (!parsed) return false;
    for (const SafetensorsEntry& entry : *parsed) EXPECT_LE(entry.offset + entry.info.n_bytes, file.size());
    return true;
  });
}

}  // namespace
}  // namespace pio
