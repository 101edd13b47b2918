#include "app/settings/load_choice.h"

#include <algorithm>

#include "app/settings/number_limits.h"

namespace pio {
namespace {

constexpr LoadQuantization kQuantizations[] = {LoadQuantization::keep, LoadQuantization::int4, LoadQuantization::int8, LoadQuantization::fp16,
                                               LoadQuantization::nf4};
constexpr KvSelection::Kind kKinds[] = {KvSelection::Kind::full, KvSelection::Kind::window, KvSelection::Kind::pages};

QString nameOf(KvSelection::Kind kind) {
  switch (kind) {
    case KvSelection::Kind::full: return QStringLiteral("full");
    case KvSelection::Kind::window: return QStringLiteral("window");
    case KvSelection::Kind::pages: return QStringLiteral("pages");
  }
  return {};
}

}  // namespace

QString nameOf(LoadQuantization value) {
  switch (value) {
    case LoadQuantization::keep: return QStringLiteral("keep");
    case LoadQuantization::int4: return QStringLiteral("int4");
    case LoadQuantization::int8: return QStringLiteral("int8");
    case LoadQuantization::fp16: return QStringLiteral("fp16");
    case LoadQuantization::nf4: return QStringLiteral("nf4");
  }
  return {};
}

QString kvNameOf(DType value) {
  return value == DType::q8_0   ? QStringLiteral("q8_0")
         : value == DType::q4_0 ? QStringLiteral("q4_0")
         : value == DType::f32  ? QStringLiteral("f32")
                                : QStringLiteral("f16");
}

std::optional<DType> kvFromName(const QString& name) {
  for (const DType type : LoadChoice::kKvTypes) {
    if (kvNameOf(type) == name) return type;
  }
  return std::nullopt;
}

bool LoadChoice::operator==(const LoadChoice& other) const {
  const auto tied = [](const LoadChoice& c) {
    return std::tie(c.quantization, c.kv, c.contextLength, c.threads, c.ramBytes, c.attention.kind, c.attention.n_sinks, c.attention.window,
                    c.attention.n_pages);
  };
  return tied(*this) == tied(other);
}

LoadRequest LoadChoice::request(const QString& path) const {
  LoadRequest request;
  request.path = path.toStdString();
  request.quantization = quantization;
  request.attention = attention;
  request.n_threads = threads;
  request.context_length = contextLength;
  request.kv = kv;
  request.ram_bytes = ramBytes;
  return request;
}

QJsonObject LoadChoice::json() const {
  return {{"quantization", nameOf(quantization)},
          {"kv_type", kvNameOf(kv)},
          {"context_length", contextLength},
          {"threads", threads},
          {"ram_bytes", static_cast<qint64>(ramBytes)},
          {"attention", nameOf(attention.kind)},
          {"attention_sinks", static_cast<qint64>(attention.n_sinks)},
          {"attention_window", static_cast<qint64>(attention.window)},
          {"attention_pages", static_cast<qint64>(attention.n_pages)}};
}

LoadChoice LoadChoice::from(const QJsonObject& json, const LoadChoice& defaults) {
  LoadChoice choice = defaults;
  const auto integer = [&](const char* key, const char* name, qint64 otherwise) {
    return within(name, json.value(QLatin1String(key)).toInteger(otherwise));
  };
  for (const LoadQuantization value : kQuantizations) {
    if (json.value("quantization").toString() == nameOf(value)) choice.quantization = value;
  }
  choice.kv = kvFromName(json.value("kv_type").toString()).value_or(defaults.kv);
  choice.contextLength = integer("context_length", "contextLength", defaults.contextLength);
  choice.threads = static_cast<int>(integer("threads", "threads", defaults.threads));
  choice.ramBytes = static_cast<quint64>(integer("ram_bytes", "ramBytes", static_cast<qint64>(defaults.ramBytes)));
  for (const auto kind : kKinds) {
    if (json.value("attention").toString() == nameOf(kind)) choice.attention.kind = kind;
  }
  choice.attention.n_sinks = integer("attention_sinks", "attentionSinks", defaults.attention.n_sinks);
  choice.attention.window = integer("attention_window", "attentionWindow", defaults.attention.window);
  choice.attention.n_pages = integer("attention_pages", "attentionPages", defaults.attention.n_pages);
  return choice;
}

}  // namespace pio
