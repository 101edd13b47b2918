#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What a message says: texts and pictures, in the order in which the model reads them.

namespace pio {

// How closely a picture is looked at: larger ones are scaled down to so many pixels. What a model allows bounds it too.
enum class ImageDetail {
  low,     // 512 × 512: 256 tokens of Qwen3-VL
  normal,  // 1024 × 1024: 1,024 tokens, as many as naming places needs
  full,    // as many as the model allows
};
std::int64_t most_pixels(ImageDetail detail);  // INT64_MAX of full
const char* name_of(ImageDetail detail);       // "low", "normal", "full"
std::optional<ImageDetail> image_detail_of(std::string_view name);

// A picture as its file, PNG, JPEG, WebP, BMP or TIFF: at `path`, or in `bytes` when that is set (pasted ones have no file).
struct ImageInput {
  std::string path;
  std::shared_ptr<const std::vector<std::byte>> bytes;  // shared: a conversation is copied from turn to turn, its pictures are not
  ImageDetail detail = ImageDetail::full;               // of a film's frames it does not count: films have limits of their own
};

using ContentPart = std::variant<std::string, ImageInput>;  // text is UTF-8

class MessageContent {
 public:
  MessageContent() = default;
  // NOLINTBEGIN(google-explicit-constructor): most messages are one text
  MessageContent(std::string text) { add(std::move(text)); }
  MessageContent(const char* text) { add(std::string(text)); }
  // NOLINTEND(google-explicit-constructor)

  // To the end. An empty text adds nothing; two texts in a row become one.
  void add(std::string text);
  void add(ImageInput picture) { parts_.emplace_back(std::move(picture)); }

  // No text is empty and no two texts are neighbours.
  const std::vector<ContentPart>& parts() const { return parts_; }
  // The texts joined, without the pictures.
  std::string text() const;
  // The first text; "" where there is none. Valid as long as the content is.
  std::string_view first_text() const;
  // The pictures in their order. The pointers are valid as long as the content is.
  std::vector<const ImageInput*> pictures() const;
  bool has_pictures() const;

 private:
  std::vector<ContentPart> parts_;
};

// Pictures, then the words about them.
MessageContent pictures_then_text(std::vector<ImageInput> pictures, std::string text);

}  // namespace pio
