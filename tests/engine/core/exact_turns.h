#pragma once

#include <filesystem>
#include <numeric>
#include <string>
#include <variant>

#include "engine/engine.h"

// What tests of one model on several devices ask of them: the numbers of float32, and the likeliest tokens.

namespace pio::test {

inline LoadRequest exact_request(const std::filesystem::path& path, const std::string& device, std::int64_t context_length) {
  LoadRequest request;
  request.path = path.string();
  request.device = device;
  request.context_length = context_length;
  request.n_threads = 2;
  request.kv = DType::f32;
  request.activations = Activations::f32;
  return request;
}

// n_tokens after a prompt of 40 ids that rise from first_id.
inline GenerateRequest greedy_turn(std::int64_t n_tokens, int first_id, const std::string& conversation) {
  GenerateRequest wanted;
  wanted.conversation = conversation;
  wanted.ids.resize(40);
  std::iota(wanted.ids.begin(), wanted.ids.end(), first_id);
  wanted.max_tokens = n_tokens;
  wanted.ignore_eos = true;
  wanted.sampling.temperature = 0;
  wanted.drafts.kind = Drafts::Kind::off;
  return wanted;
}

// The first note of that kind; null where there is none.
template <class Note>
const Note* note_of(const Engine& engine) {
  for (const ModelNote& note : engine.loaded()->notes)
    if (const Note* const found = std::get_if<Note>(&note)) return found;
  return nullptr;
}

}  // namespace pio::test
