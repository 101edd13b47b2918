#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "models/chat_format.h"

// A model's answer from anywhere, in every format: whole and byte by byte it must say the same.

namespace {

using pio::ChatEvent;

std::string said(const pio::ChatFormat& format, const pio::RenderRequest& request, std::string_view answer, std::size_t n_step) {
  const auto parser = format.parser(request);
  std::string out;
  auto last = ChatEvent::Kind::tool_call;
  const auto add = [&](const std::vector<ChatEvent>& events) {
    for (const ChatEvent& event : events) {
      if (event.kind == ChatEvent::Kind::tool_call) {
        if (!event.call.arguments.is_object() || event.call.name.empty()) std::abort();
        out += "\x01" + event.call.id + event.call.name + event.call.arguments.dump();
      } else {
        if (event.text.empty()) std::abort();
        if (event.kind != last) out += event.kind == ChatEvent::Kind::text ? "\x02" : "\x03";
        out += event.text;
      }
      last = event.kind;
    }
  };
  for (std::size_t at = 0; at < answer.size(); at += n_step) add(parser->push(answer.substr(at, n_step)));
  add(parser->finish());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view answer(reinterpret_cast<const char*>(data), size);
  pio::RenderRequest request;
  request.tools =
      *pio::JsonValue::parse(R"([{"function": {"name": "f", "parameters": {"properties": {"s": {"type": "string"}, "n": {"type": "number"}}}}}])");
  for (const std::string_view name : pio::chat_format_names()) {
    const pio::ChatFormat& format = *pio::find_chat_format(name);
    const std::string whole = said(format, request, answer, std::max<std::size_t>(size, 1));
    if (said(format, request, answer, 1) != whole || said(format, request, answer, 7) != whole) std::abort();
  }
  return 0;
}
