#include <QDir>
#include <QFileInfo>
#include <algorithm>
#include <utility>

#include "app/code/code_controller_p.h"

// What CodeController has open, with its conversation, and what it writes.

namespace pio {
namespace {

constexpr std::size_t kMostVersions = 50;  // of at most 2 MB each

}  // namespace

void CodeController::Private::connectFile() {
  connect(w.code, &CodeWorker::opened, q, [this](quint64 serial, const OpenedSource& opened) {
    if (serial != openSerial) return;
    const Target target = std::exchange(opening, {});
    if (opened.file.problem != SourceProblem::none) {
      if (target.chatId.isEmpty()) sayOfFile(sourceNotice(opened.file));
      else Q_EMIT q->fileMissing(target.chatId, chatWithoutFileNotice(opened.file));
      proposeUnseen();
      Q_EMIT q->stateChanged();
      return;
    }
    const bool isOther = opened.file.path != source.file.path;
    if (isOther) versions.clear();
    written = 0;
    show(opened);
    Q_EMIT q->writtenChanged();
    if (isOther) showChat({});
    if (!target.chatId.isEmpty()) {
      isLookedFor = true;
      if (target.chatId != shown->chatId()) chatSerial = w.store->open(target.chatId);
    } else if (isOther) {
      isLookedFor = false;
      lookForChat();
    }
    if (chatSerial == 0) proposeUnseen();
    Q_EMIT q->stateChanged();
  });
  connect(w.code, &CodeWorker::written, q, [this](quint64 serial, const OpenedSource& opened) {
    if (serial == writeSerial) onWritten(opened);
  });
  connect(w.store, &ChatStore::opened, q, [this](quint64 serial, const QString& chatId) {
    if (serial != chatSerial) return;
    showChat(chatId);
    Q_EMIT q->stateChanged();
  });
  connect(w.store, &ChatStore::missing, q, [this](quint64 serial) {
    if (serial != chatSerial) return;
    chatSerial = 0;
    Q_EMIT q->stateChanged();
  });
  // A file that is opened while the program starts waits for the list.
  connect(w.history, &HistoryModel::countChanged, q, [this] { lookForChat(); });
  connect(w.history, &HistoryModel::removed, q, [this](const QString& chatId) {
    if (chatId == shown->chatId()) showChat({});
    Q_EMIT q->stateChanged();
  });
}

void CodeController::Private::request(const Target& target) {
  const auto opens = [this, target] { open(target); };
  if (!asks(OpeningOther, opens)) opens();
}

void CodeController::Private::open(const Target& target) {
  ++openSerial;
  ++writeSerial;  // what is said of the other file comes too late
  ++proposeSerial;
  if (held || isComparing) unseen.insert(proposedIn, proposedFor);
  isSaving = isComparing = false;
  opening = target;
  w.notices->clear(Notices::Code);
  w.notices->clear(Notices::CodeAnswer);
  w.notices->clear(Notices::CodeChanges);
  QMetaObject::invokeMethod(w.code, [code = w.code, serial = openSerial, path = target.path] { code->open(serial, path); });
  Q_EMIT q->stateChanged();
}

void CodeController::Private::show(const OpenedSource& opened) {
  dropProposal();
  const bool isOther = opened.file.path != source.file.path;
  const bool isLonger = opened.text.lines.size() != source.text.lines.size();
  source = opened;
  lines->reset(source.text.lines, source.colours);
  if (isOther || isLonger) q->select(0, 0);  // the numbers mean other lines now
  Q_EMIT q->fileChanged();
}

void CodeController::Private::showChat(const QString& chatId) {
  chatSerial = 0;
  shown->show(chatId);
  shownFirst = shownLast = 0;
  Q_EMIT q->chatChanged();
  Q_EMIT q->questionChanged();
  Q_EMIT q->progressChanged();
  Q_EMIT q->stateChanged();
  proposeUnseen();
}

const Message* CodeController::Private::unseenAnswer(const QString& chatId) const {
  const Conversation* chat = w.store->find(chatId);
  const QString question = unseen.value(chatId);
  if (chat == nullptr || !chat->contains(question)) return nullptr;
  const QStringList path = chat->path();
  for (const QString& answer : chat->childrenOf(question)) {
    const Message& message = chat->find(answer)->message;
    if (message.state == Message::State::Complete && path.contains(answer)) return &message;
  }
  return nullptr;
}

void CodeController::Private::proposeUnseen() {
  const Conversation* chat = shown->chat();
  if (chat == nullptr || run() != nullptr) return;
  const Message* answer = unseenAnswer(chat->chat.id);
  const QString question = unseen.take(chat->chat.id);
  if (answer != nullptr) propose(question, answer->text());
}

void CodeController::Private::lookForChat() {
  if (isLookedFor || !w.history->ready() || source.file.path.isEmpty()) return;
  isLookedFor = true;
  const QString chatId = w.history->chatOfFile(source.file.path);
  if (!chatId.isEmpty() && shown->chatId().isEmpty()) chatSerial = w.store->open(chatId);
  Q_EMIT q->stateChanged();
}

void CodeController::Private::write(const QByteArray& content, int nChanges, bool overOthers) {
  writing = content;
  writingChanges = nChanges;
  isSaving = true;
  ++writeSerial;
  const QByteArray expected = overOthers ? QByteArray() : source.file.content;
  QMetaObject::invokeMethod(w.code, [code = w.code, serial = writeSerial, path = source.file.path, content, expected, overOthers] {
    code->write(serial, path, content, expected, overOthers);
  });
  Q_EMIT q->stateChanged();
}

void CodeController::Private::onWritten(const OpenedSource& opened) {
  isSaving = false;
  if (opened.file.problem != SourceProblem::none) {
    whenLeft = {};
    setLeaving(Nothing);
    sayOfFile(sourceNotice(opened.file));
    Q_EMIT q->stateChanged();
    return;
  }
  w.notices->clear(Notices::Code);
  const bool isUndo = writingChanges < 0;
  if (isUndo) {
    if (!versions.empty()) versions.pop_back();
  } else if (opened.file.canGoBack) {
    versions.push_back(opened.file.replaced);
    if (versions.size() > kMostVersions) versions.erase(versions.begin());
  } else {
    versions.clear();  // what was there could not be read: nothing to bring back
  }
  written = isUndo ? 0 : writingChanges;
  const auto selection = isUndo ? std::pair(selectionFirst, selectionLast) : selectionAfterApplying();
  show(opened);
  if (!isUndo) q->select(selection.first, selection.second);
  Q_EMIT q->writtenChanged();
  Q_EMIT q->announcement(isUndo ? tr("The file is as it was before.") : tr("The changes were written to the file."));
  Q_EMIT q->stateChanged();
  if (leaving != Nothing && hunks->count() == 0) leave();
}

void CodeController::Private::sayOfFile(const UserError& words) {
  w.notices->show(Notices::Code, words, [this](UserError::Action action) {
    if (action == UserError::ReadAgain) q->reopen();
    if (action != UserError::Overwrite) return;
    w.notices->clear(Notices::Code);
    write(writing, writingChanges, true);
  });
}

// ---- what would take changes away that are not written ------------------------------------------------------------------------------------

bool CodeController::Private::stands(Leaving why) const {
  const int nPending = hunks->countOf(HunkModel::Pending);
  const bool isHeldLost = held && why != OpeningOther;  // with its file it comes back
  if (why == Applying) return nPending > 0;
  if (why == ClosingUnseen) return !unseenChats().isEmpty();
  return nPending + hunks->countOf(HunkModel::Accepted) > 0 || isHeldLost || (why == Closing && isComparing);
}

bool CodeController::Private::asks(Leaving why, std::function<void()> then) {
  if (!stands(why)) return false;
  whenLeft = std::move(then);
  setLeaving(why);
  return true;
}

void CodeController::Private::setLeaving(Leaving value) {
  if (leaving == value) return;
  leaving = value;
  Q_EMIT q->leavingChanged();
}

void CodeController::Private::leave() {
  const auto then = std::exchange(whenLeft, {});
  if (leaving == Closing && asks(ClosingUnseen, then)) return;
  setLeaving(Nothing);
  if (then) then();
}

CodeController::Leaving CodeController::leaving() const { return d->leaving; }

QStringList CodeController::Private::unseenChats() const {
  QStringList chats;
  for (auto it = unseen.constBegin(); it != unseen.constEnd(); ++it) {
    if (!w.history->record(it.key()).id.isEmpty() && unseenAnswer(it.key()) != nullptr) chats.append(it.key());
  }
  std::sort(chats.begin(), chats.end());  // as they were made
  return chats;
}

QStringList CodeController::unseenFiles() const {
  QStringList names;
  for (const QString& chatId : d->unseenChats()) names.append(QFileInfo(d->w.history->record(chatId).file).fileName());
  names.removeDuplicates();
  return names;
}

bool CodeController::mayClose() {
  const auto closes = [this] { Q_EMIT closeAllowed(); };
  return !d->asks(Closing, closes) && !d->asks(ClosingUnseen, closes);
}

void CodeController::applyAndLeave() {
  if (d->leaving == Nothing || d->isSaving || d->hunks->count() == 0) return;
  if (acceptedCount() == 0) acceptAll();
  d->write(d->result(HunkModel::Accepted, HunkModel::Accepted).bytes(), acceptedCount());
}

void CodeController::showChanges() {
  if (d->isSaving) return;
  const bool isOther = d->leaving == ClosingUnseen;
  stay();
  if (!isOther) d->showHeld();
  else if (const QStringList chats = d->unseenChats(); !chats.isEmpty()) d->w.history->open(chats.first());
}

void CodeController::discardAndLeave() {
  if (d->leaving == Nothing || d->isSaving) return;
  if (d->leaving == ClosingUnseen) d->unseen.clear();
  else if (d->leaving == Closing) d->dropComparing();
  d->dropProposal();
  d->leave();
}

void CodeController::stay() {
  if (d->isSaving) return;
  d->whenLeft = {};
  d->setLeaving(Nothing);
}

void CodeController::open(const QUrl& file) {
  if (file.isLocalFile()) d->request({QDir::cleanPath(file.toLocalFile()), {}});
}

void CodeController::openChat(const QString& chatId, const QString& file) {
  const bool isOpen = file == path() && chatId == this->chatId() && d->opening.path.isEmpty();
  if (!isOpen || !d->stands(OpeningOther)) d->request({file, chatId});
}

void CodeController::reopen() {
  if (path().isEmpty()) return;
  const auto read = [this] { d->open({path(), {}}); };
  if (!d->asks(ReadingAgain, read)) read();
}

void CodeController::newConversation() {
  d->isLookedFor = true;
  d->showChat({});
}

void CodeController::apply() {
  if (!canApply() || d->asks(Applying, {})) return;
  d->write(d->result(HunkModel::Accepted, HunkModel::Accepted).bytes(), acceptedCount());
}

void CodeController::undo() {
  if (!canUndo() || !canAsk()) return;
  const auto write = [this] { d->write(d->versions.back(), -1); };
  if (!d->asks(Undoing, write)) write();
}

}  // namespace pio
