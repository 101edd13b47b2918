#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What a message says: texts and pictures, in the order in which the model reads them.

namespace pio {

// A picture as its file, PNG, JPEG, WebP, BMP or TIFF: at `path`, or in `bytes` when that is set (pasted ones have no file).
struct ImageInput {
  std::string path;
  std::shared_ptr<const std::vector<std::byte>> bytes;  // shared: a conversation is copied from turn to turn, its pictures are not
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
