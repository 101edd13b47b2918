#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string_view>
#include <vector>

#include "models/chat_format.h"
#include "models/model.h"
#include "models/picture_work.h"

// The vision half of a model: from pixels to embeddings that take the place of tokens. It knows no file format.

namespace pio {

struct Pixels {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3]
};

// A picture or a film in the size in which it is encoded.
struct PreparedPicture {
  std::array<std::int64_t, 3> grid{};             // patches: time, height, width
  std::int64_t height = 0, width = 0;             // pixels
  std::vector<std::vector<std::uint8_t>> frames;  // each [height, width, 3]: one of a picture, a whole number of time slots of a film
  std::vector<double> seconds;                    // of a film: when each time slot is, [grid[0]]
};

// The tokens of one time slot: `height` rows of `width`, and what the model reads before and behind them.
struct PictureSlot {
  std::vector<Piece> before, after;
  std::int64_t height = 0, width = 0;
  std::int64_t n_tokens() const { return height * width; }
};

// What the vision encoder makes of a picture: one row a token, slot after slot.
struct VisionFeatures {
  Tensor values;                                 // [n_tokens, dim] f32, dim that of the language model
  std::vector<Tensor> deepstack;                 // each like values: GivenEmbeddings
  std::vector<std::unique_ptr<Buffer>> buffers;  // of the tensors
  std::uint64_t n_bytes = 0;                     // held in all
  std::uint64_t scratch_bytes = 0;               // the pass needed beside them
};

// Frame i of a film, and how many there are.
struct FrameSource {
  std::int64_t n_frames = 0;
  double frames_per_second = 0;
  std::function<Result<Pixels>(std::int64_t index)> frame;  // asked by rising index
};

class Vision {
 public:
  virtual ~Vision() = default;
  virtual std::int64_t n_parameters() const = 0;
  virtual std::int64_t patch_dim() const = 0;  // values of a patch
  // Spellings of the added tokens that stand for one picture, one film in a prompt.
  virtual std::string_view picture_token() const = 0;
  virtual std::string_view film_token() const = 0;

  // Scaled as the published processor does, to at most so many pixels where that is less than the model's own limit. Fails with bad_argument where it refuses a shape, with cancelled after a stop.
  virtual Result<PreparedPicture> prepare(const Pixels& pixels, std::int64_t most_pixels, std::stop_token stop) const = 0;
  virtual Result<PreparedPicture> prepare_film(const FrameSource& film, std::stop_token stop) const = 0;
  // Patches first … first + n - 1 as the vision encoder reads them: values [n, patch_dim] of host memory.
  virtual void patches(const PreparedPicture& picture, std::int64_t first, std::int64_t n, float* values) const = 0;
  virtual PictureWork work() const = 0;
  // What takes the place of the picture's one token.
  virtual std::vector<PictureSlot> slots(const PreparedPicture& picture) const = 0;

  // The smallest picture that can be encoded: black, for a pass that only counts.
  virtual PreparedPicture smallest_picture() const = 0;
  // The pass. Stops with the backend's stop token, within 200 ms; then fails with cancelled. Temporaries are given back at its end.
  virtual Result<VisionFeatures> encode(const PreparedPicture& picture) const = 0;
};

// The vision encoder that `source` holds (a folder's own, or a GGUF mmproj), for a language model of this spec. Fails with unsupported_model or
// bad_file as create_model does. `source` and `backend` must outlive it.
Result<std::unique_ptr<Vision>> create_vision(WeightSource& source, Backend& backend, const ModelSpec& language_model);

// Where the tokens of a text with pictures stand (models.md 3.2.9): a text token one behind the last, on all axes; a picture's tokens at
// its beginning in time, and by row and column from there; the next token behind the picture's longer side.
class TokenPlaces {
 public:
  struct Picture {
    std::int64_t first = 0;              // its first token in the sequence
    std::int64_t height = 0, width = 0;  // tokens
  };
  TokenPlaces() = default;
  // By rising `first`, apart.
  explicit TokenPlaces(std::vector<Picture> pictures);
  // Time, row and column of the token at this index.
  std::array<std::int32_t, 3> place(std::int64_t index) const;

 private:
  std::vector<Picture> pictures_;
  std::vector<std::int64_t> shift_;  // [n_pictures]: place of a picture's first token less its index
};

}  // namespace pio
