#include "app/error_text.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QLocale>
#include <algorithm>

#include "app/code/code_answer.h"
#include "app/code/source_file.h"
#include "app/history/records.h"
#include "app/library/model_library.h"
#include "app/network/transfer_order.h"
#include "app/network/transfer_problem.h"
#include "app/system/background_files.h"

namespace pio {
namespace {

// At namespace scope lupdate takes the namespace for the context.
QString tr(const char* text, const char* comment = nullptr, int n = -1) { return QCoreApplication::translate("pio", text, comment, n); }

QString number(std::uint64_t value) { return QLocale().toString(static_cast<qulonglong>(value)); }

QString linesText(int n) { return tr("%Ln lines", "", n); }

// The file's name in a sentence; "The file" where the error has none.
QString fileOf(const Error& error) { return error.path.empty() ? tr("The file") : QFileInfo(QString::fromStdString(error.path)).fileName(); }

// Kept under DATA/files, by the hash of its content.
bool isKept(const Error& error) {
  const QString name = QFileInfo(QString::fromStdString(error.path)).fileName();
  const auto isHex = [](QChar c) { return (c >= u'0' && c <= u'9') || (c >= u'a' && c <= u'f'); };
  return name.size() == 64 && std::all_of(name.begin(), name.end(), isHex);
}

// A picture of the conversation that the engine could not look at.
UserError pictureErrorOf(const Error& error) {
  UserError user;
  user.title = tr("A picture cannot be looked at");
  const QString file = isKept(error) ? tr("A pasted picture") : fileOf(error);
  const QString why = error.code == ErrorCode::not_found ? tr("%1 has been moved, renamed or deleted.").arg(file)
                      : error.code == ErrorCode::io      ? tr("%1 is protected, or the device it lies on has gone.").arg(file)
                                                         : tr("%1 is damaged, or too large or too long to be looked at.").arg(file);
  user.explanation = tr("%1 Every question of this conversation needs it.").arg(why);
  user.actions = {UserError::Retry, UserError::NewChat};
  return user;
}

}  // namespace

QString bytesText(quint64 bytes) {
  const QLocale locale;
  if (bytes >= 1'000'000'000) return locale.toString(static_cast<double>(bytes) / 1e9, 'f', 1) + QChar::Nbsp + QStringLiteral("GB");
  if (bytes >= 1'000'000) return locale.toString(bytes / 1'000'000) + QChar::Nbsp + QStringLiteral("MB");
  return locale.toString((bytes + 999) / 1000) + QChar::Nbsp + QStringLiteral("kB");
}

UserError userErrorOf(const Error& error) {
  const bool isAboutFile = error.code == ErrorCode::bad_file || error.code == ErrorCode::not_found || error.code == ErrorCode::io;
  const bool isPicture = isAboutFile && (isPictureName(QString::fromStdString(error.path)) || isKept(error));
  UserError user = isPicture ? pictureErrorOf(error) : UserError();
  user.details = QString::fromStdString(std::string(name_of(error.code)) + ": " + error.message);
  if (isPicture) return user;
  switch (error.code) {
    case ErrorCode::bad_file:
      user.title = tr("This file cannot be used");
      user.explanation = tr("%1 is damaged or not what its name says. If it was downloaded, download it again.").arg(fileOf(error));
      user.actions = {UserError::OpenModel};
      break;
    case ErrorCode::not_found:
      user.title = tr("The file is not there");
      user.explanation = error.path.empty() ? tr("It may have been moved, renamed or deleted.")
                                            : tr("%1 may have been moved, renamed or deleted.").arg(QString::fromStdString(error.path));
      user.actions = {UserError::OpenModel};
      break;
    case ErrorCode::io:
      user.title = tr("The file cannot be read or written");
      user.explanation = tr("%1 is protected, its disk is full, or the device it lies on has gone.").arg(fileOf(error));
      user.actions = {UserError::Retry, UserError::OpenModel};
      break;
    case ErrorCode::unsupported_model:
      user.title = tr("This model does not run here yet");
      user.explanation = tr("%1 is a sound file, but of an architecture or format that this version does not know.").arg(fileOf(error));
      user.actions = {UserError::OpenModel};
      break;
    case ErrorCode::bad_argument:
      user.title = tr("A setting cannot be used");
      user.explanation = error.limit > 0 ? tr("%1 was asked for; %2 is the most that is possible.").arg(number(error.asked), number(error.limit))
                                         : tr("One of the values in the settings is not possible with this model.");
      user.actions = {UserError::Retry};
      break;
    case ErrorCode::out_of_memory: {
      const bool isOnProcessor = error.device.empty() || error.device == "cpu" || error.device == "reference";
      user.title = isOnProcessor ? tr("Not enough memory") : tr("Not enough graphics memory");
      user.explanation = error.needed_bytes > 0 ? tr("This needs %1; %2 is free. A shorter context or a smaller model needs less.")
                                                      .arg(bytesText(error.needed_bytes), bytesText(error.free_bytes))
                                                : tr("The computer has no more memory to give. A shorter context or a smaller model needs less.");
      user.actions = {UserError::ShorterContext, UserError::OpenModel};
      break;
    }
    case ErrorCode::context_full:
      user.title = tr("This chat is longer than the model can read");
      user.explanation = error.limit > 0 ? tr("It takes %1 tokens; the context holds %2.").arg(number(error.asked), number(error.limit))
                                         : tr("The context is full. A new chat starts with an empty one.");
      user.actions = {UserError::NewChat};
      break;
    case ErrorCode::template_refused:
      user.title = tr("The model does not take this conversation");
      user.explanation = tr("Its chat format refuses this order of messages. Editing or deleting one of them may help.");
      user.actions = {UserError::NewChat};
      break;
    case ErrorCode::device_lost:
      user.title = tr("The device does not answer any more");
      user.explanation = tr("%1 stopped working. Loading the model again usually helps.")
                             .arg(error.device.empty() ? tr("The graphics card") : QString::fromStdString(error.device));
      user.actions = {UserError::Retry};
      break;
    case ErrorCode::not_available:
      user.title = tr("This is not available here");
      user.explanation = tr("This version, or this computer, lacks what was asked for.");
      user.actions = {UserError::OpenModel};
      break;
    case ErrorCode::cancelled: return {};  // the person did it
    case ErrorCode::internal:
      user.title = tr("Something went wrong inside Inference-PIO");
      user.explanation = tr("This is a fault of the program. What was written is saved.");
      user.actions = {UserError::Retry};
      break;
  }
  return user;
}

UserError userErrorOf(const HistoryProblem& problem) {
  UserError user;
  user.details = problem.details;
  const QString file = QFileInfo(problem.path).fileName();
  switch (problem.kind) {
    case HistoryProblem::Kind::none: return {};
    case HistoryProblem::Kind::disk_full:
      user.title = tr("The disk is full");
      user.explanation = tr("New messages cannot be saved. They stay here until there is room again or the window is closed.");
      user.actions = {UserError::Dismiss};
      break;
    case HistoryProblem::Kind::read_only:
      user.title = tr("Messages cannot be saved");
      user.explanation = tr("%1 is protected against writing. New messages stay here until the window is closed.").arg(problem.path);
      user.actions = {UserError::Dismiss};
      break;
    case HistoryProblem::Kind::damaged:
      user.title = tr("The history was damaged");
      if (problem.keptAs.isEmpty()) {
        user.explanation = tr("%1 cannot be read. New messages stay here until the window is closed.").arg(problem.path);
      } else if (problem.rescuedChats > 0) {
        user.explanation = tr("What could be read of it is here: chats: %1, messages: %2. The damaged file is kept as %3.")
                               .arg(QLocale().toString(problem.rescuedChats), QLocale().toString(problem.rescuedMessages), problem.keptAs);
      } else {
        user.explanation = tr("A new one has been begun. The damaged file is kept as %1.").arg(problem.keptAs);
      }
      user.actions = {UserError::Dismiss};
      break;
    case HistoryProblem::Kind::newer:
      user.title = tr("The history was written by a newer version");
      user.explanation = tr("%1 is left as it is. New messages stay here until the window is closed.").arg(file);
      user.actions = {UserError::Dismiss};
      break;
    case HistoryProblem::Kind::no_room:
      user.title = tr("There is no room to bring the history up to date");
      user.explanation =
          tr("%1 of disk space are needed. The history was not touched. New messages stay here and are added to it when there is room.")
              .arg(bytesText(static_cast<quint64>(problem.neededBytes)));
      user.actions = {UserError::Retry, UserError::Dismiss};
      break;
    case HistoryProblem::Kind::unreadable:
      user.title = tr("The history cannot be read at the moment");
      user.explanation = tr("%1 cannot be read. What you write is saved all the same.").arg(problem.path);
      user.actions = {UserError::Dismiss};
      break;
    case HistoryProblem::Kind::gone:
      user.title = tr("The history was moved or deleted");
      user.explanation =
          tr("%1 is not there any more. Put it back, or export the chats: they stay here until the window is closed.").arg(problem.path);
      user.actions = {UserError::ExportChat, UserError::Dismiss};
      break;
    case HistoryProblem::Kind::busy:
      user.title = tr("Messages cannot be saved at the moment");
      user.explanation = tr("Another program holds %1. New messages stay here and are saved when it lets go.").arg(problem.path);
      user.actions = {UserError::Dismiss};
      break;
    case HistoryProblem::Kind::other:
      user.title = tr("Messages cannot be saved at the moment");
      user.explanation = tr("%1 cannot be written. It is tried again every few seconds.").arg(problem.path);
      user.actions = {UserError::Dismiss};
      break;
  }
  return user;
}

UserError userErrorOf(const TransferProblem& problem) {
  using Kind = TransferProblem::Kind;
  UserError user;
  user.details = problem.details;
  user.actions = {UserError::Retry};
  const QString file = problem.file.isEmpty() ? tr("The file") : problem.file;
  const QString host = problem.host.isEmpty() ? tr("The server") : problem.host;
  const auto bytes = [](qint64 count) { return QLocale().toString(static_cast<qlonglong>(count)); };
  const auto sizes = [&] { return std::pair(bytes(problem.wantedBytes), bytes(problem.foundBytes)); };
  switch (problem.kind) {
    case Kind::none: return {};
    case Kind::offline:
      user.title = tr("The offline switch is on");
      user.explanation = problem.isBrokenOff ? tr("%1 is not asked any more. What came of %2 is kept.").arg(host, file)
                                             : tr("Nothing was asked of %1. What came before is kept.").arg(host);
      break;
    case Kind::no_network:
      user.title = tr("This build cannot fetch anything");
      user.explanation = tr("It was made without network code. A file that you have opens as ever.");
      user.actions = {};
      break;
    case Kind::unrecorded:
      user.title = tr("The list of requests cannot be written");
      user.explanation = tr("Without it nothing is asked of anybody. Is the disk full, or the data folder protected?");
      break;
    case Kind::bad_name:
      user.title = tr("The catalogue names no file");
      user.explanation = tr("%1 is no name that a file could have here.").arg(problem.details);
      user.actions = {};
      break;
    case Kind::bad_address:
      user.title = tr("The address cannot be used");
      user.explanation = tr("The base address begins with https:// or http://, a proxy with http:// or socks5://.");
      break;
    case Kind::busy:
      user.title = tr("The file is being fetched already");
      user.explanation = tr("Another window or command of this program is fetching %1.").arg(file);
      break;
    case Kind::no_space:
      user.title = tr("There is not enough room on the disk");
      user.explanation = problem.wantedBytes > 0 ? tr("%1 needs %2, with what the history needs; %3 is free.")
                                                       .arg(file, bytesText(static_cast<quint64>(problem.wantedBytes)),
                                                            bytesText(static_cast<quint64>(problem.foundBytes)))
                                                 : tr("%1 does not fit on it. What came is kept.").arg(file);
      user.actions = {UserError::OpenStorage, UserError::Retry};
      break;
    case Kind::not_written:
      user.title = tr("The file cannot be written");
      user.explanation = tr("The folder of %1 is protected, or the device it lies on has gone.").arg(file);
      break;
    case Kind::unreachable:
      user.title = tr("The download does not go on");
      user.explanation = tr("%1 did not answer, or broke off, five times in a row. What came of %2 is kept.").arg(host, file);
      break;
    case Kind::certificate:
      user.title = tr("The connection is not safe");
      user.explanation =
          tr("%1 shows no certificate that this computer trusts, so somebody else may answer in its name. Nothing was asked of it.").arg(host);
      break;
    case Kind::insecure:
      user.title = tr("The connection is not safe");
      user.explanation = tr("%1 sends one on to an address without encryption. Nothing was asked there.").arg(host);
      break;
    case Kind::redirects:
      user.title = tr("The address leads nowhere");
      user.explanation = tr("%1 sends one on, again and again or to no address at all.").arg(host);
      break;
    case Kind::status:
      user.title = problem.status == 404 ? tr("The file is not there any more") : tr("The server refuses the file");
      user.explanation = problem.status == 404 ? tr("%1 does not know %2 (404).").arg(host, file)
                                               : tr("%1 answered %2 when it was asked for %3.").arg(host).arg(problem.status).arg(file);
      break;
    case Kind::no_length:
      user.title = tr("Nobody says how long the file is");
      user.explanation = tr("Neither the catalogue nor %1 states the length of %2, so it could not be known when it is whole.").arg(host, file);
      break;
    case Kind::wrong_length: {
      const auto [wanted, found] = sizes();
      user.title = tr("This is another file");
      user.explanation = tr("%1 has %2 bytes in the catalogue and %3 bytes at %4. Nothing of it was written.").arg(file, wanted, found, host);
      break;
    }
    case Kind::too_long:
      user.title = tr("The file does not end");
      user.explanation = tr("%1 sends more than the %2 bytes that %3 has.").arg(host, bytes(problem.wantedBytes), file);
      break;
    case Kind::keeps_changing:
      user.title = tr("The file keeps changing");
      user.explanation = tr("%1 had another file under the same address at every look.").arg(host);
      break;
    case Kind::wrong_hash:
      user.title = tr("The file is not the right one");
      user.explanation = problem.isStated ? tr("%1 came twice with the SHA-256 %3. The server states %2.").arg(file, problem.wanted, problem.found)
                                          : tr("%1 came twice with the SHA-256 %3. The catalogue has %2.").arg(file, problem.wanted, problem.found);
      break;
  }
  return user;
}

QString checkText(const FileDone& file) {
  switch (file.verified) {
    case FileDone::Verified::pinned: return tr("SHA-256 as in the catalogue");
    case FileDone::Verified::stated: return tr("SHA-256 stated by the server");
    case FileDone::Verified::size: return tr("no SHA-256 known, only its length was checked");
  }
  return {};
}

QString rejectionText(const RejectedDevice& device) {
  switch (device.code) {
    case Rejection::no_module: return tr("This version has nothing that drives it.");
    case Rejection::other_build: return tr("What drives it comes from another build of the program.");
    case Rejection::no_loader: return tr("The system has no library that finds its drivers, or one that is too old.");
    case Rejection::no_driver: return tr("The system has no driver for a graphics card of this kind.");
    case Rejection::driver_too_old: return tr("Its driver is too old.");
    case Rejection::device_too_old: return tr("The card cannot do what is needed.");
    case Rejection::software: return tr("It is a renderer on the processor, slower than the program's own way there.");
    case Rejection::same_card: return tr("It is a card that is used already under another name.");
    case Rejection::failed: break;
  }
  return tr("It failed: %1.").arg(QString::fromStdString(device.reason));
}

namespace {

QString textOf(const ExpertsOnDisk& note) {
  return tr("%1 of %2 experts have room in memory. The others are read from the disk when they are chosen.")
      .arg(number(static_cast<std::uint64_t>(note.n_slots)), number(static_cast<std::uint64_t>(note.n_experts)));
}

QString textOf(const WeightsOnDisk& note) {
  return tr("%1 of the weights have no room in memory and are read again for every token. That is slow.").arg(bytesText(note.n_bytes));
}

QString textOf(const AboveTrainedContext& note) {
  return tr("The context has %1 tokens, and the model was trained for %2. What comes after those may make no sense.")
      .arg(number(static_cast<std::uint64_t>(note.context_length)), number(static_cast<std::uint64_t>(note.trained_context_length)));
}

QString textOf(const KeysInFourBits& note) {
  return note.are_latents
             ? tr("Keys and values in 4 bits: this model compresses its own already, and nobody has measured what is lost. 8 bits are nearly exact.")
             : tr("Keys and values in 4 bits: the answers of a model this small get worse, up to nonsense in long chats. 8 bits are nearly exact.");
}

QString textOf(const PartOnCards& note) {
  QStringList cards;
  for (const PartOnCards::Card& card : note.cards) {
    const QString layers = tr("%1 has %2 of %3 layers").arg(QString::fromStdString(card.device)).arg(card.n_layers).arg(note.n_layers);
    const bool hasExperts = card.n_layers > 0 && note.expert_bytes > 0;
    cards.append(hasExperts ? tr("%1 and %2 of %3 of experts", "the first is a sentence of layers")
                                  .arg(layers, bytesText(card.expert_bytes), bytesText(note.expert_bytes))
                            : layers);
  }
  return tr("%1. The rest lies on the processor.", "sentences of what graphics cards have").arg(cards.join(QStringLiteral("; ")));
}

QString textOf(const NothingOnCard& note) {
  return tr("All of the model lies on the processor: %1 has no room for a layer, or cannot run one.").arg(QString::fromStdString(note.device));
}

QString textOf(const LessOnCard& note) {
  return tr("%1 had no memory for %2 of the model, and holds less of it.").arg(QString::fromStdString(note.device), bytesText(note.n_bytes));
}

QString textOf(const DeviceLost& note) {
  return tr("%1 does not answer any more. The model lies on %2 now.").arg(QString::fromStdString(note.lost), QString::fromStdString(note.device));
}

QString textOf(const VisionDoesNotFit& note) {
  return tr("The vision file (mmproj) beside the model does not fit it: %1.", "the engine's own message").arg(QString::fromStdString(note.why));
}

QString textOf(const NoVision&) { return tr("No vision file (mmproj) lies beside the model: it reads text only."); }

QString textOf(const RoundedWeights& note) {
  QString form;
  switch (note.quantization) {
    case LoadQuantization::keep: break;
    case LoadQuantization::int4: form = QStringLiteral("INT4"); break;
    case LoadQuantization::int8: form = QStringLiteral("INT8"); break;
    case LoadQuantization::fp16: form = QStringLiteral("FP16"); break;
    case LoadQuantization::nf4: form = QStringLiteral("NF4"); break;
  }
  return tr("The weights were rounded to %1 while loading, which changed them by %2 (root mean square).")
      .arg(form, QLocale().toString(100 * note.relative_error, 'f', 2) + QChar::Nbsp + QLocale().percent());
}

QString textOf(const TokensWithoutRow& note) {
  return tr("The tokenizer has %Ln tokens more than the model's table of %1. They are read as text.", "", static_cast<int>(note.n_tokens))
      .arg(number(static_cast<std::uint64_t>(note.vocab_size)));
}

}  // namespace

QString noteText(const ModelNote& note) {
  return std::visit([](const auto& one) { return textOf(one); }, note);
}

UserError unsavedNotice(const UnsavedHistory& unsaved) {
  UserError user;
  const int n = unsaved.nMessages;
  if (unsaved.mayBeSaved) user.title = n == 0 ? tr("Not everything is saved yet") : tr("%Ln messages are not saved yet", "", n);
  else user.title = n == 0 ? tr("Not everything is saved") : tr("%Ln messages are not saved", "", n);
  const QString& path = unsaved.why.path;
  QString why;
  switch (unsaved.why.kind) {
    case HistoryProblem::Kind::none: why = tr("The history is being written."); break;
    case HistoryProblem::Kind::busy: why = tr("Another program holds the history, %1.").arg(path); break;
    case HistoryProblem::Kind::disk_full: why = tr("The disk is full."); break;
    case HistoryProblem::Kind::no_room: why = tr("There is no room to bring the history up to date."); break;
    case HistoryProblem::Kind::read_only: why = tr("The history, %1, is protected against writing.").arg(path); break;
    case HistoryProblem::Kind::newer: why = tr("The history, %1, was written by a newer version.").arg(path); break;
    case HistoryProblem::Kind::gone: why = tr("The history, %1, is not there any more.").arg(path); break;
    case HistoryProblem::Kind::damaged:
    case HistoryProblem::Kind::unreadable: why = tr("The history, %1, cannot be read.").arg(path); break;
    case HistoryProblem::Kind::other: why = tr("The history, %1, cannot be written.").arg(path); break;
  }
  user.explanation = unsaved.mayBeSaved ? tr("%1 The window closes as soon as everything is saved.").arg(why)
                                        : tr("%1 What is not saved goes with the window.").arg(why);
  user.details = unsaved.why.details;
  return user;
}

UserError noModelNotice() {
  UserError user;
  user.title = tr("There is no model to answer yet");
  user.explanation = tr("Your words are saved. The answer begins when a model is open.");
  user.actions = {UserError::OpenModel};
  return user;
}

UserError askAgainNotice() {
  UserError user = noModelNotice();
  user.explanation = tr("Choose one, then ask again.");
  return user;
}

UserError keptModelNotice(const Error& error, const QString& keptModel) {
  UserError user = userErrorOf(error);
  if (!user.isSet()) return user;
  user.explanation = tr("%1 %2 answers as before.").arg(user.explanation, keptModel);
  if (!user.actions.contains(UserError::Dismiss)) user.actions.append(UserError::Dismiss);
  return user;
}

UserError wrongModelNotice(const QString& wanted, const QString& path, const QString& architecture) {
  UserError user;
  user.title = tr("This is not %1").arg(wanted);
  user.explanation =
      tr("%1 holds a model of another kind (%2). It can be opened as a file of its own.").arg(QFileInfo(path).fileName(), architecture);
  user.details = path;
  user.actions = {UserError::Dismiss};
  return user;
}

UserError planNotice(const LoadPlan& plan) {
  UserError user;
  if (!plan.fallbacks.empty()) {
    user = userErrorOf(make_error(ErrorCode::not_available, plan.why_not));
    user.actions = {UserError::Dismiss};
    return user;
  }
  user.title = tr("This does not fit");
  std::uint64_t free = 0, total = 0;
  for (const LoadPlan::Device& device : plan.devices) {
    free += device.free_bytes;
    total += device.total_bytes;
  }
  // Where what is free would do, the computer as a whole does not.
  user.explanation = plan.needed_bytes > free ? tr("It needs %1; %2 is free or allowed. A shorter context, fewer bits or a smaller model needs less.")
                                                    .arg(bytesText(plan.needed_bytes), bytesText(free))
                                              : tr("It needs %1; this computer has %2. A shorter context, fewer bits or a smaller model needs less.")
                                                    .arg(bytesText(plan.needed_bytes), bytesText(total));
  user.details = QString::fromStdString(plan.why_not);
  user.actions = {UserError::Dismiss};
  return user;
}

UserError pictureNotice(const PictureFact& picture) {
  UserError user;
  user.title = tr("This picture cannot be used");
  user.details = picture.path;
  const QString file = QFileInfo(picture.path).fileName();
  switch (picture.problem) {
    case PictureProblem::none: return {};
    case PictureProblem::missing: user.explanation = tr("%1 is not there, or it is no file.").arg(file); break;
    case PictureProblem::unknown_kind:
      user.explanation = tr("%1 is no PNG, JPEG, WebP, BMP or TIFF picture, whatever its name says.").arg(file);
      break;
    case PictureProblem::empty: user.explanation = tr("%1 has no pixels, or it is damaged.").arg(file); break;
    case PictureProblem::too_large:
      user.explanation = tr("%1 has %2 × %3 pixels. At most %4 million pixels can be looked at.")
                             .arg(file, QLocale().toString(picture.width), QLocale().toString(picture.height))
                             .arg(BackgroundFiles::kMostPixels / 1'000'000);
      break;
    case PictureProblem::too_long:
      user.explanation = tr("%1 has %2 × %3 pixels. At most %4 times as long as wide can be looked at.")
                             .arg(file, QLocale().toString(picture.width), QLocale().toString(picture.height))
                             .arg(BackgroundFiles::kMostLength);
      break;
    case PictureProblem::not_saved: user.explanation = tr("The pasted picture cannot be saved: the disk is full or protected."); break;
  }
  return user;
}

UserError tooManyPicturesNotice(int most) {
  UserError user;
  user.title = tr("These are many pictures");
  user.explanation = tr("At most %1 can go with one question.").arg(most);
  return user;
}

UserError blindModelNotice(const QString& model) {
  UserError user;
  user.title = tr("This model cannot see pictures");
  user.explanation = tr("%1 is told their names, not what they show.").arg(model);
  user.actions = {UserError::OpenModel, UserError::Dismiss};
  return user;
}

UserError interruptedLoadNotice(const QString& modelPath) {
  UserError user;
  user.title = tr("Inference-PIO closed unexpectedly while loading %1").arg(modelNameOf(modelPath));
  user.explanation = tr("Your conversations are saved. The model was not loaded again by itself.");
  user.details = modelPath;
  user.actions = {UserError::Retry, UserError::OpenModel};
  return user;
}

UserError memoryNotice(const GivenBack& went) {
  UserError user;
  if (!went.is_anything()) return user;
  user.title = tr("Memory got short");
  QStringList sentences;
  if (went.n_slots > 0) {
    sentences.append(tr("%Ln experts fewer are kept in memory (%1): answers are the same and take longer.", "", static_cast<int>(went.n_slots))
                         .arg(bytesText(went.slot_bytes)));
  }
  if (went.n_models > 0) {
    sentences.append(tr("%Ln models that waited were unloaded.", "", static_cast<int>(went.n_models)));
  }
  if (went.snapshot_bytes > 0)
    sentences.append(tr("What was kept of conversations (%1) is read again when it is wanted.").arg(bytesText(went.snapshot_bytes)));
  user.explanation = sentences.join(QLatin1Char(' '));
  user.actions = {UserError::Dismiss};
  return user;
}

UserError contextFullNotice(qint64 contextLength) {
  UserError user;
  user.title = tr("The context is full");
  user.explanation =
      contextLength > 0
          ? tr("The answer ended because all %1 tokens of the context are in use.").arg(number(static_cast<std::uint64_t>(contextLength)))
          : tr("The answer ended because all tokens of the context are in use.");
  user.actions = {UserError::NewChat, UserError::Dismiss};
  return user;
}

UserError fileNotice(FileNotice what, const QString& path, const QString& details) {
  UserError user;
  user.details = details;
  switch (what) {
    case FileNotice::export_failed:
      user.title = tr("The chats could not be exported");
      user.explanation = tr("%1 cannot be written.").arg(path);
      break;
    case FileNotice::settings_not_saved:
      user.title = tr("Settings cannot be saved");
      user.explanation = tr("%1 cannot be written.").arg(path);
      break;
    case FileNotice::not_moved:
      user.title = tr("The file could not be moved");
      user.explanation = tr("%1 lies where it was.").arg(path);
      break;
    case FileNotice::not_removed:
      user.title = tr("The file could not be deleted");
      user.explanation = tr("%1 is protected, or the device it lies on has gone.").arg(path);
      break;
    case FileNotice::settings_unreadable:
      user.title = tr("Some settings could not be read");
      user.explanation = tr("%1 is damaged and is begun anew. What it held is kept as %2.").arg(QFileInfo(path).fileName(), details);
      break;
  }
  user.actions = {UserError::Dismiss};
  return user;
}

UserError importNotice(const ImportReport& report) {
  UserError user;
  const QString file = QFileInfo(report.path).fileName();
  user.title = tr("The chats could not be imported");
  user.details = report.details;
  user.actions = {UserError::Dismiss};
  switch (report.problem) {
    case ImportReport::Problem::none: return {};
    case ImportReport::Problem::unreadable: user.explanation = tr("%1 is not there, is no file, or cannot be read.").arg(file); break;
    case ImportReport::Problem::not_json: user.explanation = tr("%1 is damaged or is not an export of Inference-PIO.").arg(file); break;
    case ImportReport::Problem::foreign:
      user.explanation = report.program.isEmpty()
                             ? tr("%1 was written by another program. Only exports of Inference-PIO can be imported.").arg(file)
                             : tr("%1 is an export of %2. Only exports of Inference-PIO can be imported.").arg(file, report.program);
      break;
    case ImportReport::Problem::newer: user.explanation = tr("%1 was exported by a newer version of Inference-PIO.").arg(file); break;
    case ImportReport::Problem::malformed:
      user.explanation = tr("%1 is an export of Inference-PIO, but it was damaged or edited. Nothing was changed.").arg(file);
      break;
    case ImportReport::Problem::not_saved: user.explanation = tr("The history cannot be written at the moment. Nothing was changed."); break;
  }
  return user;
}

QString importText(const ImportReport& report) {
  QStringList sentences;
  if (report.chatsAdded > 0 || (report.messagesAdded == 0 && report.chatsKnown == 0)) {
    sentences.append(tr("%Ln chats were added.", "", report.chatsAdded));
  }
  if (report.messagesAdded > 0) {
    sentences.append(tr("%Ln new messages were added to chats that were already here.", "", report.messagesAdded));
  } else if (report.chatsKnown > 0) {
    sentences.append(tr("%Ln chats were already here.", "", report.chatsKnown));
  }
  if (report.messagesLeftOut > 0) {
    sentences.append(tr("%Ln messages that had been deleted here were left out.", "", report.messagesLeftOut));
  }
  if (report.picturesLeftOut > 0) {
    sentences.append(tr("%Ln pictures were left out because they are not files.", "", report.picturesLeftOut));
  }
  return sentences.join(QLatin1Char(' '));
}

UserError sourceNotice(const SourceFile& file) {
  UserError user;
  const QString name = QFileInfo(file.path).fileName();
  user.actions = {UserError::Dismiss};
  switch (file.problem) {
    case SourceProblem::none: return {};
    case SourceProblem::not_found:
      user.title = tr("The file is not there");
      user.explanation = tr("%1 may have been moved, renamed or deleted.").arg(file.path);
      break;
    case SourceProblem::not_a_file:
      user.title = tr("This cannot be opened as a file");
      user.explanation = tr("%1 is a folder or a device.").arg(name);
      break;
    case SourceProblem::too_large:
      user.title = tr("This file is too large");
      user.explanation =
          tr("%1 has %2; the code pane opens files of up to %3.").arg(name, bytesText(file.details.toULongLong()), bytesText(kLargestSource));
      break;
    case SourceProblem::binary:
      user.title = tr("This is not a text file");
      user.explanation = tr("%1 has bytes in it that no text has.").arg(name);
      break;
    case SourceProblem::not_utf8:
      user.title = tr("This file is not written in UTF-8");
      user.explanation = tr("%1 uses another encoding. It was left alone: writing it back could damage it.").arg(name);
      break;
    case SourceProblem::cannot_read:
      user.title = tr("The file cannot be read");
      user.explanation = tr("%1 is protected, or the device it lies on has gone.").arg(name);
      user.details = file.details;
      break;
    case SourceProblem::cannot_write:
      user.title = tr("The file cannot be written");
      user.explanation = tr("%1 or its folder is protected, or the disk is full. Nothing was changed.").arg(name);
      user.details = file.details;
      break;
    case SourceProblem::changed_outside:
      user.title = tr("The file was changed by another program");
      user.explanation = tr("%1 is not what was opened here any more. Nothing was written.").arg(name);
      user.actions = {UserError::ReadAgain, UserError::Overwrite};
      break;
  }
  return user;
}

UserError chatWithoutFileNotice(const SourceFile& file) {
  UserError user = sourceNotice(file);
  if (file.path.isEmpty()) {
    user.title = tr("This conversation names no file");
    user.explanation.clear();
  }
  user.explanation = (user.explanation + QLatin1Char(' ') + tr("What was said about it is shown here, without the file.")).trimmed();
  return user;
}

UserError noProposalNotice(NoProposal why) {
  UserError user;
  switch (why) {
    case NoProposal::none: return {};
    case NoProposal::no_code:
      user.title = tr("The answer contains no code");
      user.explanation = tr("Nothing is proposed. Asking again in other words, or for fewer lines, may help.");
      break;
    case NoProposal::no_change:
      user.title = tr("Nothing would change");
      user.explanation = tr("The answer holds the same lines as the file.");
      break;
    case NoProposal::cut_off:
      user.title = tr("The answer is not complete");
      user.explanation = tr("It ended before its last line, so nothing is proposed.");
      break;
    case NoProposal::several_blocks:
      user.title = tr("The answer contains several pieces of code");
      user.explanation = tr("Which of them is meant for the file is not certain, so nothing is proposed.");
      break;
    case NoProposal::unclear_end:
      user.title = tr("Where the code ends is not certain");
      user.explanation = tr("The answer has code blocks within code blocks, or one that is not closed, so nothing is proposed.");
      break;
    case NoProposal::other_language:
      user.title = tr("The code is in another language than the file");
      user.explanation = tr("It does not seem to be meant for the file, so nothing is proposed.");
      break;
    case NoProposal::placeholder:
      user.title = tr("The answer leaves lines out");
      user.explanation = tr("A line in it stands for code that it does not repeat, so nothing is proposed. Selecting the lines to change may help.");
      break;
    case NoProposal::part_of_file:
      user.title = tr("The answer may be only a part of the file");
      user.explanation = tr("It does not begin and end as the file does, so nothing is proposed. Selecting the lines to change may help.");
      break;
    case NoProposal::other_lines:
      user.title = tr("The answer is not about the selected lines alone");
      user.explanation = tr("It begins with lines above them, so nothing is proposed. Selecting these, too, may help.");
      break;
    case NoProposal::diff_unfit:
      user.title = tr("The changes do not fit the file");
      user.explanation = tr("The answer is a diff whose lines are not found exactly once in the file, so nothing is proposed.");
      break;
    case NoProposal::file_changed:
      user.title = tr("The file has changed since the question");
      user.explanation = tr("The answer is about other lines than it has now, so nothing is proposed. Asking again is about these.");
      break;
  }
  user.actions = {UserError::Dismiss};
  return user;
}

UserError shrinkingNotice(int linesBefore, int linesAfter) {
  UserError user;
  user.title = tr("The answer is much shorter than what it replaces");
  user.explanation = tr("It would put %1 in place of %2. It may be only a part.").arg(linesText(linesAfter), linesText(linesBefore));
  user.actions = {UserError::ShowChanges, UserError::Dismiss};
  return user;
}

UserError selectionTooLongNotice(bool isSelection, qint64 contextLength) {
  UserError user;
  user.title = isSelection ? tr("The selection is too long for this model") : tr("The file is too long for this model to rewrite");
  user.explanation = isSelection ? tr("Its lines and an answer as long do not fit into the context of %1 tokens. Select fewer lines.")
                                       .arg(number(static_cast<std::uint64_t>(contextLength)))
                                 : tr("It and an answer as long do not fit into the context of %1 tokens. Select the lines that are meant.")
                                       .arg(number(static_cast<std::uint64_t>(contextLength)));
  user.actions = {UserError::Dismiss};
  return user;
}

}  // namespace pio
