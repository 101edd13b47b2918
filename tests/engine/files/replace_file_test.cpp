// What stands under a name before, during and after a file is written there, whatever goes wrong.

#include "engine/files/replace_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/support/temp_folder.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t n_entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode;
}

// Both ways to hold the part: without a name, and with one where the file system needs it.
class ReplaceFileTest : public testing::TestWithParam<ReplaceFile::Part> {
 protected:
  Result<ReplaceFile> open(const fs::path& path) { return ReplaceFile::open(path, GetParam()); }
  // Opened, written, committed.
  Result<std::uint64_t> replace(const fs::path& path, std::string_view text) {
    ASSIGN_OR_RETURN(ReplaceFile file, open(path));
    RETURN_IF_ERROR(file.write(text));
    return file.commit();
  }
  TempFolder folder_;
};

TEST_P(ReplaceFileTest, TheOldFileStaysUntilTheNewOneIsWhole) {
  const fs::path path = folder_.write("a", "before");
  {
    auto file = open(path);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(file->write("aft"));
    EXPECT_EQ(slurp(path), "before");
    ASSERT_TRUE(file->write("er"));
    EXPECT_EQ(file->n_written(), 5u);
    const auto written = file->commit();
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(*written, 5u);
  }
  EXPECT_EQ(slurp(path), "after");
  EXPECT_EQ(n_entries(folder_.path()), 1u);
}

TEST_P(ReplaceFileTest, AWriterThatIsGivenUpLeavesNothing) {
  const fs::path path = folder_.write("a", "before");
  for (const fs::path& target : {path, folder_.path() / "new"}) {
    auto file = open(target);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(file->write("after"));
  }
  EXPECT_EQ(slurp(path), "before");
  EXPECT_EQ(n_entries(folder_.path()), 1u);
}

TEST_P(ReplaceFileTest, PermissionsAreKeptAndThoseOfANewFileAreTheProcesss) {
  const fs::path path = folder_.write("a", "before");
  for (const mode_t mode : {0600, 0640, 0755, 0666}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    ASSERT_TRUE(replace(path, "after"));
    EXPECT_EQ(mode_of(path) & 07777, mode);
  }
  const mode_t mask = ::umask(027);
  const auto written = replace(folder_.path() / "new", "x");
  ::umask(mask);
  ASSERT_TRUE(written);
  EXPECT_EQ(mode_of(folder_.path() / "new") & 07777, 0640u);
}

TEST_P(ReplaceFileTest, LinksStayAndLeadToTheNewFile) {
  const fs::path path = folder_.write("a", "before");
  fs::create_directory(folder_.path() / "d");
  fs::create_symlink("../a", folder_.path() / "d" / "link");
  fs::create_symlink("d/link", folder_.path() / "far");
  fs::create_symlink("nowhere", folder_.path() / "dangling");
  ASSERT_TRUE(replace(folder_.path() / "far", "after"));
  EXPECT_TRUE(fs::is_symlink(folder_.path() / "far"));
  EXPECT_TRUE(fs::is_symlink(folder_.path() / "d" / "link"));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(path)));
  EXPECT_EQ(slurp(path), "after");
  ASSERT_TRUE(replace(folder_.path() / "dangling", "x"));
  EXPECT_EQ(slurp(folder_.path() / "nowhere"), "x");

  fs::create_symlink("circle", folder_.path() / "circle");
  const auto circle = open(folder_.path() / "circle");
  ASSERT_FALSE(circle);
  EXPECT_EQ(circle.error().code, ErrorCode::io);
}

TEST_P(ReplaceFileTest, AFolderIsRefusedAndStays) {
  fs::create_directory(folder_.path() / "empty");
  fs::create_symlink("empty", folder_.path() / "link");
  for (const fs::path& path : {folder_.path() / "empty", folder_.path() / "link", folder_.path() / "empty/", folder_.path() / "new/"}) {
    const auto file = open(path);
    ASSERT_FALSE(file) << path;
    EXPECT_EQ(file.error().code, ErrorCode::bad_argument) << file.error().message;
  }
  EXPECT_FALSE(open(""));
  EXPECT_EQ(open(folder_.path() / "none" / "a").error().code, ErrorCode::io);
  EXPECT_TRUE(fs::is_directory(folder_.path() / "empty"));
  EXPECT_EQ(n_entries(folder_.path()), 2u);
}

TEST_P(ReplaceFileTest, ANameAsLongAsNamesCanBeIsWritten) {
  ASSERT_TRUE(replace(folder_.path() / std::string(255, 'n'), "x"));
  EXPECT_EQ(slurp(folder_.path() / std::string(255, 'n')), "x");
}

TEST_P(ReplaceFileTest, AReadOnlyFileIsNotReplaced) {
  if (::geteuid() == 0) GTEST_SKIP() << "the administrator may write every file";
  const fs::path path = folder_.write("a", "before");
  ASSERT_EQ(::chmod(path.c_str(), 0444), 0);
  const auto file = open(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::io);
}

// A limit on the size of files is a disk that is full, with a signal besides, which must not end the process.
TEST_P(ReplaceFileTest, AFullDiskLeavesTheOldFileAndNoPart) {
  const fs::path path = folder_.write("a", "before");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  bool commits = true;
  {
    auto file = open(path);
    const bool starts = file && file->write(std::string(900, 'x'));
    const auto written = file ? file->write(std::string(900, 'x')) : Result<void>();
    if (starts && !written) message = written.error().message;
    commits = file && file->commit();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_NE(message.find("a: expected room for 800 more bytes after 1000"), std::string::npos) << message;
  EXPECT_FALSE(commits);
  EXPECT_EQ(slurp(path), "before");
  EXPECT_EQ(n_entries(folder_.path()), 1u);
}

TEST_P(ReplaceFileTest, ASmallDiskThatIsReallyFullLeavesTheOldFile) {
  const fs::path disk = folder_.path() / "disk";
  fs::create_directory(disk);
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "no small disk can be mounted here: " << std::strerror(errno);
  {
    std::ofstream(disk / "a") << "before";
    const auto written = replace(disk / "a", std::string(1 << 20, 'x'));
    EXPECT_FALSE(written);
    EXPECT_EQ(written ? ErrorCode::internal : written.error().code, ErrorCode::io);
    EXPECT_EQ(slurp(disk / "a"), "before");
    EXPECT_EQ(n_entries(disk), 1u);
    EXPECT_TRUE(replace(disk / "a", "after"));
  }
  ::umount(disk.c_str());
}

TEST_P(ReplaceFileTest, DevicesAndPipesAreWrittenAndStay) {
  ASSERT_TRUE(replace("/dev/null", "x"));
  EXPECT_TRUE(S_ISCHR(mode_of("/dev/null")));
  const auto full = replace("/dev/full", "x");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::io);
  EXPECT_NE(full.error().message.find("full: expected room for 1 more bytes after 0"), std::string::npos) << full.error().message;
  EXPECT_TRUE(S_ISCHR(mode_of("/dev/full")));

  const fs::path pipe = folder_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string came;
  std::jthread reader([&] { came = slurp(pipe); });
  const auto written = replace(pipe, "through a pipe");
  reader.join();
  EXPECT_TRUE(written);
  EXPECT_EQ(came, "through a pipe");
  EXPECT_TRUE(S_ISFIFO(mode_of(pipe)));
  EXPECT_EQ(n_entries(folder_.path()), 1u);
}

TEST_P(ReplaceFileTest, ADeviceNodeStaysEvenWhereTheAdministratorWrites) {
  const fs::path node = folder_.path() / "node";
  if (::mknod(node.c_str(), S_IFCHR | 0600, ::makedev(1, 7)) != 0)
    GTEST_SKIP() << "no device can be made here: " << std::strerror(errno);  // as /dev/full
  if (const int opened = ::open(node.c_str(), O_WRONLY | O_CLOEXEC); opened < 0) GTEST_SKIP() << "devices do not work in the temporary folder";
  else ::close(opened);
  EXPECT_FALSE(replace(node, "x"));
  EXPECT_TRUE(S_ISCHR(mode_of(node)));
  EXPECT_EQ(n_entries(folder_.path()), 1u);
}

TEST_P(ReplaceFileTest, APipeWithoutAReaderIsAnErrorAndNoSignal) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  const auto written = replace("/proc/self/fd/" + std::to_string(ends[1]), "x");
  ::close(ends[1]);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::io);
}

// /dev/stdout is what the shell made it: a file there goes on where it stands, it is not replaced.
TEST_P(ReplaceFileTest, StandardOutputGoesOnWhereItStands) {
  const fs::path path = folder_.write("out", "");
  const pid_t child = ::fork();
  if (child == 0) {
    const int file = ::open(path.c_str(), O_WRONLY | O_TRUNC);
    ::dup2(file, 1);
    bool fine = ::write(1, "one ", 4) == 4;
    auto written = ReplaceFile::open("/dev/stdout", GetParam());
    fine = fine && written && written->write("two ") && written->commit();
    fine = fine && ::write(1, "three", 5) == 5;
    ::_exit(fine ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(slurp(path), "one two three");
}

TEST(ReplaceFileKilled, AProcessThatIsKilledLeavesNothing) {
  const TempFolder folder;
  const fs::path path = folder.write("a", "before");
  const int probe = ::open(folder.path().c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (probe < 0) GTEST_SKIP() << "this file system has no files without names";
  ::close(probe);
  const pid_t child = ::fork();
  if (child == 0) {
    auto file = ReplaceFile::open(path);
    if (file) static_cast<void>(file->write("after"));
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(slurp(path), "before");
  EXPECT_EQ(n_entries(folder.path()), 1u);
}

INSTANTIATE_TEST_SUITE_P(All, ReplaceFileTest, testing::Values(ReplaceFile::Part::unnamed_where_possible, ReplaceFile::Part::named),
                         [](const auto& test) { return test.param == ReplaceFile::Part::named ? "Named" : "Unnamed"; });

}  // namespace
}  // namespace pio
