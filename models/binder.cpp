#include "models/binder.h"

#include <algorithm>
#include <charconv>

#include "models/hf_names.h"

namespace pio {
namespace {

// A model has some hundred tensors, a mixture in a folder some thousand; a hostile header can name millions, and its error is read by a person.
constexpr std::size_t kMaxListedProblems = 1000;

std::string canonical(const WeightSource& source, const std::string& name) {
  if (source.naming() == WeightSource::Naming::gguf) return name;
  return canonical_name(name).value_or(name);
}

// Numbers that old checkpoints saved though they follow from the config: transformers before 4.32 kept rope's inv_freq as a buffer of
// every layer. We compute them, so these may be left aside.
bool is_harmless(const WeightSource& source, std::string_view name) {
  return source.naming() == WeightSource::Naming::hugging_face && name.ends_with(".self_attn.rotary_emb.inv_freq");
}

// "blk.3.attn_q.weight" → 3.
std::optional<std::int64_t> layer_of(std::string_view name) {
  constexpr std::string_view kLayer = "blk.";
  if (!name.starts_with(kLayer)) return {};
  std::int64_t layer = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, problem] = std::from_chars(name.data() + kLayer.size(), end, layer);
  if (problem != std::errc() || rest == end || *rest != '.') return {};
  return layer;
}

}  // namespace

Binder::Binder(WeightSource& source, Backend& backend, MatrixUse linear)
    : source_(source), backend_(backend), linear_(linear), is_used_(source.tensors().size(), false) {
  const std::vector<TensorInfo>& tensors = source.tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool is_new = index_of_.emplace(canonical(source, tensors[i].name), i).second;
    if (!is_new) problems_.push_back("tensor " + tensors[i].name + " is there twice");
    if (!is_new || is_harmless(source, tensors[i].name)) is_used_[i] = true;
  }
}

std::string Binder::spelled(const std::string& name) const {
  if (source_.naming() == WeightSource::Naming::gguf) return name;
  return hugging_face_name(name).value_or(name);
}

void Binder::want(Tensor& slot, std::string name, Shape shape, Shape as, MatrixUse use, bool as_f32, Cut cut) {
  const bool is_matrix = shape.rank() > 1;
  Shape here = as;
  if (cut.of != Cut::Of::nothing) {
    const int extent = cut.of == Cut::Of::last ? as.rank() - 1 : 0;
    CHECK(cut.range.begin >= 0 && cut.range.begin <= cut.range.end && cut.range.end <= as[extent], "bind: a part of the tensor");
    if (cut.range.n() == as[extent]) cut = {};
    here = {};
    for (int i = 0; i < as.rank(); ++i) here.append(i == extent && cut.of != Cut::Of::nothing ? cut.range.n() : as[i]);
  }
  const bool is_elsewhere = is_elsewhere_ || (cut.of != Cut::Of::nothing && cut.range.empty());
  wishes_.push_back({&slot, std::move(name), shape, as, use, as_f32, cut, here, is_matrix && shared_group_ ? *shared_group_ : n_groups_++, false,
                     are_experts_, is_elsewhere});
  check(wishes_.back());
}

void Binder::bind(Tensor& slot, std::string name, Shape shape, MatrixUse use, Cut cut) {
  const bool is_vector = shape.rank() == 1;
  want(slot, std::move(name), shape, shape, use, is_vector, cut);
}

bool Binder::bind_if_present(Tensor& slot, std::string name, Shape shape) {
  if (!has(name)) return false;
  bind(slot, std::move(name), shape);
  return true;
}

void Binder::bind(Linear& layer, const std::string& stem, Shape shape, bool has_bias, Cut cut) {
  bind(layer.w, stem + ".weight", shape, linear_, cut);
  const Wish& bound = wishes_.back();
  linears_.push_back({&layer, stem + ".weight", bound.is_elsewhere, bound.cut});
  CHECK(!has_bias || cut.of != Cut::Of::last, "bind: a bias is added once");
  if (has_bias) bind(layer.bias, stem + ".bias", {shape[0]}, MatrixUse::rows, cut);
}

void Binder::bind_decoded(Linear& layer, const std::string& stem, Shape shape) {
  want(layer.w, stem + ".weight", shape, shape, MatrixUse::rows, true, {});
  linears_.push_back({&layer, stem + ".weight", is_elsewhere_, {}});
}

std::int64_t Binder::block_length(const std::string& canonical_name) const {
  const auto found = index_of_.find(canonical_name);
  return found == index_of_.end() ? 1 : info(source_.tensors()[found->second].dtype).block_length;
}

void Binder::leave(std::string_view prefix) {
  for (const auto& [name, index] : index_of_) {
    if (name.starts_with(prefix)) is_used_[index] = true;
  }
}

void Binder::check(const Wish& wish) {
  const auto found = index_of_.find(wish.name);
  if (found == index_of_.end()) {
    problems_.push_back("tensor " + spelled(wish.name) + " is missing");
    return;
  }
  const TensorInfo& tensor = source_.tensors()[found->second];
  is_used_[found->second] = true;
  if (!(tensor.shape == wish.shape)) {
    problems_.push_back("tensor " + tensor.name + " has shape " + tensor.shape.text() + ", expected " + wish.shape.text());
  } else if (info(tensor.dtype).decode == nullptr || tensor.shape.back() % info(tensor.dtype).block_length != 0) {
    problems_.push_back("tensor " + tensor.name + ": expected weights in rows of whole blocks, found " + tensor.shape.text() + " of " +
                        info(tensor.dtype).name);
  }
}

void Binder::let_away(const Tensor& slot) {
  for (Wish& wish : wishes_) wish.in_rows |= wish.slot == &slot;
}

bool Binder::is_hopeless() const { return problems_.size() > kMaxListedProblems; }

Result<BoundWeights> Binder::finish() {
  for (std::size_t i = 0; i < is_used_.size(); ++i) {
    if (!is_used_[i]) problems_.push_back("tensor " + source_.tensors()[i].name + " is not used by architecture " + source_.architecture());
  }
  if (!problems_.empty()) {
    std::string message = source_.label() + ": ";
    for (std::size_t i = 0; i < problems_.size() && i < kMaxListedProblems; ++i) message += (i ? "; " : "") + problems_[i];
    if (problems_.size() > kMaxListedProblems) message += "; and " + std::to_string(problems_.size() - kMaxListedProblems) + " more";
    return make_error(ErrorCode::bad_file, std::move(message));
  }
  ASSIGN_OR_RETURN(BoundWeights bound, load());
  for (const BoundLinear& linear : linears_) {
    if (linear.is_elsewhere) {
      source_.leave_adapters(linear.matrix);
      continue;
    }
    ASSIGN_OR_RETURN(linear.layer->adapters, source_.adapters(linear.matrix));
    RETURN_IF_ERROR(cut_adapters(linear.layer->adapters, linear.cut, bound));
  }
  RETURN_IF_ERROR(backend_.sync());
  return bound;
}

// b · a beside the rows, or the columns, of a matrix that are here.
Result<void> Binder::cut_adapters(std::vector<LowRank>& adapters, const Cut& cut, BoundWeights& bound) {
  for (LowRank& adapter : adapters) {
    if (cut.of == Cut::Of::first) adapter.b = adapter.b.rows(cut.range.begin, cut.range.n());
    if (cut.of != Cut::Of::last) continue;
    const Shape shape{adapter.a.shape[0], cut.range.n()};
    ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, backend_.allocate(bytes_of(DType::f32, shape.n_values())));
    const Tensor columns{DType::f32, shape, buffer.get(), 0};
    backend_.copy_columns(columns, 0, adapter.a, cut.range.begin, cut.range.n());
    adapter.a = columns;
    bound.adapters.push_back(std::move(buffer));
  }
  return {};
}

Result<BoundWeights> Binder::load() {
  BoundWeights bound;
  for (const Wish& wish : wishes_) bound.n_parameters += wish.as.n_values();
  std::erase_if(wishes_, [](const Wish& wish) { return wish.is_elsewhere; });
  std::ranges::stable_sort(wishes_, {}, &Wish::group);
  std::vector<WeightGroup> groups(n_groups_);
  for (const Wish& wish : wishes_) {
    // what is decoded below is read now
    const std::optional<std::int64_t> layer = wish.as_f32 ? std::nullopt : layer_of(wish.name);
    WantedTensor wanted{.index = index_of_.at(wish.name),
                        .shape = wish.here,
                        .use = wish.use,
                        .layer = layer,
                        .in_rows = wish.in_rows,
                        .is_experts = wish.is_experts};
    if (wish.cut.of == Cut::Of::last || (wish.cut.of == Cut::Of::first && wish.as.rank() == 1)) {
      wanted.first_column = wish.cut.range.begin;
      wanted.row_length = wish.as.back();
    } else if (wish.cut.of == Cut::Of::first) {
      wanted.first_row = wish.cut.range.begin * (wish.as.n_values() / wish.as[0] / wish.as.back());
    }
    groups[wish.group].push_back(wanted);
  }
  std::erase_if(groups, [](const WeightGroup& group) { return group.empty(); });
  ASSIGN_OR_RETURN(const std::vector<Tensor> loaded, source_.load(groups));

  bound.decoded = BufferSet(backend_.most_bytes_at_once());
  std::vector<BufferSet::Place> places;  // of those that are decoded, in their order
  const auto has_to_be_decoded = [&](std::size_t i) { return wishes_[i].as_f32 && loaded[i].dtype != DType::f32; };
  const auto decoded_bytes = [](const Wish& wish) { return (bytes_of(DType::f32, wish.here.n_values()) + 63) / 64 * 64; };  // each aligned
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    if (has_to_be_decoded(i)) places.push_back(bound.decoded.add(decoded_bytes(wishes_[i])));
  }
  RETURN_IF_ERROR(bound.decoded.allocate(backend_));
  std::size_t next = 0;
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    *wishes_[i].slot = loaded[i];
    if (!has_to_be_decoded(i)) continue;
    const BufferSet::Place& place = places[next++];
    *wishes_[i].slot = {DType::f32, wishes_[i].here, bound.decoded.at(place), place.offset};
    backend_.decode_rows(*wishes_[i].slot, loaded[i]);
  }
  return bound;
}

}  // namespace pio
