// Several conversations in one step.

#include "engine/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "tests/support/tiny_model.h"

namespace pio {
namespace {

constexpr int kSequences = 3;

std::unique_ptr<LoadedModel> load(const std::string& name, int n_sequences, std::int64_t context_length = 256) {
  LoadRequest request;
  request.path = test::model_data(name).string();
  request.context_length = context_length;
  request.n_sequences = n_sequences;
  request.n_threads = 2;
  Result<std::unique_ptr<LoadedModel>> model = LoadedModel::load(request, {}, {});
  EXPECT_TRUE(model) << model.error().message;
  return std::move(*model);
}

TokenIds ids_of(LoadedModel& model, int first, int n) {
  std::vector<int> ids;
  for (int i = 0; i < n; ++i) ids.push_back((first + 7 * i) % model.n_ids());
  return model.vocabulary().check(std::move(ids), "ids").value();
}

// Prompts of 3, 36 and 69 tokens: in the middle of blocks of their own.
void read_prompt(LoadedModel& model, Session& session, int which) {
  const TokenIds prompt = ids_of(model, 11 * which + 1, 3 + 33 * which);
  std::vector<float> logits;
  session.begin_prompt(prompt.size());
  ASSERT_TRUE(session.process(prompt, Session::Outputs::last, logits, {}));
  session.begin_decoding();
}

// A token of each in one step.
Result<void> decode_together(std::span<Session> sessions, const TokenIds& ids, std::vector<float>& logits) {
  const int output_rows[] = {0};
  std::vector<Session::Part> parts;
  for (std::size_t i = 0; i < sessions.size(); ++i)
    parts.push_back({.session = &sessions[i], .ids = ids.span().subspan(static_cast<std::int64_t>(i), 1), .output_rows = output_rows});
  return Session::process_together(parts, logits, {});
}

class TogetherTest : public testing::TestWithParam<const char*> {};

TEST_P(TogetherTest, EachHasTheBytesThatItHasAlone) {
  const std::unique_ptr<LoadedModel> model = load(GetParam(), kSequences);
  const std::int64_t vocab_size = model->model().spec().vocab_size;
  std::vector<Session> sessions;
  for (int i = 0; i < kSequences; ++i) {
    sessions.emplace_back(*model);
    read_prompt(*model, sessions.back(), i);
  }
  std::vector<std::vector<float>> together;
  for (int step = 0; step < 3; ++step) {
    together.emplace_back();
    const TokenIds ids = ids_of(*model, 5 + step, kSequences);
    ASSERT_TRUE(decode_together(sessions, ids, together.back()));
    ASSERT_EQ(std::ssize(together.back()), kSequences * vocab_size);
  }
  sessions.clear();
  for (int i = 0; i < kSequences; ++i) {
    Session alone(*model);
    read_prompt(*model, alone, i);
    for (int step = 0; step < 3; ++step) {
      std::vector<float> logits;
      const TokenIds ids = ids_of(*model, 5 + step, kSequences);
      ASSERT_TRUE(alone.process(ids.span().subspan(i, 1), Session::Outputs::last, logits, {}));
      EXPECT_EQ(0, std::memcmp(logits.data(), together[step].data() + i * vocab_size, vocab_size * sizeof(float))) << i << ", step " << step;
    }
  }
}

// Two that decode beside a prompt of which all rows are wanted, cut where they leave room.
TEST_P(TogetherTest, APromptReadBesideAnswersGivesEachItsBytes) {
  const std::unique_ptr<LoadedModel> model = load(GetParam(), kSequences);
  const std::int64_t vocab_size = model->model().spec().vocab_size;
  const TokenIds prompt = ids_of(*model, 77, 20), next = ids_of(*model, 5, 4);
  std::vector<Session> sessions;
  for (int i = 0; i < kSequences; ++i) sessions.emplace_back(*model);
  read_prompt(*model, sessions[0], 0);
  read_prompt(*model, sessions[1], 1);
  // in the form that shares steps: MLA's other one wants ordered cells, which are of one sequence
  sessions[2].begin_prompt(prompt.size());
  if (!sessions[2].shares_steps(prompt.size())) sessions[2].begin_decoding();
  const int one[] = {0};
  std::vector<int> all(13);
  std::iota(all.begin(), all.end(), 0);
  std::vector<std::vector<float>> together(2);
  const std::array<std::int64_t, 3> cuts = {0, 13, 20};
  for (std::int64_t step = 0; step < 2; ++step) {
    const std::int64_t n = cuts[step + 1] - cuts[step];
    const std::array parts = {Session::Part{&sessions[0], next.span().subspan(2 * step, 1), one},
                              Session::Part{&sessions[2], prompt.span().subspan(cuts[step], n), std::span(all).first(n)},
                              Session::Part{&sessions[1], next.span().subspan(2 * step + 1, 1), one}};
    ASSERT_TRUE(Session::process_together(parts, together[step], {}));
    ASSERT_EQ(std::ssize(together[step]), (n + 2) * vocab_size);
  }
  sessions.clear();

  const auto expect_rows = [&](const std::vector<float>& alone, std::int64_t step, std::int64_t row) {
    EXPECT_EQ(0, std::memcmp(alone.data(), together[step].data() + row * vocab_size, alone.size() * sizeof(float)))
        << "step " << step << ", row " << row;
  };
  std::vector<float> logits;
  for (int i = 0; i < 2; ++i) {
    Session alone(*model);
    read_prompt(*model, alone, i);
    for (std::int64_t step = 0; step < 2; ++step) {
      ASSERT_TRUE(alone.process(next.span().subspan(2 * step + i, 1), Session::Outputs::last, logits, {}));
      expect_rows(logits, step, i == 0 ? 0 : 1 + cuts[step + 1] - cuts[step]);
    }
  }
  Session alone(*model);
  alone.begin_prompt(prompt.size());
  if (!alone.shares_steps(prompt.size())) alone.begin_decoding();
  ASSERT_TRUE(alone.process(prompt, Session::Outputs::all, logits, {}));
  expect_rows({logits.begin(), logits.begin() + 13 * vocab_size}, 0, 1);
  expect_rows({logits.begin() + 13 * vocab_size, logits.end()}, 1, 1);
}

// The third finds no block: the other two are as they were.
TEST_P(TogetherTest, NoneHasItsTokenWhereOneFindsNoRoom) {
  const std::unique_ptr<LoadedModel> model = load(GetParam(), kSequences, 64);
  std::vector<Session> sessions;
  for (int i = 0; i < kSequences; ++i) sessions.emplace_back(*model);
  Session other(*model);  // holds one of the six blocks
  {
    std::vector<float> logits;
    const TokenIds held = ids_of(*model, 3, 8);
    ASSERT_TRUE(other.process(held, Session::Outputs::none, logits, {}));
  }
  for (int i = 0; i < kSequences; ++i) {
    const TokenIds prompt = ids_of(*model, i, i == 2 ? 64 : 40);
    std::vector<float> logits;
    sessions[i].begin_prompt(prompt.size());
    const Result<void> read = sessions[i].process(prompt, Session::Outputs::none, logits, {});
    if (i == 2) {
      ASSERT_EQ(read.error().code, ErrorCode::context_full);
      EXPECT_EQ(read.error().message, "context: at most 32 tokens beside what other conversations hold, found 64");
    } else {
      ASSERT_TRUE(read) << read.error().message;
    }
  }
  const TokenIds prompt = ids_of(*model, 2, 32);
  std::vector<float> logits;
  ASSERT_TRUE(sessions[2].process(prompt, Session::Outputs::none, logits, {}));
  for (Session& session : sessions) session.begin_decoding();
  const TokenIds ids = ids_of(*model, 5, kSequences);
  const Result<void> status = decode_together(sessions, ids, logits);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::context_full);
  EXPECT_EQ(sessions[0].n_tokens(), 40);
  EXPECT_EQ(sessions[1].n_tokens(), 40);
  EXPECT_EQ(sessions[2].n_tokens(), 32);
}

INSTANTIATE_TEST_SUITE_P(Families, TogetherTest, testing::Values("llama-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace pio
