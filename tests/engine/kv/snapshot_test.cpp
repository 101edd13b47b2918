#include "engine/kv/snapshot.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <thread>

#include "engine/kv/snapshot_store.h"
#include "engine/files/xxh64.h"
#include "kernels/backend.h"
#include "tests/support/temp_folder.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

using Stretch = SnapshotStore::Stretch;

constexpr std::uint64_t kPieceBytes = 320;
const std::string kModel = "tiny\nf16\nfile 1\n";

std::uint64_t hash(std::string_view text) { return xxh64(std::as_bytes(std::span(text.data(), text.size()))); }

std::vector<int> ids(int first, int n) {
  std::vector<int> out(n);
  std::iota(out.begin(), out.end(), first);
  return out;
}

std::vector<int> joined(std::vector<int> a, const std::vector<int>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Made of the tokens up to the piece's end, as keys and values are.
SnapshotStore::Pieces pieces_of(std::span<const int> ids, const Stretch& stretch) {
  const std::int64_t n = (stretch.n + kKvBlockLength - 1) / kKvBlockLength;
  SnapshotStore::Pieces pieces(static_cast<std::size_t>(n) * kPieceBytes);
  for (std::int64_t j = 0; j < n; ++j) {
    const std::int64_t end = std::min(stretch.first + (j + 1) * kKvBlockLength, stretch.first + stretch.n);
    std::mt19937_64 random(xxh64(std::as_bytes(ids.first(static_cast<std::size_t>(end)))));
    for (std::size_t i = 0; i < kPieceBytes; ++i) pieces[static_cast<std::size_t>(j) * kPieceBytes + i] = static_cast<std::byte>(random());
  }
  return pieces;
}

void save(SnapshotStore& store, std::span<const int> ids, SnapshotTier tier = SnapshotTier::disk, const std::string& model = kModel,
          std::uint64_t conversation = 0) {
  for (const Stretch& stretch : store.missing(model, kPieceBytes, ids, true, tier))
    store.put(model, kPieceBytes, ids, stretch, pieces_of(ids, stretch), tier, conversation);
}

// How many tokens of a prompt are there; those of whole pieces have the numbers that they were saved with.
std::int64_t found(SnapshotStore& store, std::span<const int> ids, SnapshotTier from, const std::string& model = kModel) {
  std::int64_t n_found = 0;
  for (const SnapshotStore::Part& part : store.find(model, kPieceBytes, ids)) {
    const std::int64_t n = (part.n + kKvBlockLength - 1) / kKvBlockLength;
    const Result<SnapshotStore::Read> read = store.read(part, 0, n);
    if (!read) return n_found;
    EXPECT_EQ(read->from, from);
    const std::int64_t n_whole = part.n / kKvBlockLength;
    const SnapshotStore::Pieces wanted = pieces_of(ids, {part.first, n_whole * kKvBlockLength, part.parent});
    EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), read->bytes->begin() + static_cast<std::ptrdiff_t>(read->offset))) << "other numbers";
    n_found += part.n;
  }
  return n_found;
}

std::unique_ptr<SnapshotStore> open(const fs::path& folder, std::uint64_t disk_bytes = 1 << 30, std::uint64_t ram_bytes = 1 << 30) {
  Result<std::unique_ptr<SnapshotStore>> store = SnapshotStore::open({.folder = folder, .ram_bytes = ram_bytes, .disk_bytes = disk_bytes});
  EXPECT_TRUE(store) << store.error().message;
  return std::move(*store);
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".kv") files.push_back(entry.path());
  return files;
}

void flip(const fs::path& path, std::uint64_t at) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get() ^ 4);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

TEST(Xxh64, IsThePublishedFunction) {
  EXPECT_EQ(hash(""), 0xEF46DB3751D8E999u);
  EXPECT_EQ(hash("abc"), 0x44BC2CF5AD770999u);
  EXPECT_EQ(hash("Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1u);
}

TEST(SnapshotHeader, IsReadAsItWasWrittenAndInNoOtherWay) {
  SnapshotHeader header{.model = kModel, .n_before = 0, .parent = first_snapshot_key(kModel), .ids = joined(ids(0, 40), {-5}), .piece_bytes = 64};
  header.key = snapshot_key(header.parent, header.ids);
  header.checksums = {7, 8};
  const std::vector<std::byte> bytes = write_snapshot_header(header);
  const Result<SnapshotHeader> read = parse_snapshot_header(bytes, "it");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->model, header.model);
  EXPECT_EQ(read->ids, header.ids);
  EXPECT_EQ(read->checksums, header.checksums);
  EXPECT_EQ(read->n_bytes(), bytes.size() + 2 * 64);
  for (std::size_t n = 0; n < bytes.size(); n += 7) EXPECT_FALSE(parse_snapshot_header(std::span(bytes).first(n), "it"));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::vector<std::byte> damaged = bytes;
    damaged[at] ^= std::byte{1} << (at % 8);
    EXPECT_FALSE(parse_snapshot_header(damaged, "it")) << "byte " << at;
  }
}

TEST(SnapshotStore, AnotherProcessFindsWhatIsWhole) {
  const TempFolder folder;
  const std::vector<int> conversation = ids(0, 1200);
  {
    const auto store = open(folder.path() / "kept");
    save(*store, conversation);
    EXPECT_EQ(found(*store, conversation, SnapshotTier::ram), 1200) << "what waits is there too";
  }
  const auto store = open(folder.path() / "kept");
  EXPECT_EQ(files_in(folder.path() / "kept").size(), 3u);
  for (const fs::path& file : files_in(folder.path() / "kept"))
    EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write) << file;
  EXPECT_EQ(found(*store, conversation, SnapshotTier::disk), 1200);
  EXPECT_EQ(found(*store, joined(ids(0, 700), {9, 9}), SnapshotTier::disk), 700);
  EXPECT_EQ(found(*store, ids(1, 700), SnapshotTier::disk), 0);
  EXPECT_EQ(found(*store, conversation, SnapshotTier::disk, "tiny\nq8_0\nfile 1\n"), 0) << "another model's";
  EXPECT_TRUE(store->find(kModel, kPieceBytes * 2, conversation).empty()) << "another layout's";
}

TEST(SnapshotStore, AConversationThatGoesOnReplacesItsEndAndSharesItsBeginning) {
  const TempFolder folder;
  const auto store = open(folder.path());
  save(*store, ids(0, 600));
  save(*store, ids(0, 700));
  save(*store, joined(ids(0, 650), ids(5000, 10)));
  store->flush();
  EXPECT_EQ(files_in(folder.path()).size(), 3u) << "the common 512, and two ends";
  EXPECT_TRUE(store->missing(kModel, kPieceBytes, ids(0, 650), true, SnapshotTier::disk).empty()) << "it is in the longer one";
  EXPECT_EQ(found(*store, ids(0, 900), SnapshotTier::disk), 700);
  EXPECT_EQ(found(*store, joined(ids(0, 650), ids(5000, 20)), SnapshotTier::disk), 660);
}

TEST(SnapshotStore, DamageIsNeverBelievedAndMendedByTheNextSave) {
  const std::vector<int> conversation = ids(0, 600);
  std::mt19937 random(1);
  for (int turn = 0; turn < 40; ++turn) {
    const TempFolder folder;
    save(*open(folder.path()), conversation);
    for (const fs::path& file : files_in(folder.path())) {
      const std::uint64_t size = fs::file_size(file);
      if (turn % 4 == 0) fs::resize_file(file, random() % size);
      else if (turn % 4 == 1) fs::resize_file(file, size + 1);
      else flip(file, random() % size);
    }
    const auto store = open(folder.path());
    EXPECT_EQ(found(*store, conversation, SnapshotTier::disk), 0);
    for (int again = 0; again < 2; ++again) {  // damage in the second file shows when the first one is whole
      save(*store, conversation);
      store->flush();
      if (again == 0) found(*store, conversation, SnapshotTier::disk);
    }
    EXPECT_EQ(found(*store, conversation, SnapshotTier::disk), 600) << turn;
    const auto listed = list_snapshots(folder.path());
    ASSERT_TRUE(listed);
    for (const SnapshotListing& snapshot : *listed) EXPECT_EQ(snapshot.why_not, "");
  }
}

// Sound in every byte, but of a program that is newer than this one.
void make_newer(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  std::uint32_t header_bytes = 0;
  std::memcpy(&header_bytes, text.data() + 12, sizeof header_bytes);
  const std::uint32_t version = 2;
  std::memcpy(text.data() + 8, &version, sizeof version);
  const std::uint64_t checksum = hash(std::string_view(text).substr(0, header_bytes - 8));
  std::memcpy(text.data() + header_bytes - 8, &checksum, sizeof checksum);
  std::ofstream(path, std::ios::binary) << text;
}

TEST(SnapshotStore, AnotherVersionOfTheFormatIsLeftAlone) {
  const TempFolder folder;
  save(*open(folder.path()), ids(0, 600));
  const std::vector<fs::path> files = files_in(folder.path());
  ASSERT_EQ(files.size(), 2u);
  for (const fs::path& file : files) make_newer(file);
  const auto store = open(folder.path());
  EXPECT_EQ(found(*store, ids(0, 600), SnapshotTier::disk), 0);
  save(*store, ids(1000, 600));
  store->flush();
  EXPECT_EQ(found(*store, ids(1000, 600), SnapshotTier::disk), 600);
  for (const fs::path& file : files) EXPECT_TRUE(fs::exists(file));
  const auto listed = list_snapshots(folder.path());
  ASSERT_TRUE(listed);
  EXPECT_EQ(std::ranges::count_if(*listed, [](const SnapshotListing& one) { return one.why_not.find("version 1") != std::string::npos; }), 2);
}

TEST(SnapshotStore, ListsWhatIsThereAndWhatIsDamaged) {
  const TempFolder folder;
  save(*open(folder.path()), ids(0, 600));
  folder.write("0000000000000001-0.kv", "something else");
  folder.write("notes.txt", "not ours");
  std::vector<fs::path> files = files_in(folder.path());
  for (const fs::path& file : files)
    if (file.filename().string().ends_with("-512.kv")) flip(file, fs::file_size(file) - 1);
  const auto listed = list_snapshots(folder.path());
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 3u);
  int n_valid = 0;
  for (const SnapshotListing& snapshot : *listed) {
    n_valid += snapshot.why_not.empty();
    if (!snapshot.why_not.empty()) continue;
    EXPECT_EQ(snapshot.model, "tiny");
    EXPECT_EQ(snapshot.kv, "f16");
    EXPECT_EQ(snapshot.tokens, 512);
  }
  EXPECT_EQ(n_valid, 1);
  EXPECT_FALSE(list_snapshots(folder.path() / "nowhere"));
}

TEST(SnapshotStore, TheFolderStaysWithinItsLimitAndKeepsTheLastUsed) {
  const TempFolder folder;
  const auto store = open(folder.path(), 70'000);
  const std::vector<int> used = ids(90000, 300);
  save(*store, used);
  for (int i = 0; i < 30; ++i) {
    save(*store, ids(1000 * i, 600));
    store->flush();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // of file times
    EXPECT_EQ(found(*store, used, SnapshotTier::disk), 300) << i;
    std::uint64_t n_bytes = 0;
    for (const fs::path& file : files_in(folder.path())) n_bytes += fs::file_size(file);
    EXPECT_LE(n_bytes, 70'000u);
    EXPECT_EQ(found(*store, ids(1000 * i, 600), SnapshotTier::disk), 600);
  }
  const std::vector<std::byte> other(1000);
  folder.write("foreign.bin", "stays");
  save(*store, ids(777000, 600));
  store->flush();
  EXPECT_TRUE(fs::exists(folder.path() / "foreign.bin"));
}

TEST(SnapshotStore, MemoryStaysWithinItsLimitAndForgetsLaterStretchesFirst) {
  auto opened = SnapshotStore::open({.ram_bytes = 20 * kPieceBytes});
  ASSERT_TRUE(opened);
  SnapshotStore& store = **opened;
  save(store, ids(0, 600), SnapshotTier::ram);
  EXPECT_EQ(found(store, ids(0, 600), SnapshotTier::ram), 600);
  save(store, ids(1000, 100), SnapshotTier::ram);
  EXPECT_LE(store.ram_bytes(), 20 * kPieceBytes);
  EXPECT_EQ(found(store, ids(1000, 100), SnapshotTier::ram), 100);
  EXPECT_EQ(found(store, ids(0, 600), SnapshotTier::ram), 512) << "its end went";
  store.forget_ram();
  EXPECT_EQ(store.ram_bytes(), 0u);
  EXPECT_EQ(found(store, ids(0, 600), SnapshotTier::ram), 0);
}

TEST(SnapshotStore, WhatMemoryForgetsGoesToTheFolder) {
  const TempFolder folder;
  const auto store = open(folder.path(), 1 << 30, 20 * kPieceBytes);
  save(*store, ids(0, 600), SnapshotTier::ram);
  store->forget_ram();
  store->flush();
  EXPECT_EQ(found(*store, ids(0, 600), SnapshotTier::disk), 600);
}

TEST(SnapshotStore, AForgottenConversationIsNowhereAndOthersStay) {
  const TempFolder folder;
  const std::string other_model = "other\nf16\n";
  const std::uint64_t one = conversation_key("one"), two = conversation_key("two");
  const std::vector<int> common = ids(0, 512), of_one = joined(common, ids(7000, 100)), of_two = joined(common, ids(8000, 100));
  {
    const auto store = open(folder.path());
    save(*store, of_two, SnapshotTier::disk, kModel, two);
    save(*store, of_one, SnapshotTier::disk, kModel, one);
    save(*store, of_one, SnapshotTier::disk, other_model, one);
    store->flush();
    EXPECT_EQ(files_in(folder.path()).size(), 5u);
  }
  const auto store = open(folder.path());
  save(*store, ids(3000, 300), SnapshotTier::ram, kModel, one);
  save(*store, ids(4000, 300), SnapshotTier::ram, kModel, two);
  save(*store, ids(5000, 600), SnapshotTier::disk, kModel, one);  // still waiting, or being written
  store->forget(one);
  EXPECT_EQ(files_in(folder.path()).size(), 2u) << "of the other one, with the words that both begin with";
  EXPECT_EQ(found(*store, of_one, SnapshotTier::disk), 512);
  EXPECT_EQ(found(*store, of_two, SnapshotTier::disk), 612);
  EXPECT_EQ(found(*store, of_one, SnapshotTier::disk, other_model), 0);
  EXPECT_EQ(found(*store, ids(3000, 300), SnapshotTier::ram), 0);
  EXPECT_EQ(found(*store, ids(4000, 300), SnapshotTier::ram), 300);
  EXPECT_EQ(store->ram_bytes(), 10 * kPieceBytes);
}

TEST(SnapshotStore, AKillAtAnyMomentLeavesWholeFiles) {
  const TempFolder folder;
  std::mt19937 random(2);
  for (int turn = 0; turn < 15; ++turn) {
    const pid_t child = fork();
    if (child == 0) {
      const auto store = open(folder.path(), 400'000);
      for (int i = 0;; ++i) save(*store, ids(1000 * ((turn * 37 + i) % 50), 900));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 40));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    const auto listed = list_snapshots(folder.path());
    ASSERT_TRUE(listed);
    for (const SnapshotListing& snapshot : *listed) EXPECT_EQ(snapshot.why_not, "") << snapshot.file;
  }
  const auto store = open(folder.path(), 400'000);
  save(*store, ids(0, 900));
  store->flush();
  EXPECT_EQ(found(*store, ids(0, 900), SnapshotTier::disk), 900);
}

// Where files without names cannot be, a killed process leaves a part; one that is being written is another process's.
TEST(SnapshotStore, PartsOfKilledProcessesGoAndOthersStay) {
  const TempFolder folder;
  const fs::path left = folder.write(".pio-part-1-0", "half a file"), fresh = folder.write(".pio-part-1-1", "half a file"),
                 foreign = folder.write("notes.txt", "not ours");
  for (const fs::path& path : {left, foreign}) {
    const timespec day_ago{.tv_sec = ::time(nullptr) - 86400, .tv_nsec = 0}, both[] = {day_ago, day_ago};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), both, 0), 0);
  }
  open(folder.path());
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(fresh));
  EXPECT_TRUE(fs::exists(foreign));
}

TEST(SnapshotStore, TwoProcessesOnOneFolderDoNotDisturbEachOther) {
  const TempFolder folder;
  const auto work = [&](int seed) {
    const auto store = open(folder.path(), 300'000);
    for (int i = 0; i < 60; ++i) {
      const std::vector<int> conversation = ids(1000 * ((seed + i) % 20), 300 + 10 * (i % 40));
      save(*store, conversation);
      store->flush();
      EXPECT_LE(found(*store, conversation, SnapshotTier::disk), std::ssize(conversation));  // the other one may have removed it
    }
  };
  const pid_t other = fork();
  ASSERT_GE(other, 0);
  if (other == 0) {
    work(7);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  work(0);
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the other process";
  const auto listed = list_snapshots(folder.path());
  ASSERT_TRUE(listed);
  for (const SnapshotListing& snapshot : *listed) EXPECT_EQ(snapshot.why_not, "") << snapshot.file;
}

TEST(SnapshotStore, NoRoomOnTheDiskLosesTheSnapshotAlone) {
  const TempFolder folder;
  const auto store = open(folder.path());
  save(*store, ids(0, 40));
  store->flush();
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{5000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  save(*store, ids(1000, 600));
  store->flush();
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(found(*store, ids(1000, 600), SnapshotTier::disk), 0);
  EXPECT_EQ(found(*store, ids(0, 40), SnapshotTier::disk), 40);
  EXPECT_EQ(files_in(folder.path()).size(), 1u);
  save(*store, ids(1000, 600));
  store->flush();
  EXPECT_EQ(found(*store, ids(1000, 600), SnapshotTier::disk), 600);
}

TEST(SnapshotStore, AFolderThatCannotBeIsAnError) {
  const TempFolder folder;
  folder.write("file", "in the way");
  const auto store = SnapshotStore::open({.folder = folder.path() / "file"});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace pio
