#include "engine/snapshot_identity.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>
#include <vector>

#include "engine/files/file_contents.h"
#include "engine/files/words.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

// Its time does not count: a file that was only touched, or copied, holds the same model.
void add_file(std::ostream& out, const fs::path& path) {
  std::error_code error;
  const std::uintmax_t n_bytes = fs::file_size(path, error);
  const std::optional<std::uint64_t> contents = contents_of(path);
  if (!error && contents) out << "file " << n_bytes << " bytes, contents " << *contents << '\n';
}

void add_stamp(std::ostream& out, const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  out << status.st_dev << ' ' << status.st_ino << ' ' << status.st_size << ' ' << status.st_mtim.tv_sec << '.' << status.st_mtim.tv_nsec << '\n';
}

// A file, or those in a folder.
template <class Add>
void add_files(std::ostream& out, const fs::path& path, const Add& add) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return add(out, path);
  std::vector<fs::path> paths;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) paths.push_back(entry->path());
  std::ranges::sort(paths);
  for (const fs::path& file : paths) add(out, file);
}

}  // namespace

std::string snapshot_identity(const LoadedModel& model, const LoadRequest& request) {
  std::ostringstream out;
  std::string name = model.info().name;
  std::ranges::replace(name, '\n', ' ');
  out << name << '\n' << lower_case(info(request.kv).name) << '\n';  // as it is asked for
  for (const fs::path& path : model.files()) add_file(out, path);
  for (const LoraRequest& lora : request.loras) {
    out << "adapter times " << lora.scale << '\n';
    add_files(out, lora.path, add_file);
  }
  out << "quantized " << static_cast<int>(request.quantization) << ", activations " << static_cast<int>(request.activations) << '\n';
  for (const Stage& stage : model.stages()) {
    if (stage.first < stage.last) out << "keys rotated by " << stage.kv->state().layers.front().hadamard_length << '\n';
    if (model.stages().size() > 1) out << "layers to " << stage.last << " on " << stage.backend->device().name << '\n';
  }
  const KvSelection& attention = request.attention;
  out << "attention " << static_cast<int>(attention.kind) << ' ' << attention.n_sinks << ' ' << attention.window << ' ' << attention.n_pages << '\n';
  out << "device " << model.info().device << ' ' << model.info().layout.isa << '\n';  // wherever weights lie, the bytes are the same
  out << "blocks of " << kKvBlockLength << '\n';
  for (const Stage& stage : model.stages()) {
    if (&stage != &model.stages().front() && !stage.exchange) break;  // their layers are among those of all
    if (stage.exchange) {
      const LayerSlice& slice = *stage.model->slice();
      for (const Range& range : {slice.heads, slice.hidden, slice.experts, slice.shared}) out << range.begin << " to " << range.end << ", ";
    }
    for (const KvLayout& layer : stage.model->spec().kv_layers) out << layer.n_kv_heads << 'x' << layer.k_head_dim << '+' << layer.v_head_dim << ' ';
    out << '\n';
  }
  return out.str();
}

std::string file_stamps(const LoadedModel& model, const LoadRequest& request) {
  std::ostringstream out;
  for (const fs::path& path : model.files()) add_stamp(out, path);
  for (const LoraRequest& lora : request.loras) add_files(out, lora.path, add_stamp);
  return out.str();
}

}  // namespace pio
