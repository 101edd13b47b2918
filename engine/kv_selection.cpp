#include "engine/kv_selection.h"

#include <algorithm>
#include <string_view>

namespace pio {
namespace {

// More than any model's context, and far from where sums of two overflow.
constexpr std::int64_t kMost = std::int64_t{1} << 30;

Error out_of_range(const char* what, std::int64_t lowest, std::int64_t found) {
  return make_error(ErrorCode::bad_argument, std::string("attention: ") + what + " from " + std::to_string(lowest) + " to " + std::to_string(kMost) +
                                                 ", found " + std::to_string(found));
}

// Where in a message its template may begin to spell it: blank ends are often cut, and long texts need not be compared whole.
std::string_view beginning_of(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first, 64);
}

}  // namespace

Result<void> check_selection(const KvSelection& selection) {
  if (selection.n_sinks < 0 || selection.n_sinks > kMost) return out_of_range("first tokens", 0, selection.n_sinks);
  if (selection.window < 1 || selection.window > kMost) return out_of_range("a window of tokens", 1, selection.window);
  if (selection.n_pages < 1 || selection.n_pages > kMost) return out_of_range("pages", 1, selection.n_pages);
  return {};
}

std::vector<TokenRange> protected_tokens(const Tokenizer& tokenizer, std::span<const int> ids, const std::vector<ChatMessage>& messages,
                                         const std::vector<std::string>& texts) {
  std::string spelled;
  std::vector<std::size_t> ends;  // of each token in it
  for (const int id : ids) {
    if (id >= 0) spelled += tokenizer.bytes(id);
    ends.push_back(spelled.size());
  }
  // The token that holds byte `at`, and the one behind that which holds the last byte before `end`.
  const auto token_at = [&](std::size_t at) { return std::upper_bound(ends.begin(), ends.end(), at) - ends.begin(); };
  const auto token_end = [&](std::size_t end) {
    return std::min<std::int64_t>(std::lower_bound(ends.begin(), ends.end(), end) - ends.begin() + 1, ids.size());
  };

  std::vector<TokenRange> ranges;
  const auto first = std::find_if(messages.begin(), messages.end(), [](const ChatMessage& m) { return m.role != "system"; });
  std::size_t at = 0;
  for (auto message = messages.begin(); message != first; ++message) {
    const std::string text = message->content.text();
    const std::string_view content = beginning_of(text);
    const std::size_t found = spelled.find(content, at);
    if (found != std::string::npos) at = std::min(found + text.size(), spelled.size());
  }
  if (first != messages.end()) {
    const std::string_view content = beginning_of(first->content.first_text());
    const std::size_t found = content.empty() ? std::string::npos : spelled.find(content, at);
    if (found != std::string::npos) at = found;
  }
  if (at > 0) ranges.push_back({0, token_end(at)});

  for (const std::string& text : texts) {
    if (text.empty()) continue;
    for (std::size_t found = spelled.find(text); found != std::string::npos; found = spelled.find(text, found + text.size()))
      ranges.push_back({token_at(found), token_end(found + text.size())});
  }
  return ranges;
}

}  // namespace pio
