#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "engine/image/content_keys.h"
#include "models/vision.h"

// Pictures and films of conversations as a model that sees reads them.

namespace pio {

using PictureSource = std::variant<ImageInput, VideoInput>;

struct Picture {
  std::uint64_t key = 0;  // of its content and detail: equal for equal files, wherever they lie
  PictureSource source;
  std::vector<PictureSlot> slots;  // the tokens that stand for it
};

// Decodes them, encodes them, and remembers: sizes of many, features of the last few, so that a second turn about a picture costs nothing.
// One thread.
class Pictures {
 public:
  explicit Pictures(const Vision& vision) : vision_(vision) {}

  // Fails with the file's error, in words, or with cancelled.
  Result<std::shared_ptr<const Picture>> find(const PictureSource& source, std::stop_token stop);
  // What the vision model makes of it. The backend's stop token ends it too.
  Result<std::shared_ptr<const VisionFeatures>> features(const Picture& picture, std::stop_token stop);
  // Pixel values of one picture, for proof.
  Result<PreparedPicture> prepare(const PictureSource& source, std::stop_token stop) const;

  // Bytes of files that were read to tell pictures apart.
  std::uint64_t n_bytes_read() const { return keys_.n_bytes_read(); }

 private:
  struct Kept {
    std::shared_ptr<const Picture> picture;
    std::shared_ptr<const PreparedPicture> prepared;  // until it was encoded
    std::shared_ptr<const VisionFeatures> features;   // null before, and when it had to give way
  };
  Kept* kept(std::uint64_t key);
  void trim();

  const Vision& vision_;
  std::list<Kept> kept_;  // the last used first
  ContentKeys keys_;
};

// Tokens of a prompt that stand for a picture, or for one time slot of a film.
struct PlacedPicture {
  std::int64_t first = 0;              // its first token among the ids
  std::int64_t height = 0, width = 0;  // tokens
  std::int64_t first_row = 0;          // of the features
  std::shared_ptr<const Picture> picture;
  std::int64_t n_tokens() const { return height * width; }
};

struct PicturedIds {
  std::vector<int> ids;                 // a picture's are below zero: they depend on its content, so that equal ids mean equal pictures
  std::vector<PlacedPicture> pictures;  // by rising `first`
};

// The ids with each placeholder replaced by what the model reads instead. `pictures` are in the order of the placeholders, films among
// them. Fails with bad_argument where there are more of one kind than of the other.
Result<PicturedIds> place_pictures(std::span<const int> ids, std::span<const std::shared_ptr<const Picture>> pictures, const Vision& vision,
                                   const Tokenizer& tokenizer);

}  // namespace pio
