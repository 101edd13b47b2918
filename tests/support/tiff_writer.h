#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/support/png_writer.h"

// TIFF files (TIFF 6.0), big-endian, not compressed, one strip a page, without a library.

namespace pio {

struct TiffPage {
  std::uint64_t width = 0, height = 0;
  int bits = 8;                                   // of a sample
  std::uint64_t photometric = 2;                  // 1: gray, 2: RGB, 3: palette
  std::vector<int> samples = {};                  // row by row, pixel by pixel
  std::vector<std::uint64_t> extra_samples = {};  // tag 338, one of each sample beyond the colours: 0 unspecified, 1 associated alpha, 2 unassociated
  std::uint64_t orientation = 0;                  // tag 274; 0: none
  std::vector<int> palette = {};                  // 16 bits each: all reds, all greens, all blues
};

inline FileBytes tiff_of(const std::vector<TiffPage>& pages) {
  FileBytes file = text_bytes("MM");
  append_big(file, 42, 2);
  append_big(file, 8, 4);
  for (const TiffPage& page : pages) {
    const auto n_samples = static_cast<std::uint64_t>(page.samples.size()) / (page.width * page.height);
    struct Tag {
      std::uint64_t tag, type, n, value;
    };
    std::vector<Tag> tags = {{256, 3, 1, page.width}, {257, 3, 1, page.height},      {258, 3, n_samples, static_cast<std::uint64_t>(page.bits)},
                             {259, 3, 1, 1},          {262, 3, 1, page.photometric}, {273, 4, 1, 0}};
    if (page.orientation > 0) tags.push_back({274, 3, 1, page.orientation});
    tags.push_back({277, 3, 1, n_samples});
    tags.push_back({278, 3, 1, page.height});
    tags.push_back({279, 4, 1, page.samples.size() * static_cast<std::uint64_t>(page.bits) / 8});
    tags.push_back({284, 3, 1, 1});
    if (!page.palette.empty()) tags.push_back({320, 3, page.palette.size(), 0});
    if (!page.extra_samples.empty()) tags.push_back({338, 3, page.extra_samples.size(), page.extra_samples[0]});

    // Behind the directory: what does not fit into four bytes, then the pixels.
    const std::uint64_t after = file.size() + 2 + 12 * tags.size() + 4;
    FileBytes outside;
    const auto put = [&](std::uint64_t value, int n) { append_big(outside, value, n); };
    append_big(file, tags.size(), 2);
    for (const Tag& tag : tags) {
      append_big(file, tag.tag, 2);
      append_big(file, tag.type, 2);
      append_big(file, tag.n, 4);
      const std::uint64_t here = after + outside.size();
      if (tag.tag == 273) {
        append_big(file, here, 4);
        for (const int sample : page.samples) put(static_cast<std::uint64_t>(sample), page.bits / 8);
        if (outside.size() % 2 != 0) put(0, 1);
      } else if (tag.type == 3 && tag.n > 2) {
        append_big(file, here, 4);
        for (std::uint64_t i = 0; i < tag.n; ++i) put(tag.tag == 320 ? static_cast<std::uint64_t>(page.palette[i]) : tag.value, 2);
      } else if (tag.type == 3) {
        append_big(file, tag.value, 2);
        append_big(file, tag.n == 2 ? tag.value : 0, 2);
      } else {
        append_big(file, tag.value, 4);
      }
    }
    append_big(file, &page == &pages.back() ? 0 : after + outside.size(), 4);
    file.insert(file.end(), outside.begin(), outside.end());
  }
  return file;
}

}  // namespace pio
