#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

// What real cards do differently from the renderer that the suite runs on can be read in the sources of the shaders: subgroups of 16, 32 or 64,
// functions that are as exact as the maker liked, memory that is shared by as many as there are.

namespace pio {
namespace {

namespace fs = std::filesystem;

struct Source {
  std::string name;
  std::vector<std::string> lines;  // without comments
};

std::vector<Source> shader_sources() {
  std::vector<Source> sources;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(PIO_SOURCE) / "kernels/vulkan/shaders")) {
    Source source{entry.path().filename().string(), {}};
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) source.lines.push_back(line.substr(0, line.find("//")));
    sources.push_back(std::move(source));
  }
  std::ranges::sort(sources, {}, &Source::name);
  return sources;
}

// "file:line: text" of every match of `pattern`, but in the files named.
std::vector<std::string> places_of(const std::string& pattern, const std::set<std::string>& but = {}) {
  const std::regex regex(pattern);
  std::vector<std::string> places;
  for (const Source& source : shader_sources()) {
    if (but.contains(source.name)) continue;
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      if (std::regex_search(source.lines[i], regex)) places.push_back(source.name + ":" + std::to_string(i + 1) + ": " + source.lines[i]);
    }
  }
  return places;
}

const std::vector<std::string> kNone;

TEST(ShaderSources, AreThere) {
  const std::vector<Source> sources = shader_sources();
  const auto n = std::ranges::count_if(sources, [](const Source& source) { return source.name.ends_with(".comp"); });
  EXPECT_GT(n, 20);
  EXPECT_LE(2 * n, 400) << "binaries at most";
}

TEST(ShaderSources, HaveTheSizeOfAWorkgroupFromTheirPipeline) {
  EXPECT_EQ(places_of(R"(local_size_[xyz]\s*=)"), kNone);
  EXPECT_EQ(places_of(R"(local_size_x_id\s*=\s*0\))").size(), 1u) << "once, in common.glsl";
  for (const Source& source : shader_sources()) {
    if (!source.name.ends_with(".comp")) continue;
    EXPECT_TRUE(std::ranges::any_of(source.lines, [](const std::string& line) { return line.starts_with("#include \"common.glsl\""); }))
        << source.name;
  }
}

TEST(ShaderSources, KnowNoSizeOfASubgroup) {
  EXPECT_EQ(places_of(R"(gl_(SubgroupSize|NumSubgroups|SubgroupID|SubgroupInvocationID)\s*([<>=!]=?|[-+*/%&|])\s*[0-9])"), kNone);
  EXPECT_EQ(places_of(R"([0-9]u?\s*([<>=!]=|[<>*/%&|])\s*gl_(SubgroupSize|NumSubgroups|SubgroupID|SubgroupInvocationID))"), kNone);
  EXPECT_EQ(places_of(R"(gl_Subgroup|gl_NumSubgroups|subgroup[A-Z])", {"reduce.glsl", "products.glsl"}), kNone) << "two files have all reductions";
  EXPECT_EQ(places_of(R"(subgroup(Clustered|Shuffle|Rotate|Quad|Ballot))"), kNone) << "what depends on who is whose neighbour";
}

// A number that a size is divided by is a block's: it has a name, and the name is in one file.
TEST(ShaderSources, HaveSizesOfBlocksByNameOutOfOneFile) {
  EXPECT_EQ(places_of(R"([/%]\s*(8|16|32|64|128|256|512)u\b)", {"sizes.glsl"}), kNone);
  EXPECT_EQ(places_of(R"(\bconst\s+u?int\s+(?!F_|KV_F)[A-Z_0-9]+\s*=\s*(8|16|32|64|128|256|512)u?\s*[,;])", {"sizes.glsl", "common.glsl"}),
            (std::vector<std::string>{"qk_norm_rope_store.comp:12: layout(constant_id = 3) const uint MOST_DIMS = 64;  "}))
      << "a constant of a pipeline has a default";
  EXPECT_EQ(places_of(R"(^\s*shared\s+\w+\s+\w+\[[^\]A-Z]*\])"), kNone) << "what is shared has a size by name";
  EXPECT_EQ(places_of(R"(#include \"sizes.glsl\")").size(), 1u);
}

// Sines of large angles, powers and the like are as exact as a maker wants; the suite's renderer is exact.
TEST(ShaderSources, ComputeByHandWhatDevicesComputeLoosely) {
  EXPECT_EQ(places_of(R"(\b(exp|exp2|pow|log|log2|sin|cos|tan|tanh|atan|sinh|cosh|inversesqrt|unpackHalf2x16|packHalf2x16)\()"), kNone);
  EXPECT_EQ(places_of(R"(\b(isnan|isinf)\()"), kNone) << "compilers take them to be false";
}

// Softmax by differences from the largest; all others have a sign that lets them run towards zero or a fraction's denominator.
TEST(ShaderSources, TakeExponentialsOnlyOfWhatCannotOverflow) {
  EXPECT_EQ(places_of(R"(\bexp_of\((?!float x\))(?!-)(?!\w+(\[\w+\])? - (larger|largest)\b))"), kNone);
}

// One that a workgroup leaves by only some of its invocations hangs cards and no renderer.
TEST(ShaderSources, ReturnBeforeABarrierForAWholeWorkgroupOnly) {
  for (const Source& source : shader_sources()) {
    std::string text;
    for (const std::string& line : source.lines) text += line + '\n';
    const std::size_t main = text.find("void main() {");
    if (main == std::string::npos) continue;
    const std::size_t last = std::max({text.rfind("barrier();") + 1, text.rfind("group_sum(") + 1, text.rfind("reduce_all(") + 1}) - 1;
    if (last == std::string::npos || last < main) continue;
    const std::string before = text.substr(main, last - main);
    EXPECT_FALSE(std::regex_search(before, std::regex(R"(lane\(\)[^;{}]*\)\s*return;)"))) << source.name;
  }
}

}  // namespace
}  // namespace pio
