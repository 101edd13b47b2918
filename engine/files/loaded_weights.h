#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "engine/files/away_tensors.h"
#include "engine/files/load_measures.h"
#include "engine/files/model_file.h"
#include "engine/files/streamed_weights.h"
#include "kernels/backend.h"
#include "kernels/buffer_set.h"

namespace pio {

// Bytes made ready so far, of all that are wanted.
using PlacingProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Which of a file's weights stay in memory, and how.
struct Residency {
  bool lays_out = false;            // the device may choose a layout of its own, in memory beside the file
  bool is_streamed = false;         // what does not stay is brought for every pass (StreamedWeights); else all stay
  std::int64_t n_layers = 0;        // then layers 0 … n_layers - 1 stay,
  std::int64_t n_away_tables = 0;   // and all tables but the first n_away_tables
  bool has_slots = false;           // the experts of mixtures stay in the file (AwayTensors), to be brought into slots,
  std::uint64_t slots_bytes = 0;    // which may take so many bytes
  bool are_shared = false;          // and another device has all experts: it computes those that are in no slot
  std::uint64_t staging_bytes = 0;  // then: memory that prompts bring experts to which are in no slot
};

// What may be brought for every pass, in bytes as placed: of each layer, and of each table (WantedTensor::in_rows), in their order.
struct StreamableBytes {
  std::vector<std::uint64_t> layers, tables;
  std::uint64_t total() const;
};

// A file's weights on a device, in one arena: a buffer, or as many as the device needs for that. They are read into it: products read no file.
struct PlacedFile {
  std::vector<Tensor> tensors;                  // of all groups, one after the other
  BufferSet arena;                              // empty where nothing stays
  std::vector<std::unique_ptr<Buffer>> mapped;  // views of what a device reads where it lies: none, as no source says where that is
  std::uint64_t made_bytes = 0;                 // of what stands nowhere in the file (ModelFile::is_made)
  std::uint64_t copied_bytes = 0;               // of the tensors in the arena, as the file holds them
  double touch_bytes_per_second = 0;            // of the arena, by one thread; 0: not measured
  std::unique_ptr<StreamedWeights> streamed;    // null where all stay
  std::unique_ptr<AwayTensors> experts;         // null where they are not in slots
  StreamableBytes streamable;
  std::uint64_t expert_bytes = 0;  // of mixtures' experts, in the file
};
// Lays these groups of the file on `backend` as `residency` says. On a CountingBackend: what that would take, and
// no weight is read. Fails with out_of_memory before anything is read; with cancelled after a stop. `file` must outlive the result.
Result<PlacedFile> place_file(const ModelFile& file, std::span<const WeightGroup> groups, Backend& backend, const Residency& residency,
                              const PlacingProgress& progress = {}, const std::stop_token& stop = {});

// Where the weights lie, of `file_bytes` in the file; `own`: the order that the device chose, if any.
WeightLayout layout_of(std::span<const PlacedFile> placed, std::uint64_t file_bytes, const Backend::OwnLayout& own);
// And of two parts together.
void add_layout(WeightLayout& layout, const WeightLayout& other);
// With slots for experts beside them.
void add_slots(WeightLayout& layout, std::uint64_t n_bytes, std::uint64_t huge_page_bytes);
// With slots of a card, whose experts another part has too: `file_bytes` of all of them, which are not this one's.
void add_card_slots(WeightLayout& layout, std::uint64_t n_bytes, std::uint64_t file_bytes);

// The weights of a model file on one device, or those of a part of the model. Owns the buffers, and the file with others of its parts; the backend must outlive it. One thread at a time, as the backend.
class LoadedWeights final : public WeightSource {
 public:
  LoadedWeights(std::shared_ptr<ModelFile> file, Backend& backend, const PlacingProgress& progress = {}, std::stop_token stop = {},
                const Residency& residency = {});

  Naming naming() const override { return file_->naming(); }
  const std::string& label() const override { return file_->label(); }
  const std::string& architecture() const override { return file_->architecture(); }
  const MetaValue* metadata(std::string_view key) const override;
  const std::vector<TensorInfo>& tensors() const override { return file_->tensors(); }
  // Fails as place_file.
  Result<std::vector<Tensor>> load(std::span<const WeightGroup> groups) override;

  const ModelFile& file() const { return *file_; }
  // Bytes of all loaded tensors.
  std::uint64_t n_bytes() const { return n_bytes_; }
  // Where they lie, and how they came there (read_bytes_per_second for this many threads).
  WeightLayout layout() const;
  LoadMeasures measures(int n_threads) const;
  // Brings the weights that do not stay; null where all do.
  WeightStream* stream() const;
  // The experts that are to be brought into slots; null where all are where products read them.
  const AwayTensors* away_experts() const;
  // The arenas, to measure reading them.
  std::vector<const Buffer*> arenas() const;

 private:
  std::shared_ptr<ModelFile> file_;
  Backend& backend_;
  PlacingProgress progress_;
  std::stop_token stop_;
  const Residency residency_;
  std::vector<PlacedFile> placed_;  // one a load()
  std::uint64_t n_bytes_ = 0;
};

}  // namespace pio
