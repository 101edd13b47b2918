#include "kernels/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace pio {
namespace {

// A line of /proc/self/cgroup. `path` is seen from the root of the cgroup namespace: "/../a" is outside of it.
struct Membership {
  std::string controllers;  // between commas; empty for version 2
  std::string path;
};

// A line of /proc/self/mountinfo of type cgroup or cgroup2. `group` is the group that the mount point shows, in the terms of `path` above.
struct Mount {
  bool is_v2 = false;
  std::string group;
  std::string point;
  std::string options;  // of the file system, between commas: version 1 names its controllers here
};

bool lists(std::string_view comma_separated, std::string_view name) {
  while (!comma_separated.empty()) {
    const std::size_t comma = std::min(comma_separated.find(','), comma_separated.size());
    if (comma_separated.substr(0, comma) == name) return true;
    comma_separated.remove_prefix(std::min(comma + 1, comma_separated.size()));
  }
  return false;
}

std::vector<Membership> read_memberships(const std::string& root) {
  std::vector<Membership> memberships;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    memberships.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return memberships;
}

// Spaces, tabs, line ends and backslashes of a path are written as three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '\\' && i + 3 < text.size() && std::from_chars(&text[i + 1], &text[i + 1] + 3, value, 8).ptr == &text[i + 1] + 3) {
      plain += static_cast<char>(value);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<Mount> read_mounts(const std::string& root) {
  std::vector<Mount> mounts;
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    // id parent device root point options [optional fields] - type source options
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream before(line.substr(0, dash)), after(line.substr(dash + 3));
    std::string skipped, group, point, type, options;
    before >> skipped >> skipped >> skipped >> group >> point;
    after >> type >> skipped >> options;
    if (type != "cgroup" && type != "cgroup2") continue;
    mounts.push_back({type == "cgroup2", unescape(group), unescape(point), options});
  }
  return mounts;
}

// "/../.." is above the namespace's root, by as many groups as it has parts.
bool is_above_namespace(std::string_view group) {
  if (group.empty()) return false;
  for (; group.size() >= 3 && group.substr(0, 3) == "/.."; group.remove_prefix(3)) {
  }
  return group.empty();
}

// The folders of the group and of those above it, as far up as this mount shows them. Empty where the mount shows another part of the tree.
std::vector<std::string> folders_in(const Mount& mount, const std::string& path, const std::string& root) {
  const std::string top = root + mount.point;
  std::string below;
  if (mount.group == "/") {
    below = path;
  } else if (path == mount.group || path.rfind(mount.group + "/", 0) == 0) {
    below = path.substr(mount.group.size());
  } else if (is_above_namespace(mount.group)) {
    return {top};  // the names of the groups between are not told
  } else {
    return {};
  }
  if (below.rfind("/..", 0) == 0) return {};
  std::vector<std::string> folders;
  for (; below.size() > 1; below.resize(below.rfind('/'))) folders.push_back(top + below);
  folders.push_back(top);
  return folders;
}

// The folders in which the limits of one controller lie.
std::vector<std::string> group_folders(const std::vector<Membership>& memberships, const std::vector<Mount>& mounts, bool is_v2,
                                       std::string_view controller, const std::string& root) {
  std::vector<std::string> folders, tops;
  for (const Membership& membership : memberships) {
    if (is_v2 ? !membership.controllers.empty() : !lists(membership.controllers, controller)) continue;
    for (const Mount& mount : mounts) {
      if (mount.is_v2 != is_v2 || (!is_v2 && !lists(mount.options, controller))) continue;
      tops.push_back(root + mount.point);
      const std::vector<std::string> found = folders_in(mount, membership.path, root);
      folders.insert(folders.end(), found.begin(), found.end());
    }
  }
  // A container without a namespace of its own may read the host's path of its group while it is shown that group alone.
  if (folders.empty() && !tops.empty()) folders.push_back(tops.front());
  return folders;
}

std::optional<std::uint64_t> parse(std::string_view text) {
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return std::nullopt;  // "max", "-1"
  return value;
}

std::optional<std::uint64_t> read_number(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  return file >> word ? parse(word) : std::nullopt;
}

std::uint64_t read_member(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  for (std::string key, value; file >> key >> value;) {
    if (key == name) return parse(value).value_or(0);
  }
  return 0;
}

template <class T>
void lower(std::optional<T>& limit, T value) {
  limit = limit ? std::min(*limit, value) : value;
}

void apply_memory(CgroupLimits& limits, std::uint64_t limit, std::uint64_t used, std::uint64_t reclaimable) {
  used -= std::min(used, reclaimable);
  lower(limits.memory_bytes, limit);
  lower(limits.free_memory_bytes, limit - std::min(limit, used));
}

void apply_processors(CgroupLimits& limits, std::uint64_t quota, std::uint64_t period) {
  if (period == 0) return;
  const std::uint64_t processors = quota / period + (quota % period != 0 ? 1 : 0);
  lower(limits.processors, static_cast<int>(std::clamp<std::uint64_t>(processors, 1, 1 << 20)));
}

void read_v2(CgroupLimits& limits, const std::string& folder) {
  std::optional<std::uint64_t> memory = read_number(folder + "/memory.max");
  // Above memory.high a group is slowed down until it gives memory back, so that a model there would never get going.
  if (const std::optional<std::uint64_t> high = read_number(folder + "/memory.high")) lower(memory, *high);
  if (memory) {
    apply_memory(limits, *memory, read_number(folder + "/memory.current").value_or(0), read_member(folder + "/memory.stat", "inactive_file"));
  }
  std::ifstream file(folder + "/cpu.max");
  std::string quota, period;
  if (file >> quota >> period && parse(quota)) apply_processors(limits, *parse(quota), parse(period).value_or(0));
}

// Version 1 writes "no limit" as the largest multiple of a page.
bool is_a_limit(std::uint64_t bytes) { return bytes < std::uint64_t{1} << 62; }

void read_v1_memory(CgroupLimits& limits, const std::string& folder, bool is_own_group) {
  // A group without use_hierarchy does not count the groups below it.
  if (!is_own_group && read_number(folder + "/memory.use_hierarchy").value_or(1) == 0) return;
  const std::string stat = folder + "/memory.stat";
  std::optional<std::uint64_t> limit = read_number(folder + "/memory.limit_in_bytes");
  // The kernel's own minimum, which includes groups above the mount point.
  if (const std::uint64_t hierarchical = read_member(stat, "hierarchical_memory_limit")) lower(limit, hierarchical);
  if (!limit || !is_a_limit(*limit)) return;
  const std::uint64_t reclaimable = std::max(read_member(stat, "total_inactive_file"), read_member(stat, "inactive_file"));
  apply_memory(limits, *limit, read_number(folder + "/memory.usage_in_bytes").value_or(0), reclaimable);
}

void read_v1_cpu(CgroupLimits& limits, const std::string& folder) {
  const std::optional<std::uint64_t> quota = read_number(folder + "/cpu.cfs_quota_us");
  if (quota) apply_processors(limits, *quota, read_number(folder + "/cpu.cfs_period_us").value_or(0));
}

}  // namespace

CgroupLimits cgroup_limits(const std::string& root) {
  const std::vector<Membership> memberships = read_memberships(root);
  const std::vector<Mount> mounts = read_mounts(root);
  CgroupLimits limits;
  for (const std::string& folder : group_folders(memberships, mounts, true, "", root)) read_v2(limits, folder);
  bool is_own_group = true;
  for (const std::string& folder : group_folders(memberships, mounts, false, "memory", root)) {
    read_v1_memory(limits, folder, is_own_group);
    is_own_group = false;
  }
  for (const std::string& folder : group_folders(memberships, mounts, false, "cpu", root)) read_v1_cpu(limits, folder);
  return limits;
}

MemoryGroups memory_groups(const std::string& root) {
  const std::vector<Membership> memberships = read_memberships(root);
  const std::vector<Mount> mounts = read_mounts(root);
  const std::vector<std::string> v1 = group_folders(memberships, mounts, false, "memory", root),
                                 v2 = group_folders(memberships, mounts, true, "", root);
  return {v1.empty() ? "" : v1.front(), v2.empty() ? "" : v2.front()};  // its own comes first
}

}  // namespace pio
