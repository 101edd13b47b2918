#include "app/settings/load_choice.h"

#include <QRegularExpression>
#include <algorithm>

#include "app/settings/number_limits.h"
#include "app/system/value_names.h"

namespace pio {
namespace {

// Answers that are written at the same time; what one more takes is a row of logits.
constexpr int kAnswersAtOnce = 4;

constexpr ValueName<LoadQuantization> kQuantizations[] = {{LoadQuantization::keep, "keep"},
                                                          {LoadQuantization::int4, "int4"},
                                                          {LoadQuantization::int8, "int8"},
                                                          {LoadQuantization::fp16, "fp16"},
                                                          {LoadQuantization::nf4, "nf4"}};
// The most precise first.
constexpr ValueName<DType> kKvTypes[] = {{DType::f32, "f32"}, {DType::f16, "f16"}, {DType::q8_0, "q8_0"}, {DType::q4_0, "q4_0"}};
constexpr ValueName<KvSelection::Kind> kAttentions[] = {
    {KvSelection::Kind::full, "full"}, {KvSelection::Kind::window, "window"}, {KvSelection::Kind::pages, "pages"}};

// A name as --device takes it. Whether there is such a device, loading says.
bool isDeviceName(const QString& name) {
  static const QRegularExpression form(QStringLiteral("^(auto|(cpu|reference|(cuda|vulkan)(:[0-9]{1,3})?)(,(cpu|(cuda|vulkan)(:[0-9]{1,3})?))*)$"));
  return form.match(name).hasMatch();
}

}  // namespace

QString nameOf(LoadQuantization value) { return nameIn(kQuantizations, value); }
QString kvNameOf(DType value) { return nameIn(kKvTypes, value); }
std::optional<DType> kvFromName(const QString& name) { return valueIn(kKvTypes, name); }

QStringList kvNames() {
  QStringList names;
  for (const auto& known : kKvTypes) names.append(QLatin1String(known.name));
  return names;
}

bool LoadChoice::operator==(const LoadChoice& other) const {
  const auto tied = [](const LoadChoice& c) {
    return std::tie(c.quantization, c.kv, c.contextLength, c.threads, c.ramBytes, c.device, c.vramBytes, c.attention.kind, c.attention.n_sinks,
                    c.attention.window, c.attention.n_pages);
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
  request.device = device.toStdString();
  request.vram_bytes = vramBytes;
  request.n_sequences = kAnswersAtOnce;
  request.may_wait = true;
  request.n_contexts = 1;  // chats are seldom as long as they may be
  return request;
}

QJsonObject LoadChoice::json() const {
  return {{"quantization", nameOf(quantization)},
          {"kv_type", kvNameOf(kv)},
          {"context_length", contextLength},
          {"threads", threads},
          {"ram_bytes", static_cast<qint64>(ramBytes)},
          {"device", device},
          {"vram_bytes", static_cast<qint64>(vramBytes)},
          {"attention", nameIn(kAttentions, attention.kind)},
          {"attention_sinks", static_cast<qint64>(attention.n_sinks)},
          {"attention_window", static_cast<qint64>(attention.window)},
          {"attention_pages", static_cast<qint64>(attention.n_pages)}};
}

LoadChoice LoadChoice::from(const QJsonObject& json, const LoadChoice& defaults) {
  LoadChoice choice = defaults;
  const auto integer = [&](const char* key, const char* name, qint64 otherwise) {
    return within(name, json.value(QLatin1String(key)).toInteger(otherwise));
  };
  choice.quantization = valueIn(kQuantizations, json.value("quantization").toString()).value_or(defaults.quantization);
  choice.kv = kvFromName(json.value("kv_type").toString()).value_or(defaults.kv);
  choice.contextLength = integer("context_length", "contextLength", defaults.contextLength);
  choice.threads = static_cast<int>(integer("threads", "threads", defaults.threads));
  choice.ramBytes = static_cast<quint64>(integer("ram_bytes", "ramBytes", static_cast<qint64>(defaults.ramBytes)));
  choice.vramBytes = static_cast<quint64>(integer("vram_bytes", "vramBytes", static_cast<qint64>(defaults.vramBytes)));
  const QString device = json.value("device").toString();
  choice.device = isDeviceName(device) ? device : defaults.device;
  choice.attention.kind = valueIn(kAttentions, json.value("attention").toString()).value_or(defaults.attention.kind);
  choice.attention.n_sinks = integer("attention_sinks", "attentionSinks", defaults.attention.n_sinks);
  choice.attention.window = integer("attention_window", "attentionWindow", defaults.attention.window);
  choice.attention.n_pages = integer("attention_pages", "attentionPages", defaults.attention.n_pages);
  return choice;
}

}  // namespace pio
