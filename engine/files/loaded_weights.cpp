#include "engine/files/loaded_weights.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "engine/files/read_ahead.h"
#include "kernels/first_touch.h"
#include "kernels/host.h"

namespace pio {
namespace {

Error was_stopped(const ModelFile& file) { return make_error(ErrorCode::cancelled, file.label() + ": loading was stopped"); }

using MakeRows = std::function<Result<void>(std::int64_t first, std::int64_t n, std::byte* out)>;

// Of rows that `whole` makes, of whole_bytes each, the n_bytes of each behind `skipped` ones.
MakeRows columns_of(MakeRows whole, std::size_t whole_bytes, std::size_t skipped, std::size_t n_bytes) {
  return [whole = std::move(whole), whole_bytes, skipped, n_bytes](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
    constexpr std::size_t kBytesAtOnce = 1 << 20;
    const auto rows_at_once = static_cast<std::int64_t>(std::max<std::size_t>(kBytesAtOnce / whole_bytes, 1));
    std::vector<std::byte> rows(static_cast<std::size_t>(std::min(n, rows_at_once)) * whole_bytes);
    for (std::int64_t at = 0; at < n; at += rows_at_once) {
      const std::int64_t n_here = std::min(rows_at_once, n - at);
      RETURN_IF_ERROR(whole(first + at, n_here, rows.data()));
      for (std::int64_t row = 0; row < n_here; ++row, out += n_bytes)
        std::memcpy(out, rows.data() + static_cast<std::size_t>(row) * whole_bytes + skipped, n_bytes);
    }
    return {};
  };
}

// The same rows, for which room was made before: n_bytes of the arena from `offset` on are for all n_rows.
MakeRows touching(MakeRows make_rows, FirstTouch& touch, const Buffer& arena, std::size_t offset, std::size_t n_bytes, std::int64_t n_rows) {
  return [make_rows = std::move(make_rows), &touch, &arena, offset, n_bytes, n_rows](std::int64_t first, std::int64_t n, std::byte* out) {
    const auto place_of = [&](std::int64_t row) { return offset + n_bytes * static_cast<std::size_t>(row) / static_cast<std::size_t>(n_rows); };
    touch.touch(arena, place_of(first), place_of(first + n));
    return make_rows(first, n, out);
  };
}

// `ahead`: what reads the file, where it is not read when rows are wanted; told what that will be. Must outlive the source.
MatrixSource source_of(const ModelFile& file, const WantedTensor& wanted, bool lays_out, ReadAhead* ahead = nullptr) {
  const std::size_t index = wanted.index;
  MatrixSource source;
  source.dtype = file.tensors()[index].dtype;
  source.shape = wanted.shape;
  // What may be rounded does not depend on how much memory there is.
  if (lays_out || wanted.use != MatrixUse::products) source.use = wanted.use;
  const std::size_t row_bytes = bytes_of(source.dtype, wanted.row_length > 0 ? wanted.row_length : source.shape.back());
  if (!file.is_made(index)) {
    const std::byte* const data = file.data(index).data();
    const std::span<const std::byte> all{data + static_cast<std::size_t>(wanted.first_row) * row_bytes,
                                         static_cast<std::size_t>(source.shape.n_rows()) * row_bytes};
    const std::optional<ModelFile::Place> place = ahead ? file.place_of(all) : std::nullopt;
    if (place && place->file) {
      ahead->add(*place->file, place->offset, all.size());
      source.make_rows = [ahead, from = place->file, at = place->offset - (all.data() - data), row_bytes](std::int64_t first, std::int64_t n,
                                                                                                          std::byte* out) -> Result<void> {
        return ahead->read(*from, at + static_cast<std::uint64_t>(first) * row_bytes, static_cast<std::size_t>(n) * row_bytes, out);
      };
    } else {
      source.make_rows = [&file, data, row_bytes](std::int64_t first, std::int64_t n, std::byte* out) -> Result<void> {
        return file.read({data + static_cast<std::size_t>(first) * row_bytes, static_cast<std::size_t>(n) * row_bytes}, out);
      };
    }
  } else {
    source.make_rows = [&file, index](std::int64_t first, std::int64_t n, std::byte* out) { return file.make_rows(index, first, n, out); };
  }
  if (wanted.first_row > 0) {
    source.make_rows = [whole = std::move(source.make_rows), before = wanted.first_row](std::int64_t first, std::int64_t n, std::byte* out) {
      return whole(before + first, n, out);
    };
  }
  if (wanted.row_length > 0)
    source.make_rows =
        columns_of(std::move(source.make_rows), row_bytes, bytes_of(source.dtype, wanted.first_column), bytes_of(source.dtype, source.shape.back()));
  return source;
}

}  // namespace

std::uint64_t StreamableBytes::total() const {
  std::uint64_t n_bytes = 0;
  for (const std::vector<std::uint64_t>* sizes : {&layers, &tables})
    for (const std::uint64_t size : *sizes) n_bytes += size;
  return n_bytes;
}

namespace {

// A group of the file on its way to the device.
struct PlacingGroup {
  std::vector<MatrixSource> sources;
  std::optional<std::int64_t> layer;  // that alone reads it
  std::optional<std::int64_t> table;  // its number among the tables
  bool is_away = false;
  bool is_in_slots = false;
  std::uint64_t placed_bytes = 0;
  // Where it goes: all of it to one place, or where no buffer of the device has room for that, each source to one of its own.
  std::vector<BufferSet::Place> places;
};

void add_to(BufferSet& arena, PlacingGroup& group, const Backend& backend) {
  if (group.placed_bytes <= backend.most_bytes_at_once()) {
    group.places.push_back(arena.add(group.placed_bytes));
    return;
  }
  for (const MatrixSource& source : group.sources) group.places.push_back(arena.add(backend.placed_bytes({&source, 1})));
}

PlacingGroup placing(const ModelFile& file, const WeightGroup& wanted, const Residency& residency, const Backend& backend,
                     StreamableBytes& streamable) {
  PlacingGroup group;
  for (const WantedTensor& tensor : wanted) group.sources.push_back(source_of(file, tensor, residency.lays_out));
  if (residency.has_slots && wanted.front().is_experts) {
    group.is_in_slots = true;
    return group;
  }
  group.placed_bytes = backend.placed_bytes(group.sources);
  group.layer = wanted.front().layer;
  if (wanted.front().in_rows) group.table = std::ssize(streamable.tables);
  if (!group.layer && !group.table) return group;

  if (group.layer) {
    streamable.layers.resize(std::max<std::size_t>(streamable.layers.size(), static_cast<std::size_t>(*group.layer) + 1));
    streamable.layers[static_cast<std::size_t>(*group.layer)] += group.placed_bytes;
    group.is_away = residency.is_streamed && *group.layer >= residency.n_layers;
  } else {
    streamable.tables.push_back(group.placed_bytes);
    group.is_away = residency.is_streamed && *group.table < residency.n_away_tables;
  }
  return group;
}

}  // namespace

Result<PlacedFile> place_file(const ModelFile& file, std::span<const WeightGroup> wanted, Backend& backend, const Residency& residency,
                              const PlacingProgress& progress, const std::stop_token& stop) {
  PlacedFile all;
  FirstTouch first_touch(backend.n_threads());
  all.arena = BufferSet(backend.most_bytes_at_once());
  ReadAhead ahead(stop);  // of what stays, in the order in which it is placed
  std::vector<PlacingGroup> groups;
  std::uint64_t done = 0, total = 0;
  if (residency.has_slots) all.experts = std::make_unique<AwayTensors>();
  for (const WeightGroup& group : wanted) {
    groups.push_back(placing(file, group, residency, backend, all.streamable));
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (group[i].is_experts) all.expert_bytes += groups.back().sources[i].n_bytes();
      if (file.is_made(group[i].index)) all.made_bytes += groups.back().sources[i].n_bytes();
      if (!groups.back().is_away && !groups.back().is_in_slots) total += groups.back().sources[i].n_bytes();
    }
    if (groups.back().is_away || groups.back().is_in_slots) continue;
    for (std::size_t i = 0; i < group.size(); ++i) groups.back().sources[i] = source_of(file, group[i], residency.lays_out, &ahead);
    add_to(all.arena, groups.back(), backend);
  }
  BufferSet::Place slot;
  std::vector<std::size_t> offsets;  // of groups that are away, in the slot
  std::vector<Tensor> tables;
  if (residency.is_streamed) {
    all.streamed = std::make_unique<StreamedWeights>(backend);
    for (const PlacingGroup& group : groups) {
      if (!group.is_away) continue;
      if (group.table) tables.push_back(all.streamed->add_table(group.sources.front()));
      else offsets.push_back(all.streamed->add(*group.layer, group.sources));
    }
    slot = all.arena.add(all.streamed->slot_bytes());
  }
  RETURN_IF_ERROR(all.arena.allocate(backend));
  if (all.streamed) all.streamed->set_slot(all.arena.at(slot), slot.offset);
  const auto report = [&](std::uint64_t n_bytes) {
    done += n_bytes;
    if (progress) progress(done, total);
  };
  std::size_t next_offset = 0, next_table = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    PlacingGroup& group = groups[g];
    if (group.is_in_slots) {
      for (std::size_t i = 0; i < group.sources.size(); ++i) all.tensors.push_back(all.experts->add(file, wanted[g][i].index, group.sources[i]));
      continue;
    }
    if (group.is_away) {
      if (group.table) all.tensors.push_back(tables[next_table++]);
      else
        std::ranges::move(backend.placed_tensors(group.sources, all.arena.at(slot), slot.offset + offsets[next_offset++]),
                          std::back_inserter(all.tensors));
      continue;
    }
    const std::size_t n_together = group.places.size() == 1 ? group.sources.size() : 1;
    for (std::size_t i = 0; i < group.places.size(); ++i) {
      const BufferSet::Place& place = group.places[i];
      const std::span<MatrixSource> sources = std::span(group.sources).subspan(i, n_together);
      Buffer* const arena = all.arena.at(place);
      std::size_t offset = place.offset;
      for (MatrixSource& source : sources) {
        const std::size_t n_bytes = backend.placed_bytes({&source, 1});
        if (arena) source.make_rows = touching(std::move(source.make_rows), first_touch, *arena, offset, n_bytes, source.shape.n_rows());
        offset += n_bytes;
      }
      Result<Placed> placed = backend.place_weights(sources, arena, place.offset, stop, report);
      if (!placed && placed.error().code == ErrorCode::cancelled) return was_stopped(file);
      if (!placed) return placed.error();
      std::ranges::move(placed->tensors, std::back_inserter(all.tensors));
      std::ranges::move(placed->mapped, std::back_inserter(all.mapped));
    }
    for (std::size_t i = 0; i < wanted[g].size(); ++i) {
      const std::size_t index = wanted[g][i].index;
      if (file.is_made(index)) file.release_sources(index);
      if (all.arena.has(all.tensors[all.tensors.size() - wanted[g].size() + i].buffer)) all.copied_bytes += group.sources[i].n_bytes();
    }
  }
  all.touch_bytes_per_second = first_touch.bytes_per_second();
  return all;
}

LoadedWeights::LoadedWeights(std::shared_ptr<ModelFile> file, Backend& backend, const PlacingProgress& progress, std::stop_token stop,
                             const Residency& residency)
    : file_(std::move(file)), backend_(backend), progress_(progress), stop_(std::move(stop)), residency_(residency) {}

const MetaValue* LoadedWeights::metadata(std::string_view key) const {
  const auto it = file_->metadata().find(key);
  return it == file_->metadata().end() ? nullptr : &it->second;
}

std::vector<const Buffer*> LoadedWeights::arenas() const {
  std::vector<const Buffer*> all;
  for (const PlacedFile& placed : placed_)
    for (const std::unique_ptr<Buffer>& buffer : placed.arena.buffers()) all.push_back(buffer.get());
  return all;
}

WeightStream* LoadedWeights::stream() const {
  for (const PlacedFile& placed : placed_)
    if (placed.streamed) return placed.streamed.get();
  return nullptr;
}

const AwayTensors* LoadedWeights::away_experts() const {
  for (const PlacedFile& placed : placed_)
    if (placed.experts) return placed.experts.get();
  return nullptr;
}

void add_slots(WeightLayout& layout, std::uint64_t n_bytes, std::uint64_t huge_page_bytes) {
  layout.form = WeightLayout::Form::in_slots;
  layout.resident_bytes += n_bytes;
  layout.huge_page_bytes += huge_page_bytes;
}

void add_card_slots(WeightLayout& layout, std::uint64_t n_bytes, std::uint64_t file_bytes) {
  layout.resident_bytes += n_bytes;
  layout.file_bytes -= std::min(layout.file_bytes, file_bytes);
}

void add_layout(WeightLayout& layout, const WeightLayout& other) {
  const auto rank = [](WeightLayout::Form form) {
    constexpr WeightLayout::Form kRanks[] = {WeightLayout::Form::placed, WeightLayout::Form::in_slots, WeightLayout::Form::streamed};
    return std::ranges::find(kRanks, form) - std::begin(kRanks);
  };
  if (rank(other.form) > rank(layout.form)) layout.form = other.form;
  if (layout.lanes == 0) layout.lanes = other.lanes, layout.isa = other.isa;
  layout.file_bytes += other.file_bytes;
  layout.resident_bytes += other.resident_bytes;
  layout.padding_bytes += other.padding_bytes;
  layout.huge_page_bytes += other.huge_page_bytes;
  layout.streamed_bytes += other.streamed_bytes;
  if (!other.mapped_bytes) layout.mapped_bytes.reset();
  else if (layout.mapped_bytes) *layout.mapped_bytes += *other.mapped_bytes;
}

WeightLayout layout_of(std::span<const PlacedFile> placed_files, std::uint64_t file_bytes, const Backend::OwnLayout& own) {
  WeightLayout layout;
  std::uint64_t copied_bytes = 0;
  for (const PlacedFile& placed : placed_files) {
    copied_bytes += placed.copied_bytes;
    if (placed.streamed) {
      layout.streamed_bytes += placed.streamed->n_bytes();
      copied_bytes += placed.streamed->slot_bytes();
    }
    for (const std::unique_ptr<Buffer>& view : placed.mapped) *layout.mapped_bytes += view->n_bytes();
    for (const std::unique_ptr<Buffer>& buffer : placed.arena.buffers()) {
      layout.resident_bytes += buffer->n_bytes();
      if (buffer->host_data()) layout.huge_page_bytes += huge_page_bytes(buffer->host_data(), buffer->n_bytes());
    }
  }
  layout.file_bytes = file_bytes;
  layout.padding_bytes = layout.resident_bytes - std::min(layout.resident_bytes, copied_bytes);
  layout.form = layout.streamed_bytes > 0 ? WeightLayout::Form::streamed : WeightLayout::Form::placed;
  layout.isa = own.isa;
  layout.lanes = own.lanes;
  return layout;
}

WeightLayout LoadedWeights::layout() const {
  return layout_of(placed_, n_bytes_, residency_.lays_out ? backend_.own_layout() : Backend::OwnLayout{});
}

LoadMeasures LoadedWeights::measures(int n_threads) const {
  LoadMeasures measures;
  const ReadCounts counts = file_->read_counts();
  measures.bytes = counts.n_bytes();
  if (counts.thread_seconds > 0) measures.read_bytes_per_second = static_cast<double>(counts.n_bytes()) / counts.thread_seconds * n_threads;
  if (counts.direct_bytes > counts.cached_bytes) measures.source = LoadMeasures::Source::direct;
  if (counts.buffered_bytes > counts.cached_bytes + counts.direct_bytes) measures.source = LoadMeasures::Source::buffered;
  for (const PlacedFile& placed : placed_) measures.touch_bytes_per_second = std::max(measures.touch_bytes_per_second, placed.touch_bytes_per_second);
  return measures;
}

Result<std::vector<Tensor>> LoadedWeights::load(std::span<const WeightGroup> groups) {
  ASSIGN_OR_RETURN(PlacedFile placed, place_file(*file_, groups, backend_, residency_, progress_, stop_));
  for (const WeightGroup& group : groups)
    for (const WantedTensor& wanted : group) n_bytes_ += wanted.n_bytes(tensors()[wanted.index]);
  placed_.push_back(std::move(placed));
  return placed_.back().tensors;
}

}  // namespace pio
