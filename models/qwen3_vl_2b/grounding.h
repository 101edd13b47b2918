#pragma once

#include <string>
#include <string_view>
#include <vector>

// Places in a picture that an answer of Qwen3-VL names (models.md 3.d).

namespace pio {

struct Grounding {
  enum class Kind { box, point };
  Kind kind = Kind::box;
  std::string label;  // UTF-8: "label", of a page the tag's name; may be empty
  std::string text;   // what is written there: "text_content", of a page the tag's words; may be empty
  // Parts of the picture's width and height, 0 … 1, left < right and top < bottom or equal; of a point both corners are the point.
  double left = 0, top = 0, right = 0, bottom = 0;
};

// The boxes and points of an answer, in its order, at most 1,000: JSON objects with "bbox_2d" or "point_2d", wherever they stand (fenced,
// within prose, in a list that breaks off: an object counts as soon as its numbers are whole), and data-bbox="x1 y1 x2 y2" of HTML tags.
// The model counts 0 … 1000 on each axis; what lies outside is clamped. Everything else is passed over. Linear in the answer's length.
std::vector<Grounding> parse_grounding(std::string_view answer);

}  // namespace pio
