#include "engine/quantize/quantize.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>
#include <ranges>
#include <span>
#include <vector>

#include "engine/files/gguf_writer.h"
#include "engine/quantize/convert.h"
#include "engine/quantize/recipe.h"
#include "kernels/host.h"
#include "kernels/loading_tiles.h"

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;

// Encoded before it is written: 64 MB of float32 at most, whatever the tensor's size.
constexpr std::int64_t kMaxChunkValues = std::int64_t{16} << 20;
// At once of what is written as it is.
constexpr std::size_t kCopiedBytes = std::size_t{4} << 20;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Errors {
  double difference = 0, power = 0;  // sums of squares
  void operator+=(const Errors& other) { difference += other.difference, power += other.power; }
};

struct Totals {
  std::int64_t n_tensors = 0, n_values = 0;
  Errors errors;
  double seconds = 0;
};

// Rows [begin, end) of a tensor in another format, by `n_threads` threads.
Result<Errors> encode_rows(const ConvertedTensor& tensor, const ModelFile& source, DType dtype, std::int64_t begin, std::int64_t end, int n_threads,
                           std::byte* out, const std::stop_token& stop) {
  struct Worker {
    SourceRows rows;
    std::vector<float> read, written;
    Errors errors;
  };
  const std::int64_t n_in = tensor.info.shape.back();
  const auto n = static_cast<std::size_t>(n_in);
  std::vector<Worker> workers(static_cast<std::size_t>(n_threads), Worker{SourceRows(source), std::vector<float>(n), std::vector<float>(n), {}});
  RETURN_IF_ERROR(for_each_tile_of_loading(end - begin, SourceRows::n_at_once(n_in), n_threads, stop,
                                           [&](std::int64_t first, std::int64_t n_rows, int number) -> Result<void> {
                                             Worker& worker = workers[static_cast<std::size_t>(number)];
                                             for (std::int64_t row = first; row < first + n_rows; ++row) {
                                               std::byte* blocks = out + bytes_of(dtype, row * n_in);
                                               RETURN_IF_ERROR(tensor.read_row(worker.rows, begin + row, worker.read.data()));
                                               info(dtype).encode(worker.read.data(), blocks, n_in);
                                               info(dtype).decode(blocks, worker.written.data(), n_in);
                                               Errors of_row;
                                               for (std::size_t i = 0; i < n; ++i) {
                                                 const double x = static_cast<double>(worker.read[i]), e = static_cast<double>(worker.written[i]) - x;
                                                 of_row.difference += e * e;
                                                 of_row.power += x * x;
                                               }
                                               worker.errors += of_row;
                                             }
                                             return {};
                                           }));
  Errors sum;
  for (const Worker& worker : workers) sum += worker.errors;
  return sum;
}

Result<void> check_apart(const ModelFile& file, const std::filesystem::path& out) {
  std::error_code ignored;
  for (const std::filesystem::path& path : file.paths()) {
    if (std::filesystem::equivalent(path, out, ignored))
      return make_error(ErrorCode::bad_argument, out.filename().string() + ": expected another file than the one to read, found the same");
  }
  if (std::filesystem::is_directory(out, ignored))
    return make_error(ErrorCode::bad_argument, out.string() + ": expected the name of a file, found a folder");
  return {};
}

// One file that is being written.
struct Output {
  const ConvertedFile* file;
  std::vector<TensorInfo> tensors;  // in their new formats
  GgufFileWriter writer;
};

Result<Output> create_output(ConvertedFile& file, const std::filesystem::path& path, const Recipe& recipe) {
  std::vector<TensorInfo> tensors;
  for (const ConvertedTensor& tensor : file.tensors) tensors.push_back(tensor.info);
  ASSIGN_OR_RETURN(const std::vector<DType> formats, formats_for(recipe.name, file.metadata, tensors));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].dtype = formats[i];
    tensors[i].n_bytes = bytes_of(formats[i], tensors[i].shape.n_values());
  }
  file.metadata["general.file_type"] = recipe.file_type;
  file.metadata["general.quantization_version"] = std::int64_t{2};  // ggml.h, GGML_QNT_VERSION
  ASSIGN_OR_RETURN(GgufFileWriter writer, GgufFileWriter::create(path, file.metadata, tensors));
  return Output{&file, std::move(tensors), std::move(writer)};
}

// Of the vision encoder: as published ones are, and as llama.cpp reads them. Its matrices are a small part of the model and lose the most.
Result<Recipe> recipe_of_vision(const Recipe& recipe) {
  const bool is_plain = recipe.base == DType::f32 || recipe.base == DType::bf16 || recipe.base == DType::q8_0;
  return is_plain ? recipe : recipe_of("F16");
}

Result<void> write_tensor(Output& output, std::size_t i, const ModelFile& source, int n_threads, Totals& total, const std::stop_token& stop) {
  const Clock::time_point begun = Clock::now();
  const ConvertedTensor& tensor = output.file->tensors[i];
  const TensorInfo& to = output.tensors[i];
  ++total.n_tensors;
  total.n_values += to.shape.n_values();
  if (tensor.is_source && tensor.info.dtype == to.dtype) {
    const std::span<const std::byte> where = source.data(tensor.sources.front());
    std::vector<std::byte> bytes(std::min(where.size(), kCopiedBytes));
    for (std::size_t at = 0; at < where.size() && !stop.stop_requested(); at += bytes.size()) {
      bytes.resize(std::min(bytes.size(), where.size() - at));
      RETURN_IF_ERROR(source.read(where.subspan(at, bytes.size()), bytes.data()));
      RETURN_IF_ERROR(output.writer.append(bytes));
    }
    if (where.empty()) RETURN_IF_ERROR(output.writer.append({}));
  } else {
    const std::int64_t n_in = to.shape.back(), n_rows = n_in > 0 ? to.shape.n_values() / n_in : 0;
    const std::int64_t n_tile = SourceRows::n_at_once(n_in), n_at_once = n_tile * std::max<std::int64_t>(1, kMaxChunkValues / SourceRows::kValues);
    std::vector<std::byte> bytes;
    for (std::int64_t row = 0; row < n_rows; row += n_at_once) {
      const std::int64_t end = std::min(row + n_at_once, n_rows);
      bytes.resize(bytes_of(to.dtype, (end - row) * n_in));
      ASSIGN_OR_RETURN(const Errors errors, encode_rows(tensor, source, to.dtype, row, end, n_threads, bytes.data(), stop));
      total.errors += errors;
      RETURN_IF_ERROR(output.writer.append(bytes));
    }
    if (n_rows == 0) RETURN_IF_ERROR(output.writer.append({}));
  }
  for (const std::size_t index : tensor.sources) source.release_sources(index);
  total.seconds += seconds_since(begun);
  return {};
}

Result<QuantizeReport> quantize(const std::filesystem::path& in, const std::filesystem::path& out, std::string_view type, int n_threads,
                                const QuantizeProgress& progress, const std::stop_token& stop) {
  const Clock::time_point start = Clock::now();
  ASSIGN_OR_RETURN(const Recipe recipe, recipe_of(type));
  ASSIGN_OR_RETURN(ConvertedModel model, open_as_gguf(in));
  const std::filesystem::path vision_out = out.parent_path() / ("mmproj-" + out.filename().string());
  RETURN_IF_ERROR(check_apart(*model.source, out));
  std::vector<Output> outputs;
  ASSIGN_OR_RETURN(Output language, create_output(model.model, out, recipe));
  outputs.push_back(std::move(language));
  if (model.vision) {
    std::error_code ignored;
    if (std::filesystem::exists(out, ignored) && !std::filesystem::is_regular_file(out, ignored))
      return make_error(ErrorCode::bad_argument, out.string() + ": expected a file, because its tower is written beside it, found a device or pipe");
    RETURN_IF_ERROR(check_apart(*model.source, vision_out));
    ASSIGN_OR_RETURN(const Recipe vision_recipe, recipe_of_vision(recipe));
    ASSIGN_OR_RETURN(Output vision, create_output(*model.vision, vision_out, vision_recipe));
    outputs.push_back(std::move(vision));
  }

  if (n_threads <= 0) n_threads = default_n_threads();
  Totals totals[kNumDTypes];
  std::size_t n_done = 0, n_total = 0;
  for (const Output& output : outputs) n_total += output.tensors.size();
  for (Output& output : outputs) {
    for (std::size_t i = 0; i < output.tensors.size(); ++i) {
      const Result<void> written = write_tensor(output, i, *model.source, n_threads, totals[static_cast<std::size_t>(output.tensors[i].dtype)], stop);
      if (stop.stop_requested()) return make_error(ErrorCode::cancelled, out.filename().string() + ": writing was stopped");
      RETURN_IF_ERROR(written);
      if (progress) progress(++n_done, n_total);
    }
  }

  QuantizeReport report;
  for (Output& output : outputs) RETURN_IF_ERROR(output.writer.sync());
  for (Output& output : outputs | std::views::reverse) {  // the model last: who sees it finds its vision encoder
    ASSIGN_OR_RETURN(const std::uint64_t n_bytes, output.writer.finish());
    report.bytes += n_bytes;
  }
  std::uint64_t n_bytes = 0;
  std::int64_t n_values = 0;
  for (int i = 0; i < kNumDTypes; ++i) {
    const Totals& total = totals[i];
    if (total.n_tensors == 0) continue;
    const auto dtype = static_cast<DType>(i);
    n_bytes += bytes_of(dtype, total.n_values);
    n_values += total.n_values;
    report.formats.push_back({dtype, total.n_tensors, total.n_values,
                              total.errors.power > 0 ? std::sqrt(total.errors.difference / total.errors.power) : 0,
                              total.seconds > 0 ? static_cast<double>(total.n_values) / total.seconds : 0});
  }
  report.bits_per_weight = n_values > 0 ? 8 * static_cast<double>(n_bytes) / static_cast<double>(n_values) : 0;
  report.seconds = seconds_since(start);
  return report;
}

}  // namespace

Result<QuantizeReport> quantize_file(const std::filesystem::path& in, const std::filesystem::path& out, std::string_view type, int n_threads,
                                     const QuantizeProgress& progress, std::stop_token stop) {
  try {
    return quantize(in, out, type, n_threads, progress, stop);
  } catch (const std::bad_alloc&) {
    return make_error(ErrorCode::out_of_memory, out.filename().string() + ": expected memory for the rows of one tensor, found too little");
  }
}

}  // namespace pio
