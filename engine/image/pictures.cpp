#include "engine/image/pictures.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>

#include "engine/image/decode.h"
#include "engine/image/picture_header.h"

namespace pio {
namespace {

constexpr std::size_t kMaxKept = 256;                                 // sizes
constexpr std::size_t kMaxPreparedBytes = std::size_t{128} << 20;     // pixels that wait to be encoded
constexpr std::uint64_t kMaxFeatureBytes = std::uint64_t{512} << 20;  // a 1024 × 1024 picture of the 2B model has 34 MB

bool is_picture_file(const ImageInput& input) {
  if (input.bytes) return true;
  if (!looks_like_picture_file(input.path)) return false;
  const Result<PictureFile> file = open_picture(input);
  return file && read_picture_header(file->bytes, file->label);
}

// A video file may have gigabytes: its name, size and date stand for it.
Result<std::uint64_t> film_file_key(const std::string& path) {
  std::error_code problem;
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  if (problem) {
    Error error = make_error(ErrorCode::not_found, path + ": expected a film, found no file");
    error.path = path;
    return error;
  }
  const auto changed = std::filesystem::last_write_time(path, problem).time_since_epoch().count();
  return digest(std::as_bytes(std::span(path)), mixed(size) ^ static_cast<std::uint64_t>(changed));
}

bool is_film_file(const VideoInput& film) { return film.frames.size() == 1 && !is_picture_file(film.frames[0]); }

Result<std::uint64_t> key_of(const VideoInput& film, ContentKeys& keys, std::stop_token stop) {
  if (is_film_file(film)) return film_file_key(film.frames[0].path);
  std::uint64_t bits;
  std::memcpy(&bits, &film.frames_per_second, 8);
  std::uint64_t key = mixed(bits);
  for (const ImageInput& frame : film.frames) {
    ASSIGN_OR_RETURN(const std::uint64_t of_frame, keys.key_of(frame, stop));
    key = mixed(key ^ of_frame) + 2;
  }
  return key;
}

Result<Pixels> decode(const ImageInput& input, std::stop_token stop) {
  ASSIGN_OR_RETURN(const PictureFile file, open_picture(input));
  Result<Pixels> pixels = decode_picture(file, stop);
  if (pixels) return pixels;
  Error error = pixels.error();
  error.path = input.path;
  return error;
}

std::size_t bytes_of(const PreparedPicture& prepared) {
  std::size_t n = 0;
  for (const std::vector<std::uint8_t>& frame : prepared.frames) n += frame.size();
  return n;
}

bool same_slots(const std::vector<PictureSlot>& a, const std::vector<PictureSlot>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const PictureSlot& x, const PictureSlot& y) { return x.height == y.height && x.width == y.width; });
}

// Token number `index` of a picture: below zero, 31 bits of its content's digest.
int pseudo_token(std::uint64_t key, std::int64_t index) {
  return static_cast<int>(mixed(key + static_cast<std::uint64_t>(index)) >> 33) - INT32_MAX - 1;
}

}  // namespace

Result<PreparedPicture> Pictures::prepare(const PictureSource& source, std::stop_token stop) const {
  if (const auto* input = std::get_if<ImageInput>(&source)) {
    ASSIGN_OR_RETURN(const Pixels pixels, decode(*input, stop));
    return vision_.prepare(pixels, most_pixels(input->detail), stop);
  }
  const VideoInput& film = std::get<VideoInput>(source);
  if (is_film_file(film)) {
    ASSIGN_OR_RETURN(const FrameSource frames, open_film(film.frames[0].path, stop));
    return vision_.prepare_film(frames, stop);
  }
  const FrameSource frames{.n_frames = static_cast<std::int64_t>(film.frames.size()),
                           .frames_per_second = film.frames_per_second,
                           .frame = [&film, stop](std::int64_t index) { return decode(film.frames[index], stop); }};
  return vision_.prepare_film(frames, stop);
}

Result<std::shared_ptr<const Picture>> Pictures::find(const PictureSource& source, std::stop_token stop) {
  const auto* input = std::get_if<ImageInput>(&source);
  ASSIGN_OR_RETURN(std::uint64_t key, input ? keys_.key_of(*input, stop) : key_of(std::get<VideoInput>(source), keys_, stop));
  // Scaled otherwise it is another picture; in full it has the key of before there were others.
  if (input && input->detail != ImageDetail::full) key = mixed(key ^ static_cast<std::uint64_t>(most_pixels(input->detail)));
  if (Kept* known = kept(key)) return known->picture;
  ASSIGN_OR_RETURN(PreparedPicture prepared, prepare(source, stop));
  auto picture = std::make_shared<Picture>(Picture{key, source, vision_.slots(prepared)});
  kept_.push_front({picture, std::make_shared<const PreparedPicture>(std::move(prepared)), nullptr});
  trim();
  return std::shared_ptr<const Picture>(std::move(picture));
}

Result<std::shared_ptr<const VisionFeatures>> Pictures::features(const Picture& picture, std::stop_token stop) {
  const Kept* known = kept(picture.key);
  if (known && known->features) return known->features;
  std::shared_ptr<const PreparedPicture> prepared = known ? known->prepared : nullptr;
  if (!prepared) {
    ASSIGN_OR_RETURN(PreparedPicture again, prepare(picture.source, stop));
    if (!same_slots(vision_.slots(again), picture.slots))
      return make_error(ErrorCode::io, "picture: expected the one read before, found another in its file");
    prepared = std::make_shared<const PreparedPicture>(std::move(again));
  }
  ASSIGN_OR_RETURN(VisionFeatures made, vision_.encode(*prepared));
  auto features = std::make_shared<const VisionFeatures>(std::move(made));
  if (!kept(picture.key)) kept_.push_front({std::make_shared<Picture>(picture), nullptr, nullptr});
  kept_.front().features = features;
  kept_.front().prepared = nullptr;
  trim();
  return features;
}

Pictures::Kept* Pictures::kept(std::uint64_t key) {
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& one) { return one.picture->key == key; });
  if (found == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found);
  return &kept_.front();
}

void Pictures::trim() {
  if (kept_.size() > kMaxKept) kept_.pop_back();
  std::size_t prepared = 0;
  std::uint64_t features = 0;
  for (Kept& one : kept_) {  // the one just used stays whatever it takes
    if (one.prepared) prepared += bytes_of(*one.prepared);
    if (one.features) features += one.features->n_bytes;
    if (&one == &kept_.front()) continue;
    if (one.prepared && prepared > kMaxPreparedBytes) one.prepared = nullptr;
    if (one.features && features > kMaxFeatureBytes) one.features = nullptr;
  }
}

Result<PicturedIds> place_pictures(std::span<const int> ids, std::span<const std::shared_ptr<const Picture>> pictures, const Vision& vision,
                                   const Tokenizer& tokenizer) {
  const std::optional<int> picture_id = tokenizer.added_token(vision.picture_token()), film_id = tokenizer.added_token(vision.film_token());
  PicturedIds out;
  std::size_t n_placed = 0;
  const auto mismatch = [&](std::size_t n_placeholders) {
    return make_error(ErrorCode::bad_argument, "ids: one placeholder for each of " + std::to_string(pictures.size()) + " pictures and films, found " +
                                                   std::to_string(n_placeholders));
  };
  for (const int id : ids) {
    const bool is_placeholder = id == picture_id || id == film_id;
    if (!is_placeholder) {
      out.ids.push_back(id);
      continue;
    }
    if (n_placed == pictures.size()) return mismatch(std::count_if(ids.begin(), ids.end(), [&](int i) { return i == picture_id || i == film_id; }));
    const std::shared_ptr<const Picture>& picture = pictures[n_placed++];
    if (std::holds_alternative<VideoInput>(picture->source) != (id == film_id)) {
      return make_error(ErrorCode::bad_argument, "ids: placeholders of pictures and films in the order in which they are given, found another");
    }
    std::int64_t row = 0;
    for (const PictureSlot& slot : picture->slots) {
      for (const int before : tokenizer.encode_pieces(slot.before)) out.ids.push_back(before);
      out.pictures.push_back(
          {.first = static_cast<std::int64_t>(out.ids.size()), .height = slot.height, .width = slot.width, .first_row = row, .picture = picture});
      for (std::int64_t i = 0; i < slot.n_tokens(); ++i) out.ids.push_back(pseudo_token(picture->key, row++));
      for (const int after : tokenizer.encode_pieces(slot.after)) out.ids.push_back(after);
    }
  }
  if (n_placed != pictures.size()) return mismatch(n_placed);
  return out;
}

}  // namespace pio
