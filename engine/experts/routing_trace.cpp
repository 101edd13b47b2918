#include "engine/experts/routing_trace.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "engine/files/metadata.h"
#include "engine/files/model_file.h"
#include "engine/files/replace_file.h"

namespace pio {
namespace {

constexpr std::int64_t kMostSteps = std::int64_t{1} << 40;  // a turn has fewer tokens, and a number beyond is none
constexpr std::uint64_t kMostExpertBytes = std::uint64_t{1} << 40;
constexpr std::size_t kMostChoices = std::size_t{1} << 28;  // experts of a trace: 3 GB of memory
constexpr std::size_t kMostFields = 64;

constexpr const char* kNames[] = {"turn", "phase", "step", "layer", "expert", "weight", "expert_bytes"};

std::string shown(std::string_view text) {
  constexpr std::size_t kShown = 40;
  return text.empty() ? "nothing" : "\"" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "…" : "") + "\"";
}

Error wrong(const std::string& what, const std::string& expected, std::string_view found) {
  return make_error(ErrorCode::bad_file, what + ": expected " + expected + ", found " + shown(found));
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t at = 0; at <= line.size() && fields.size() <= kMostFields;) {
    const std::size_t end = std::min(line.find(',', at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return fields;
}

void append(std::string& text, auto value) {
  std::array<char, 32> digits;
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

}  // namespace

void RoutingTrace::add(const Choice& where, std::span<const std::int32_t> chosen, std::span<const float> their_weights) {
  choices.push_back(where);
  choices.back().first = std::ssize(experts);
  choices.back().n = std::ssize(chosen);
  experts.insert(experts.end(), chosen.begin(), chosen.end());
  weights.insert(weights.end(), their_weights.begin(), their_weights.end());
}

std::int64_t RoutingTrace::n_mixtures() const {
  std::vector<bool> is_one(n_layers);
  for (const Choice& choice : choices) is_one[choice.layer] = true;
  return std::count(is_one.begin(), is_one.end(), true);
}

std::int64_t RoutingTrace::most_chosen() const {
  std::int64_t most = 0;
  for (const Choice& choice : choices) most = std::max(most, choice.n);
  return most;
}

std::int64_t RoutingTrace::n_decoded() const {
  std::int64_t n = 0;
  for (const Choice& choice : choices) n += choice.is_decode ? choice.n : 0;
  return n;
}

Result<std::int64_t> RoutingTraceReader::whole(const char* what, std::string_view text, std::int64_t most) const {
  const auto value = number<std::int64_t>(text);
  if (!value || *value < 0 || *value > most) return wrong(what, "a whole number, 0 to " + std::to_string(most), text);
  return *value;
}

// "# model=… arch=… n_layer=48 n_expert=128 n_expert_used=6", "# layer=0 expert_bytes=3059712 dense_bytes=11953152"
Result<void> RoutingTraceReader::add_fact(std::string_view line) {
  std::optional<std::int64_t> of_layer;
  for (std::size_t at = 1; at < line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    const std::string_view word = line.substr(at, end - at);
    at = end + 1;
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = word.substr(0, equals), value = word.substr(equals + 1);
    if (key == "model") trace_.model = value;
    else if (key == "arch") trace_.architecture = value;
    else if (key == "n_layer" || key == "n_expert") {
      const bool is_layers = key == "n_layer";
      ASSIGN_OR_RETURN(const std::int64_t n,
                       whole(is_layers ? "n_layer" : "n_expert", value, is_layers ? RoutingTrace::kMostLayers : RoutingTrace::kMostExperts));
      if (n == 0) return wrong(std::string(key), "1 or more", value);
      (is_layers ? n_layers_ : n_experts_) = n;
    } else if (key == "layer") {
      ASSIGN_OR_RETURN(of_layer, whole("layer", value, RoutingTrace::kMostLayers - 1));
    } else if (key == "expert_bytes" && of_layer) {
      ASSIGN_OR_RETURN(const std::int64_t n_bytes, whole("expert_bytes", value, kMostExpertBytes));
      bytes_[*of_layer] = static_cast<std::uint64_t>(n_bytes);
    }
  }
  return {};
}

Result<void> RoutingTraceReader::add_names(std::string_view line) {
  const std::vector<std::string_view> names = fields_of(line);
  if (names.size() > kMostFields) return wrong("columns", std::to_string(kMostFields) + " at most", line);
  for (int c = 0; c < kColumns; ++c) {
    const auto at = std::find(names.begin(), names.end(), kNames[c]);
    if (at == names.end() && c < weight) return wrong("columns", "turn, phase, step, layer and expert among their names", line);
    column_at_[c] = at == names.end() ? -1 : static_cast<int>(at - names.begin());
  }
  n_columns_ = static_cast<int>(names.size());
  return {};
}

Result<void> RoutingTraceReader::add(std::string_view line) {
  if (line.starts_with('#')) return add_fact(line);
  if (n_columns_ == 0) return add_names(line);
  const std::vector<std::string_view> fields = fields_of(line);
  if (std::ssize(fields) != n_columns_) return wrong("line", std::to_string(n_columns_) + " columns", line);
  const auto field = [&](Column column) { return fields[column_at_[column]]; };
  RoutingTrace::Choice where;
  ASSIGN_OR_RETURN(where.turn, whole("turn", field(turn), kMostSteps));
  ASSIGN_OR_RETURN(const std::int64_t is_decode, whole("phase", field(phase), 1));
  where.is_decode = is_decode == 1;
  ASSIGN_OR_RETURN(where.step, whole("step", field(step), kMostSteps));
  ASSIGN_OR_RETURN(where.layer, whole("layer", field(layer), (n_layers_ > 0 ? n_layers_ : RoutingTrace::kMostLayers) - 1));
  ASSIGN_OR_RETURN(const std::int64_t id, whole("expert", field(expert), (n_experts_ > 0 ? n_experts_ : RoutingTrace::kMostExperts) - 1));
  float share = 0;
  if (column_at_[weight] >= 0) {
    const auto value = number<float>(field(weight));
    if (!value || !std::isfinite(*value)) return wrong("weight", "a number", field(weight));
    share = *value;
  }
  if (column_at_[expert_bytes] >= 0) {
    ASSIGN_OR_RETURN(const std::int64_t n_bytes, whole("expert_bytes", field(expert_bytes), kMostExpertBytes));
    bytes_[where.layer] = static_cast<std::uint64_t>(n_bytes);
  }

  const auto chosen = static_cast<std::int32_t>(id);
  if (trace_.experts.size() >= kMostChoices) return wrong("line", std::to_string(kMostChoices) + " lines at most", "more");
  const RoutingTrace::Choice* last = trace_.choices.empty() ? nullptr : &trace_.choices.back();
  if (last && last->turn == where.turn && last->is_decode == where.is_decode && last->step == where.step && last->layer == where.layer) {
    const std::span<const std::int32_t> so_far = trace_.experts_of(*last);
    if (std::find(so_far.begin(), so_far.end(), chosen) != so_far.end())
      return wrong("expert", "one that the token did not choose before", field(expert));
    ++trace_.choices.back().n;
    trace_.experts.push_back(chosen);
    trace_.weights.push_back(share);
  } else {
    trace_.add(where, std::span(&chosen, 1), std::span(&share, 1));
  }
  return {};
}

Result<RoutingTrace> RoutingTraceReader::finish() {
  if (trace_.choices.empty()) return make_error(ErrorCode::bad_file, "trace: expected experts that were chosen, found none");
  trace_.n_layers = n_layers_;
  trace_.n_experts = n_experts_;
  for (const RoutingTrace::Choice& choice : trace_.choices) trace_.n_layers = std::max(trace_.n_layers, choice.layer + 1);
  for (const std::int32_t id : trace_.experts) trace_.n_experts = std::max<std::int64_t>(trace_.n_experts, id + 1);
  trace_.expert_bytes.resize(trace_.n_layers);
  for (const auto& [layer, n_bytes] : bytes_) {
    if (layer < trace_.n_layers) trace_.expert_bytes[layer] = n_bytes;
  }
  return std::move(trace_);
}

Result<void> write_routing_trace(const RoutingTrace& trace, ReplaceFile& file) {
  const auto word = [](std::string text) {  // one, so that the line can be read again
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == ' ' || c == '\n' || c == '\r'; }, '_');
    return text;
  };
  std::string text = "# route_trace v1\n# model=" + word(trace.model) + " arch=" + word(trace.architecture) +
                     " n_layer=" + std::to_string(trace.n_layers) + " n_expert=" + std::to_string(trace.n_experts) +
                     " n_expert_used=" + std::to_string(trace.most_chosen()) + "\n";
  for (std::int64_t l = 0; l < trace.n_layers; ++l) {
    if (trace.expert_bytes[l] > 0) text += "# layer=" + std::to_string(l) + " expert_bytes=" + std::to_string(trace.expert_bytes[l]) + "\n";
  }
  text += "turn,phase,step,layer,slot,expert,weight,residency,expert_bytes\n";
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  for (const RoutingTrace::Choice& choice : trace.choices) {
    for (std::int64_t i = 0; i < choice.n; ++i) {
      for (const std::int64_t value :
           {choice.turn, std::int64_t{choice.is_decode}, choice.step, choice.layer, i, std::int64_t{trace.experts[choice.first + i]}}) {
        append(text, value);
        text += ',';
      }
      append(text, trace.weights[choice.first + i]);
      text += ",1,";  // all of them were in memory
      append(text, trace.expert_bytes[choice.layer]);
      text += '\n';
    }
    if (text.size() < kPiece) continue;
    RETURN_IF_ERROR(file.write(text));
    text.clear();
  }
  RETURN_IF_ERROR(file.write(text));
  ASSIGN_OR_RETURN([[maybe_unused]] const std::uint64_t n_bytes, file.commit());
  return {};
}

ExpertFacts expert_facts(const ModelFile& file, std::int64_t n_layers) {
  ExpertFacts facts;
  for (const std::string& key :
       {file.architecture() + ".expert_count", std::string("num_experts"), std::string("n_routed_experts"), std::string("num_local_experts")}) {
    const auto* n = value_of<std::int64_t>(file.metadata(), key);
    if (n && facts.n_experts == 0) facts.n_experts = std::clamp<std::int64_t>(*n, 0, RoutingTrace::kMostExperts);
  }
  facts.bytes.resize(n_layers);
  if (facts.n_experts == 0) return facts;
  for (const TensorInfo& tensor : file.tensors()) {
    const std::string_view name = tensor.name;
    // "blk.3.ffn_up_exps.weight", "model.layers.3.mlp.experts.7.up_proj.weight"
    if (name.find("_exps.") == std::string_view::npos && name.find(".experts.") == std::string_view::npos) continue;
    for (const std::string_view before : {"blk.", "layers."}) {
      const std::size_t at = name.find(before);
      if (at == std::string_view::npos) continue;
      const std::string_view rest = name.substr(at + before.size());
      const auto layer = number<std::int64_t>(rest.substr(0, rest.find('.')));
      if (layer && *layer >= 0 && *layer < n_layers) facts.bytes[*layer] += tensor.n_bytes;
    }
  }
  for (std::uint64_t& of_layer : facts.bytes) of_layer /= static_cast<std::uint64_t>(facts.n_experts);
  return facts;
}

}  // namespace pio
