// devices, inspect, plan, logits, preprocess, perplexity, divergence, swap: what there is, and what it computes.

#include <algorithm>
#include <cmath>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <optional>

#include "app/cli/batch_line.h"
#include "app/cli/npy.h"
#include "app/cli/options.h"
#include "app/cli/print.h"
#include "engine/image/decode.h"
#include "engine/image/picture_header.h"
#include "kernels/base/number_text.h"

namespace pio::cli {
namespace {

const char* kind_name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::cpu: return "cpu";
    case DeviceKind::cuda: return "cuda";
    case DeviceKind::vulkan: return "vulkan";
    case DeviceKind::reference: return "reference";
  }
  return "";
}

constexpr ImageDetail kDetails[] = {ImageDetail::low, ImageDetail::normal, ImageDetail::full};

// The film of --frames.
Result<VideoInput> film_of(const Options& options) {
  std::vector<std::string> frames;
  for (std::size_t at = 0; at <= options.frames.size();) {
    const std::size_t end = std::min(options.frames.find(',', at), options.frames.size());
    frames.push_back(options.frames.substr(at, end - at));
    at = end + 1;
  }
  ASSIGN_OR_RETURN(std::vector<ImageInput> images, image_inputs(frames));
  return VideoInput{.frames = std::move(images), .frames_per_second = options.frames_per_second};
}

// Long lists of a file's metadata (a vocabulary) are cut: the first ten, and how many there are.
template <class T>
Json list_as_json(const std::vector<T>& values) {
  constexpr std::size_t kShown = 10;
  Json list = Json::array();
  for (std::size_t i = 0; i < std::min(values.size(), kShown); ++i) list.push_back(static_cast<T>(values[i]));
  if (values.size() > kShown) return {{"first", list}, {"count", values.size()}};
  return list;
}

Json as_json(const MetaValue& value) {
  return std::visit(
      [](const auto& v) -> Json {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::vector<bool>> || std::is_same_v<T, std::vector<std::int64_t>> ||
                      std::is_same_v<T, std::vector<double>> || std::is_same_v<T, std::vector<std::string>>)
          return list_as_json(v);
        else return v;
      },
      value);
}

std::vector<std::int64_t> extents(const Shape& shape) {
  std::vector<std::int64_t> list;
  for (int i = 0; i < shape.rank(); ++i) list.push_back(shape[i]);
  return list;
}

// An error about a text, with the file that it stands in.
Error of_file(const std::string& file, Error error) {
  if (error.code == ErrorCode::bad_argument) error.message = file + ": " + error.message;
  return error;
}

// Windows have a half that is read and a half that is scored.
Result<void> need_window(const Options& options) {
  if (options.context_length == 0 || options.context_length >= 4) return {};
  return make_error(ErrorCode::bad_argument, "--ctx: a window of 4 tokens or more, found " + std::to_string(options.context_length));
}

Json as_json(const DeviceInfo& d) {
  Json json = {{"name", d.name}, {"kind", kind_name(d.kind)}, {"total_bytes", d.total_bytes}, {"free_bytes", d.free_bytes}, {"detail", d.detail}};
  if (d.kind != DeviceKind::cuda && d.kind != DeviceKind::vulkan) return json;
  json.update({{"driver", d.driver},
               {"api", d.api},
               {"uuid", d.uuid},
               {"integrated", d.is_integrated},
               {"software", d.is_software},
               {"features", {{"subgroup", {d.least_subgroup, d.most_subgroup}}, {"f16", d.has_f16}, {"int8_dot", d.has_int8_dot}}}});
  return json;
}

}  // namespace

Result<void> devices(const Options& options) {
  const DeviceList list = list_devices();
  if (options.json) {
    Json usable = Json::array(), rejected = Json::array();
    for (const DeviceInfo& d : list.devices) usable.push_back(as_json(d));
    for (const RejectedDevice& d : list.rejected) rejected.push_back({{"name", d.name}, {"reason", d.reason}, {"code", name_of(d.code)}});
    return print_json({{"devices", usable}, {"rejected", rejected}});
  }
  std::string text;
  for (const DeviceInfo& d : list.devices)
    text += d.name + "  " + human_bytes(d.free_bytes) + " free of " + human_bytes(d.total_bytes) + "  " + d.detail + "\n";
  for (const RejectedDevice& d : list.rejected) text += d.name + "  not usable: " + d.reason + "\n";
  return print_text(text);
}

Result<void> inspect(const Options& options) {
  ASSIGN_OR_RETURN(const std::string path, model_path(options, options.model));
  ASSIGN_OR_RETURN(const InspectResult inspected, pio::inspect(path));
  const ModelFile& file = *inspected.file;
  if (options.json) {
    Json tensors = Json::array(), metadata = Json::object();
    for (const TensorInfo& t : file.tensors())
      tensors.push_back({{"name", t.name}, {"dtype", info(t.dtype).name}, {"shape", extents(t.shape)}, {"bytes", t.n_bytes}});
    for (const auto& [key, value] : file.metadata()) metadata[key] = as_json(value);
    return print_json({{"architecture", file.architecture()},
                       {"name", inspected.name},
                       {"parameters", inspected.n_parameters},
                       {"layers", inspected.n_layers},
                       {"context_length", inspected.context_length},
                       {"chat_format", inspected.chat_format},
                       {"tensors", tensors},
                       {"metadata", metadata}});
  }
  std::uint64_t bytes = 0;
  for (const TensorInfo& t : file.tensors()) bytes += t.n_bytes;
  std::string text = inspected.name + "\n  architecture    " + file.architecture() + "\n  parameters      " + std::to_string(inspected.n_parameters) +
                     "\n  layers          " + std::to_string(inspected.n_layers) + "\n  context length  " + std::to_string(inspected.context_length) +
                     "\n  chat format     " + (inspected.chat_format.empty() ? "none of ours" : inspected.chat_format) + "\n  weights         " +
                     std::to_string(file.tensors().size()) + " tensors, " + human_bytes(bytes) + "\n\n";
  for (const TensorInfo& t : file.tensors())
    text += "  " + t.name + "  " + info(t.dtype).name + "  " + t.shape.text() + "  " + std::to_string(t.n_bytes) + "\n";
  return print_text(text);
}

Result<void> plan(const Options& options) {
  if (!options.machine.empty()) return plan_for_machine(options);
  ASSIGN_OR_RETURN(const LoadRequest request, load_request(options));
  ASSIGN_OR_RETURN(const LoadPlan plan, pio::create_engine()->plan(request));
  std::vector<PictureHeader> sizes;
  ASSIGN_OR_RETURN(const std::vector<ImageInput> images, image_inputs(options.images));
  if (!images.empty() && plan.pictures.empty()) return make_error(ErrorCode::not_available, "--image: a model that sees, found one for text only");
  for (const ImageInput& image : images) {
    ASSIGN_OR_RETURN(const PictureFile file, open_picture(image));
    ASSIGN_OR_RETURN(const PictureHeader header, read_picture_header(file.bytes, file.label));
    sizes.push_back(header);
  }
  print_notes(request.path, plan.notes);
  if (options.json) {
    Json devices = Json::array();
    for (const LoadPlan::Device& d : plan.devices) {
      devices.push_back({{"device", d.name},
                         {"name", d.name},
                         {"layers", d.n_layers > 0 ? Json::array({d.first_layer, d.last_layer}) : Json::array()},
                         {"n_layers", d.n_layers},
                         {"weights_bytes", d.weight_bytes},
                         {"experts", d.n_experts},
                         {"expert_bytes", d.expert_bytes},
                         {"state_bytes", d.state_bytes},
                         {"scratch_bytes", d.scratch_bytes},
                         {"bytes_per_token", d.bytes_per_token},
                         {"launches_per_token", std::llround(d.launches_per_token)},
                         {"free_bytes", d.free_bytes},
                         {"total_bytes", d.total_bytes}});
      if (!d.slice) continue;
      const auto range = [](const Range& of) { return Json::array({of.begin, of.end}); };
      devices.back()["slice"] = {{"heads", range(d.slice->heads)},
                                 {"hidden", range(d.slice->hidden)},
                                 {"experts", range(d.slice->experts)},
                                 {"shared", range(d.slice->shared)}};
    }
    Json json = {{"fits", plan.fits},
                 {"context_length", plan.context_length},
                 {"weights_bytes", plan.weight_bytes},
                 {"state_bytes", plan.state_bytes},
                 {"scratch_bytes", plan.scratch_bytes},
                 {"per_device", devices},
                 {"predicted",
                  {{"load_seconds", plan.load_seconds},
                   {"prefill_tokens_per_second", plan.prefill_tokens_per_second},
                   {"decode_tokens_per_second", plan.decode_tokens_per_second},
                   {"hit_rate", plan.hit_rate},
                   {"card_hit_rate", plan.card_hit_rate},
                   {"bytes_from_disk_per_token", plan.disk_bytes_per_token}}},
                 {"slots", plan.n_slots},
                 {"dense_bytes", plan.dense_bytes},
                 {"expert_bytes", plan.expert_bytes},
                 {"layout", layout_json(plan.layout)}};
    json["layout"].erase("huge_page_bytes");  // known once they are there
    if (!plan.fits) json["why_not"] = plan.why_not;
    if (!sizes.empty()) json["pictures"] = Json::array();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      Json details = Json::array();
      for (const ImageDetail detail : kDetails) {
        ASSIGN_OR_RETURN(const PictureCost cost, plan.pictures.of(sizes[i].width, sizes[i].height, detail));
        details.push_back({{"detail", name_of(detail)}, {"tokens", cost.n_tokens}, {"seconds", cost.seconds}});
      }
      json["pictures"].push_back({{"image", options.images[i]}, {"width", sizes[i].width}, {"height", sizes[i].height}, {"details", details}});
    }
    json["fallbacks"] = Json::array();
    for (const LoadPlan::Fallback& f : plan.fallbacks)
      json["fallbacks"].push_back({{"part", f.part}, {"layers", Json::array({f.first_layer, f.last_layer})}, {"op", f.op}, {"reason", f.reason}});
    return print_json(json);
  }
  char speed[128];
  std::snprintf(speed, sizeof speed, "loading %.1f s, prefill %.0f tok/s, decode %.1f tok/s (rough)", plan.load_seconds,
                plan.prefill_tokens_per_second, plan.decode_tokens_per_second);
  std::string pictures;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    pictures += "  picture   " + options.images[i] + ", " + std::to_string(sizes[i].width) + " x " + std::to_string(sizes[i].height) + ":";
    for (const ImageDetail detail : kDetails) {
      ASSIGN_OR_RETURN(const PictureCost cost, plan.pictures.of(sizes[i].width, sizes[i].height, detail));
      pictures += std::string(detail == kDetails[0] ? " " : ", ") + name_of(detail) + " " + std::to_string(cost.n_tokens) + " tokens, about " +
                  fixed_text(cost.seconds, 1) + " s";
    }
    pictures += "\n";
  }
  // Of slices who has which, and what is not cut.
  std::string slices;
  for (const LoadPlan::Device& d : plan.devices) {
    if (!d.slice) continue;
    slices += "  slice     " + d.name + ": " + human_bytes(d.weight_bytes);
    for (const auto& [what, range] : {std::pair{"heads", d.slice->heads}, {"columns", d.slice->hidden}, {"experts", d.slice->experts}})
      if (!range.empty()) slices += std::string(", ") + what + " " + std::to_string(range.begin) + " to " + std::to_string(range.end - 1);
    slices += "\n";
  }
  for (const LoadPlan::Fallback& f : plan.fallbacks)
    if (!slices.empty() && f.op == "split") slices += "  whole     " + f.part + ": " + f.reason + "\n";
  const std::string away = plan.layout.streamed_bytes == 0 ? "" : ", and " + human_bytes(plan.layout.streamed_bytes) + " read again for every token";
  return print_text((plan.fits ? "fits" : "does not fit: " + plan.why_not) + "\n  weights   " + human_bytes(plan.weight_bytes) + away +
                    "\n  state     " + human_bytes(plan.state_bytes) + " for " + std::to_string(plan.context_length) + " tokens\n  scratch   " +
                    human_bytes(plan.scratch_bytes) + "\n  together  " + human_bytes(plan.weight_bytes + plan.state_bytes + plan.scratch_bytes) +
                    "\n  " + speed + "\n" + slices + pictures);
}

Result<void> logits(const Options& options) {
  LogitsRequest wanted;
  ASSIGN_OR_RETURN(wanted.ids, parse_ids(options.ids));
  ASSIGN_OR_RETURN(wanted.images, image_inputs(options.images, options.image_detail));
  if (!options.frames.empty()) {
    ASSIGN_OR_RETURN(VideoInput film, film_of(options));
    wanted.videos.push_back(std::move(film));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load_engine(options));
  std::optional<NpyWriter> out;
  std::int64_t vocab_size = 0;
  wanted.rows = [&](std::span<const float> values, std::int64_t n_rows, std::int64_t n_tokens) -> Result<void> {
    vocab_size = std::ssize(values) / n_rows;
    if (!out) {
      ASSIGN_OR_RETURN(NpyWriter created, NpyWriter::create(options.out, n_tokens, vocab_size));
      out.emplace(std::move(created));
    }
    return out->append(values);
  };
  const auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const LogitsResult result, engine->logits(wanted, interrupt_token()));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  RETURN_IF_ERROR(out->finish());
  if (options.json) return print_json({{"n_tokens", result.n_tokens}, {"vocab_size", vocab_size}, {"seconds", seconds}});
  return print_text(std::to_string(result.n_tokens) + " x " + std::to_string(vocab_size) + " logits in " + options.out + "\n");
}

Result<void> preprocess(const Options& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load_engine(options));
  ASSIGN_OR_RETURN(const std::vector<ImageInput> image, image_inputs(std::span(&options.image, 1), options.image_detail));
  ASSIGN_OR_RETURN(const PreprocessResult result, engine->preprocess(image.front(), interrupt_token()));
  const std::int64_t n_patches = static_cast<std::int64_t>(result.pixel_values.size()) / result.patch_dim;
  RETURN_IF_ERROR(write_npy(options.out, result.pixel_values, n_patches, result.patch_dim));
  if (options.json) return print_json({{"grid", result.grid}, {"resized", result.resized}});
  return print_text(std::to_string(n_patches) + " patches of " + std::to_string(result.resized[1]) + " x " + std::to_string(result.resized[0]) +
                    " pixels in " + options.out + "\n");
}

Result<void> perplexity(const Options& options) {
  ASSIGN_OR_RETURN(const std::string text, read_text(options.file));
  ASSIGN_OR_RETURN(LoadRequest request, load_request(options));
  RETURN_IF_ERROR(need_window(options));
  if (request.context_length == 0) request.context_length = 512;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load_engine(options, request));
  if (!engine->tokenizer()) return make_error(ErrorCode::unsupported_model, options.model + ": a tokenizer, found none");
  const std::vector<int> ids = engine->tokenizer()->encode(text, SpecialTokens::none);
  const auto start = std::chrono::steady_clock::now();
  const auto progress = [](std::int64_t window, double running) {
    std::fprintf(stderr, "window %lld: %.4f\n", static_cast<long long>(window), running);
  };
  const Result<PerplexityResult> measured = engine->perplexity(ids, request.context_length, options.n_windows, progress, interrupt_token());
  if (!measured) return of_file(options.file, measured.error());
  const PerplexityResult& result = *measured;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.json)
    return print_json({{"perplexity", result.perplexity}, {"running", result.running}, {"tokens", result.n_tokens}, {"seconds", seconds}});
  return print_text(fixed_text(result.perplexity, 4) + "\n");
}

Result<void> divergence(const Options& options) {
  DivergenceRequest request;
  ASSIGN_OR_RETURN(request.text, read_text(options.file));
  ASSIGN_OR_RETURN(request.other, load_request(options));
  RETURN_IF_ERROR(need_window(options));
  if (request.other.context_length > 0) request.window = request.other.context_length;
  request.n_windows = options.n_windows;
  request.base = request.other;
  request.base.attention = {};
  request.base.key_rotation = KeyRotation::automatic;
  request.base.kv = kv_of(options.base_kv, options.device);
  request.base.activations = options.base_activations == "q8" ? Activations::q8 : Activations::f32;
  const auto progress = [](std::int64_t done, std::int64_t total) {
    std::fprintf(stderr, "window %lld of %lld\n", static_cast<long long>(done), static_cast<long long>(total));
  };
  const Result<DivergenceResult> measured = measure_divergence(request, progress, interrupt_token());
  if (!measured) return of_file(options.file, measured.error());
  const DivergenceResult& result = *measured;
  print_notes(request.base.path, result.notes);
  if (options.json) {
    return print_json({{"tokens", result.n_tokens},
                       {"kl_mean", result.mean_kl},
                       {"kl_p99", result.kl_p99},
                       {"kl_max", result.largest_kl},
                       {"same_top", result.same_top},
                       {"perplexity", result.perplexity},
                       {"base_perplexity", result.base_perplexity},
                       // the names of before
                       {"mean_kl", result.mean_kl},
                       {"largest_kl", result.largest_kl},
                       {"full_perplexity", result.base_perplexity},
                       {"n_tokens", result.n_tokens}});
  }
  char line[300];
  std::snprintf(line, sizeof line,
                "KL %.6f nats a token, 99 %% below %.6f, %.4f at most; same likeliest token %.2f %%; perplexity %.4f, base %.4f (%lld tokens)\n",
                result.mean_kl, result.kl_p99, result.largest_kl, 100 * result.same_top, result.perplexity, result.base_perplexity,
                static_cast<long long>(result.n_tokens));
  return print_text(line);
}

namespace {

// What every model of a swap is asked to go on with.
Result<GenerateRequest> request_after_switch(const Options& options, const Engine& engine) {
  GenerateRequest request;
  request.max_tokens = 1;
  request.ignore_eos = true;
  if (!options.ids_file.empty()) {
    ASSIGN_OR_RETURN(const JsonValue ids, read_json(options.ids_file));
    ASSIGN_OR_RETURN(request.ids, ids_of(ids));
  } else if (engine.chat_format() && engine.tokenizer()) {
    request.messages.push_back({"user", "Hello"});
  } else {
    request.ids = {0};
  }
  return request;
}

}  // namespace

Result<void> swap(const Options& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, create_engine(options));
  Json switches = Json::array();
  std::string from;
  for (std::size_t i = 0; i < options.models.size() * static_cast<std::size_t>(options.n_rounds); ++i) {
    const std::string& to = options.models[i % options.models.size()];
    ASSIGN_OR_RETURN(LoadRequest request, load_request(options));
    RETURN_IF_ERROR(choose_model(options, to, request));
    const auto start = std::chrono::steady_clock::now();
    const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
    RETURN_IF_ERROR(engine->switch_to(request, {}, interrupt_token()));
    const double seconds_to_ready = seconds();
    if (i < options.models.size()) print_notes(*engine);
    ASSIGN_OR_RETURN(const GenerateRequest first_token, request_after_switch(options, *engine));
    ASSIGN_OR_RETURN(const GenerateResult result, engine->generate(first_token, {}, interrupt_token()));
    if (result.finish_reason == FinishReason::cancelled) return make_error(ErrorCode::cancelled, "swap: stopped");
    const double seconds_to_first_token = seconds();
    print_given_back(engine->loaded()->name, result.stats.given_back);
    if (!from.empty()) {
      const GenerationStats& stats = result.stats;
      switches.push_back({{"from", from},
                          {"to", to},
                          {"seconds_to_ready", seconds_to_ready},
                          {"seconds_to_restore", stats.restore_seconds},
                          {"seconds_to_first_token", seconds_to_first_token},
                          {"restored_from", name_of(stats.restored_from)},
                          {"restored_bytes", stats.restored_bytes},
                          {"reused_tokens", stats.reused_tokens},
                          {"read_tokens", stats.read_tokens},
                          {"kept_resident", std::ranges::count(engine->waiting(), from) > 0}});
      if (!options.json) {
        char line[64];
        std::snprintf(line, sizeof line, "ready %.2f s, first token %.2f s   ", seconds_to_ready, seconds_to_first_token);
        RETURN_IF_ERROR(print_text(line + to + "\n"));
      }
    }
    from = to;
  }
  return options.json ? print_json({{"switches", switches}}) : Result<void>();
}

Result<void> snapshots(const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<SnapshotListing> listings, list_snapshots(options.snapshots));
  Json list = Json::array();
  for (const SnapshotListing& snapshot : listings) {
    const bool is_valid = snapshot.why_not.empty();
    list.push_back({{"file", snapshot.file},
                    {"model", snapshot.model},
                    {"tokens", snapshot.tokens},
                    {"first_token", snapshot.first},
                    {"bytes", snapshot.bytes},
                    {"kv", snapshot.kv},
                    {"valid", is_valid},
                    {"why_not", snapshot.why_not}});
    if (options.json) continue;
    const std::string words = is_valid ? std::to_string(snapshot.tokens) + " tokens of " + snapshot.model + ", " + snapshot.kv : snapshot.why_not;
    RETURN_IF_ERROR(print_text(snapshot.file + "   " + human_bytes(snapshot.bytes) + "   " + words + "\n"));
  }
  return options.json ? print_json({{"snapshots", list}}) : Result<void>();
}

}  // namespace pio::cli
