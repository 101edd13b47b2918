#pragma once

#include <QObject>
#include <QStringList>
#include <QTimer>
#include <QVariantList>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>
#include <optional>

#include "app/error_text.h"
#include "app/settings/load_choice.h"

// How one model is loaded, and what that takes: every change asks the engine for a plan (from the file's header alone, nothing is loaded),
// a moment after the last one. What is chosen is kept at once and counts at the next load.

namespace pio {

class Devices;
class EngineQueue;
class ModelLibrary;
class ModelSession;
class Settings;

class LoadSettings : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(QString path READ path WRITE setPath NOTIFY pathChanged)                           // whose settings these are; "" nobody's
  Q_PROPERTY(int quantization READ quantization WRITE setQuantization NOTIFY changed)           // Quantization
  Q_PROPERTY(bool canQuantize READ canQuantize NOTIFY changed)                                  // the file's weights are not quantized yet
  Q_PROPERTY(QString kvType READ kvType WRITE setKvType NOTIFY changed)                         // one of kvTypes
  Q_PROPERTY(int contextLength READ contextLength WRITE setContextLength NOTIFY changed)        // tokens; 0: what fits
  Q_PROPERTY(int threads READ threads WRITE setThreads NOTIFY changed)                          // 0: one a physical core
  Q_PROPERTY(double ramBytes READ ramBytes WRITE setRamBytes NOTIFY changed)                    // 0: what is free
  Q_PROPERTY(QString device READ device WRITE setDevice NOTIFY changed)                         // "auto", "cpu", "vulkan"
  Q_PROPERTY(double vramBytes READ vramBytes WRITE setVramBytes NOTIFY changed)                 // of each graphics card; 0: what is free
  Q_PROPERTY(int attention READ attention WRITE setAttention NOTIFY changed)                    // Attention
  Q_PROPERTY(int attentionWindow READ attentionWindow WRITE setAttentionWindow NOTIFY changed)  // tokens
  Q_PROPERTY(int attentionPages READ attentionPages WRITE setAttentionPages NOTIFY changed)
  // What there is to choose from.
  Q_PROPERTY(QStringList kvTypes READ kvTypes CONSTANT)   // "f32", "f16", "q8_0", "q4_0"
  Q_PROPERTY(QList<int> contexts READ contexts CONSTANT)  // of contextLength; 0, then doublings
  Q_PROPERTY(QVariantMap limits READ limits CONSTANT)     // of each number by its property's name: {from, to, automatic}
  Q_PROPERTY(bool isLoaded READ isLoaded NOTIFY changed)  // this model is the loaded one
  Q_PROPERTY(bool differs READ differs NOTIFY changed)    // it was loaded with something else
  // The plan. Figures are those of the last one until the next is there.
  Q_PROPERTY(bool planning READ planning NOTIFY planChanged)
  Q_PROPERTY(bool hasPlan READ hasPlan NOTIFY planChanged)
  Q_PROPERTY(bool fits READ fits NOTIFY planChanged)
  Q_PROPERTY(double weightBytes READ weightBytes NOTIFY planChanged)
  Q_PROPERTY(double stateBytes READ stateBytes NOTIFY planChanged)
  Q_PROPERTY(double scratchBytes READ scratchBytes NOTIFY planChanged)
  Q_PROPERTY(double freeBytes READ freeBytes NOTIFY planChanged)    // of the device, now
  Q_PROPERTY(double totalBytes READ totalBytes NOTIFY planChanged)  // of the device
  // Where memory does not hold all experts of a mixture; predicted.
  Q_PROPERTY(double expertShare READ expertShare NOTIFY planChanged)  // of all experts, those that have room: 0 to 1; 1 where all have
  Q_PROPERTY(double hitRate READ hitRate NOTIFY planChanged)          // of the chosen ones, those found there
  Q_PROPERTY(double diskBytesPerToken READ diskBytesPerToken NOTIFY planChanged)
  Q_PROPERTY(int plannedContext READ plannedContext NOTIFY planChanged)
  Q_PROPERTY(double loadSeconds READ loadSeconds NOTIFY planChanged)    // predicted; 0 unknown
  Q_PROPERTY(double prefillSpeed READ prefillSpeed NOTIFY planChanged)  // tokens per second
  Q_PROPERTY(double decodeSpeed READ decodeSpeed NOTIFY planChanged)
  Q_PROPERTY(double firstWordSeconds READ firstWordSeconds NOTIFY planChanged)  // of a question of kQuestionTokens
  // {id, name, isCard, denseBytes, expertBytes, stateBytes, scratchBytes, freeBytes, totalBytes, experts, layers} of each device that there
  // is: what would lie there; zeros where nothing would.
  Q_PROPERTY(QVariantList deviceRows READ deviceRows NOTIFY deviceRowsChanged)
  Q_PROPERTY(double cardBytes READ cardBytes NOTIFY deviceRowsChanged)  // of the graphics card that `device` means; 0 where it means none
  Q_PROPERTY(bool fitting READ fitting NOTIFY fittingChanged)           // fit() looks for the best
  Q_PROPERTY(pio::UserError problem READ problem NOTIFY planChanged)    // no plan, or one that does not fit

 public:
  enum Quantization { Keep, Int4, Int8, Fp16, Nf4 };
  Q_ENUM(Quantization)
  enum Attention { Full, Window, Pages };
  Q_ENUM(Attention)

  struct Wiring {
    EngineQueue* queue = nullptr;
    ModelSession* model = nullptr;
    ModelLibrary* models = nullptr;
    Settings* settings = nullptr;
    Devices* devices = nullptr;
  };
  static constexpr int kQuestionTokens = 512;
  explicit LoadSettings(const Wiring& wiring, QObject* parent = nullptr);

  QString path() const { return m_path; }
  void setPath(const QString& path);
  int quantization() const { return static_cast<int>(m_choice.quantization); }
  void setQuantization(int value);
  bool canQuantize() const;
  QStringList kvTypes() const { return kvNames(); }
  QList<int> contexts() const;
  QVariantMap limits() const;
  QString kvType() const { return kvNameOf(m_choice.kv); }
  void setKvType(const QString& name);
  int contextLength() const { return static_cast<int>(m_choice.contextLength); }
  void setContextLength(int tokens);
  int threads() const { return m_choice.threads; }
  void setThreads(int threads);
  double ramBytes() const { return static_cast<double>(m_choice.ramBytes); }
  void setRamBytes(double bytes);
  QString device() const { return m_choice.device; }
  void setDevice(const QString& name);
  double vramBytes() const { return static_cast<double>(m_choice.vramBytes); }
  void setVramBytes(double bytes);
  int attention() const { return static_cast<int>(m_choice.attention.kind); }
  void setAttention(int kind);
  int attentionWindow() const { return static_cast<int>(m_choice.attention.window); }
  void setAttentionWindow(int tokens);
  int attentionPages() const { return static_cast<int>(m_choice.attention.n_pages); }
  void setAttentionPages(int pages);
  bool isLoaded() const;
  bool differs() const;
  bool planning() const { return m_isPlanning; }
  bool hasPlan() const { return m_hasPlan; }
  bool fits() const { return m_plan.fits; }
  double weightBytes() const { return static_cast<double>(m_plan.weight_bytes); }
  double stateBytes() const { return static_cast<double>(m_plan.state_bytes); }
  double scratchBytes() const { return static_cast<double>(m_plan.scratch_bytes); }
  double freeBytes() const;
  double totalBytes() const;
  double expertShare() const;
  double hitRate() const { return m_plan.hit_rate; }
  double diskBytesPerToken() const { return m_plan.disk_bytes_per_token; }
  int plannedContext() const { return static_cast<int>(m_plan.context_length); }
  double loadSeconds() const { return m_plan.load_seconds; }
  double prefillSpeed() const { return m_plan.prefill_tokens_per_second; }
  double decodeSpeed() const { return m_plan.decode_tokens_per_second; }
  double firstWordSeconds() const;
  QVariantList deviceRows() const;
  double cardBytes() const;
  bool fitting() const { return m_fit.has_value(); }
  UserError problem() const { return m_problem; }

 public slots:
  void look();  // plans anew: what is free now counts
  void load();  // now, with what is chosen
  void undo();  // what it was loaded with
  // What this computer does best with this model: every device is planned with all that fits, then with a shorter context and keys and values in 8
  // bits; the fastest plan that fits is chosen. How weights are quantized and which tokens attention keeps stay as they are.
  void fit();

 signals:
  void pathChanged();
  void changed();
  void planChanged();
  void deviceRowsChanged();
  void fittingChanged();

 private:
  struct Fit {
    QList<LoadChoice> untried;
    std::optional<LoadChoice> best;
    double bestSpeed = 0;
  };
  void tryNext();
  void takeFit(const LoadPlan* plan);
  void put(const LoadChoice& choice);
  void ask();

  Wiring w;
  QString m_path;
  LoadChoice m_choice;
  LoadPlan m_plan;
  bool m_hasPlan = false;
  bool m_isPlanning = false;
  UserError m_problem;
  quint64 m_serial = 0, m_fitSerial = 0;
  std::optional<Fit> m_fit;
  LoadChoice m_trying;
  QTimer m_askTimer;
};

}  // namespace pio
