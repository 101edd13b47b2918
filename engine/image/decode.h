#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "engine/engine.h"
#include "models/vision.h"

// Files become pixels. The one place that knows the decoding library; a build without it (no_opencv.cpp) refuses in words.

namespace pio {

// 8-bit RGB, upright: the EXIF orientation applied, transparency on white (round((c * a + 255 * (255 - a)) / 255)), 16 bits scaled
// (round(v / 257)), gray repeated, palettes looked up. Of several pages or frames the first; an animated WebP is refused as one. Fails with
// bad_file in words; memory at most a few times the pixels allowed (picture_header.h). `label` names the file in errors.
Result<Pixels> decode_picture(std::span<const std::byte> file, const std::string& label);

// A video file, whose frames are decoded one after the other as they are asked for, by rising index. A stop is obeyed between frames, also
// those that are passed over: cancelled.
Result<FrameSource> open_film(const std::string& path, std::stop_token stop = {});

// The file's bytes: those of `path`, read, or those given. The pointer keeps them alive. Fails with io{path}, not_found, and with bad_file for more
// bytes than kMaxPictureFileBytes.
struct PictureFile {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
  std::string label;
};
Result<PictureFile> open_picture(const ImageInput& input);
// Whether a file begins as a picture does; a video file of gigabytes is not read for that.
bool looks_like_picture_file(const std::string& path);

// Decodes, and ends at once with cancelled after a stop. The library cannot be interrupted: it finishes on another thread, which keeps the
// file, and its result is dropped. The next picture waits for it, so that one is decoded at a time.
Result<Pixels> decode_picture(const PictureFile& file, std::stop_token stop);

}  // namespace pio
