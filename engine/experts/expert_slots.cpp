#include "engine/experts/expert_slots.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/base/check.h"
#include "kernels/host.h"

namespace pio {
namespace {

using Clock = std::chrono::steady_clock;

// Experts on their way from the disk: enough to keep it busy while one is laid out; of a small model a small part.
constexpr std::uint64_t kMostReadingBytes = std::uint64_t{48} << 20;
constexpr std::int64_t kReadingShare = 8;
constexpr std::int64_t kFewestReading = 2, kMostReading = 16;
// Guesses of which fewer come true are made once in so many layers only, to see whether they have become better. A wrong one costs what the
// disk could have done for the layer at hand.
constexpr double kWorthGuessing = 0.4, kWorthMissing = 0.05, kGuessFade = 0.05;
constexpr int kRarely = 16;
// Steps of more tokens choose nearly all experts.
constexpr std::int64_t kFewTokens = 16;
// How soon a stop is seen.
constexpr std::chrono::milliseconds kPatience{20};

std::array<Tensor, 3> parts_of(const ExpertMlp& expert) { return {expert.gate, expert.up, expert.down}; }

std::size_t room_for(const AwayTensors::Matrix& matrix) {
  return matrix.in_file ? ReadQueue::room_for(matrix.in_file->offset, matrix.source.n_bytes()) : 0;
}

std::int64_t n_reading(std::span<const ExpertKind> kinds) {
  std::uint64_t largest = 1;
  std::int64_t n_all = 0;
  for (const ExpertKind& kind : kinds) {
    largest = std::max(largest, kind.room_bytes);
    n_all += kind.n_in_all();
  }
  return std::clamp(std::min(static_cast<std::int64_t>(kMostReadingBytes / largest), n_all / kReadingShare), kFewestReading, kMostReading);
}

}  // namespace

ExpertSources sources_of(const AwayTensors& away, const ExpertMlp& expert) {
  return {{away.matrix_of(expert.gate).source, away.matrix_of(expert.up).source}, {away.matrix_of(expert.down).source}};
}

std::vector<ExpertKind> expert_kinds(const Model& model, const AwayTensors& away, const Backend& backend, std::uint64_t n_bytes,
                                     std::int64_t n_fewest) {
  std::vector<ExpertKind> kinds;
  for (std::int64_t l = 0; l < model.spec().n_layers; ++l) {
    const ExpertSet* const experts = model.experts(l);
    if (!experts) continue;
    // of each part the largest: an expert's format may differ from the others'
    ExpertKind kind{.layers = {l}, .n_experts = experts->n_experts()};
    for (std::int64_t id = 0; id < experts->n_experts(); ++id) {
      const ExpertSources sources = sources_of(away, (*experts)[id]);
      std::uint64_t in_file = 0, room = 0;
      for (const Tensor& part : parts_of((*experts)[id])) {
        const AwayTensors::Matrix matrix = away.matrix_of(part);
        in_file += matrix.source.n_bytes();
        // wherever it begins in a block
        if (matrix.in_file) room += ReadQueue::room_for(kDirectBlock - 1, matrix.source.n_bytes());
      }
      kind.slot_bytes = std::max(kind.slot_bytes, backend.placed_bytes(sources.input) + backend.placed_bytes(sources.hidden));
      kind.file_bytes = std::max(kind.file_bytes, in_file);
      kind.room_bytes = std::max(kind.room_bytes, room);
    }
    const auto same = std::ranges::find_if(
        kinds, [&](const ExpertKind& other) { return other.slot_bytes == kind.slot_bytes && other.n_experts == kind.n_experts; });
    if (same == kinds.end()) {
      kinds.push_back(std::move(kind));
    } else {
      same->layers.push_back(l);
      same->file_bytes = std::max(same->file_bytes, kind.file_bytes);
      same->room_bytes = std::max(same->room_bytes, kind.room_bytes);
    }
  }
  double all_bytes = 0;
  for (const ExpertKind& kind : kinds) all_bytes += static_cast<double>(kind.n_in_all()) * static_cast<double>(kind.slot_bytes);
  std::uint64_t left = n_bytes;
  for (ExpertKind& kind : kinds) {
    const double share = all_bytes > 0 ? std::min(1.0, static_cast<double>(n_bytes) / all_bytes) : 0;
    kind.n_slots =
        std::clamp(static_cast<std::int64_t>(share * static_cast<double>(kind.n_in_all())), std::min(n_fewest, kind.n_in_all()), kind.n_in_all());
    left -= std::min(left, static_cast<std::uint64_t>(kind.n_slots) * kind.slot_bytes);
  }
  // The fewest of one kind may have left less for the others.
  for (ExpertKind& kind : kinds) {
    while (kind.n_slots > n_fewest && slots_bytes(kinds) > n_bytes) --kind.n_slots;
    for (; kind.n_slots < kind.n_in_all() && left >= kind.slot_bytes && slots_bytes(kinds) + kind.slot_bytes <= n_bytes; ++kind.n_slots)
      left -= kind.slot_bytes;
  }
  return kinds;
}

std::uint64_t slots_bytes(std::span<const ExpertKind> kinds) {
  std::uint64_t n_bytes = 0;
  for (const ExpertKind& kind : kinds) n_bytes += static_cast<std::uint64_t>(kind.n_slots) * kind.slot_bytes;
  return n_bytes;
}

std::uint64_t reading_bytes(std::span<const ExpertKind> kinds) {
  std::uint64_t largest = 0;
  for (const ExpertKind& kind : kinds) largest = std::max(largest, kind.room_bytes);
  return static_cast<std::uint64_t>(n_reading(kinds)) * largest;
}

void ExpertSlots::Free::operator()(std::byte* memory) const { std::free(memory); }

ExpertSlots::ExpertSlots(const AwayTensors& away, Backend& backend, std::vector<ExpertKind> kinds, std::unique_ptr<ReadQueue> queue)
    : away_(away), backend_(backend), kinds_(std::move(kinds)), queue_(std::move(queue)) {}

ExpertSlots::~ExpertSlots() = default;

Result<std::unique_ptr<ExpertSlots>> ExpertSlots::create(const Model& model, const AwayTensors& away, Backend& backend, std::vector<ExpertKind> kinds,
                                                         std::unique_ptr<ReadQueue> queue) {
  std::unique_ptr<ExpertSlots> slots(new ExpertSlots(away, backend, std::move(kinds), std::move(queue)));
  slots->layers_.resize(static_cast<std::size_t>(model.spec().n_layers));
  for (const ExpertKind& kind : slots->kinds_) {
    for (std::int64_t number = 0; number < std::ssize(kind.layers); ++number) {
      const std::int64_t l = kind.layers[number];
      slots->layers_[l] = {.kind = std::ssize(slots->groups_), .number = number, .away = model.experts(l), .here = ExpertSet(l, kind.n_experts)};
    }
    ASSIGN_OR_RETURN(std::unique_ptr<Buffer> memory, backend.allocate(static_cast<std::size_t>(kind.n_slots) * kind.slot_bytes));
    slots->groups_.push_back(
        {ExpertCache(std::ssize(kind.layers), kind.n_experts, kind.n_slots), std::move(memory), std::vector<ExpertMlp>(kind.n_slots)});
  }
  const std::uint64_t n_bytes = reading_bytes(slots->kinds_), n = static_cast<std::uint64_t>(n_reading(slots->kinds_));
  slots->landings_.resize(n);
  if (n_bytes == 0) return slots;  // all of them are made
  slots->landing_memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kDirectBlock, n_bytes)));
  if (!slots->landing_memory_) {
    Error error = make_error(ErrorCode::out_of_memory, "memory: expected " + std::to_string(n_bytes) + " bytes to read experts to, found less");
    error.device = backend.device().name;
    error.needed_bytes = n_bytes;
    return error;
  }
  for (std::size_t i = 0; i < n; ++i) slots->landings_[i].memory = slots->landing_memory_.get() + i * (n_bytes / n);
  return slots;
}

std::int64_t ExpertSlots::n_slots() const {
  std::int64_t n = 0;
  for (const ExpertKind& kind : kinds_) n += kind.n_slots;
  return n;
}

std::uint64_t ExpertSlots::n_bytes() const { return slots_bytes(kinds_); }

std::uint64_t ExpertSlots::huge_page_bytes() const {
  std::uint64_t n = 0;
  for (const Group& group : groups_)
    if (group.memory->host_data()) n += pio::huge_page_bytes(group.memory->host_data(), group.memory->n_bytes());
  return n;
}

ExpertCounts ExpertSlots::counts() const {
  ExpertCounts all;
  for (const Layer& layer : layers_) {
    if (layer.kind < 0) continue;
    all.layers.push_back(groups_[layer.kind].cache.counts(layer.number));
    // what was read in vain was read
    all.layers.back().misses += layer.n_wasted;
    all.wasted += layer.n_wasted;
    all.hits += all.layers.back().hits;
    all.misses += all.layers.back().misses;
    if (const std::optional<ExpertCache>& larger = groups_[layer.kind].larger) {
      all.hits_with_more += larger->counts(layer.number).hits;
      all.misses_with_more += larger->counts(layer.number).misses;
    }
  }
  all.read_ahead = n_read_ahead_;
  all.bytes_read = bytes_read_;
  all.reading_seconds = std::chrono::duration<double>(reading_).count();
  all.waiting_seconds = std::chrono::duration<double>(waiting_).count();
  return all;
}

void ExpertSlots::reset_counts() {
  for (Group& group : groups_) {
    group.cache.reset_counts();
    if (group.larger) group.larger->reset_counts();
  }
  for (Layer& layer : layers_) layer.n_wasted = 0;
  n_read_ahead_ = 0;
  bytes_read_ = 0;
  reading_ = waiting_ = {};
}

double ExpertSlots::read_bytes_per_second() const {
  const double seconds = std::chrono::duration<double>(reading_for_tokens_).count();
  return seconds > 0 ? static_cast<double>(bytes_of_tokens_) / seconds : 0;
}

void ExpertSlots::saw(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens) {
  Group& group = groups_[layers_[layer].kind];
  has_many_tokens_ = n_tokens > kFewTokens;
  is_decoding_ = !has_many_tokens_;
  group.cache.saw(layers_[layer].number, ids, n_tokens);
  if (group.larger) group.larger->saw(layers_[layer].number, ids, n_tokens);
}

std::vector<ExpertProfile> ExpertSlots::profiles() const {
  std::vector<ExpertProfile> all;
  for (const Group& group : groups_) all.push_back(group.cache.profile());
  return all;
}

void ExpertSlots::warm(std::span<const ExpertProfile> profiles, const std::stop_token& stop) {
  CHECK(profiles.size() == groups_.size(), "profiles of other kinds");
  bool goes_on = true;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const ExpertKind& kind = kinds_[g];
    const std::vector<ExpertCache::Place> places = groups_[g].cache.warm(profiles[g]);
    std::vector<bool> is_there(places.size());
    std::size_t n_begun = 0, n_taken = 0;
    const auto begin_next = [&] {
      if (!goes_on || n_begun == places.size()) return false;
      const ExpertCache::Expert& expert = places[n_begun].expert;
      return begin(kind.layers[expert.layer], expert.id, Landing::State::wanted) && ++n_begun > 0;
    };
    while (begin_next() || n_taken < n_begun) {
      while (begin_next()) {
      }
      goes_on = goes_on && !stop.stop_requested();
      const std::optional<std::size_t> at = landed(kPatience);
      if (!at && !goes_on) break;
      if (!at) continue;
      Landing& landing = landings_[*at];
      const auto found = std::ranges::find_if(
          places, [&](const ExpertCache::Place& place) { return kind.layers[place.expert.layer] == landing.layer && place.expert.id == landing.id; });
      ++n_taken;
      if (goes_on && landing.result) {
        if (Result<ExpertMlp> placed = place(landing.layer, landing.id, found->slot, landing)) {
          groups_[g].placed[found->slot] = *placed;
          is_there[static_cast<std::size_t>(found - places.begin())] = true;
        }
      }
      goes_on = goes_on && is_there[static_cast<std::size_t>(found - places.begin())];
      let_go(landing);
    }
    let_go(Landing::State::wanted);
    for (std::size_t i = 0; i < places.size(); ++i)
      if (!is_there[i]) groups_[g].cache.forget(places[i].expert.layer, places[i].expert.id);
  }
  reset_counts();
}

void ExpertSlots::count_with_more(std::uint64_t n_bytes) {
  double all_bytes = 0;
  for (const ExpertKind& kind : kinds_) all_bytes += static_cast<double>(kind.n_in_all()) * static_cast<double>(kind.slot_bytes);
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    const ExpertKind& kind = kinds_[i];
    const auto n_more = static_cast<std::int64_t>(static_cast<double>(n_bytes) / all_bytes * static_cast<double>(kind.n_in_all()));
    groups_[i].larger.emplace(std::ssize(kind.layers), kind.n_experts, std::min(kind.n_slots + n_more, kind.n_in_all()));
  }
}

std::optional<double> ExpertSlots::measure_disk() {
  constexpr std::uint64_t kBytes = std::uint64_t{64} << 20;
  constexpr std::uint64_t kStride = 7919;  // a prime: experts far apart
  is_decoding_ = false;
  hinted_.clear();
  let_go(Landing::State::ahead);
  while (queue_->n_begun() > 0)
    if (!landed(std::chrono::seconds(10)) && queue_->n_begun() > 0) return {};
  const std::uint64_t bytes_before = bytes_read_;
  const Clock::duration reading_before = reading_;
  std::uint64_t n_bytes = 0;
  bool has_failed = false;
  const Clock::time_point start = Clock::now();
  const auto begin_next = [&] {
    const ExpertKind& kind = kinds_[n_measured_ % kinds_.size()];
    const std::uint64_t at = n_measured_ * kStride % static_cast<std::uint64_t>(kind.n_in_all());
    if (!begin(kind.layers[at / kind.n_experts], static_cast<std::int32_t>(at % kind.n_experts), Landing::State::wanted)) return false;
    ++n_measured_;
    n_bytes += kind.file_bytes;
    return true;
  };
  while (n_bytes < kBytes && begin_next()) {
  }
  while (queue_->n_begun() > 0 && !has_failed) {
    const std::optional<std::size_t> landing = landed(std::chrono::seconds(10));
    if (!landing) break;
    has_failed = !landings_[*landing].result;
    let_go(landings_[*landing]);
    if (n_bytes < kBytes && !has_failed) begin_next();
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  let_go(Landing::State::wanted);
  bytes_read_ = bytes_before;
  reading_ = reading_before;
  if (has_failed || n_bytes == 0 || queue_->n_begun() > 0) return {};
  return static_cast<double>(n_bytes) / seconds;
}

bool ExpertSlots::begin(std::int64_t layer, std::int32_t id, Landing::State state) {
  const auto free = std::ranges::find(landings_, Landing::State::free, &Landing::state);
  if (free == landings_.end()) return false;
  if (queue_->n_begun() == 0) reading_since_ = Clock::now();
  *free = {.memory = free->memory, .n_reads = 0, .layer = layer, .id = id, .result = {}, .state = state};
  const auto tag = static_cast<std::uint64_t>(free - landings_.begin());
  std::byte* to = free->memory;
  for (const Tensor& part : parts_of((*layers_[layer].away)[id])) {
    const AwayTensors::Matrix matrix = away_.matrix_of(part);
    if (!matrix.in_file) continue;
    ++free->n_reads;
    queue_->begin(tag, *matrix.in_file->file, matrix.in_file->offset, matrix.source.n_bytes(), to);
    to += room_for(matrix);
  }
  return true;
}

bool ExpertSlots::wants_hints() {
  if (!takes_hints_) return false;
  Guesses& guesses = guesses_[has_many_tokens_];
  if (guesses.worth >= kWorthGuessing && guesses.missing >= kWorthMissing) return true;
  return ++guesses.n_refused % kRarely == 0;
}

void ExpertSlots::hint(std::int64_t layer, std::span<const std::int32_t> ids) {
  hinted_.clear();
  if (layers_[layer].kind < 0) return;
  for (const std::int32_t id : ids)
    if (!cache_of(layers_[layer]).is_held(layers_[layer].number, id)) hinted_.push_back({layer, id});
}

void ExpertSlots::begin_ahead() {
  for (; !hinted_.empty() && begin(hinted_.front().layer, hinted_.front().id, Landing::State::ahead); hinted_.pop_front()) ++n_read_ahead_;
}

ExpertSlots::Landing* ExpertSlots::ahead(std::int64_t layer, std::int32_t id) {
  const auto found = std::ranges::find_if(
      landings_, [&](const Landing& landing) { return landing.state == Landing::State::ahead && landing.layer == layer && landing.id == id; });
  return found == landings_.end() ? nullptr : &*found;
}

void ExpertSlots::end_guess(std::int64_t l, std::span<const std::int32_t> missing) {
  hinted_.clear();
  std::int64_t n_right = 0, n_wrong = 0;
  for (Landing& landing : landings_) {
    if (landing.state != Landing::State::ahead) continue;
    if (landing.layer == l && std::ranges::find(missing, landing.id) != missing.end()) {
      ++n_right;
      continue;
    }
    ++n_wrong;
    ++layers_[landing.layer].n_wasted;
    let_go(landing);
  }
  Guesses& guesses = guesses_[has_many_tokens_];
  guesses.missing += kGuessFade * ((missing.empty() ? 0 : 1) - guesses.missing);
  if (n_right + n_wrong > 0) guesses.worth += kGuessFade * (static_cast<double>(n_right) / static_cast<double>(n_right + n_wrong) - guesses.worth);
}

void ExpertSlots::let_go(Landing& landing) {
  landing.state = landing.n_reads == 0 ? Landing::State::free : Landing::State::dropped;
  if (landing.n_reads > 0) queue_->forget(static_cast<std::uint64_t>(&landing - landings_.data()));
}

void ExpertSlots::let_go(Landing::State state) {
  for (Landing& landing : landings_)
    if (landing.state == state) let_go(landing);
}

std::optional<std::size_t> ExpertSlots::landed(std::chrono::milliseconds patience) {
  while (true) {
    // made while they are laid out: nothing is read of them
    for (std::size_t i = 0; i < landings_.size(); ++i)
      if (landings_[i].state == Landing::State::wanted && landings_[i].n_reads == 0) return i;
    std::optional<ReadQueue::Finished> finished = queue_->next(patience);
    if (!finished) return {};
    const Clock::duration reading = Clock::now() - reading_since_;
    reading_since_ += reading;
    reading_ += reading;
    if (is_decoding_) reading_for_tokens_ += reading;
    Landing& landing = landings_[finished->tag];
    if (finished->result) {
      bytes_read_ += finished->n;
      if (is_decoding_) bytes_of_tokens_ += finished->n;
    } else {
      landing.result = std::move(finished->result);
    }
    if (--landing.n_reads > 0) continue;
    if (landing.state == Landing::State::dropped) landing.state = Landing::State::free;
  }
}

Result<ExpertMlp> ExpertSlots::place(std::int64_t l, std::int32_t id, std::int32_t slot, const Landing& from) {
  const Layer& layer = layers_[l];
  const ExpertMlp& away = (*layer.away)[id];
  ExpertSources sources = sources_of(away_, away);
  const std::byte* at = from.memory;
  for (const auto& [tensor, source] : {std::pair{away.gate, &sources.input[0]}, {away.up, &sources.input[1]}, {away.down, &sources.hidden[0]}}) {
    const AwayTensors::Matrix matrix = away_.matrix_of(tensor);
    if (!matrix.in_file) continue;
    source->staged = at + matrix.in_file->offset % kDirectBlock;
    at += room_for(matrix);
  }
  Buffer* const memory = groups_[layer.kind].memory.get();
  std::size_t offset = static_cast<std::size_t>(slot) * kinds_[layer.kind].slot_bytes;
  ASSIGN_OR_RETURN(const Placed input, backend_.place_weights(sources.input, memory, offset, backend_.stop_token(), {}));
  offset += backend_.placed_bytes(sources.input);
  ASSIGN_OR_RETURN(const Placed hidden, backend_.place_weights(sources.hidden, memory, offset, backend_.stop_token(), {}));
  RETURN_IF_ERROR(backend_.sync());
  return ExpertMlp{input.tensors[0], input.tensors[1], hidden.tensors[0]};
}

// What is in a slot comes at once, then what the disk brings, as it comes. What has no slot waits for those that have been computed with.
class ExpertSlots::Lease final : public ExpertLease {
 public:
  Lease(ExpertSlots& slots, std::int64_t layer, std::span<const std::int32_t> ids, std::stop_token stop)
      : slots_(slots), layer_(slots.layers_[layer]), l_(layer), stop_(std::move(stop)) {
    CHECK(!std::exchange(layer_.is_lent, true), "a layer's experts are lent once at a time");
    std::vector<std::int32_t> held;
    for (const std::int32_t id : ids) (cache().is_held(layer_.number, id) ? held : waiting_).push_back(id);
    for (const ExpertCache::Place& place : cache().take(layer_.number, held)) ready_.push_back({place.expert.id, place.slot});
    slots_.end_guess(l_, waiting_);
    // Those that were read ahead get their slots first: their landings are needed for the others.
    std::ranges::stable_partition(waiting_, [&](std::int32_t id) { return slots_.ahead(l_, id) != nullptr; });
    take_slots();
    begin_reads();
  }
  ~Lease() override {
    for (const Slotted& one : here_) give_back(one);
    for (const Slotted& one : ready_) cache().release(layer_.number, {&one.id, 1});
    // What was not read is not there.
    for (const std::deque<Slotted>* const unread : {&slotted_, &reading_})
      for (const Slotted& one : *unread) cache().forget(layer_.number, one.id);
    slots_.let_go(Landing::State::wanted);
    layer_.is_lent = false;
  }

  Result<std::optional<std::int32_t>> next() override {
    begin_reads();
    if (!ready_.empty()) {
      const Slotted one = ready_.front();
      ready_.pop_front();
      return arrived(one);
    }
    const Clock::time_point start = Clock::now();
    for (; !reading_.empty() || !slotted_.empty(); begin_reads()) {
      if (stop_.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
      const std::optional<std::size_t> landing = slots_.landed(kPatience);
      if (!landing) continue;
      slots_.waiting_ += Clock::now() - start;
      return place(slots_.landings_[*landing]);
    }
    return std::optional<std::int32_t>();
  }
  bool is_ready() override { return !ready_.empty() || slots_.landed(std::chrono::milliseconds::zero()).has_value(); }
  void done() override {
    for (const Slotted& one : here_) give_back(one);
    here_.clear();
    take_slots();
    begin_reads();
  }
  const ExpertSet& experts() const override { return layer_.here; }

 private:
  struct Slotted {
    std::int32_t id = -1, slot = -1;
  };
  ExpertCache& cache() { return slots_.cache_of(layer_); }
  void give_back(const Slotted& one) {
    layer_.here.remove(one.id);
    cache().release(layer_.number, {&one.id, 1});
  }
  void take_slots() {
    const auto n = static_cast<std::size_t>(std::min(std::ssize(waiting_), cache().n_available()));
    for (const ExpertCache::Place& place : cache().take(layer_.number, std::span(waiting_).first(n)))
      slotted_.push_back({place.expert.id, place.slot});
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(n));
  }
  void begin_reads() {
    for (; !slotted_.empty(); slotted_.pop_front()) {
      const std::int32_t id = slotted_.front().id;
      if (Landing* const landing = slots_.ahead(l_, id)) landing->state = Landing::State::wanted;
      else if (!slots_.begin(l_, id, Landing::State::wanted)) return;
      reading_.push_back(slotted_.front());
    }
    if (waiting_.empty()) slots_.begin_ahead();
  }
  Result<std::optional<std::int32_t>> place(Landing& landing) {
    const auto one = std::ranges::find(reading_, landing.id, &Slotted::id);
    CHECK(one != reading_.end(), "an expert that nobody reads");
    if (!landing.result) {
      Error error = landing.result.error();
      error.message = "expert " + std::to_string(landing.id) + " of layer " + std::to_string(l_) + ": " + error.message;
      return error;
    }
    ASSIGN_OR_RETURN(const ExpertMlp expert, slots_.place(l_, one->id, one->slot, landing));
    slots_.let_go(landing);
    const Slotted read = *one;
    reading_.erase(one);
    begin_reads();
    slots_.groups_[layer_.kind].placed[read.slot] = expert;
    return arrived(read);
  }
  Result<std::optional<std::int32_t>> arrived(const Slotted& one) {
    layer_.here.put(one.id, slots_.groups_[layer_.kind].placed[one.slot]);
    here_.push_back(one);
    return std::optional<std::int32_t>(one.id);
  }

  ExpertSlots& slots_;
  Layer& layer_;
  const std::int64_t l_;
  std::stop_token stop_;
  std::deque<Slotted> ready_;          // in their slots, not yet told
  std::vector<Slotted> here_;          // told
  std::deque<Slotted> slotted_;        // have a slot, are not yet being read
  std::deque<Slotted> reading_;        // on their way
  std::vector<std::int32_t> waiting_;  // have no slot yet
};

Result<std::unique_ptr<ExpertLease>> ExpertSlots::acquire(std::int64_t layer, std::span<const std::int32_t> ids, const std::stop_token& stop) {
  if (look_after_) look_after_();
  const Layer& of = layers_[layer];
  if (std::optional<ExpertCache>& larger = groups_[of.kind].larger) {
    for (std::span<const std::int32_t> left = ids; !left.empty();) {
      const std::span<const std::int32_t> some = left.first(static_cast<std::size_t>(std::min(std::ssize(left), larger->n_slots())));
      larger->take(of.number, some);
      larger->release(of.number, some);
      left = left.subspan(some.size());
    }
  }
  return std::unique_ptr<ExpertLease>(std::make_unique<Lease>(*this, layer, ids, stop));
}

}  // namespace pio
