#include <QAbstractItemModelTester>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>

#include "app/chat/chat_markdown.h"
#include "tests/app/program_fixture.h"
#include "tests/support/gguf_writer.h"

using namespace pio;

namespace {

QStringList titles(const HistoryModel* history) {
  QStringList list;
  for (int row = 0; row < history->rowCount(); ++row) list.append(history->index(row).data(HistoryModel::TitleRole).toString());
  return list;
}

// Chats named after their ages in days.
void fillFolder(const QString& folder, const QList<int>& ages) {
  HistoryDb db;
  QVERIFY(db.open(folder + "/history.db"));
  for (const int age : ages) {
    const qint64 when = QDateTime::currentDateTime().addDays(-age).toMSecsSinceEpoch();
    const QString id = QStringLiteral("chat%1").arg(age);
    QVERIFY(db.putChat({id, QStringLiteral("age %1").arg(age), when, when}));
    MessageRecord record;
    record.chatId = id;
    record.created = when;
    record.message.id = QStringLiteral("message%1").arg(age);
    record.message.setText(QStringLiteral("Lighthouse number %1").arg(age));
    QVERIFY(db.addMessage(record, {}));
  }
}

}  // namespace

class ListsTest : public QObject {
  Q_OBJECT

 private slots:
  void chatsStandUnderTheirDaysTheNewestFirst() {
    QTemporaryDir folder;
    fillFolder(folder.path(), {0, 1, 3, 40});
    ProgramFixture f(folder.path());
    const QAbstractItemModelTester tester(f.history());
    QTRY_VERIFY(f.history()->ready());
    QCOMPARE(titles(f.history()), (QStringList{"age 0", "age 1", "age 3", "age 40"}));
    QStringList sections;
    for (int row = 0; row < 4; ++row) sections.append(f.history()->index(row).data(HistoryModel::SectionRole).toString());
    QCOMPARE(sections, (QStringList{"today", "yesterday", "week", "older"}));
    f.history()->setPinned("chat40", true);
    QCOMPARE(titles(f.history()).first(), "age 40");
    QCOMPARE(f.history()->index(0).data(HistoryModel::SectionRole).toString(), "pinned");
    QVERIFY(f.history()->index(0).data(HistoryModel::PinnedRole).toBool());
    f.history()->rename("chat3", "  Another   name ");
    QCOMPARE(titles(f.history()).at(3), "Another name");
    f.restart();
    QTRY_VERIFY(f.history()->ready());
    QCOMPARE(titles(f.history()), (QStringList{"age 40", "age 0", "age 1", "Another name"}));
    QCOMPARE(f.history()->index(0).data(HistoryModel::ChatIdRole).toString(), "chat40");
  }

  void everyRoleHasANameAndBadIndexesGiveNothing() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("One"));
    for (auto role = HistoryModel::ChatIdRole; role <= HistoryModel::MessageIdRole; role = HistoryModel::Roles(role + 1)) {
      QVERIFY(f.history()->roleNames().contains(role));
      QVERIFY(f.history()->index(0).data(role).isValid());
    }
    QVERIFY(!f.history()->data(QModelIndex(), HistoryModel::TitleRole).isValid());
    for (auto role = ModelLibrary::NameRole; role <= ModelLibrary::SpeedRole; role = ModelLibrary::Roles(role + 1)) {
      QVERIFY(f.program->models()->roleNames().contains(role));
      QVERIFY(f.program->models()->index(0).data(role).isValid());
    }
  }

  void aNewChatComesFirstAndIsWriting() {
    QTemporaryDir folder;
    fillFolder(folder.path(), {0, 1});
    ProgramFixture f(folder.path());
    const QAbstractItemModelTester tester(f.history());
    QTRY_VERIFY(f.history()->ready());
    f.setScript(ScriptedEngine::speak("word", 5, 400));
    QVERIFY(f.loadModel());
    f.chat()->send("Newest of all");
    QCOMPARE(titles(f.history()), (QStringList{"Newest of all", "age 0", "age 1"}));
    QTRY_VERIFY(f.history()->index(0).data(HistoryModel::WritingRole).toBool());
    f.chat()->stop();
    QTRY_VERIFY(!f.history()->index(0).data(HistoryModel::WritingRole).toBool());
    f.history()->open("chat1", {});
    QTRY_COMPARE(f.chat()->chatId(), "chat1");
    QVERIFY(f.ask("Again"));  // what was said in last comes first
    QCOMPARE(titles(f.history()).first(), "age 1");
  }

  void searchShowsHitsAndOpensThem() {
    QTemporaryDir folder;
    fillFolder(folder.path(), {0, 1, 3});
    ProgramFixture f(folder.path());
    const QAbstractItemModelTester tester(f.history());
    QTRY_VERIFY(f.history()->ready());
    f.history()->setQuery("number 3");
    QTRY_COMPARE(f.history()->count(), 1);
    QCOMPARE(f.history()->index(0).data(HistoryModel::SectionRole).toString(), "found");
    QVERIFY(f.history()->index(0).data(HistoryModel::SnippetRole).toString().contains("<b>number</b> <b>3</b>"));
    QSignalSpy focus(f.chat(), &ChatController::messageFocusRequested);
    f.history()->open("chat3", f.history()->index(0).data(HistoryModel::MessageIdRole).toString());
    QTRY_COMPARE(focus.size(), 1);
    QCOMPARE(focus.first().first().toString(), "message3");
    QCOMPARE(f.chat()->chatId(), "chat3");
    f.history()->setQuery("nothing like it");
    QTRY_COMPARE(f.history()->count(), 0);
    f.history()->setQuery("");
    QCOMPARE(f.history()->count(), 3);
  }

  void aRemovedChatComesBackByUndoAndIsGoneAfterwards() {
    QTemporaryDir folder;
    fillFolder(folder.path(), {0, 1, 3});
    ProgramFixture f(folder.path());
    const QAbstractItemModelTester tester(f.history());
    QTRY_VERIFY(f.history()->ready());
    f.history()->remove("chat1");
    QCOMPARE(titles(f.history()), (QStringList{"age 0", "age 3"}));
    QCOMPARE(f.history()->removedTitle(), "age 1");
    f.history()->undoRemove();
    QCOMPARE(titles(f.history()), (QStringList{"age 0", "age 1", "age 3"}));
    QCOMPARE(f.history()->removedTitle(), "");
    f.history()->remove("chat1");
    f.history()->remove("chat3");
    QCOMPARE(f.history()->removedTitle(), "age 3");
    f.history()->undoRemove();
    f.restart();
    QTRY_VERIFY(f.history()->ready());
    QCOMPARE(titles(f.history()), (QStringList{"age 0", "age 3"}));
  }

  void theDataFolderIsPrivateWhoeverMadeIt() {
    QTemporaryDir folder;
    ProgramOptions options;
    options.dataFolder = folder.filePath("data");
    QVERIFY(QDir().mkpath(options.dataFolder));
    QVERIFY(QFile::setPermissions(options.dataFolder, QFile::Permissions(0x7755)));
    ProgramFixture f(options);
    QCOMPARE(QFile::permissions(options.dataFolder) & QFile::Permissions(0x0077), QFile::Permissions());
  }

  void theChatOnScreenCanBeRemovedWhileItIsBeingWritten() {
    ProgramFixture f;
    f.setScript(ScriptedEngine::speak("word", 5, 400));
    QVERIFY(f.loadModel());
    f.chat()->send("Speak");
    QVERIFY(f.waitFor(ChatController::Writing));
    const QString chat = f.chat()->chatId();
    f.history()->remove(chat);
    QCOMPARE(f.chat()->chatId(), "");
    QVERIFY(f.waitFor(ChatController::Ready, 500));
    f.history()->undoRemove();
    f.chat()->openChat(chat);
    QTRY_COMPARE(f.chat()->chatId(), chat);
    QCOMPARE(f.chat()->messages()->messageCount(), 2);
  }

  void chatsOfAnotherWindowAppear() {
    ProgramFixture f;
    QTRY_VERIFY(f.history()->ready());
    fillFolder(f.folder(), {2});
    QTRY_COMPARE_WITH_TIMEOUT(f.history()->count(), 1, 6000);  // looked for every two seconds
  }

  void theHistoryIsImportedAndExportedWhileTheWindowIsOpen() {
    QTemporaryDir other;
    fillFolder(other.path(), {0, 5});
    QByteArray json;
    {
      HistoryDb db;
      QVERIFY(db.open(other.filePath("history.db")));
      json = *db.exportJson();
    }
    QFile file(other.filePath("in.json"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(json);
    file.close();
    ProgramFixture f;
    QTRY_VERIFY(f.history()->ready());
    Application* app = f.program->application();
    QSignalSpy offered(app, &Application::importOffered), imported(app, &Application::imported), exported(app, &Application::exported);
    app->openFiles({QUrl::fromLocalFile(other.filePath("in.json"))});
    QCOMPARE(offered.size(), 1);
    app->importFile(offered.first().first().toUrl());
    QTRY_COMPARE(imported.size(), 1);
    QCOMPARE(imported.first().first().toString(), "2 chats were added.");
    QTRY_COMPARE(f.history()->count(), 2);
    app->exportTo(QUrl::fromLocalFile(other.filePath("out.json")));
    QTRY_COMPARE(exported.size(), 1);
    QFile out(other.filePath("out.json"));
    QVERIFY(out.open(QIODevice::ReadOnly));
    QCOMPARE(out.readAll(), json);
    QFile bad(other.filePath("bad.json"));
    QVERIFY(bad.open(QIODevice::WriteOnly));
    bad.write("{}");
    bad.close();
    app->importFile(QUrl::fromLocalFile(other.filePath("bad.json")));
    QTRY_VERIFY(f.notice().isSet());
    QCOMPARE(f.history()->count(), 2);
  }

  void whatAnImportAddsToTheChatOnScreenIsSeen() {
    QTemporaryDir other;
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("Where is it?"));
    QCOMPARE(f.chat()->messages()->messageCount(), 2);
    QTRY_COMPARE(f.onDisk(f.chat()->chatId()).last().message.state, Message::State::Complete);
    {
      HistoryDb here, away;
      QVERIFY(here.open(f.folder() + "/history.db"));
      QVERIFY(away.open(":memory:"));
      QVERIFY(away.importJson(*here.exportJson(), "x").isDone());
      MessageRecord more;
      more.chatId = f.chat()->chatId();
      more.created = QDateTime::currentMSecsSinceEpoch();
      more.message.id = newId();
      more.message.parent = f.onDisk(more.chatId).last().message.id;
      more.message.setText("Asked on another computer");
      QVERIFY(away.addMessage(more, {}));
      QFile file(other.filePath("in.json"));
      QVERIFY(file.open(QIODevice::WriteOnly));
      file.write(*away.exportJson());
    }
    QSignalSpy imported(f.program->application(), &Application::imported);
    f.program->application()->importFile(QUrl::fromLocalFile(other.filePath("in.json")));
    QTRY_COMPARE(imported.size(), 1);
    QCOMPARE(imported.first().first().toString(), "1 new message was added to a chat that was already here.");
    QTRY_COMPARE(f.chat()->messages()->messageCount(), 3);
  }

  void theChatOnScreenIsSavedAsMarkdown() {
    QTemporaryDir folder;
    ProgramFixture f;
    f.setScript(ScriptedEngine::speak("It *is*:\n\n```c\nint x;\n```", 0));
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("What is x?"));
    Application* app = f.program->application();
    QSignalSpy saved(app, &Application::chatSaved);
    app->saveChat(QUrl::fromLocalFile(folder.filePath("chat.md")));
    QTRY_COMPARE(saved.size(), 1);
    QFile file(folder.filePath("chat.md"));
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(QString::fromUtf8(file.readAll()), "# What is x?\n\n## You\n\nWhat is x?\n\n## scripted\n\nIt *is*:\n\n```c\nint x;\n```\n");
    // Qt's own dialog gives a typed name as a path without a scheme.
    app->saveChat(QUrl(folder.filePath("typed.md")));
    QTRY_VERIFY(QFile::exists(folder.filePath("typed.md")));
    app->exportTo(QUrl(folder.filePath("typed.json")));
    QTRY_VERIFY(QFile::exists(folder.filePath("typed.json")));
    app->saveChat(QUrl::fromLocalFile(folder.filePath("no/such/folder/chat.md")));
    QTRY_VERIFY(f.notice().isSet());
  }

  void everythingOfAMessageIsInItsMarkdown() {
    Message question;
    question.role = Message::Role::User;
    question.setText("Look\n");
    question.addPicture("/a b/c.png");
    Message answer;
    answer.role = Message::Role::Assistant;
    answer.setReasoning("First\nthen");
    answer.setText("So");
    answer.addToolCall("find", "{\"text\":\"```\"}");
    answer.state = Message::State::Stopped;
    QCOMPARE(markdownOf("A\ntitle", {question, answer}),
             "# A title\n\n## You\n\n![](<file:///a%20b/c.png>)\n\nLook\n\n## Answer\n\n> First\n> then\n\nSo\n\n"
             "Asked for `find`:\n````json\n{\"text\":\"```\"}\n````\n\n*Stopped.*\n");
  }

  void droppedFilesGoWhereTheyBelong() {
    ProgramFixture f;
    Application* app = f.program->application();
    QSignalSpy offered(app, &Application::importOffered), unsupported(app, &Application::unsupportedFile);
    app->openFiles({QUrl::fromLocalFile("/x/model.gguf"), QUrl::fromLocalFile("/x/chats.json"), QUrl::fromLocalFile("/x/picture.png"),
                    QUrl("https://example.org/a.gguf")});
    QCOMPARE(offered.size(), 1);
    QCOMPARE(unsupported.size(), 1);
    QVERIFY(f.chat()->isImage());
    QTRY_COMPARE(f.chat()->tray()->count(), 0);  // there is no such picture
    QCOMPARE(f.model()->path(), "/x/model.gguf");
  }

  void aModelIsNamedAfterItsFileWithoutTheFormat() {
    QCOMPARE(modelNameOf("/m/SmolLM2-135M-Instruct.Q4_1.gguf"), "SmolLM2-135M-Instruct");
    QCOMPARE(modelNameOf("/m/Qwen3-4B-Instruct-2507-Q4_K_M.gguf"), "Qwen3-4B-Instruct-2507");
    QCOMPARE(modelNameOf("/m/Qwen3-Coder-30B-IQ4_XS-00001-of-00002.gguf"), "Qwen3-Coder-30B");
    QCOMPARE(modelNameOf("/m/model.gguf"), "model");
    QCOMPARE(modelNameOf("/m/Qwen3-4B"), "Qwen3-4B");
  }

  void openedModelsAreRememberedTheNewestFirst() {
    ProgramFixture f;
    const QAbstractItemModelTester tester(f.program->models());
    for (const char* path : {"/m/a.gguf", "/m/b.gguf", "/m/a.gguf"}) {
      f.program->models()->choose(QString::fromLatin1(path));
      QVERIFY(f.waitFor(ChatController::Ready));
    }
    QCOMPARE(f.program->models()->count(), 4 + 2);  // below the four that have no file
    QCOMPARE(f.program->models()->index(4).data(ModelLibrary::PathRole).toString(), "/m/a.gguf");
    QVERIFY(f.program->models()->index(4).data(ModelLibrary::CurrentRole).toBool());
    QTRY_VERIFY(!f.program->models()->index(4).data(ModelLibrary::AvailableRole).toBool());  // there is no such file
    f.program->models()->forget("/m/b.gguf");
    f.restart();
    const QAbstractItemModelTester again(f.program->models());
    QCOMPARE(f.program->models()->count(), 4 + 1);
  }

  void theFourModelsStandFirstWithTheirFilesOrWithout() {
    QTemporaryDir models;
    const auto write = [&](const QString& name, const char* architecture) {
      const QString path = models.filePath(name);
      const std::vector<std::byte> bytes = GgufWriter(architecture).bytes();
      QFile file(path);
      QVERIFY(file.open(QIODevice::WriteOnly));
      file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<qint64>(bytes.size()));
    };
    write("Qwen3VL-2B-Instruct-Q4_K_M.gguf", "qwen3vl");
    write("mmproj-Qwen3VL-2B-Instruct-F16.gguf", "clip");
    write("Qwen_Qwen3-4B-Instruct-2507-Q8_0.gguf", "qwen3");
    write("Qwen_Qwen3-4B-Instruct-2507-Q4_K_M.gguf", "qwen3");
    write("GLM-4.7-Flash-Q4_K_M.gguf", "llama");  // whatever its name says
    write("tiny-moe.gguf", "qwen3moe");
    ProgramOptions options;
    options.starterFolders = {models.path()};
    options.loadsModel = false;
    ProgramFixture f(options);
    ModelLibrary* library = f.program->models();
    const QAbstractItemModelTester tester(library);
    const auto fileOf = [&](int row) { return library->index(row).data(ModelLibrary::FileRole).toString(); };
    QCOMPARE(library->index(0).data(ModelLibrary::NameRole).toString(), "GLM-4.7-Flash");
    QTRY_COMPARE(fileOf(2), "Qwen3VL-2B-Instruct-Q4_K_M.gguf");
    QCOMPARE(fileOf(0), "");
    QCOMPARE(fileOf(1), "");
    QCOMPARE(fileOf(3), "Qwen_Qwen3-4B-Instruct-2507-Q4_K_M.gguf");
    QCOMPARE(library->seeingPath(), models.filePath("Qwen3VL-2B-Instruct-Q4_K_M.gguf"));
    QCOMPARE(library->count(), 4 + 3);  // the Q8_0, the llama and the small mixture; a vision tower is no model
    // The one that was opened last stands for its model.
    library->choose(models.filePath("Qwen_Qwen3-4B-Instruct-2507-Q8_0.gguf"));
    QVERIFY(f.waitFor(ChatController::Ready));
    QCOMPARE(fileOf(3), "Qwen_Qwen3-4B-Instruct-2507-Q8_0.gguf");
    QVERIFY(library->index(3).data(ModelLibrary::CurrentRole).toBool());
    // Picked by hand: its architecture decides.
    QSignalSpy wrong(library, &ModelLibrary::wrongFile);
    library->chooseFor(0, QUrl::fromLocalFile(models.filePath("tiny-moe.gguf")));
    QTRY_COMPARE(wrong.size(), 1);
    QVERIFY(f.notice().title.contains("GLM-4.7-Flash"));
    library->chooseFor(1, QUrl::fromLocalFile(models.filePath("tiny-moe.gguf")));
    QTRY_COMPARE(fileOf(1), "tiny-moe.gguf");
    QTRY_COMPARE(f.model()->path(), models.filePath("tiny-moe.gguf"));
    QVERIFY(f.waitFor(ChatController::Ready));
    f.restart();
    QTRY_COMPARE(f.program->models()->index(1).data(ModelLibrary::FileRole).toString(), "tiny-moe.gguf");
    QTRY_COMPARE(f.program->models()->index(3).data(ModelLibrary::FileRole).toString(), "Qwen_Qwen3-4B-Instruct-2507-Q8_0.gguf");
  }

  void theStarterModelIsFoundAndLoadedWhenNothingWasEverChosen() {
    QTemporaryDir models;
    QVERIFY(QDir(models.path()).mkpath("deep/er"));
    QFile file(models.filePath("deep/er/SmolLM2-135M-Instruct.Q4_1.gguf"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("GGUF");
    file.close();
    ProgramOptions options;
    options.starterFolders = {models.path()};
    QTemporaryDir data;
    options.dataFolder = data.path();
    {
      ProgramFixture f(options);
      QVERIFY(f.waitFor(ChatController::Ready));
      QVERIFY(f.program->models()->hasStarter());
      QCOMPARE(f.model()->path(), file.fileName());
      f.model()->unload();
    }
    ProgramFixture f(options);
    QTRY_VERIFY(f.program->models()->hasStarter());
    QTest::qWait(50);
    QCOMPARE(f.chat()->state(), ChatController::NoModel);  // closed by the person
  }

  void settingsAreKeptAndUnknownOnesToo() {
    ProgramFixture f;
    Settings* settings = f.program->settings();
    QSignalSpy changed(settings, &Settings::changed);
    settings->setZoom(1.2);
    settings->setZoom(1.2);
    QCOMPARE(changed.size(), 1);  // compare, assign, emit
    settings->setZoom(99);
    QCOMPARE(settings->zoom(), 1.6);
    settings->setKvType("nonsense");
    QCOMPARE(settings->kvType(), "f16");
    settings->setKvType("q8_0");
    settings->setContextLength(2048);
    settings->setAppearance(Settings::Dark);
    f.program.reset();
    QFile file(f.folder() + "/settings.json");
    QVERIFY(file.open(QIODevice::ReadWrite));
    QJsonObject object = QJsonDocument::fromJson(file.readAll()).object();
    object.insert("of_a_later_version", 7);
    file.resize(0);
    file.seek(0);
    file.write(QJsonDocument(object).toJson());
    file.close();
    f.start();
    QCOMPARE(f.program->settings()->zoom(), 1.6);
    QCOMPARE(f.program->settings()->appearance(), Settings::Dark);
    QVERIFY(f.loadModel());
    QCOMPARE(f.engine->load_requests().front().context_length, 2048);
    QCOMPARE(f.engine->load_requests().front().kv, DType::q8_0);
    f.program.reset();
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(QJsonDocument::fromJson(file.readAll()).object().value("of_a_later_version").toInt(), 7);
    f.start();
  }

  void everyNumberStaysWithinItsLimits() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    Settings* settings = f.program->settings();
    LoadSettings* load = f.program->application()->load;
    load->setPath("/models/scripted.gguf");
    const QVariantMap limits = load->limits();
    QCOMPARE(settings->limits(), limits);
    int nNumbers = 0;
    for (auto limit = limits.begin(); limit != limits.end(); ++limit) {
      const QVariantMap range = limit->toMap();
      const double from = range["from"].toDouble(), to = range["to"].toDouble(), least = range.value("automatic", from).toDouble();
      for (QObject* owner : {static_cast<QObject*>(settings), static_cast<QObject*>(load)}) {
        const QByteArray name = limit.key().toLatin1();
        if (owner->metaObject()->indexOfProperty(name) < 0) continue;
        const auto becomes = [&](double value) {
          owner->setProperty(name, std::clamp(value, -2e9, 2147483647.));
          return owner->property(name).toDouble();
        };
        ++nNumbers;
        if (to < INT32_MAX) QCOMPARE(becomes(to + 1), to);
        QCOMPARE(becomes(-1e9), least);
        QCOMPARE(becomes(from), from);
      }
    }
    QCOMPARE(nNumbers, 19);
    // The same from a file.
    const LoadChoice read = LoadChoice::from({{"threads", 5000}, {"attention_window", -3}, {"ram_bytes", 7}, {"context_length", -1}}, {});
    QCOMPARE(read.threads, 1024);
    QCOMPARE(read.attention.window, 1);
    QCOMPARE(read.ramBytes, 100'000'000U);
    QCOMPARE(read.contextLength, 0);
  }

  void whatIsChosenForAModelCountsForItAlone() {
    ProgramFixture f;
    Settings* settings = f.program->settings();
    settings->setContextLength(2048);
    LoadChoice choice = settings->loadChoice("/models/scripted.gguf");
    QCOMPARE(choice.contextLength, 2048);
    choice.contextLength = 4096;
    choice.quantization = LoadQuantization::int8;
    choice.ramBytes = 3'000'000'000;
    choice.attention.kind = KvSelection::Kind::window;
    choice.attention.window = 777;
    settings->setLoadChoice("/models/scripted.gguf", choice);
    f.restart();
    QVERIFY(f.program->settings()->loadChoice("/models/scripted.gguf") == choice);
    QVERIFY(f.loadModel());
    const LoadRequest request = f.engine->load_requests().back();
    QCOMPARE(request.context_length, 4096);
    QVERIFY(request.quantization == LoadQuantization::int8);
    QCOMPARE(request.ram_bytes, 3'000'000'000U);
    QCOMPARE(request.attention.window, 777);
    f.model()->load("/models/other.gguf");
    QVERIFY(f.waitFor(ChatController::Ready));
    QCOMPARE(f.engine->load_requests().back().context_length, 2048);
  }

  void aPlanIsMadeForWhatIsChosenAndAskedOnceTheSliderRests() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    LoadSettings* load = f.program->application()->load;
    load->setPath("/models/scripted.gguf");
    QTRY_VERIFY(load->hasPlan());
    QVERIFY(load->isLoaded() && !load->differs() && load->fits());
    QCOMPARE(load->stateBytes(), 8192 * 23040.0);
    const std::size_t before = f.engine->plan_requests().size();
    for (const int tokens : {1024, 2048, 4096}) load->setContextLength(tokens);
    QVERIFY(load->planning() && load->differs());
    QTRY_VERIFY(!load->planning());
    QCOMPARE(f.engine->plan_requests().size(), before + 1);
    QCOMPARE(load->stateBytes(), 4096 * 23040.0);
    load->setRamBytes(50e6);  // less than the weights
    QTRY_VERIFY(!load->planning());
    QVERIFY(load->hasPlan() && !load->fits() && load->problem().isSet());
    load->undo();
    QTRY_VERIFY(!load->planning());
    QVERIFY(!load->differs() && !load->problem().isSet());
    QCOMPARE(load->expertShare(), 1.0);
    LoadPlan some;
    some.fits = true;
    some.n_slots = 384;
    some.n_experts = 1536;
    some.hit_rate = 0.8;
    some.disk_bytes_per_token = 2e8;
    f.engine->set_plan(Result<LoadPlan>(some));
    load->setRamBytes(2e9);
    QTRY_COMPARE(load->expertShare(), 0.25);
    QCOMPARE(load->hitRate(), 0.8);
    QCOMPARE(load->diskBytesPerToken(), 2e8);
    f.engine->set_plan({});
    load->setRamBytes(0);
    QTRY_VERIFY(!load->planning());
    load->setKvType("q8_0");
    load->load();
    QTRY_VERIFY(load->isLoaded() && !load->differs());
    QCOMPARE(f.engine->load_requests().back().kv, DType::q8_0);
    f.engine->set_plan(Result<LoadPlan>(make_error(ErrorCode::bad_file, "x.gguf: a header, none")));
    load->setPath("/models/x.gguf");
    QTRY_VERIFY(load->problem().isSet());
    QVERIFY(!load->hasPlan() && !load->isLoaded());
  }

  void whatAnAnswerFoundOfExpertsIsTold() {
    GenerationStats stats;
    stats.prompt_tokens = 30;
    stats.reused_tokens = 10;
    stats.generated_tokens = 80;
    QVERIFY(!expertFiguresOf(stats).isSet);  // all lie in memory
    stats.expert_hits = 75;
    stats.expert_misses = 25;
    stats.layer_hit_rates = {0.5, 1};
    stats.disk_bytes_read = 4'000;
    stats.disk_seconds = 2;
    stats.disk_waiting_seconds = 1;
    stats.prefill_seconds = 1;
    stats.decode_seconds = 3;
    const ExpertFigures figures = expertFiguresOf(stats);
    QVERIFY(figures.isSet);
    QCOMPARE(figures.hitRate, 0.75);
    QCOMPARE(figures.layers, (QList<double>{0.5, 1}));
    QCOMPARE(figures.bytesPerToken, 40.0);
    QCOMPARE(figures.bytesPerSecond, 2'000.0);
    QCOMPARE(figures.waitingShare, 0.25);
    QCOMPARE(figures.moreHitRate, 0.0);  // not counted
    stats.more_hit_rate = 0.9;
    stats.more_tokens_per_second = 12;
    QCOMPARE(expertFiguresOf(stats).moreHitRate, 0.9);
    QCOMPARE(expertFiguresOf(stats).moreTokensPerSecond, 12.0);
  }

  void eachChatThatIsAnsweredSaysSo() {
    ProgramFixture f;
    f.setLoading({.error = {}, .n_sequences = 2});
    QVERIFY(f.loadModel());
    f.setScript(ScriptedEngine::speak("one two three", 10, 80));
    f.chat()->send("First");
    QVERIFY(f.waitFor(ChatController::Writing));
    f.chat()->newChat();
    f.chat()->send("Second");
    QVERIFY(f.waitFor(ChatController::Writing));
    const auto nWriting = [&] {
      int n = 0;
      for (int row = 0; row < f.history()->rowCount(); ++row) n += f.history()->index(row).data(HistoryModel::WritingRole).toBool();
      return n;
    };
    QCOMPARE(nWriting(), 2);
    f.chat()->stop();
    QTRY_COMPARE(nWriting(), 1);  // the other one goes on
    QTRY_COMPARE(nWriting(), 0);
  }

  void modelsThatWaitInMemoryAreShown() {
    ProgramFixture f;
    f.model()->load("/models/first.gguf");
    QTRY_COMPARE(f.model()->state(), ModelSession::Ready);
    const auto waits = [&](const char* path) {
      const ModelLibrary* library = f.program->models();
      for (int row = 0; row < library->rowCount(); ++row) {
        if (library->index(row).data(ModelLibrary::PathRole).toString() == QLatin1String(path))
          return library->index(row).data(ModelLibrary::WaitingRole).toBool();
      }
      return false;
    };
    QVERIFY(!waits("/models/first.gguf"));
    f.model()->load("/models/second.gguf");
    QTRY_VERIFY(waits("/models/first.gguf"));
    QVERIFY(!waits("/models/second.gguf"));
    f.model()->unload();
    QTRY_VERIFY(!waits("/models/first.gguf"));
  }

  void whatWentBecauseMemoryGotShortIsSaid() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    QVERIFY(f.ask("Hello"));
    QVERIFY(!f.notices()->about(Notices::Memory).isSet());
    GivenBack went{.n_slots = 120, .slot_bytes = 367'000'000, .n_models = 0, .snapshot_bytes = 0};
    f.engine->set_given_back(went);
    QVERIFY(f.ask("Again"));
    QTRY_VERIFY(f.notices()->about(Notices::Memory).isSet());
    UserError words = f.notices()->about(Notices::Memory);
    QVERIFY2(words.explanation.contains("120") && words.explanation.contains("367"), qPrintable(words.explanation));
    QCOMPARE(words.actions, QList<int>{UserError::Dismiss});

    // Without an answer under way, too; and all of it in one notice.
    went.n_models = 1;
    went.n_slots = 130;
    f.engine->set_given_back(went);
    QTRY_VERIFY(f.notices()->about(Notices::Memory).explanation.contains("A model that waited"));
    QVERIFY(f.notices()->about(Notices::Memory).explanation.contains("130"));

    // What was read is not said again.
    f.notices()->dismiss(Notices::Memory);
    QVERIFY(!f.notices()->about(Notices::Memory).isSet());
    went.snapshot_bytes = 50'000'000;
    f.engine->set_given_back(went);
    QTRY_VERIFY(f.notices()->about(Notices::Memory).isSet());
    words = f.notices()->about(Notices::Memory);
    QVERIFY(words.explanation.contains("conversations") && !words.explanation.contains("130"));
    QVERIFY(!memoryNotice({}).isSet());
  }

  void aSwitchSaysWhatItCosts() {
    ProgramFixture f;
    QVERIFY(f.loadModel());
    LoadPlan plan;
    plan.fits = true;
    plan.load_seconds = 9;
    f.engine->set_plan(Result<LoadPlan>(plan));
    SwitchCost* cost = f.program->application()->seeingCost;
    QCOMPARE(cost->seconds(), 0.0);
    cost->setPath("/models/seeing.gguf");
    QTRY_COMPARE(cost->seconds(), 9.0);
    QVERIFY(cost->fits());
    plan.fits = false;
    f.engine->set_plan(Result<LoadPlan>(plan));
    f.program->application()->engine->unload();  // asked again: what is free has changed
    QTRY_VERIFY(!cost->fits());
  }

  void theModelsOwnSamplingCountsUntilAValueIsChanged() {
    ProgramFixture f;
    Settings* settings = f.program->settings();
    QVERIFY(f.loadModel());
    QCOMPARE(settings->temperature(), 0.2);  // what the scripted model recommends
    QVERIFY(!settings->ownSampling());
    settings->setTopK(7);
    QVERIFY(settings->ownSampling());
    QCOMPARE(settings->temperature(), 0.2);
    QVERIFY(f.ask("Sample"));
    QCOMPARE(f.engine->generate_requests().back().sampling.top_k, 7);
    settings->setSeed(11);
    QVERIFY(f.ask("Sample"));
    QCOMPARE(f.engine->generate_requests().back().sampling.seed, 11U);
    settings->resetSampling();
    QCOMPARE(settings->topK(), 40);
    QVERIFY(!settings->ownSampling());
  }

  void aSettingsFileThatIsNoneIsAsGoodAsNone() {
    QTemporaryDir folder;
    for (const char* text : {"", "{", "[]", "{\"zoom\":\"big\",\"sidebar_width\":-5,\"temperature\":1e300,\"appearance\":3}"}) {
      QFile file(folder.filePath("settings.json"));
      QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
      file.write(text);
      file.close();
      ProgramFixture f(folder.path());
      QCOMPARE(f.program->settings()->zoom(), 1.0);
      QVERIFY(f.program->settings()->sidebarWidth() >= 200);
      QCOMPARE(f.program->settings()->appearance(), Settings::System);
    }
  }

  void twoWindowsKeepEachOthersSettings() {
    ProgramFixture a;
    ProgramFixture b(a.folder(), false);
    a.program->settings()->setZoom(1.2);
    b.program->settings()->setAppearance(Settings::Dark);
    QTRY_COMPARE(b.program->settings()->zoom(), 1.2);  // the other window's choice arrives
    QTRY_COMPARE(a.program->settings()->appearance(), Settings::Dark);
    // What is not saved yet stays on top of what the other window saves.
    LoadChoice choice = a.program->settings()->loadChoice("/m/a.gguf");
    choice.threads = 3;
    a.program->settings()->setLoadChoice("/m/a.gguf", choice);
    b.program->settings()->setZoom(1.4);
    b.program->settings()->saveNow();
    QTRY_COMPARE(a.program->settings()->zoom(), 1.4);
    QCOMPARE(a.program->settings()->loadChoice("/m/a.gguf").threads, 3);
    b.program.reset();
    a.restart();
    QCOMPARE(a.program->settings()->zoom(), 1.4);
    QCOMPARE(a.program->settings()->appearance(), Settings::Dark);
    QCOMPARE(a.program->settings()->loadChoice("/m/a.gguf").threads, 3);
  }

  void twoWindowsKeepEachOthersModels() {
    const auto listed = [](const ProgramFixture& f) {
      QStringList paths;
      for (int row = 4; row < f.program->models()->count(); ++row)
        paths.append(f.program->models()->index(row).data(ModelLibrary::PathRole).toString());
      return paths;
    };
    ProgramFixture a;
    ProgramFixture b(a.folder(), false);
    const QAbstractItemModelTester tester(a.program->models());
    a.program->models()->choose("/m/a.gguf");
    QVERIFY(a.waitFor(ChatController::Ready));
    QTest::qWait(2);  // of two models of one millisecond neither is the newer one
    b.program->models()->choose("/m/b.gguf");
    QVERIFY(b.waitFor(ChatController::Ready));
    QTRY_COMPARE(listed(a), (QStringList{"/m/b.gguf", "/m/a.gguf"}));
    QTRY_COMPARE(listed(b), (QStringList{"/m/b.gguf", "/m/a.gguf"}));
    b.program->models()->forget("/m/a.gguf");
    QTRY_COMPARE(listed(a), QStringList{"/m/b.gguf"});
    a.program->models()->noteSpeed("/m/b.gguf", 12);
    b.program.reset();
    a.restart();
    QCOMPARE(listed(a), QStringList{"/m/b.gguf"});
    QCOMPARE(a.program->models()->index(4).data(ModelLibrary::SpeedRole).toDouble(), 12.0);
  }

  void theModelListOfAnOlderVersionIsKept() {
    QTemporaryDir folder;
    QFile file(folder.filePath("models.json"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(R"({"last":"/m/a.gguf","chosen":true,"models":[{"path":"/m/a.gguf","last_used":2},{"path":"/m/b.gguf","last_used":1}],"known":{}})");
    file.close();
    ProgramFixture f(folder.path());
    QVERIFY(f.waitFor(ChatController::Ready));  // the last one is loaded and noted
    QCOMPARE(f.program->models()->count(), 4 + 2);
    f.restart();
    QCOMPARE(f.program->models()->count(), 4 + 2);
    QCOMPARE(f.program->models()->index(5).data(ModelLibrary::PathRole).toString(), "/m/b.gguf");
  }

  void anUnreadableSettingsFileIsKeptBesideTheNewOne() {
    QTemporaryDir folder;
    QFile file(folder.filePath("settings.json"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("{\"system_prompt\": \"Half a");
    file.close();
    ProgramFixture f(folder.path(), false);
    QTRY_VERIFY(f.notice().isSet());  // before anything is changed
    f.restart();
    QTRY_VERIFY(f.notice().isSet());
    f.notices()->dismiss(Notices::Settings);
    f.program->settings()->setZoom(1.2);
    f.program->settings()->saveNow();
    QTRY_VERIFY(QFileInfo(file).size() < 24);
    QTest::qWait(50);
    QVERIFY(!f.notice().isSet());  // it was said
    f.restart();
    QTest::qWait(100);
    QVERIFY(!f.notice().isSet());
    const QStringList copies = QDir(folder.path()).entryList({"settings.json.unreadable-*"});
    QCOMPARE(copies.size(), 1);
    QFile copy(folder.filePath(copies.first()));
    QVERIFY(copy.open(QIODevice::ReadOnly));
    QCOMPARE(copy.readAll(), "{\"system_prompt\": \"Half a");
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(QJsonDocument::fromJson(file.readAll()).object(), (QJsonObject{{"zoom", 1.2}}));
  }

  void settingsThatCannotBeSavedAreSavedLater() {
    QTemporaryDir folder;
    QVERIFY(QDir(folder.path()).mkpath("settings.json"));  // a folder where the file should be
    ProgramFixture f(folder.path(), false);
    f.program->settings()->setZoom(1.2);
    f.program->settings()->saveNow();
    QTRY_VERIFY(f.notice().isSet());
    QCOMPARE(f.program->settings()->zoom(), 1.2);
    f.notices()->dismiss(Notices::Settings);
    QTest::qWait(3'200);
    QVERIFY(!f.notice().isSet());  // it is tried again, but said once
    f.program->settings()->setEnterSends(false);
    f.program->settings()->saveNow();
    QVERIFY(QDir(folder.path()).rmdir("settings.json"));
    QTRY_VERIFY(QFileInfo(folder.filePath("settings.json")).isFile());  // by itself
    f.restart();
    QCOMPARE(f.program->settings()->zoom(), 1.2);
    QVERIFY(!f.program->settings()->enterSends());
  }

  void theNoticeOfSettingsThatCannotBeSavedGoesWithItsCause() {
    QTemporaryDir folder;
    QVERIFY(QDir(folder.path()).mkpath("settings.json"));
    ProgramFixture f(folder.path(), false);
    f.program->settings()->setZoom(1.2);
    f.program->settings()->saveNow();
    QTRY_VERIFY(f.notice().isSet());
    QVERIFY(QDir(folder.path()).rmdir("settings.json"));
    QTRY_VERIFY(!f.notice().isSet());
  }

  void thisComputersMemoryIsMeasured() {
    ProgramFixture f;
    MemoryMeter* memory = f.program->application()->memory;
    QTRY_VERIFY(memory->totalBytes() > 100'000'000);
    QVERIFY(memory->usedBytes() > 0 && memory->usedBytes() < memory->totalBytes());
  }
};

QTEST_MAIN(ListsTest)
#include "lists_test.moc"
