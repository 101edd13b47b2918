// What a process may use of the machine. Trees made up here stand for containers of both versions; where the machine lets this test make
// a group, the test asks in a real one, too, and asks `pio plan` there.

#include "kernels/host.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>

#include "kernels/cgroup.h"
#include "kernels/memory_pressure.h"
#include "tests/support/control_group.h"
#include "tests/support/temp_folder.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;
const std::string kNoLimitV1 = "9223372036854771712\n";

class Cgroup : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    const fs::path full = root() + path;
    fs::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  void mount_v2(const std::string& group = "/", const std::string& point = "/sys/fs/cgroup") {
    mounts_ += "30 20 0:26 " + group + " " + point + " rw,nosuid,relatime shared:4 master:2 - cgroup2 cgroup rw,nsdelegate\n";
    write("/proc/self/mountinfo", mounts_);
  }
  void mount_v1(const std::string& controllers, const std::string& group = "/", const std::string& point = {}) {
    mounts_ += "31 20 0:27 " + group + " " + (point.empty() ? "/sys/fs/cgroup/" + controllers : point) + " rw,relatime - cgroup cgroup rw," +
               controllers + "\n";
    write("/proc/self/mountinfo", mounts_);
  }
  void memory_v2(const std::string& folder, const std::string& max, std::uint64_t used = 0, std::uint64_t inactive_file = 0) {
    write(folder + "/memory.max", max + "\n");
    write(folder + "/memory.high", "max\n");
    write(folder + "/memory.current", std::to_string(used) + "\n");
    write(folder + "/memory.stat", "anon 4096\nfile 8192\ninactive_file " + std::to_string(inactive_file) + "\nactive_file 77\n");
  }
  void memory_v1(const std::string& folder, const std::string& limit, std::uint64_t used = 0, std::uint64_t inactive_file = 0) {
    write(folder + "/memory.limit_in_bytes", limit + "\n");
    write(folder + "/memory.usage_in_bytes", std::to_string(used) + "\n");
    // the groups below count in the total only
    write(folder + "/memory.stat",
          "cache 8192\ninactive_file 0\nhierarchical_memory_limit " + kNoLimitV1 + "total_inactive_file " + std::to_string(inactive_file) + "\n");
    write(folder + "/memory.use_hierarchy", "1\n");
  }
  CgroupLimits limits() const { return cgroup_limits(root()); }
  std::string root() const { return folder_.path().string(); }

 private:
  TempFolder folder_;
  std::string mounts_ = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n21 20 0:5 / /proc rw - proc proc rw\n";
};

TEST_F(Cgroup, NothingThereIsNoLimit) {
  EXPECT_FALSE(limits().memory_bytes);
  EXPECT_FALSE(limits().free_memory_bytes);
  EXPECT_FALSE(limits().processors);
}

TEST_F(Cgroup, NumbersWithoutMeaningAreNoLimit) {
  write("/proc/self/cgroup", "0::/a\nnonsense\n\n:\n");
  mount_v2();
  write("/sys/fs/cgroup/a/memory.max", "");
  write("/sys/fs/cgroup/a/memory.high", "many\n");
  write("/sys/fs/cgroup/a/cpu.max", "100000 0\n");
  write("/proc/self/mountinfo", "short\n - cgroup2\n1 2 3 - cgroup2 x y\n30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  EXPECT_FALSE(limits().memory_bytes);
  EXPECT_FALSE(limits().processors);
}

TEST_F(Cgroup, Version2) {
  write("/proc/self/cgroup", "0::/user.slice/work\n");
  mount_v2();
  memory_v2("/sys/fs/cgroup/user.slice/work", std::to_string(512 * kMiB), 300 * kMiB, 100 * kMiB);
  memory_v2("/sys/fs/cgroup/user.slice", "max", 900 * kMiB);
  write("/sys/fs/cgroup/user.slice/work/cpu.max", "250000 100000\n");
  write("/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  EXPECT_EQ(limits().memory_bytes, 512 * kMiB);
  EXPECT_EQ(limits().free_memory_bytes, 312 * kMiB) << "what is used, less the inactive file pages";
  EXPECT_EQ(limits().processors, 3);
}

TEST_F(Cgroup, MemoryHighCountsLikeMax) {
  write("/proc/self/cgroup", "0::/a\n");
  mount_v2();
  memory_v2("/sys/fs/cgroup/a", "max", 100 * kMiB);
  write("/sys/fs/cgroup/a/memory.high", std::to_string(256 * kMiB) + "\n");
  EXPECT_EQ(limits().memory_bytes, 256 * kMiB);
  EXPECT_EQ(limits().free_memory_bytes, 156 * kMiB);
  memory_v2("/sys/fs/cgroup/a", std::to_string(128 * kMiB), 100 * kMiB);
  write("/sys/fs/cgroup/a/memory.high", std::to_string(256 * kMiB) + "\n");
  EXPECT_EQ(limits().memory_bytes, 128 * kMiB);
}

TEST_F(Cgroup, EveryAncestorCounts) {
  write("/proc/self/cgroup", "0::/a/b/c\n");
  mount_v2();
  memory_v2("/sys/fs/cgroup/a/b/c", std::to_string(800 * kMiB), 10 * kMiB);
  memory_v2("/sys/fs/cgroup/a/b", "max");
  memory_v2("/sys/fs/cgroup/a", std::to_string(1000 * kMiB), 990 * kMiB);  // a sibling has taken nearly all
  write("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
  write("/sys/fs/cgroup/a/b/cpu.max", "100001 100000\n");
  EXPECT_EQ(limits().memory_bytes, 800 * kMiB);
  EXPECT_EQ(limits().free_memory_bytes, 10 * kMiB);
  EXPECT_EQ(limits().processors, 2);
}

TEST_F(Cgroup, TheRootOfTheNamespaceIsItself) {  // a container of its own namespace: its group is "/" and has limits there
  write("/proc/self/cgroup", "0::/\n");
  mount_v2();
  memory_v2("/sys/fs/cgroup", std::to_string(64 * kMiB), 65 * kMiB);
  write("/sys/fs/cgroup/cpu.max", "5000 100000\n");
  EXPECT_EQ(limits().memory_bytes, 64 * kMiB);
  EXPECT_EQ(limits().free_memory_bytes, 0u) << "above the limit for a moment";
  EXPECT_EQ(limits().processors, 1) << "a twentieth of a processor is one thread";
}

TEST_F(Cgroup, AMountThatShowsThisGroupOnly) {  // the container's group is mounted, the path is the host's
  write("/proc/self/cgroup", "7:memory:/docker/abc/inner\n6:cpu,cpuacct:/docker/abc\n");
  mount_v1("memory", "/docker/other", "/elsewhere");
  mount_v1("memory", "/docker/abc");
  mount_v1("cpu,cpuacct", "/docker/abc", "/sys/fs/cgroup/cpu");
  memory_v1("/elsewhere", std::to_string(kMiB));
  memory_v1("/sys/fs/cgroup/memory/inner", std::to_string(50 * kMiB));
  memory_v1("/sys/fs/cgroup/memory", std::to_string(70 * kMiB), 60 * kMiB);
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(limits().memory_bytes, 50 * kMiB);
  EXPECT_EQ(limits().free_memory_bytes, 10 * kMiB);
  EXPECT_EQ(limits().processors, 3);
}

TEST_F(Cgroup, AMountWithoutThePathOfThisGroup) {  // the host's path, in a mount that calls the container's group "/"
  write("/proc/self/cgroup", "7:memory:/kubepods/burstable/pod1/c1\n");
  mount_v1("memory");
  memory_v1("/sys/fs/cgroup/memory", std::to_string(70 * kMiB));
  EXPECT_EQ(limits().memory_bytes, 70 * kMiB);
}

TEST_F(Cgroup, AMountOfAnotherGroupOnly) {
  write("/proc/self/cgroup", "7:memory:/\n");
  mount_v1("memory", "/docker/abc");
  memory_v1("/sys/fs/cgroup/memory", std::to_string(70 * kMiB));
  EXPECT_EQ(limits().memory_bytes, 70 * kMiB);
}

TEST_F(Cgroup, PathsOutsideTheNamespace) {
  write("/proc/self/cgroup", "0::/\n");
  mount_v2("/../..");  // mounted before the namespace was made: two groups higher
  memory_v2("/sys/fs/cgroup", std::to_string(90 * kMiB));
  EXPECT_EQ(limits().memory_bytes, 90 * kMiB);
  write("/proc/self/cgroup", "0::/../sibling\n");  // moved out of its namespace: the names in the mount are not this group's
  memory_v2("/sys/fs/cgroup/sibling", std::to_string(5 * kMiB));
  EXPECT_EQ(limits().memory_bytes, 90 * kMiB);
}

TEST_F(Cgroup, Version1) {
  write("/proc/self/cgroup", "4:memory:/a/b\n3:cpuset:/\n2:cpuacct:/\n1:cpu:/a\n");
  mount_v1("memory");
  mount_v1("cpu");
  memory_v1("/sys/fs/cgroup/memory/a/b", std::to_string(400 * kMiB), 350 * kMiB, 150 * kMiB);
  memory_v1("/sys/fs/cgroup/memory/a", kNoLimitV1, 3000 * kMiB);
  memory_v1("/sys/fs/cgroup/memory", kNoLimitV1, 5000 * kMiB);
  write("/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n");
  write("/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limits().memory_bytes, 400 * kMiB);
  EXPECT_EQ(limits().free_memory_bytes, 200 * kMiB);
  EXPECT_FALSE(limits().processors) << "a quota of -1 is none";
}

TEST_F(Cgroup, LimitsAboveTheMountOfVersion1) {
  write("/proc/self/cgroup", "4:memory:/docker/abc\n");
  mount_v1("memory", "/docker/abc");
  memory_v1("/sys/fs/cgroup/memory", kNoLimitV1, 30 * kMiB);
  write("/sys/fs/cgroup/memory/memory.stat", "hierarchical_memory_limit " + std::to_string(100 * kMiB) + "\ntotal_inactive_file 0\n");
  EXPECT_EQ(limits().memory_bytes, 100 * kMiB);
  EXPECT_EQ(limits().free_memory_bytes, 70 * kMiB);
}

TEST_F(Cgroup, AncestorsThatDoNotCountWhatIsBelow) {
  write("/proc/self/cgroup", "4:memory:/a/b\n");
  mount_v1("memory");
  memory_v1("/sys/fs/cgroup/memory/a/b", std::to_string(400 * kMiB));
  memory_v1("/sys/fs/cgroup/memory/a", std::to_string(100 * kMiB));
  write("/sys/fs/cgroup/memory/a/memory.use_hierarchy", "0\n");
  EXPECT_EQ(limits().memory_bytes, 400 * kMiB);
}

TEST_F(Cgroup, BothVersionsBesideEachOther) {
  write("/proc/self/cgroup", "4:memory:/a\n1:name=systemd:/x\n0::/b\n");
  mount_v1("memory");
  mount_v1("name=systemd", "/", "/sys/fs/cgroup/systemd");
  mount_v2("/", "/sys/fs/cgroup/unified");
  memory_v1("/sys/fs/cgroup/memory/a", std::to_string(200 * kMiB), 50 * kMiB);
  write("/sys/fs/cgroup/unified/b/cpu.max", "100000 100000\n");
  memory_v2("/sys/fs/cgroup/systemd/x", std::to_string(kMiB));  // no hierarchy of limits
  EXPECT_EQ(limits().memory_bytes, 200 * kMiB);
  EXPECT_EQ(limits().free_memory_bytes, 150 * kMiB);
  EXPECT_EQ(limits().processors, 1);
}

TEST_F(Cgroup, NamesWithSpaces) {
  write("/proc/self/cgroup", "0::/my group\n");
  mount_v2("/", R"(/control\040groups\134)");
  memory_v2("/control groups\\/my group", std::to_string(200 * kMiB));
  EXPECT_EQ(limits().memory_bytes, 200 * kMiB);
}

TEST_F(Cgroup, TheHostHasWhatItsGroupsLeave) {
  write("/proc/self/cgroup", "0::/a\n");
  write("/proc/meminfo", "MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: 1048576 kB\n");
  mount_v2();
  const HostMemory machine = host_memory(root());
  EXPECT_EQ(machine.free_bytes, 1024 * kMiB);
  memory_v2("/sys/fs/cgroup/a", std::to_string(300 * kMiB), 100 * kMiB);
  EXPECT_EQ(host_memory(root()).total_bytes, 300 * kMiB);
  EXPECT_EQ(host_memory(root()).free_bytes, 200 * kMiB);
  memory_v2("/sys/fs/cgroup/a", std::to_string(std::uint64_t{1} << 50), 0);
  EXPECT_EQ(host_memory(root()).total_bytes, machine.total_bytes) << "a limit above what there is";
  EXPECT_EQ(host_memory(root()).free_bytes, machine.free_bytes);
}

TEST_F(Cgroup, MemoryIsMissingWhereLessThanAPartOfAllIsFree) {
  const auto meminfo = [&](std::uint64_t free_bytes) {
    write("/proc/meminfo", "MemTotal: 1 kB\nMemAvailable: " + std::to_string(free_bytes / 1024) + " kB\n");
  };
  const std::uint64_t kept = host_memory(root()).total_bytes / kFreeShare;
  meminfo(2 * kept);
  EXPECT_EQ(host_memory(root()).missing_bytes, 0u);
  meminfo(kept / 2);
  EXPECT_NEAR(static_cast<double>(host_memory(root()).missing_bytes), static_cast<double>(kept) / 2, 2048);
  // of a group's own limit, however much the machine has
  meminfo(2 * kept);
  write("/proc/self/cgroup", "0::/a\n");
  mount_v2();
  memory_v2("/sys/fs/cgroup/a", std::to_string(320 * kMiB), 300 * kMiB, 0);
  EXPECT_EQ(host_memory(root()).missing_bytes, 0u);
  memory_v2("/sys/fs/cgroup/a", std::to_string(320 * kMiB), 317 * kMiB, 0);
  EXPECT_EQ(host_memory(root()).missing_bytes, 7 * kMiB);
  memory_v2("/sys/fs/cgroup/a", std::to_string(320 * kMiB), 317 * kMiB, 100 * kMiB);
  EXPECT_EQ(host_memory(root()).missing_bytes, 0u) << "file pages that nobody touched lately are given back by the system";
}

TEST_F(Cgroup, KnowsTheGroupsThatMemoryCountsTo) {
  EXPECT_EQ(memory_groups(root()).v1, "");
  EXPECT_EQ(memory_groups(root()).v2, "");
  write("/proc/self/cgroup", "4:memory:/work/one\n0::/service\n");
  mount_v1("memory");
  mount_v2("/", "/sys/fs/cgroup/unified");
  EXPECT_EQ(memory_groups(root()).v1, root() + "/sys/fs/cgroup/memory/work/one");
  EXPECT_EQ(memory_groups(root()).v2, root() + "/sys/fs/cgroup/unified/service");
}

TEST_F(Cgroup, ThreadsAreTheCoresOfTheMaskWithinTheQuota) {
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  const int n_allowed = CPU_COUNT(&mask);
  write("/proc/self/cgroup", "0::/a\n");
  mount_v2();
  EXPECT_EQ(default_n_threads(root()), n_allowed) << "no topology in this tree: every processor is a core";
  write("/sys/fs/cgroup/a/cpu.max", "50000 100000\n");
  EXPECT_EQ(default_n_threads(root()), 1);
  write("/sys/fs/cgroup/a/cpu.max", "99900000 100000\n");
  EXPECT_EQ(default_n_threads(root()), n_allowed);

  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list", "0-99\n");
  }
  EXPECT_EQ(default_n_threads(root()), 1) << "threads of one core";
}

TEST(Host, AMaskOfOneProcessorIsOneThread) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const int n_threads = default_n_threads();
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(n_threads, 1);
}

// Real groups.

TEST(RealCgroup, MemoryIsTheGroups) {
  const ControlGroup group("memory");
  if (!group.made() || !group.set("memory.limit_in_bytes", std::to_string(256 * kMiB))) {
    GTEST_SKIP() << "this machine lets no control group be made (/sys/fs/cgroup/memory)";
  }
  const std::string out = group.run([] {
    void* const taken = std::malloc(100 * kMiB);
    std::memset(taken, 1, 100 * kMiB);
    const HostMemory memory = host_memory();
    std::printf("%llu %llu", static_cast<unsigned long long>(memory.total_bytes), static_cast<unsigned long long>(memory.free_bytes));
    std::free(taken);
  });
  unsigned long long total = 0, free_bytes = 0;
  ASSERT_EQ(std::sscanf(out.c_str(), "%llu %llu", &total, &free_bytes), 2) << out;
  EXPECT_EQ(total, 256 * kMiB);
  EXPECT_LE(free_bytes, 156 * kMiB);
  EXPECT_GE(free_bytes, 130 * kMiB);
}

// Version 1's event: the system tells a group that has reached its limit and cannot drop file pages alone.
TEST(RealCgroup, TellsWhenItsMemoryGetsShort) {
  const ControlGroup group("memory");
  if (!group.made() || !group.set("memory.limit_in_bytes", std::to_string(128 * kMiB)) || !group.exists("memory.pressure_level")) {
    GTEST_SKIP() << "this machine lets no control group be made that tells (/sys/fs/cgroup/memory, memory.pressure_level)";
  }
  const TempFolder folder;
  const auto press = [&] {
    MemoryPressure pressure;
    const bool has_event = !pressure.sources().empty() && pressure.sources().front().ends_with("/memory.pressure_level");
    const bool before = pressure.was_told();
    std::vector<char*> taken;
    for (int i = 0; i < 112; ++i) {
      taken.push_back(static_cast<char*>(std::malloc(kMiB)));
      std::memset(taken.back(), 1, kMiB);
    }
    // File pages that are written, so that they cannot be dropped at once.
    bool after = false;
    std::ofstream file(folder.path() / "pages", std::ios::binary);
    const std::string piece(kMiB, 'x');
    for (int i = 0; i < 400 && !after; ++i) {
      file << piece << std::flush;
      after = pressure.was_told();
    }
    std::printf("%d%d%d", has_event, before, after);
    for (char* const one : taken) std::free(one);
  };
  // How fast the disk takes the pages decides whether they can be dropped in time: then nothing is told, or the group's own end comes first.
  std::string out;
  for (int attempt = 0; attempt < 20 && out != "101"; ++attempt) out = group.run(press, ControlGroup::Ends::some_way);
  EXPECT_EQ(out, "101");
}

TEST(MemoryPressureTest, IsQuietWhereTheSystemTellsNothing) {
  const TempFolder nothing;
  MemoryPressure pressure(nothing.path().string());
  EXPECT_TRUE(pressure.sources().empty());
  EXPECT_FALSE(pressure.was_told());
}

TEST(MemoryPressureTest, AsksForStallsWhereTheSystemCountsThem) {
  const int fd = open("/proc/pressure/memory", O_RDWR | O_CLOEXEC);
  if (fd < 0) GTEST_SKIP() << "this system does not count stalls, or lets nobody ask for them (/proc/pressure/memory)";
  close(fd);
  const MemoryPressure pressure;
  ASSERT_FALSE(pressure.sources().empty());
  EXPECT_EQ(pressure.sources().back(), "/proc/pressure/memory");
}

TEST(RealCgroup, ThePlanShowsIt) {
  const ControlGroup group("memory");
  if (!group.made() || !group.set("memory.limit_in_bytes", std::to_string(200 * kMiB))) {
    GTEST_SKIP() << "this machine lets no control group be made (/sys/fs/cgroup/memory)";
  }
  const std::string out = group.run([] {
    execl(PIO_BINARY, PIO_BINARY, "plan", PIO_TEST_DATA "/models/qwen3-tiny", "--device", "cpu", "--json", nullptr);
    _exit(127);
  });
  const std::size_t at = out.find("\"free_bytes\":");
  ASSERT_NE(at, std::string::npos) << out;
  const unsigned long long free_bytes = std::strtoull(out.c_str() + at + 13, nullptr, 10);
  EXPECT_LE(free_bytes, 200 * kMiB);
  EXPECT_GE(free_bytes, 100 * kMiB);
}

TEST(RealCgroup, ThreadsAreTheQuotas) {
  const ControlGroup group("cpu");
  if (!group.made() || !group.set("cpu.cfs_quota_us", "70000") || !group.set("cpu.cfs_period_us", "100000")) {
    GTEST_SKIP() << "this machine lets no control group be made (/sys/fs/cgroup/cpu)";
  }
  EXPECT_EQ(group.run([] { std::printf("%d", default_n_threads()); }), "1");
}

TEST(RealCgroup, ThreadsAreTheCpusets) {
  const ControlGroup group("cpuset");
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  int first = 0;
  while (!CPU_ISSET(first, &mask)) ++first;
  if (!group.made() || !group.set("cpuset.mems", "0") || !group.set("cpuset.cpus", std::to_string(first))) {
    GTEST_SKIP() << "this machine lets no control group be made (/sys/fs/cgroup/cpuset)";
  }
  EXPECT_EQ(group.run([] { std::printf("%d", default_n_threads()); }), "1");
}

}  // namespace
}  // namespace pio
