#include "engine/quantize.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <new>
#include <thread>

#include "engine/convert.h"
#include "engine/files/gguf_writer.h"
#include "engine/quantize_recipe.h"

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Errors {
  double difference = 0, power = 0;  // sums of squares
};

struct Totals {
  std::int64_t n_tensors = 0, n_values = 0;
  Errors errors;
  double seconds = 0;
};

// Rows of one tensor in another format, `n_threads` at a time.
Errors encode_rows(const ConvertedTensor& tensor, DType dtype, int n_threads, std::byte* out, const std::stop_token& stop) {
  const std::int64_t n_in = tensor.info.shape.back(), n_rows = tensor.info.shape.n_values() / n_in;
  const std::int64_t n_at_once = std::max<std::int64_t>(1, 65536 / n_in);  // a thread takes about 20 ms of work
  std::atomic<std::int64_t> next{0};
  std::vector<Errors> errors(static_cast<std::size_t>(n_threads));
  const auto work = [&](Errors& sum) {
    std::vector<float> read(static_cast<std::size_t>(n_in)), written(read.size());
    for (std::int64_t first = 0; (first = next.fetch_add(n_at_once)) < n_rows && !stop.stop_requested();) {
      for (std::int64_t row = first; row < std::min(first + n_at_once, n_rows); ++row) {
        std::byte* blocks = out + bytes_of(dtype, row * n_in);
        tensor.read_row(row, read.data());
        info(dtype).encode(read.data(), blocks, n_in);
        info(dtype).decode(blocks, written.data(), n_in);
        for (std::size_t i = 0; i < read.size(); ++i) {
          const double x = static_cast<double>(read[i]), e = static_cast<double>(written[i]) - x;
          sum.difference += e * e;
          sum.power += x * x;
        }
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i < n_threads && i < n_rows; ++i) threads.emplace_back(work, std::ref(errors[static_cast<std::size_t>(i)]));
    work(errors[0]);
  }
  Errors sum;
  for (const Errors& e : errors) {
    sum.difference += e.difference;
    sum.power += e.power;
  }
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

Result<QuantizeReport> quantize(const std::filesystem::path& in, const std::filesystem::path& out, std::string_view type, int n_threads,
                                const QuantizeProgress& progress, const std::stop_token& stop) {
  const Clock::time_point start = Clock::now();
  ASSIGN_OR_RETURN(const Recipe recipe, recipe_of(type));
  ASSIGN_OR_RETURN(ConvertedModel model, open_as_gguf(in));
  RETURN_IF_ERROR(check_apart(*model.file, out));
  std::vector<TensorInfo> tensors;
  for (const ConvertedTensor& tensor : model.tensors) tensors.push_back(tensor.info);
  ASSIGN_OR_RETURN(const std::vector<DType> formats, formats_for(type, model.metadata, tensors));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].dtype = formats[i];
    tensors[i].n_bytes = bytes_of(formats[i], tensors[i].shape.n_values());
  }
  model.metadata["general.file_type"] = recipe.file_type;
  model.metadata["general.quantization_version"] = std::int64_t{2};  // ggml.h, GGML_QNT_VERSION
  ASSIGN_OR_RETURN(GgufFileWriter writer, GgufFileWriter::create(out, model.metadata, tensors));

  if (n_threads <= 0) n_threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  Totals totals[kNumDTypes];
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Clock::time_point begun = Clock::now();
    const ConvertedTensor& tensor = model.tensors[i];
    Totals& total = totals[static_cast<std::size_t>(formats[i])];
    std::span<const std::byte> written;
    if (tensor.same_as && tensor.info.dtype == formats[i]) {
      written = model.file->data(*tensor.same_as);
    } else {
      bytes.resize(tensors[i].n_bytes);
      const Errors errors = encode_rows(tensor, formats[i], n_threads, bytes.data(), stop);
      total.errors.difference += errors.difference;
      total.errors.power += errors.power;
      written = bytes;
    }
    if (stop.stop_requested()) return make_error(ErrorCode::cancelled, out.filename().string() + ": writing was stopped");
    total.seconds += seconds_since(begun);
    ++total.n_tensors;
    total.n_values += tensors[i].shape.n_values();
    RETURN_IF_ERROR(writer.write_tensor(written));
    if (tensor.same_as) model.file->release_sources(*tensor.same_as);
    if (progress) progress(i + 1, tensors.size());
  }

  QuantizeReport report;
  ASSIGN_OR_RETURN(report.bytes, writer.finish());
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
    return make_error(ErrorCode::out_of_memory, out.filename().string() + ": expected memory for one tensor, found too little");
  }
}

}  // namespace pio
