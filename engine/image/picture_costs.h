#pragma once

#include <cstdint>

#include "engine/chat/message_content.h"
#include "models/picture_work.h"

namespace pio {

// What a picture takes of the context, and about how long: of looking at it, and of reading its tokens.
struct PictureCost {
  std::int64_t n_tokens = 0;
  double seconds = 0;
};

// How fast this machine looks at pictures.
struct LookingSpeed {
  double linear_per_second = 0;     // multiply-adds of the vision encoder's layers
  double attention_per_second = 0;  // of its attention
  double seconds_per_token = 0;     // of the language model
};

// What pictures cost with one model on one machine. Holds nothing of either: a copy may be asked from any thread.
class PictureCosts {
 public:
  PictureCosts() = default;
  PictureCosts(PictureWork work, LookingSpeed speed) : work_(std::move(work)), speed_(speed) {}

  // Of one so large, in pixels. Fails where the model refuses its shape.
  Result<PictureCost> of(std::int64_t width, std::int64_t height, ImageDetail detail) const;
  bool empty() const { return !work_.grid; }

 private:
  PictureWork work_;
  LookingSpeed speed_;
};

}  // namespace pio
