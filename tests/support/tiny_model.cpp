#include "tests/support/tiny_model.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/hf_names.h"

namespace pio::test {
namespace {

using Json = nlohmann::json;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class T>
T ok(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::optional<MetaValue> meta_value(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array() && !json.empty() && json[0].is_string()) return json.get<std::vector<std::string>>();
  if (json.is_array() && !json.empty() && json[0].is_number_integer()) return json.get<std::vector<std::int64_t>>();
  return std::nullopt;
}

void flatten(const Json& object, const std::string& prefix, std::map<std::string, MetaValue, std::less<>>& out) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) flatten(value, prefix + key + ".", out);
    if (std::optional<MetaValue> meta = meta_value(value)) out[prefix + key] = *meta;
  }
}

DType dtype_of(const std::string& name) {
  if (name == "BF16") return DType::bf16;
  if (name == "F16") return DType::f16;
  if (name == "F32") return DType::f32;
  throw std::runtime_error("unknown dtype " + name);
}

std::vector<std::byte> bytes_of_floats(const std::vector<float>& values) {
  const auto* first = reinterpret_cast<const std::byte*>(values.data());
  return {first, first + values.size() * sizeof(float)};
}

// Where the sources are: a program that runs on another machine than it was built on is told.
std::filesystem::path source() {
  const char* const told = std::getenv("PIO_TEST_SOURCE");
  return told ? told : PIO_SOURCE;
}

}  // namespace

std::filesystem::path model_data(const std::string& name) { return source() / "tests/data/models" / name; }

std::filesystem::path shared_fixture(const std::string& name) {
  const char* shared = std::getenv("PIO_SHARED");
  const auto folder = (shared ? std::filesystem::path(shared) : source() / "../shared") / "fixtures" / name;
  return std::filesystem::exists(folder) ? folder : std::filesystem::path();
}

namespace {

// The bytes behind the header of a numpy file of `dtype` ("<f4"), and its shape.
std::string read_array(const std::filesystem::path& path, const std::string& dtype, std::vector<std::int64_t>& shape) {
  const std::string file = read_file(path);
  const std::size_t header_bytes = static_cast<unsigned char>(file.at(8)) + 256 * static_cast<unsigned char>(file.at(9));
  const std::string header = file.substr(10, header_bytes);
  if (header.find("'" + dtype + "'") == std::string::npos) throw std::runtime_error(path.string() + " is not " + dtype);
  std::size_t n_values = 1;
  for (std::size_t at = header.find("'shape': (") + 10; header.at(at) != ')';) {
    std::size_t n_read = 0;
    shape.push_back(std::stoll(header.substr(at), &n_read));
    n_values *= shape.back();
    at += n_read;
    while (header.at(at) == ',' || header.at(at) == ' ') ++at;
  }
  std::string bytes = file.substr(10 + header_bytes);
  const std::size_t value_bytes = dtype.back() - '0';
  if (bytes.size() != n_values * value_bytes) throw std::runtime_error(path.string() + " has another length than its shape");
  return bytes;
}

}  // namespace

Npy read_npy(const std::filesystem::path& path) {
  Npy npy;
  const std::string bytes = read_array(path, "<f4", npy.shape);
  npy.values.resize(bytes.size() / sizeof(float));
  std::memcpy(npy.values.data(), bytes.data(), bytes.size());
  return npy;
}

std::vector<std::int32_t> read_npy_ints(const std::filesystem::path& path) {
  std::vector<std::int64_t> shape;
  const std::string bytes = read_array(path, "<i4", shape);
  std::vector<std::int32_t> values(bytes.size() / sizeof(std::int32_t));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::vector<std::int64_t> read_npy_longs(const std::filesystem::path& path) {
  std::vector<std::int64_t> shape;
  const std::string bytes = read_array(path, "<i8", shape);
  std::vector<std::int64_t> values(bytes.size() / sizeof(std::int64_t));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

NpyBytes read_npy_bytes(const std::filesystem::path& path) {
  NpyBytes npy;
  const std::string bytes = read_array(path, "|u1", npy.shape);
  npy.values.assign(bytes.begin(), bytes.end());
  return npy;
}

std::vector<int> read_ids(const std::filesystem::path& path) { return Json::parse(read_file(path)).at("ids").get<std::vector<int>>(); }

TestCheckpoint::TestCheckpoint(const std::filesystem::path& folder, Backend& backend) : backend_(backend), label_(folder.filename()) {
  flatten(Json::parse(read_file(folder / "config.json")), "", metadata_);
  architecture_ = std::get<std::string>(metadata_.at("model_type"));
  const std::string file = read_file(folder / "model.safetensors");
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), sizeof header_bytes);
  const std::size_t start = sizeof header_bytes + header_bytes;
  const Json header = Json::parse(file.substr(sizeof header_bytes, header_bytes));
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    Shape shape;
    for (std::int64_t extent : entry.at("shape")) shape.append(extent);
    const std::size_t first = entry.at("data_offsets")[0], last = entry.at("data_offsets")[1];
    const auto* data = reinterpret_cast<const std::byte*>(file.data()) + start;
    tensors_.push_back({name, dtype_of(entry.at("dtype")), shape, last - first});
    bytes_.emplace_back(data + first, data + last);
  }
}

const MetaValue* TestCheckpoint::metadata(std::string_view key) const {
  const auto it = metadata_.find(key);
  return it == metadata_.end() ? nullptr : &it->second;
}

Result<std::vector<Tensor>> TestCheckpoint::load(std::span<const WeightGroup> groups) {
  std::vector<Tensor> loaded;
  for (const WeightGroup& group : groups) {
    for (const WantedTensor& wanted : group) {
      ++n_loads_;
      CHECK(!wanted.is_part(tensors_.at(wanted.index)), "TestCheckpoint: tensors are loaded whole");
      ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, backend_.wrap(bytes_.at(wanted.index).data(), bytes_[wanted.index].size()));
      buffers_.push_back(std::move(buffer));
      loaded.push_back({tensors_[wanted.index].dtype, wanted.shape, buffers_.back().get(), 0});
    }
  }
  return loaded;
}

std::size_t TestCheckpoint::index_of(const std::string& name) const {
  const auto it = std::ranges::find(tensors_, name, &TensorInfo::name);
  if (it == tensors_.end()) throw std::runtime_error("no tensor " + name);
  return it - tensors_.begin();
}

void TestCheckpoint::copy_metadata(const std::string& from, const std::string& to) {
  const auto all = metadata_;
  for (const auto& [key, value] : all) {
    if (key.starts_with(from)) metadata_[to + key.substr(from.size())] = value;
  }
}

void TestCheckpoint::drop(const std::string& name) {
  const std::size_t index = index_of(name);
  tensors_.erase(tensors_.begin() + index);
  bytes_.erase(bytes_.begin() + index);
}

void TestCheckpoint::rename(const std::string& from, const std::string& to) { tensors_[index_of(from)].name = to; }

void TestCheckpoint::reshape(const std::string& name, Shape shape) { tensors_[index_of(name)].shape = shape; }

void TestCheckpoint::add(const std::string& name, Shape shape, const std::vector<float>& values) {
  tensors_.push_back({name, DType::f32, shape, values.size() * sizeof(float)});
  bytes_.push_back(bytes_of_floats(values));
}

std::vector<float> TestCheckpoint::values(const std::string& name) const {
  const std::size_t index = index_of(name);
  std::vector<float> values(tensors_[index].shape.n_values());
  info(tensors_[index].dtype).decode(bytes_[index].data(), values.data(), values.size());
  return values;
}

void TestCheckpoint::store_as(DType dtype) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    TensorInfo& tensor = tensors_[i];
    if (tensor.shape.rank() < 2 || tensor.shape.back() % info(dtype).block_length != 0) continue;
    const std::vector<float> decoded = values(tensor.name);
    tensor.dtype = dtype;
    tensor.n_bytes = bytes_of(dtype, tensor.shape.n_values());
    bytes_[i].assign(tensor.n_bytes, std::byte{});
    info(dtype).encode(decoded.data(), bytes_[i].data(), tensor.shape.n_values());
  }
}

void TestCheckpoint::stack(const std::vector<std::string>& names, const std::string& as) {
  Shape shape{static_cast<std::int64_t>(names.size())};
  const Shape one = tensors_[index_of(names.at(0))].shape;
  for (int i = 0; i < one.rank(); ++i) shape.append(one[i]);
  std::vector<float> all;
  for (const std::string& name : names) {
    const std::vector<float> part = values(name);
    all.insert(all.end(), part.begin(), part.end());
    drop(name);
  }
  add(as, shape, all);
}

void TestCheckpoint::become_gguf() {
  static const std::map<std::string, std::string> converted = {{"qwen3_moe", "qwen3moe"}, {"glm4_moe_lite", "deepseek2"}};
  if (const auto it = converted.find(architecture_); it != converted.end()) architecture_ = it->second;
  const auto number = [&](const char* key) { return std::get<std::int64_t>(metadata_.at(key)); };
  const std::int64_t n_heads = number("num_attention_heads"), n_kv_heads = number("num_key_value_heads");
  const std::string prefix = architecture_ + ".";
  std::map<std::string, MetaValue, std::less<>> gguf = {
      {"general.architecture", architecture_},
      {prefix + "block_count", number("num_hidden_layers")},
      {prefix + "context_length", number("max_position_embeddings")},
      {prefix + "embedding_length", number("hidden_size")},
      {prefix + "feed_forward_length", number("intermediate_size")},
      {prefix + "attention.head_count", n_heads},
      {prefix + "attention.head_count_kv", n_kv_heads},
      {prefix + "rope.freq_base", static_cast<double>(number("rope_theta"))},
      {prefix + "attention.layer_norm_rms_epsilon", metadata_.at("rms_norm_eps")},
  };
  if (metadata_.contains("head_dim")) gguf[prefix + "attention.key_length"] = gguf[prefix + "attention.value_length"] = number("head_dim");
  const std::pair<const char*, const char*> of_mixtures[] = {
      {"num_experts", "expert_count"},
      {"n_routed_experts", "expert_count"},
      {"num_experts_per_tok", "expert_used_count"},
      {"moe_intermediate_size", "expert_feed_forward_length"},
      {"n_shared_experts", "expert_shared_count"},
      {"first_k_dense_replace", "leading_dense_block_count"},
      {"q_lora_rank", "attention.q_lora_rank"},
      {"kv_lora_rank", "attention.kv_lora_rank"},
      {"qk_rope_head_dim", "rope.dimension_count"},
      {"v_head_dim", "attention.value_length"},
      {"routed_scaling_factor", "expert_weights_scale"},
  };
  for (const auto& [name, key] : of_mixtures) {
    if (metadata_.contains(name)) gguf[prefix + key] = metadata_.at(name);
  }
  if (architecture_ == "deepseek2") {
    gguf[prefix + "attention.key_length"] = number("qk_nope_head_dim") + number("qk_rope_head_dim");
    gguf[prefix + "expert_weights_norm"] = metadata_.at("norm_topk_prob");
    gguf[prefix + "expert_gating_func"] = std::int64_t{2};
    gguf[prefix + "nextn_predict_layers"] = number("num_nextn_predict_layers");
    gguf[prefix + "block_count"] = number("num_hidden_layers") + number("num_nextn_predict_layers");
  }
  metadata_ = gguf;
  naming_ = Naming::gguf;

  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    TensorInfo& tensor = tensors_[i];
    const bool is_q = tensor.name.ends_with("q_proj.weight"), is_k = tensor.name.ends_with("k_proj.weight");
    if (architecture_ == "llama" && (is_q || is_k)) {
      // [n_heads, 2, head_dim / 2, n_in] → [n_heads, head_dim / 2, 2, n_in]
      const std::int64_t half = tensor.shape[0] / (is_q ? n_heads : n_kv_heads) / 2;
      const std::size_t row = bytes_[i].size() / tensor.shape[0];
      std::vector<std::byte> permuted(bytes_[i].size());
      for (std::int64_t r = 0; r < tensor.shape[0]; ++r) {
        const std::int64_t head = r / (2 * half), side = r / half % 2, pair = r % half;
        std::copy_n(bytes_[i].begin() + r * row, row, permuted.begin() + ((head * half + pair) * 2 + side) * row);
      }
      bytes_[i] = permuted;
    }
    if (tensor.shape.rank() == 1) {
      bytes_[i] = bytes_of_floats(values(tensor.name));
      tensor.dtype = DType::f32;
      tensor.n_bytes = bytes_[i].size();
    }
    tensor.name = canonical_name(tensor.name).value();
  }

  const MetaValue* n_experts = metadata(prefix + "expert_count");
  if (n_experts == nullptr) return;
  for (std::int64_t l = 0; l < std::get<std::int64_t>(gguf.at(prefix + "block_count")); ++l) {
    const std::string layer = "blk." + std::to_string(l) + ".";
    if (std::ranges::find(tensors_, layer + "ffn_gate.0.weight", &TensorInfo::name) == tensors_.end()) continue;
    for (const std::string part : {"ffn_gate", "ffn_up", "ffn_down"}) {
      std::vector<std::string> names;
      for (std::int64_t e = 0; e < std::get<std::int64_t>(*n_experts); ++e) names.push_back(layer + part + "." + std::to_string(e) + ".weight");
      stack(names, layer + part + "_exps.weight");
    }
  }
}

ModelRunner::ModelRunner(const Model& model, Backend& backend, int n_sequences, std::int64_t max_tokens, DType kv)
    : model_(model),
      backend_(backend),
      context_(backend),
      n_sequences_(n_sequences),
      max_blocks_((max_tokens + kKvBlockLength - 1) / kKvBlockLength),
      n_cached_(n_sequences, 0) {
  const std::int64_t n_cells = n_sequences * max_blocks_ * kKvBlockLength;
  const auto pool = [&](std::int64_t n_heads, std::int64_t head_dim, TensorLayout layout) {
    // the value that a read of a wrong cell would spread: NaN in f32 and f16
    const std::vector<std::byte> poison(bytes_of(kv, n_cells * n_heads * head_dim), std::byte{0xff});
    Tensor cache = ok(backend.allocate_tensor(kv, {n_cells, n_heads, head_dim}, kv_buffers_, poison.data()));
    cache.layout = layout;
    return cache;
  };
  for (const KvLayout& layer : model.spec().kv_layers)
    state_.layers.push_back({pool(layer.n_kv_heads, layer.k_head_dim, TensorLayout::keys),
                             layer.v_head_dim > 0 ? pool(layer.n_kv_heads, layer.v_head_dim, TensorLayout::values) : Tensor{}});
}

Tensor ModelRunner::ints(const std::vector<std::int32_t>& values, Shape shape) {
  return ok(backend_.allocate_tensor(DType::i32, shape, step_buffers_, values.data()));
}

const Step& ModelRunner::make_step(const std::vector<Piece>& pieces, std::optional<std::vector<int>> outputs) {
  std::vector<std::int32_t> table;
  for (int s = 0; s < n_sequences_; ++s)
    for (std::int64_t b = 0; b < max_blocks_; ++b) table.push_back((max_blocks_ - 1 - b) * n_sequences_ + s);

  std::vector<std::int32_t> ids, positions, cells, lengths, sequences;
  for (const Piece& piece : pieces) {
    for (int id : piece.ids) {
      const std::int64_t position = n_cached_.at(piece.sequence)++;
      const std::int32_t block = table[piece.sequence * max_blocks_ + position / kKvBlockLength];
      ids.push_back(id);
      positions.push_back(position);
      cells.push_back(block * kKvBlockLength + position % kKvBlockLength);
      lengths.push_back(position + 1);
      sequences.push_back(piece.sequence);
    }
  }
  std::vector<std::int32_t> rows;
  if (outputs) rows.assign(outputs->begin(), outputs->end());
  else
    for (std::size_t i = 0; i < ids.size(); ++i) rows.push_back(i);

  std::vector<std::int32_t> cached;  // for a step of one sequence and more than one token, as Step says
  if (pieces.size() == 1 && pieces[0].ids.size() > 1) {
    for (std::int64_t j = 0; j < n_cached_[pieces[0].sequence]; ++j)
      cached.push_back(table[pieces[0].sequence * max_blocks_ + j / kKvBlockLength] * kKvBlockLength + static_cast<std::int32_t>(j % kKvBlockLength));
  }

  std::vector<std::int32_t> output_lengths, output_sequences;
  for (const std::int32_t row : rows) {
    output_lengths.push_back(lengths.at(row));
    output_sequences.push_back(sequences.at(row));
  }

  step_buffers_.clear();
  const std::int64_t n = ids.size(), n_outputs = rows.size();
  step_ = {.ids = ints(ids, {n}),
           .positions = ints(positions, {n}),
           .cells = ints(cells, {n}),
           .kv_lengths = ints(lengths, {n}),
           .sequences = ints(sequences, {n}),
           .block_table = ints(table, {n_sequences_, max_blocks_}),
           .outputs = ints(rows, {n_outputs}),
           .output_lengths = ints(output_lengths, {n_outputs}),
           .output_sequences = ints(output_sequences, {n_outputs}),
           .kv_cells = cached.empty() ? Tensor{} : ints(cached, {static_cast<std::int64_t>(cached.size())})};
  if (step_.kv_cells) {
    std::vector<std::int32_t> ordered;
    for (int s = 0; s < n_sequences_; ++s)
      for (std::int64_t b = 0; b < max_blocks_; ++b) ordered.push_back(static_cast<std::int32_t>(b));
    step_.ordered_blocks = ints(ordered, {n_sequences_, max_blocks_});
  }
  return step_;
}

std::vector<float> ModelRunner::download(Tensor t) {
  std::vector<float> values(t.shape.n_values());
  backend_.download(values.data(), t);
  return values;
}

std::vector<float> ModelRunner::run(const std::vector<Piece>& pieces, std::optional<std::vector<int>> outputs) {
  const Step& step = make_step(pieces, std::move(outputs));
  const ForwardContext::Mark mark(context_);
  return download(model_.forward(context_, step, state_).value());
}

}  // namespace pio::test
