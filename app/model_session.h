#pragma once

#include <QObject>
#include <QStringList>
#include <QtQml/qqmlregistration.h>
#include <optional>

#include "app/error_text.h"
#include "app/settings/load_choice.h"
#include "engine/image/picture_costs.h"

// The model: loaded, switched, unloaded, and what is known of it. One for all chats and panes.

namespace pio {

class EngineQueue;
class ModelLibrary;
class Notices;
class Settings;

// What the last answer found of a model whose experts do not all lie in memory.
class ExpertFigures {
  Q_GADGET
  QML_VALUE_TYPE(expertFigures)
  Q_PROPERTY(bool isSet MEMBER isSet)
  Q_PROPERTY(double hitRate MEMBER hitRate)                // of the chosen experts, those in memory; 0 to 1
  Q_PROPERTY(QList<double> layers MEMBER layers)           // the same of each layer that has experts
  Q_PROPERTY(double bytesPerToken MEMBER bytesPerToken)    // from the disk, for each token that was read or written
  Q_PROPERTY(double bytesPerSecond MEMBER bytesPerSecond)  // while it read
  Q_PROPERTY(double waitingShare MEMBER waitingShare)      // of the answer's time, in which it waited for the disk
  Q_PROPERTY(double tokensPerSecond MEMBER tokensPerSecond)
  Q_PROPERTY(double moreHitRate MEMBER moreHitRate)  // with a gigabyte more for them; 0 unknown
  Q_PROPERTY(double moreTokensPerSecond MEMBER moreTokensPerSecond)

 public:
  bool isSet = false;
  double hitRate = 0;
  QList<double> layers;
  double bytesPerToken = 0, bytesPerSecond = 0, waitingShare = 0, tokensPerSecond = 0, moreHitRate = 0, moreTokensPerSecond = 0;
};
ExpertFigures expertFiguresOf(const GenerationStats& stats);

class ModelSession : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(State state READ state NOTIFY changed)
  Q_PROPERTY(bool hasModel READ hasModel NOTIFY changed)  // one is loaded or being loaded: what follows is about it
  Q_PROPERTY(bool failed READ failed NOTIFY changed)      // none is loaded because the last load failed
  Q_PROPERTY(QString name READ name NOTIFY changed)
  Q_PROPERTY(QString detail READ detail NOTIFY changed)  // "Q4_1"
  Q_PROPERTY(QString path READ path NOTIFY changed)
  Q_PROPERTY(QStringList notes READ notes NOTIFY changed)                             // what a person should know of it, a sentence each
  Q_PROPERTY(bool sees READ sees NOTIFY changed)                                      // it takes pictures
  Q_PROPERTY(bool thinks READ thinks NOTIFY changed)                                  // it can reason before it answers
  Q_PROPERTY(bool thinking READ thinking WRITE setThinking NOTIFY thinkingChanged)    // whether such a model does
  Q_PROPERTY(qint64 contextLength READ contextLength NOTIFY changed)                  // tokens; 0 unknown
  Q_PROPERTY(QString device READ device NOTIFY changed)                               // "cpu", "vulkan", of the loaded one; "" none
  Q_PROPERTY(double measuredDecode READ measuredDecode NOTIFY measuredChanged)        // tokens a second of the last answer; 0: none was long enough
  Q_PROPERTY(double measuredFirstWord READ measuredFirstWord NOTIFY measuredChanged)  // seconds, and of a prompt
  Q_PROPERTY(int measuredPrompt READ measuredPrompt NOTIFY measuredChanged)           // of so many tokens
  Q_PROPERTY(qint64 loadedBytes READ loadedBytes NOTIFY progressChanged)              // of state Loading
  Q_PROPERTY(qint64 totalBytes READ totalBytes NOTIFY progressChanged)                // 0 unknown
  Q_PROPERTY(pio::ExpertFigures experts READ experts NOTIFY expertsChanged)           // of the last answer

 public:
  enum State { None, Loading, Stopping, Ready };  // Stopping: a load
  Q_ENUM(State)

  struct Wiring {
    EngineQueue* queue = nullptr;
    ModelLibrary* models = nullptr;
    Settings* settings = nullptr;
    Notices* notices = nullptr;
    QString loadNotePath;
  };
  explicit ModelSession(const Wiring& wiring, QObject* parent = nullptr);

  State state() const;
  bool hasModel() const { return state() != None; }
  bool failed() const { return m_hasFailed; }
  QString name() const { return m_name; }
  QString detail() const { return m_detail; }
  QString path() const { return m_path; }
  QStringList notes() const;
  bool sees() const { return m_sees; }
  bool thinks() const { return m_thinks; }
  bool thinking() const;
  void setThinking(bool value);
  qint64 contextLength() const { return m_contextLength; }
  QString device() const { return m_device; }
  double measuredDecode() const { return m_measured.tokens_per_second; }
  double measuredFirstWord() const { return m_measured.first_token_seconds; }
  int measuredPrompt() const { return static_cast<int>(m_measured.prompt_tokens - m_measured.reused_tokens); }
  qint64 loadedBytes() const { return m_loadedBytes; }
  qint64 totalBytes() const { return m_totalBytes; }
  ExpertFigures experts() const { return m_experts; }
  const PictureCosts& pictureCosts() const { return m_pictureCosts; }    // empty while they are not known
  void askPictureCosts();                                                // measures them, once a model that sees
  std::optional<LoadChoice> loadedWith() const { return m_loadedWith; }  // unset while none is

  void interruptedLoad(const QString& path);  // the last start died loading it
  void waitForModel();                        // something was asked and there is none: a notice says so
  void askForModel();                         // the same where what was asked does not wait
  void noteAnswer(const GenerationStats& stats);

 public slots:
  void load(const QString& path);
  void unload();
  void stop();            // loading it
  void retry();           // the last load
  void shorterContext();  // loads it again with half of the context

 signals:
  void changed();
  void thinkingChanged();
  void progressChanged();
  void pictureCostsChanged();
  void expertsChanged();
  void measuredChanged();
  void answered(const pio::GenerationStats& stats);  // by the loaded model

 private:
  void take(const LoadedInfo& info);  // it is loaded now
  void forget();                      // none is
  void say(const UserError& notice);
  void forgetPictureCosts();
  void noteGivenBack(const GivenBack& since);
  void setExperts(const ExpertFigures& figures);
  void setMeasured(const GenerationStats& stats);

  Wiring w;
  QString m_path, m_name, m_detail, m_device;
  std::vector<ModelNote> m_notes;
  bool m_sees = false, m_thinks = false, m_hasFailed = false;
  qint64 m_contextLength = 0, m_loadedBytes = 0, m_totalBytes = 0;
  PictureCosts m_pictureCosts;
  ExpertFigures m_experts;
  GenerationStats m_measured;  // of the last answer that was long enough
  GivenBack m_givenBack;       // that the notice tells of
  bool m_hasAskedCosts = false;
  LoadChoice m_loadingWith;  // of the load under way
  std::optional<LoadChoice> m_loadedWith;
  QString m_lastPath;  // what retry() loads
};

}  // namespace pio
