#pragma once

#include <cstdint>
#include <optional>
#include <string>

// The limits that Linux control groups, version 1 and 2, set to this process. Containers and services are such groups.
// Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst, proc(5), cgroup_namespaces(7).

namespace pio {

struct CgroupLimits {
  std::optional<std::uint64_t> memory_bytes;       // the smallest limit of the groups that this process is in
  std::optional<std::uint64_t> free_memory_bytes;  // the least that one of them has left; there whenever memory_bytes is
  std::optional<int> processors;                   // the smallest share of processor time, rounded up to whole processors, at least 1
};

// A limit holds for everything below its group, so each group from this process's own up to the highest that is visible is read. Of a
// group's use, file pages that nobody touched lately do not count: the kernel gives them back before it refuses memory. What is not
// there or cannot be read sets no limit. `root` is put before every path, /proc/self/cgroup and the mount points alike.
CgroupLimits cgroup_limits(const std::string& root = {});

// The folders of the groups of both versions whose memory this process's counts to; "" where there is none.
struct MemoryGroups {
  std::string v1, v2;
};
MemoryGroups memory_groups(const std::string& root = {});

}  // namespace pio
