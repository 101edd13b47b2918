#pragma once

#include <QObject>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>
#include <memory>

#include "app/settings/load_choice.h"

// What the person chose, kept in settings.json of the data folder, which all windows share.

namespace pio {

class Settings : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(Appearance appearance READ appearance WRITE setAppearance NOTIFY changed)
  Q_PROPERTY(QString language READ language WRITE setLanguage NOTIFY changed)  // a code of Language; "": the system's
  Q_PROPERTY(bool reducedMotion READ reducedMotion WRITE setReducedMotion NOTIFY changed)
  Q_PROPERTY(double zoom READ zoom WRITE setZoom NOTIFY changed)
  Q_PROPERTY(bool enterSends READ enterSends WRITE setEnterSends NOTIFY changed)  // else Ctrl+Enter sends
  Q_PROPERTY(bool thinking READ thinking WRITE setThinking NOTIFY changed)        // whether a model that can reason does
  Q_PROPERTY(bool sidebarVisible READ sidebarVisible WRITE setSidebarVisible NOTIFY changed)
  Q_PROPERTY(int sidebarWidth READ sidebarWidth WRITE setSidebarWidth NOTIFY changed)
  Q_PROPERTY(QVariantMap limits READ limits CONSTANT)  // of each number by its property's name: {from, to, automatic}
  Q_PROPERTY(QString systemPrompt READ systemPrompt WRITE setSystemPrompt NOTIFY changed)  // of new chats
  // The network, which nothing uses unasked.
  Q_PROPERTY(bool offline READ offline WRITE setOffline NOTIFY changed)                    // every request is refused
  Q_PROPERTY(QString downloadBase READ downloadBase WRITE setDownloadBase NOTIFY changed)  // "": the usual address
  Q_PROPERTY(QString proxy READ proxy WRITE setProxy NOTIFY changed)                       // "": the environment's, if it has one
  Q_PROPERTY(QString modelsFolder READ modelsFolder WRITE setModelsFolder NOTIFY changed)  // where fetched files go; "": the data folder
  Q_PROPERTY(QStringList modelFolders READ modelFolders NOTIFY changed)                    // where files one has are looked for, too
  // Sampling. When `ownSampling` is off, the model's recommended values count and are what these properties read.
  Q_PROPERTY(bool ownSampling READ ownSampling WRITE setOwnSampling NOTIFY changed)
  Q_PROPERTY(double temperature READ temperature WRITE setTemperature NOTIFY changed)
  Q_PROPERTY(int topK READ topK WRITE setTopK NOTIFY changed)
  Q_PROPERTY(double topP READ topP WRITE setTopP NOTIFY changed)
  Q_PROPERTY(double minP READ minP WRITE setMinP NOTIFY changed)
  Q_PROPERTY(double repeatPenalty READ repeatPenalty WRITE setRepeatPenalty NOTIFY changed)
  Q_PROPERTY(double presencePenalty READ presencePenalty WRITE setPresencePenalty NOTIFY changed)
  Q_PROPERTY(double frequencyPenalty READ frequencyPenalty WRITE setFrequencyPenalty NOTIFY changed)
  Q_PROPERTY(int seed READ seed WRITE setSeed NOTIFY changed)                 // -1: another one each time
  Q_PROPERTY(int maxTokens READ maxTokens WRITE setMaxTokens NOTIFY changed)  // -1: until the model ends
  // Loading: what counts for models that have no choice of their own.
  Q_PROPERTY(int contextLength READ contextLength WRITE setContextLength NOTIFY changed)  // 0: what fits
  Q_PROPERTY(int threads READ threads WRITE setThreads NOTIFY changed)                    // 0: one a physical core
  Q_PROPERTY(QString kvType READ kvType WRITE setKvType NOTIFY changed)                   // "f16", "q8_0", "q4_0", "f32"

 public:
  enum Appearance { System, Light, Dark, HighContrast };
  Q_ENUM(Appearance)
  struct Private;
  explicit Settings(std::unique_ptr<Private> d, QObject* parent = nullptr);
  ~Settings() override;

  Appearance appearance() const;
  void setAppearance(Appearance value);
  QString language() const;
  void setLanguage(const QString& value);
  bool reducedMotion() const;
  void setReducedMotion(bool value);
  double zoom() const;
  void setZoom(double value);
  bool enterSends() const;
  void setEnterSends(bool value);
  bool thinking() const;
  void setThinking(bool value);
  bool sidebarVisible() const;
  void setSidebarVisible(bool value);
  int sidebarWidth() const;
  void setSidebarWidth(int value);
  QVariantMap limits() const;
  QString systemPrompt() const;
  void setSystemPrompt(const QString& value);
  bool offline() const;
  void setOffline(bool value);
  QString downloadBase() const;
  void setDownloadBase(const QString& value);
  QString proxy() const;
  void setProxy(const QString& value);
  QString modelsFolder() const;
  void setModelsFolder(const QString& value);
  QStringList modelFolders() const;
  Q_INVOKABLE void addModelFolder(const QString& folder);
  Q_INVOKABLE void removeModelFolder(const QString& folder);
  bool ownSampling() const;
  void setOwnSampling(bool value);
  double temperature() const;
  void setTemperature(double value);
  int topK() const;
  void setTopK(int value);
  double topP() const;
  void setTopP(double value);
  double minP() const;
  void setMinP(double value);
  double repeatPenalty() const;
  void setRepeatPenalty(double value);
  double presencePenalty() const;
  void setPresencePenalty(double value);
  double frequencyPenalty() const;
  void setFrequencyPenalty(double value);
  int seed() const;
  void setSeed(int value);
  int maxTokens() const;
  void setMaxTokens(int value);
  int contextLength() const;
  void setContextLength(int value);
  int threads() const;
  void setThreads(int value);
  QString kvType() const;
  void setKvType(const QString& value);

  // What counts for the next answer; its seed is to be set by the caller.
  SamplingParams samplingParams() const;
  void setRecommended(const SamplingParams& params);  // of the model that was just loaded
  // What counts the next time this model is loaded; the values above where nothing was chosen for it.
  LoadChoice loadChoice(const QString& modelPath) const;
  void setLoadChoice(const QString& modelPath, const LoadChoice& choice);
  void saveNow();

 public slots:
  void resetSampling();

 signals:
  void changed();

 private:
  template <class T>
  void put(T& place, const T& value);
  template <class T>
  void putSampling(T SamplingParams::*member, T value);
  std::unique_ptr<Private> d;
};

}  // namespace pio
