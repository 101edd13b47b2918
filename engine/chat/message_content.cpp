#include "engine/chat/message_content.h"

#include <algorithm>
#include <utility>

namespace pio {

std::int64_t most_pixels(ImageDetail detail) {
  switch (detail) {
    case ImageDetail::low: return 512 * 512;
    case ImageDetail::normal: return 1024 * 1024;
    case ImageDetail::full: break;
  }
  return INT64_MAX;
}

const char* name_of(ImageDetail detail) {
  switch (detail) {
    case ImageDetail::low: return "low";
    case ImageDetail::normal: return "normal";
    case ImageDetail::full: break;
  }
  return "full";
}

std::optional<ImageDetail> image_detail_of(std::string_view name) {
  for (const ImageDetail detail : {ImageDetail::low, ImageDetail::normal, ImageDetail::full}) {
    if (name == name_of(detail)) return detail;
  }
  return std::nullopt;
}

void MessageContent::add(std::string text) {
  if (text.empty()) return;
  if (auto* last = parts_.empty() ? nullptr : std::get_if<std::string>(&parts_.back())) *last += text;
  else parts_.emplace_back(std::move(text));
}

std::string MessageContent::text() const {
  std::string joined;
  for (const ContentPart& part : parts_) {
    if (const auto* text = std::get_if<std::string>(&part)) joined += *text;
  }
  return joined;
}

std::string_view MessageContent::first_text() const {
  for (const ContentPart& part : parts_) {
    if (const auto* text = std::get_if<std::string>(&part)) return *text;
  }
  return {};
}

std::vector<const ImageInput*> MessageContent::pictures() const {
  std::vector<const ImageInput*> found;
  for (const ContentPart& part : parts_) {
    if (const auto* picture = std::get_if<ImageInput>(&part)) found.push_back(picture);
  }
  return found;
}

bool MessageContent::has_pictures() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const ContentPart& part) { return std::holds_alternative<ImageInput>(part); });
}

MessageContent pictures_then_text(std::vector<ImageInput> pictures, std::string text) {
  MessageContent content;
  for (ImageInput& picture : pictures) content.add(std::move(picture));
  content.add(std::move(text));
  return content;
}

}  // namespace pio
