#pragma once

#include <QObject>
#include <QString>
#include <QStringList>
#include <QtQml/qqmlregistration.h>

#include "engine/engine.h"

// The one place where an Error becomes words for a person: what happened, why, in numbers with units; what to do is a button.

namespace pio {

class UserError {
  Q_GADGET
  Q_PROPERTY(QString title MEMBER title)
  Q_PROPERTY(QString explanation MEMBER explanation)
  Q_PROPERTY(QString details MEMBER details)
  Q_PROPERTY(QList<int> actions MEMBER actions)
  Q_PROPERTY(bool isSet READ isSet)
  QML_VALUE_TYPE(userError)

 public:
  // What a button under the words does; the first one is the primary. ui/chat/ErrorBanner.qml gives each its label.
  enum Action { Retry, OpenModel, ShorterContext, NewChat, ExportChat, Dismiss, ReadAgain, Overwrite, ShowChanges, OpenStorage };
  Q_ENUM(Action)

  QString title;        // empty: nothing to say
  QString explanation;  // one or two sentences
  QString details;      // the engine's own message, for "Details" and Copy
  QList<int> actions;
  bool isSet() const { return !title.isEmpty(); }
  bool operator==(const UserError&) const = default;
};

struct FileDone;
struct HistoryProblem;
struct UnsavedHistory;
struct ImportReport;
struct PictureFact;
struct SourceFile;
struct TransferProblem;

// Not set for what needs no words: cancelled.
UserError userErrorOf(const Error& error);
UserError userErrorOf(const HistoryProblem& problem);
UserError userErrorOf(const TransferProblem& problem);

// What a file that came was held to: half a sentence.
QString checkText(const FileDone& file);

// What the window that closes would take along; without actions.
UserError unsavedNotice(const UnsavedHistory& unsaved);

// Why a device is not used.
QString rejectionText(const RejectedDevice& device);

// What a person should know of a model; one sentence.
QString noteText(const ModelNote& note);

// Notices about the program that no Error is behind.
UserError noModelNotice();   // what was asked waits for one
UserError askAgainNotice();  // it does not
// A switch failed with `error`, and `keptModel` is loaded as before.
UserError keptModelNotice(const Error& error, const QString& keptModel);
// A file picked for one of the four models is of another architecture.
UserError wrongModelNotice(const QString& wanted, const QString& path, const QString& architecture);
// Why a model cannot be loaded as chosen.
UserError planNotice(const LoadPlan& plan);
// Why a picture cannot go with a question.
UserError pictureNotice(const PictureFact& picture);
UserError tooManyPicturesNotice(int most);
// The loaded model does not see: it read the names of the pictures.
UserError blindModelNotice(const QString& model);
UserError interruptedLoadNotice(const QString& modelPath);
UserError contextFullNotice(qint64 contextLength);
// Memory got short, and this went before the system would swap.
UserError memoryNotice(const GivenBack& went);
enum class FileNotice {
  export_failed,
  settings_not_saved,
  settings_unreadable,
  not_moved,
  not_removed
};  // of settings_unreadable `details` is the copy
UserError fileNotice(FileNotice what, const QString& path, const QString& details);
// Of an import that changed nothing.
UserError importNotice(const ImportReport& report);
// Of one that is done: what came in, what was known, what was left out. Whole sentences.
QString importText(const ImportReport& report);

// The code pane's.
UserError sourceNotice(const SourceFile& file);
UserError chatWithoutFileNotice(const SourceFile& file);  // a conversation about a file that cannot be opened
enum class NoProposal : int;
UserError noProposalNotice(NoProposal why);
// The answer would take away more than half of the lines; it is shown when that is wanted.
UserError shrinkingNotice(int linesBefore, int linesAfter);
UserError selectionTooLongNotice(bool isSelection, qint64 contextLength);

// "9.7 GB" as a person reads it, with a no-break space.
QString bytesText(quint64 bytes);

// The enum for QML, where a value type has no name of its own: UserError.Retry.
namespace UserErrorForeign {
Q_NAMESPACE
QML_FOREIGN_NAMESPACE(pio::UserError)
QML_NAMED_ELEMENT(UserError)
}  // namespace UserErrorForeign

}  // namespace pio
