#include "engine/image/decode.h"

namespace pio {

Result<Pixels> decode_picture(std::span<const std::byte>, const std::string& label) {
  return make_error(ErrorCode::not_available, label + ": a build that decodes pictures (OpenCV), found one without");
}

Result<FrameSource> open_film(const std::string& path, std::stop_token) {
  return make_error(ErrorCode::not_available, path + ": a build that decodes films (OpenCV), found one without");
}

}  // namespace pio
