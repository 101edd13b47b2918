#include "app/settings/settings.h"

#include <QJsonArray>

#include "app/settings/number_limits.h"
#include "app/settings/settings_p.h"
#include "app/system/language.h"
#include "app/system/value_names.h"

namespace pio {
namespace {

constexpr ValueName<Settings::Appearance> kAppearances[] = {
    {Settings::System, "system"}, {Settings::Light, "light"}, {Settings::Dark, "dark"}, {Settings::HighContrast, "high contrast"}};

}  // namespace

Settings::Private::Private(QString path, SharedJsonFiles* files)
    : file(
          std::move(path), files, [this] { return json(); }, [this](const QJsonObject& object) { read(object); }) {
  saveTimer.setSingleShot(true);
  saveTimer.setInterval(500);
}

void Settings::Private::read(const QJsonObject& object) {
  const auto value = [&](const char* key) { return object.value(QLatin1String(key)); };
  const Values defaults;
  values = defaults;
  values.appearance = valueIn(kAppearances, value("appearance").toString()).value_or(defaults.appearance);
  values.language = Language::known(value("language").toString()).value_or(defaults.language);
  values.reducedMotion = value("reduced_motion").toBool(defaults.reducedMotion);
  values.zoom = within("zoom", value("zoom").toDouble(defaults.zoom));
  values.enterSends = value("enter_sends").toBool(defaults.enterSends);
  values.thinking = value("thinking").toBool(defaults.thinking);
  values.sidebarVisible = value("sidebar_visible").toBool(defaults.sidebarVisible);
  values.sidebarWidth = within("sidebarWidth", value("sidebar_width").toInt(defaults.sidebarWidth));
  values.systemPrompt = value("system_prompt").toString();
  values.offline = value("offline").toBool();
  values.downloadBase = value("download_base").toString();
  values.proxy = value("proxy").toString();
  values.modelsFolder = value("models_folder").toString();
  values.modelFolders = value("model_folders").toVariant().toStringList();
  values.ownSampling = value("own_sampling").toBool(defaults.ownSampling);
  values.sampling.temperature = within("temperature", value("temperature").toDouble(defaults.sampling.temperature));
  values.sampling.top_k = within("topK", value("top_k").toInt(defaults.sampling.top_k));
  values.sampling.top_p = within("topP", value("top_p").toDouble(defaults.sampling.top_p));
  values.sampling.min_p = within("minP", value("min_p").toDouble(defaults.sampling.min_p));
  values.sampling.repeat_penalty = within("repeatPenalty", value("repeat_penalty").toDouble(defaults.sampling.repeat_penalty));
  values.sampling.presence_penalty = within("presencePenalty", value("presence_penalty").toDouble(defaults.sampling.presence_penalty));
  values.sampling.frequency_penalty = within("frequencyPenalty", value("frequency_penalty").toDouble(defaults.sampling.frequency_penalty));
  values.seed = within("seed", value("seed").toInt(defaults.seed));
  values.maxTokens = within("maxTokens", value("max_tokens").toInt(defaults.maxTokens));
  values.contextLength = within("contextLength", value("context_length").toInt(defaults.contextLength));
  values.threads = within("threads", value("threads").toInt(defaults.threads));
  if (const QString kvType = value("kv_type").toString(); kvFromName(kvType)) values.kvType = kvType;
  const QJsonObject choices = value("models").toObject();
  for (auto choice = choices.begin(); choice != choices.end(); ++choice) {
    values.loadChoices.insert(choice.key(), LoadChoice::from(choice->toObject(), defaultLoadChoice()));
  }
}

QJsonObject Settings::Private::json() const {
  QJsonObject object;
  object.insert("appearance", nameIn(kAppearances, values.appearance));
  object.insert("language", values.language);
  object.insert("reduced_motion", values.reducedMotion);
  object.insert("zoom", values.zoom);
  object.insert("enter_sends", values.enterSends);
  object.insert("thinking", values.thinking);
  object.insert("sidebar_visible", values.sidebarVisible);
  object.insert("sidebar_width", values.sidebarWidth);
  object.insert("system_prompt", values.systemPrompt);
  object.insert("offline", values.offline);
  object.insert("download_base", values.downloadBase);
  object.insert("proxy", values.proxy);
  object.insert("models_folder", values.modelsFolder);
  object.insert("model_folders", QJsonArray::fromStringList(values.modelFolders));
  object.insert("own_sampling", values.ownSampling);
  object.insert("temperature", values.sampling.temperature);
  object.insert("top_k", values.sampling.top_k);
  object.insert("top_p", values.sampling.top_p);
  object.insert("min_p", values.sampling.min_p);
  object.insert("repeat_penalty", values.sampling.repeat_penalty);
  object.insert("presence_penalty", values.sampling.presence_penalty);
  object.insert("frequency_penalty", values.sampling.frequency_penalty);
  object.insert("seed", values.seed);
  object.insert("max_tokens", values.maxTokens);
  object.insert("context_length", values.contextLength);
  object.insert("threads", values.threads);
  object.insert("kv_type", values.kvType);
  QJsonObject choices;
  for (auto choice = values.loadChoices.begin(); choice != values.loadChoices.end(); ++choice) choices.insert(choice.key(), choice->json());
  object.insert("models", choices);
  return object;
}

LoadChoice Settings::Private::defaultLoadChoice() const {
  LoadChoice choice;
  choice.contextLength = values.contextLength;
  choice.threads = values.threads;
  choice.kv = kvFromName(values.kvType).value_or(DType::f16);
  return choice;
}

void Settings::Private::save() {
  saveTimer.stop();
  file.save();
}

Settings::Settings(std::unique_ptr<Private> p, QObject* parent) : QObject(parent), d(std::move(p)) {
  d->file.start();
  connect(&d->file, &SharedJson::changedOutside, this, &Settings::changed);
  connect(&d->saveTimer, &QTimer::timeout, this, [this] { d->save(); });
  connect(this, &Settings::changed, this, [this] { d->saveTimer.start(); });
}

// Not saved here but by the program's end, while the thread that writes still runs.
Settings::~Settings() = default;

Settings::Appearance Settings::appearance() const { return d->values.appearance; }
QString Settings::language() const { return d->values.language; }
bool Settings::reducedMotion() const { return d->values.reducedMotion; }
double Settings::zoom() const { return d->values.zoom; }
bool Settings::enterSends() const { return d->values.enterSends; }
bool Settings::thinking() const { return d->values.thinking; }
bool Settings::sidebarVisible() const { return d->values.sidebarVisible; }
int Settings::sidebarWidth() const { return d->values.sidebarWidth; }
QVariantMap Settings::limits() const { return numberLimits(); }
QString Settings::systemPrompt() const { return d->values.systemPrompt; }
bool Settings::ownSampling() const { return d->values.ownSampling; }
bool Settings::offline() const { return d->values.offline; }
QString Settings::downloadBase() const { return d->values.downloadBase; }
QString Settings::proxy() const { return d->values.proxy; }
QString Settings::modelsFolder() const { return d->values.modelsFolder; }
QStringList Settings::modelFolders() const { return d->values.modelFolders; }
int Settings::seed() const { return d->values.seed; }
int Settings::maxTokens() const { return d->values.maxTokens; }
int Settings::contextLength() const { return d->values.contextLength; }
int Settings::threads() const { return d->values.threads; }
QString Settings::kvType() const { return d->values.kvType; }

SamplingParams Settings::samplingParams() const { return d->values.ownSampling ? d->values.sampling : d->recommended; }

double Settings::temperature() const { return samplingParams().temperature; }
int Settings::topK() const { return samplingParams().top_k; }
double Settings::topP() const { return samplingParams().top_p; }
double Settings::minP() const { return samplingParams().min_p; }
double Settings::repeatPenalty() const { return samplingParams().repeat_penalty; }
double Settings::presencePenalty() const { return samplingParams().presence_penalty; }
double Settings::frequencyPenalty() const { return samplingParams().frequency_penalty; }

template <class T>
void Settings::put(T& place, const T& value) {
  if (place == value) return;
  place = value;
  Q_EMIT changed();
}

void Settings::setAppearance(Appearance value) { put(d->values.appearance, value); }
void Settings::setLanguage(const QString& value) { put(d->values.language, Language::known(value).value_or(QString())); }
void Settings::setReducedMotion(bool value) { put(d->values.reducedMotion, value); }
void Settings::setZoom(double value) { put(d->values.zoom, within("zoom", value)); }
void Settings::setEnterSends(bool value) { put(d->values.enterSends, value); }
void Settings::setThinking(bool value) { put(d->values.thinking, value); }
void Settings::setSidebarVisible(bool value) { put(d->values.sidebarVisible, value); }
void Settings::setSidebarWidth(int value) { put(d->values.sidebarWidth, within("sidebarWidth", value)); }
void Settings::setSystemPrompt(const QString& value) { put(d->values.systemPrompt, value); }
void Settings::setOffline(bool value) { put(d->values.offline, value); }
void Settings::setDownloadBase(const QString& value) { put(d->values.downloadBase, value.trimmed()); }
void Settings::setProxy(const QString& value) { put(d->values.proxy, value.trimmed()); }
void Settings::setModelsFolder(const QString& value) { put(d->values.modelsFolder, value); }
void Settings::addModelFolder(const QString& folder) {
  QStringList folders = d->values.modelFolders;
  if (!folder.isEmpty() && !folders.contains(folder)) folders.append(folder);
  put(d->values.modelFolders, folders);
}
void Settings::removeModelFolder(const QString& folder) {
  QStringList folders = d->values.modelFolders;
  folders.removeAll(folder);
  put(d->values.modelFolders, folders);
}
void Settings::setSeed(int value) { put(d->values.seed, within("seed", value)); }
void Settings::setMaxTokens(int value) { put(d->values.maxTokens, within("maxTokens", value)); }
void Settings::setContextLength(int value) { put(d->values.contextLength, within("contextLength", value)); }
void Settings::setThreads(int value) { put(d->values.threads, within("threads", value)); }
void Settings::setKvType(const QString& value) {
  if (kvFromName(value)) put(d->values.kvType, value);
}

LoadChoice Settings::loadChoice(const QString& modelPath) const {
  const auto own = d->values.loadChoices.constFind(modelPath);
  return own == d->values.loadChoices.constEnd() ? d->defaultLoadChoice() : *own;
}

void Settings::setLoadChoice(const QString& modelPath, const LoadChoice& choice) {
  if (modelPath.isEmpty() || choice == loadChoice(modelPath)) return;
  d->values.loadChoices.insert(modelPath, choice);
  Q_EMIT changed();
}

void Settings::setOwnSampling(bool value) {
  if (value == d->values.ownSampling) return;
  // One's own values begin as the ones that were read until now: nothing jumps.
  if (value) d->values.sampling = d->recommended;
  put(d->values.ownSampling, value);
}

// A value that is changed is one's own from then on.
void Settings::setTemperature(double value) { putSampling(&SamplingParams::temperature, within("temperature", value)); }
void Settings::setTopK(int value) { putSampling(&SamplingParams::top_k, within("topK", value)); }
void Settings::setTopP(double value) { putSampling(&SamplingParams::top_p, within("topP", value)); }
void Settings::setMinP(double value) { putSampling(&SamplingParams::min_p, within("minP", value)); }
void Settings::setRepeatPenalty(double value) { putSampling(&SamplingParams::repeat_penalty, within("repeatPenalty", value)); }
void Settings::setPresencePenalty(double value) { putSampling(&SamplingParams::presence_penalty, within("presencePenalty", value)); }
void Settings::setFrequencyPenalty(double value) { putSampling(&SamplingParams::frequency_penalty, within("frequencyPenalty", value)); }

template <class T>
void Settings::putSampling(T SamplingParams::*member, T value) {
  if (samplingParams().*member == value) return;
  if (!d->values.ownSampling) {
    d->values.sampling = d->recommended;
    d->values.ownSampling = true;
  }
  d->values.sampling.*member = value;
  Q_EMIT changed();
}

void Settings::resetSampling() {
  d->values.sampling = d->recommended;
  d->values.ownSampling = false;
  d->values.seed = -1;
  d->values.maxTokens = -1;
  Q_EMIT changed();
}

void Settings::setRecommended(const SamplingParams& params) {
  d->recommended = params;
  Q_EMIT changed();
}

void Settings::saveNow() { d->save(); }

}  // namespace pio
