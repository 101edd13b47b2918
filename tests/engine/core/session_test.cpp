// Several conversations in one step.

#include "engine/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

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
    ASSERT_TRUE(Session::decode_together(sessions, ids, together.back(), {}));
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

// The third finds no block: the other two are as they were.
TEST_P(TogetherTest, NoneHasItsTokenWhereOneFindsNoRoom) {
  const std::unique_ptr<LoadedModel> model = load(GetParam(), kSequences, 160);
  std::vector<Session> sessions;
  for (int i = 0; i < kSequences; ++i) sessions.emplace_back(*model);
  for (int i = 0; i < kSequences; ++i) {
    const TokenIds prompt = ids_of(*model, i, i == 2 ? 64 : 40);
    std::vector<float> logits;
    sessions[i].begin_prompt(prompt.size());
    const Result<void> read = sessions[i].process(prompt, Session::Outputs::none, logits, {});
    if (i == 2) {
      ASSERT_EQ(read.error().code, ErrorCode::context_full);
    } else {
      ASSERT_TRUE(read) << read.error().message;
    }
  }
  const TokenIds prompt = ids_of(*model, 2, 32);
  std::vector<float> logits;
  ASSERT_TRUE(sessions[2].process(prompt, Session::Outputs::none, logits, {}));
  const TokenIds ids = ids_of(*model, 5, kSequences);
  const Result<void> status = Session::decode_together(sessions, ids, logits, {});
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
