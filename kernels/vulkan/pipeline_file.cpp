#include "kernels/vulkan/pipeline_file.h"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace pio::vulkan {
namespace {

namespace fs = std::filesystem;

struct Header {
  char magic[8] = {'P', 'I', 'O', 'V', 'K', 'P', 'C', '1'};
  std::uint64_t n_bytes = 0, checksum = 0;
};

// FNV-1a: for damage, not for malice.
std::uint64_t checksum(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0xcbf29ce484222325u;
  for (const std::byte byte : bytes) sum = (sum ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3u;
  return sum;
}

fs::path variable(const char* name) {
  const char* const value = std::getenv(name);
  return value && *value == '/' ? fs::path(value) : fs::path();
}

}  // namespace

std::string pipeline_file(const std::string& name) {
  fs::path cache = variable("XDG_CACHE_HOME");
  if (cache.empty()) {
    cache = variable("HOME");
    if (cache.empty()) return {};
    cache /= ".cache";
  }
  return (cache / "inference-pio" / "vulkan" / (name + ".pipelines")).string();
}

std::vector<std::byte> read_pipelines(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream in(path, std::ios::binary);
  Header header;
  const Header expected;
  if (!in.read(reinterpret_cast<char*>(&header), sizeof header) || std::memcmp(header.magic, expected.magic, sizeof header.magic) != 0) return {};
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(path, failed);
  if (failed || size < sizeof header || header.n_bytes != size - sizeof header) return {};
  std::vector<std::byte> bytes(header.n_bytes);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())) || checksum(bytes) != header.checksum) return {};
  return bytes;
}

void write_pipelines(const std::string& path, std::span<const std::byte> bytes) {
  if (path.empty()) return;
  std::error_code failed;
  fs::create_directories(fs::path(path).parent_path(), failed);
  if (failed) return;
  const std::string beside = path + "." + std::to_string(getpid());
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    Header header;
    header.n_bytes = bytes.size();
    header.checksum = checksum(bytes);
    out.write(reinterpret_cast<const char*>(&header), sizeof header);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) {
      fs::remove(beside, failed);
      return;
    }
  }
  fs::rename(beside, path, failed);
  if (failed) fs::remove(beside, failed);
}

}  // namespace pio::vulkan
