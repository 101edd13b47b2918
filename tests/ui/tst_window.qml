// `stage` is a context property: tests.cpp sets it.
// qmllint disable unqualified
import QtQuick
import QtTest
import Pio.App
import Pio.Ui

/*! The window as a person uses it, with the real controllers behind it. */
WindowTestCase {
    id: test

    name: "window"
    when: windowShown
    visible: true

    property Main window: null
    property Application app: null

    Component {
        id: mainComponent
        Main {
            width: 1280
            height: 800
        }
    }

    function initTestCase(): void {
        test.app = stage.app
        test.app.settings.reducedMotion = true
        test.window = mainComponent.createObject(null, { app: test.app })
        verify(test.window !== null)
        test.window.requestActivate()
        tryVerify(() => test.window.active)
        stage.loadModel()
        tryCompare(test.app.chat, "state", ChatController.Ready)
    }
    function cleanupTestCase(): void {
        test.window.destroy()
    }
    function init(): void {
        test.window.width = 1280
        test.window.height = 800
        test.window.closePopups()       // of a test that failed
        stage.speak("It stood at the end of the pier.", 1)
        test.window.showPane(Application.ChatPane)
        test.window.newChat()
        tryCompare(test.app.chat.messages, "count", 0)
    }

    // The first item below `item` that the test accepts.
    function find(item, accepts) {
        for (let i = 0; i < item.children.length; ++i) {    // a list of QML's is no iterable in 6.4
            const child = item.children[i]
            if (accepts(child))
                return child
            const found = test.find(child, accepts)
            if (found !== null)
                return found
        }
        return null
    }
    function button(text: string) {
        return test.find(test.window.contentItem, item => item.text === text && item.visible && item.iconName !== undefined)
    }
    // Keys go to the window that the test case lies in; the window under test is another one.
    function type(text: string): void {
        test.window.activeFocusItem.insert(test.window.activeFocusItem.length, text)
    }
    function ask(text: string): void {
        test.app.chat.send(text)
        tryVerify(() => test.app.chat.messages.count > 2)
        test.waitForTheEnd()
    }
    // The words are on the disk before the engine begins: being ready alone says nothing.
    function waitForTheEnd(): void {
        const model = test.app.chat.messages
        tryVerify(() => !test.app.chat.busy && model.data(model.index(model.count - 1, 0), ConversationModel.StateRole) === "complete")
    }

    function test_messagesThatAreNotSavedAskBeforeTheWindowCloses(): void {
        const inDialog = text => test.find(test.window.contentItem.parent, item => item.visible && item.text === text && item.iconName !== undefined)
        verify(stage.holdHistory())
        test.app.chat.send("Where was it?")
        tryCompare(test.app.chat, "state", ChatController.Ready)
        test.window.close()
        tryVerify(() => inDialog("Close anyway") !== null)
        verify(inDialog("Save elsewhere…") !== null)
        verify(test.window.visible)
        tryVerify(() => test.find(test.window.contentItem.parent, item => item.visible && item.text === "2 messages are not saved yet") !== null)
        tryVerify(() => inDialog("Cancel").activeFocus)
        stage.key(test.window, Qt.Key_Escape)
        tryCompare(test.app.closing, "asking", false)
        tryVerify(() => inDialog("Close anyway") === null)
        stage.letHistoryGo()
        verify(test.window.visible)
    }
    function test_theComposerHasTheFocusWhenAChatBegins(): void {
        verify(test.window.activeFocusItem !== null)
        verify("cursorPosition" in test.window.activeFocusItem)
    }
    function test_sendAnswersAndShowsRowsAndFigures(): void {
        test.type("Where was the lighthouse?")
        compare(test.app.chat.draft, "Where was the lighthouse?")
        const send = test.button("Send")
        verify(send !== null && send.enabled)
        mouseClick(send)
        tryVerify(() => test.app.chat.messages.count >= 3)
        tryCompare(test.app.chat, "state", ChatController.Ready)
        compare(test.app.chat.draft, "")
        tryVerify(() => test.button("Answer again") !== null)
    }
    // One goes on typing after a click, also while the answer is written.
    function test_aClickOnSendLeavesTheKeysInTheField(): void {
        stage.speak("one two three four five six seven eight nine ten ".repeat(5), 5)
        test.type("Count")
        mouseClick(test.button("Send"))
        tryVerify(() => test.button("Stop") !== null)
        stage.type(test.window, "and ")
        mouseClick(test.button("Stop"))
        tryCompare(test.app.chat, "state", ChatController.Ready)
        stage.type(test.window, "on")
        compare(test.app.chat.draft, "and on")
        test.app.chat.draft = ""
    }
    function test_sendIsOffWhileThereIsNothingToSend(): void {
        test.app.chat.draft = "   "
        verify(!test.button("Send").enabled)
        test.app.chat.draft = "a"
        verify(test.button("Send").enabled)
        test.app.chat.draft = ""
    }
    function test_stopStandsWhereSendStoodAndEndsTheAnswer(): void {
        stage.speak("one two three four five six seven eight nine ten ".repeat(20), 20)
        test.app.chat.draft = "Count"
        const send = test.button("Send")
        const place = send.mapToItem(null, 0, 0)
        const width = send.width
        mouseClick(send)
        tryVerify(() => test.button("Stop") !== null)
        const stop = test.button("Stop")
        compare(stop.mapToItem(null, 0, 0), place)
        compare(stop.width, width)
        tryCompare(test.app.chat, "state", ChatController.Writing)
        mouseClick(stop)
        tryCompare(test.app.chat, "state", ChatController.Ready)
        tryVerify(() => test.button("Continue") !== null)
    }
    function test_aQuestionThatWasTakenBackHasAButton(): void {
        stage.speak("one two three four five six seven eight nine ten ".repeat(20), 20)
        test.app.chat.send("Count")
        tryCompare(test.app.chat, "state", ChatController.Writing)
        const first = test.app.chat.chatId
        test.window.newChat()
        test.app.chat.send("Taken back")
        tryCompare(test.app.chat, "state", ChatController.Queued)
        verify(test.button("Answer") === null)
        mouseClick(test.button("Stop"))
        tryVerify(() => test.button("Answer") !== null)
        stage.speak("Here I am.", 1)
        const second = test.app.chat.chatId
        test.app.history.open(first, "")
        tryCompare(test.app.chat, "chatId", first)
        test.app.chat.stop()
        tryCompare(test.app.chat, "state", ChatController.Ready)
        test.app.history.open(second, "")
        tryCompare(test.app.chat, "chatId", second)
        tryVerify(() => test.button("Answer") !== null && test.button("Answer").enabled)
        waitForRendering(test.window.contentItem, 200)
        mouseClick(test.button("Answer"))
        tryVerify(() => test.app.chat.messages.count > 2)
        test.waitForTheEnd()
        verify(test.button("Answer") === null)
    }
    function test_theKeysOfTheFindBarGoToTheFieldWhenAnotherChatComes(): void {
        stage.speak("One.", 0)
        test.app.chat.send("First")
        tryCompare(test.app.chat, "state", ChatController.Ready)
        tryVerify(() => test.app.chat.messages.count > 2)
        stage.key(test.window, Qt.Key_F, Qt.ControlModifier)
        tryVerify(() => test.window.activeFocusItem instanceof TextInput)
        test.app.chat.newChat()
        tryVerify(() => test.window.activeFocusItem instanceof TextEdit, 1000, "" + test.window.activeFocusItem)
    }
    function test_aThoughtIsAClosedRowThatOpensAndIsCopiedWhenAsked(): void {
        stage.think("A pier ends in water.", "It stood at the end.", 15)
        test.ask("Where was it?")
        const fold = test.find(test.window.contentItem, item => item.thinkingTokens !== undefined)
        verify(fold !== null && !fold.open)
        compare(fold.title, "Thought for 1\u00a0s")
        compare(fold.detail, "· 5 tokens")
        const closed = fold.height
        const head = test.find(fold, item => item.text === fold.title + " " + fold.detail)
        mouseClick(head)
        tryVerify(() => fold.open && fold.height > closed + 20)
        verify(test.find(fold, item => item.plain === "A pier ends in water.") !== null)
        head.forceActiveFocus()
        stage.key(test.window, Qt.Key_Return)
        tryCompare(fold, "height", closed)
        stage.key(test.window, Qt.Key_Space)
        tryVerify(() => fold.open)
        test.app.chat.copyLastAnswer()
        const footer = test.find(test.window.contentItem, item => item.hasThought === true)
        compare(footer.text, "It stood at the end.")
    }
    function test_theSwitchForThinkingIsThereForAModelThatCan(): void {
        const think = () => test.find(test.window.contentItem, item => item.text === "Think before the answer" && item.checked !== undefined && item.visible)
        compare(think(), null)
        stage.loadThinkingModel()
        tryCompare(test.app.chat, "state", ChatController.Ready)
        verify(think() !== null && think().checked)
        mouseClick(think())
        compare(test.app.model.thinking, false)
        think().forceActiveFocus()
        stage.key(test.window, Qt.Key_Space)
        compare(test.app.model.thinking, true)
        stage.loadModel()
        tryCompare(test.app.chat, "state", ChatController.Ready)
        tryVerify(() => think() === null)
    }
    function test_anEditedQuestionBecomesAnotherVersion(): void {
        test.ask("First words")
        test.window.contentItem.forceActiveFocus()
        const list = test.find(test.window.contentItem, item => item.editQuestion !== undefined)
        list.editQuestion(test.app.chat.lastUserMessageId())
        tryVerify(() => test.window.activeFocusItem !== null && test.window.activeFocusItem.text === "First words")
        test.window.activeFocusItem.text = "Other words"
        const send = test.find(list, item => item.text === "Send" && item.visible)
        mouseClick(send)
        tryCompare(test.app.chat, "state", ChatController.Ready)
        compare(test.app.chat.textOf(test.app.chat.lastUserMessageId()), "Other words")
        tryVerify(() => test.button("Previous version") !== null)
        mouseClick(test.button("Previous version"))
        tryVerify(() => test.app.chat.textOf(test.app.chat.lastUserMessageId()) === "First words")
    }
    function test_anotherAnswerIsAVersionOfTheFirst(): void {
        test.ask("Say it again")
        test.app.chat.regenerateLast()
        const list = test.find(test.window.contentItem, item => item.stepVersion !== undefined)
        const model = test.app.chat.messages
        const version = () => model.data(model.index(model.count - 1, 0), ConversationModel.VersionRole)
        tryVerify(() => version() === 2)
        test.waitForTheEnd()
        list.stepVersion(-1)
        tryVerify(() => version() === 1)
    }
    function test_enterSendsAndShiftEnterBeginsALine(): void {
        stage.type(test.window, "one")
        stage.key(test.window, Qt.Key_Return, Qt.ShiftModifier)
        stage.type(test.window, "two")
        compare(test.app.chat.draft, "one\ntwo")
        stage.key(test.window, Qt.Key_Return)
        tryVerify(() => test.app.chat.messages.count > 2)
        test.waitForTheEnd()
        compare(test.app.chat.textOf(test.app.chat.lastUserMessageId()), "one\ntwo")
    }
    function test_escapeStopsTheAnswer(): void {
        stage.speak("one two three four five six seven eight nine ten ".repeat(20), 20)
        test.app.chat.send("Count")
        tryCompare(test.app.chat, "state", ChatController.Writing)
        stage.key(test.window, Qt.Key_Escape)
        tryCompare(test.app.chat, "state", ChatController.Ready)
        tryVerify(() => test.button("Continue") !== null)
    }
    function test_upInAnEmptyBoxEditsTheLastQuestion(): void {
        test.ask("Edit me")
        test.window.takeFocus()
        stage.key(test.window, Qt.Key_Up)
        tryVerify(() => test.window.activeFocusItem.text === "Edit me")
        stage.key(test.window, Qt.Key_Escape)
    }
    function test_keysOpenSearchPickerAndDialogs(): void {
        stage.key(test.window, Qt.Key_K, Qt.ControlModifier)
        compare(test.window.activeFocusItem.placeholderText, "Search")
        stage.key(test.window, Qt.Key_Escape)
        stage.key(test.window, Qt.Key_L, Qt.ControlModifier)
        tryVerify(() => test.window.popupShown)
        // It begins at the model that is there: Enter changes nothing.
        const models = test.find(test.window.contentItem.parent, item => item.model !== undefined && item.model === test.app.models)
        tryVerify(() => models.activeFocus && models.currentItem.current)
        stage.key(test.window, Qt.Key_Return)
        tryVerify(() => !test.window.popupShown)
        stage.key(test.window, Qt.Key_Comma, Qt.ControlModifier)
        tryVerify(() => test.window.popupShown)
        stage.key(test.window, Qt.Key_Escape)
        tryVerify(() => !test.window.popupShown)
        stage.key(test.window, Qt.Key_F1)
        tryVerify(() => test.window.popupShown)
        stage.key(test.window, Qt.Key_Escape)
        tryVerify(() => !test.window.popupShown)
        verify("cursorPosition" in test.window.activeFocusItem)
    }
    function test_tabReachesEveryPartAndComesBack(): void {
        test.ask("Tab")
        test.app.chat.draft = "words"
        test.window.takeFocus()
        test.walkByTab(["Model", "Send", "Settings", "New chat", "Find in this chat", "Copy the answer", "Answer again", "More"])
    }
    // From where the focus is round to there again, past all of these.
    function walkByTab(names): void {
        const start = test.window.activeFocusItem
        const seen = []
        for (let i = 0; i < 40; ++i) {
            stage.key(test.window, Qt.Key_Tab)
            const item = test.window.activeFocusItem
            if (item === start)
                break
            seen.push(item.Accessible.name.length > 0 ? item.Accessible.name : item.text ?? "")
        }
        compare(test.window.activeFocusItem, start)
        for (const name of names)
            verify(seen.some(one => one.startsWith(name)), name + " is not among " + seen.join(", "))
    }
    function test_returnPressesAFocusedButton(): void {
        const settings = test.find(test.window.contentItem, item => item.text === "Settings" && item.clicked !== undefined)
        settings.forceActiveFocus(Qt.TabFocusReason)
        stage.key(test.window, Qt.Key_Return)
        tryVerify(() => test.window.popupShown)
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function test_searchFindsWordsAndSaysWhenThereAreNone(): void {
        test.ask("About marmalade")
        test.app.history.query = "marmalade"
        tryVerify(() => test.app.history.count > 0)
        test.app.history.query = "xyzzyplugh"
        tryVerify(() => test.app.history.count === 0)
        tryVerify(() => test.find(test.window.contentItem, item => item.visible && item.text === "No messages match “xyzzyplugh”") !== null)
        test.app.history.query = ""
    }
    function test_aDeletedChatCanBeBroughtBack(): void {
        test.ask("Delete me")
        tryVerify(() => test.app.history.count > 0)
        const before = test.app.history.count
        test.app.history.remove(test.app.chat.chatId)
        tryCompare(test.app.history, "count", before - 1)
        tryVerify(() => test.button("Undo") !== null)
        mouseClick(test.button("Undo"))
        tryCompare(test.app.history, "count", before)
    }
    function test_aTitleIsGivenToTheChatThatItWasTypedFor(): void {
        test.ask("The first of two")
        const first = test.app.chat.chatId
        test.window.newChat()
        test.ask("The second of two")
        const second = test.app.chat.chatId
        stage.key(test.window, Qt.Key_F2)
        stage.type(test.window, "Renamed")
        test.app.history.open(first, "")
        tryCompare(test.app.chat, "chatId", first)
        test.window.takeFocus()
        compare(test.app.chat.title, "The first of two")
        test.app.history.open(second, "")
        tryCompare(test.app.chat, "chatId", second)
        compare(test.app.chat.title, "Renamed")
    }
    function test_aRightClickOnAChatShowsItsMenuAndOpensNothing(): void {
        test.ask("The chat below")
        const other = test.app.chat.chatId
        test.window.newChat()
        test.ask("The chat on screen")
        const here = test.app.chat.chatId
        const rowOf = id => test.find(test.window.contentItem, item => item.chatId === id && item.menuOpen !== undefined)
        tryVerify(() => rowOf(other) !== null)
        mouseClick(rowOf(other), 40, 16, Qt.RightButton)
        tryVerify(() => rowOf(other).menuOpen)
        wait(50)
        compare(test.app.chat.chatId, here)
        stage.key(test.window, Qt.Key_Escape)
        tryVerify(() => !rowOf(other).menuOpen)
        mouseClick(rowOf(other), 40, 16)
        tryCompare(test.app.chat, "chatId", other)
    }
    function test_noticesAreSeenInEveryPane(): void {
        test.app.chat.tray.add([stage.urlOf(stage.writeFile("no.png", "words"))])
        const shown = () => test.find(test.window.contentItem, item => item.visible && item.text === "This picture cannot be used") !== null
        tryVerify(shown)
        for (const pane of [Application.CodePane, Application.ImagePane, Application.ChatPane]) {
            test.window.showPane(pane)
            tryVerify(shown)
        }
        mouseClick(test.button("Close"))
        tryVerify(() => !shown())
    }
    function test_narrowLayoutsKeepEverythingInside(): void {
        test.ask("Narrow")
        for (const width of [860, 600, 480]) {
            test.window.width = width
            tryCompare(test.window.contentItem, "width", width)
            const send = test.find(test.window.contentItem, item => item.text === "Send" && item.visible)
            const right = send.mapToItem(test.window.contentItem, send.width, 0).x
            verify(right <= width, "Send ends at " + right + " of " + width)
        }
    }
    function test_picturesArePastedAskedAboutAndMarked(): void {
        stage.loadSeeingModel()
        tryVerify(() => test.app.model.sees)
        stage.key(test.window, Qt.Key_3, Qt.ControlModifier)
        tryVerify(() => test.app.chat.isImage && test.window.imageShown)
        verify(!test.button("Send").enabled)
        stage.copyPicture()
        stage.key(test.window, Qt.Key_V, Qt.ControlModifier)
        tryVerify(() => test.app.chat.tray.count === 1 && test.app.chat.tray.ready)
        const detail = test.find(test.window.contentItem, item => item.spokenCost !== undefined)
        tryVerify(() => detail.visible && test.app.chat.tray.costs.length === 3)
        compare(detail.Accessible.name, "Detail of the pictures: Full")
        verify(detail.Accessible.description.startsWith("≈ 1 token"), detail.Accessible.description)
        detail.forceActiveFocus()
        stage.key(test.window, Qt.Key_Left)
        compare(test.app.chat.tray.detail, PictureTray.Normal)
        verify(detail.Accessible.name.startsWith("Detail of the pictures: Normal"), detail.Accessible.name)
        stage.key(test.window, Qt.Key_Left)
        stage.key(test.window, Qt.Key_Left)
        compare(test.app.chat.tray.detail, PictureTray.Low)
        test.app.chat.tray.detail = PictureTray.Full
        test.window.takeFocus()
        stage.speak('[{"bbox_2d": [0, 0, 500, 500], "label": "corner"}]', 1)
        stage.type(test.window, "Where")
        tryVerify(() => test.button("Send").enabled)
        stage.key(test.window, Qt.Key_Return)
        tryVerify(() => test.app.image.places.count === 1)
        tryVerify(() => test.find(test.window.contentItem, item => item.number === 1 && item.boxWidth !== undefined) !== null)
        test.waitForTheEnd()
        const well = test.find(test.window.contentItem, item => item.choosing !== undefined)
        tryVerify(() => well.ready)
        test.window.takeFocus()
        test.walkByTab(["Model", "Choose pictures", "Picture: ", "Ask about a part", "Larger", "1: corner", "Answer again"])
        mouseClick(test.button("Larger"))
        verify(well.zoom > well.fitted)
        mouseClick(test.button("Smaller"))
        compare(well.zoom, 0)
        mouseClick(test.button("Ask about a part"))
        stage.key(test.window, Qt.Key_Escape)
        tryVerify(() => !well.choosing)
        stage.key(test.window, Qt.Key_Return)       // the picture has the focus
        stage.key(test.window, Qt.Key_Left)
        stage.key(test.window, Qt.Key_Down, Qt.ShiftModifier)
        stage.key(test.window, Qt.Key_Return)
        tryVerify(() => !well.choosing && test.app.chat.tray.count === 1 && test.app.chat.tray.ready)
        tryVerify(() => test.app.image.pixels.width === 21 && test.app.image.pixels.height === 17)
        test.window.height = 480
        for (const width of [900, 720, 560, 480]) {
            test.window.width = width
            for (const text of ["Send", "Ask about a part", "Larger", "Choose pictures…"]) {
                const right = () => test.button(text).mapToItem(test.window.contentItem, test.button(text).width, 0).x
                tryVerify(() => right() <= width, 1000, text + " ends at " + right() + " of " + width)
            }
        }
        stage.key(test.window, Qt.Key_1, Qt.ControlModifier)
        tryVerify(() => test.window.chatShown)
        verify(test.app.chat.isImage)      // the same chat, in the other pane
        stage.loadModel()
        tryVerify(() => !test.app.model.sees && test.app.chat.state === ChatController.Ready)
    }
    function test_aDroppedPictureOpensTheImagePane(): void {
        const file = stage.pictureFile()
        stage.drop(test.window, file)
        tryVerify(() => test.window.imageShown && test.app.chat.tray.count === 1)
        tryVerify(() => test.button("Get Qwen3-VL-2B…") !== null)
        const takeOut = test.button("Take out “dropped.png”")
        tryVerify(() => takeOut.x > 0 && test.app.chat.tray.ready)     // it has its place
        mouseClick(takeOut)
        tryCompare(test.app.chat.tray, "count", 0)
        test.window.showPane(Application.ChatPane)
    }
    function test_anImportIsAskedFirst(): void {
        const file = stage.writeFile("chats.json", '{"version":1,"chats":[{"id":"c1","title":"Brought in","created":1,"updated":1,"messages":[]}]}')
        const before = test.app.history.count
        stage.drop(test.window, file)
        tryVerify(() => test.window.popupShown)
        const cancel = test.findInOverlay("Cancel")
        mouseClick(cancel)
        tryVerify(() => !test.window.popupShown)
        compare(test.app.history.count, before)
        stage.drop(test.window, file)
        tryVerify(() => test.window.popupShown)
        mouseClick(test.findInOverlay("Add the chats"))
        tryCompare(test.app.history, "count", before + 1)
        tryVerify(() => !test.window.popupShown)
    }
    function findInOverlay(text: string) {
        return test.find(test.window.contentItem.parent, item => item.text === text && item.visible && item.iconName !== undefined)
    }
    function test_settingsOpenOnEveryPage(): void {
        const titles = []
        for (let page = 0; page < 9; ++page) {
            test.window.openSettings(page)
            tryVerify(() => test.window.popupShown)
            const shown = test.find(test.window.contentItem.parent, item => item.visible && item instanceof SettingsPage)
            verify(shown !== null, "page " + page)
            titles.push(shown.title)
        }
        compare(titles, [qsTr("Appearance"), qsTr("System prompt"), qsTr("Model"), qsTr("Sampling"), qsTr("Library"), qsTr("Network"),
                         qsTr("This computer"), qsTr("Storage"),
                         qsTr("Inference-PIO %1").arg(test.app.about.version)])
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    // In the tip of the status line's speed, and in a strip of the model's settings.
    function test_whatAnAnswerFoundOfExpertsIsShown(): void {
        const line = test.find(test.window.contentItem, item => item instanceof StatusLine)
        verify(line !== null)
        compare(line.expertWords, "")
        stage.answerFromSlots()
        test.ask("Which experts?")
        tryVerify(() => line.expertWords.includes(Figures.percent(0.75, 1)))
        test.window.openSettings(2)
        const strip = () => test.find(test.window.contentItem.parent, item => item instanceof ExpertStrip && item.visible)
        tryVerify(() => strip() !== null && strip().measured)
        tryVerify(() => strip().Accessible.name.includes(Figures.percent(0.25, 1)), 5000, "the share of experts that has room")
        for (const said of [Figures.percent(0.86, 1), Figures.percent(0.75, 1), Figures.percent(0.91, 1), Figures.bytes(128000000)])
            verify(strip().Accessible.name.includes(said), strip().Accessible.name)
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
        stage.planAsEver()
        stage.speak("It stood at the end of the pier.", 1)
        test.ask("And now?")
        tryCompare(line, "expertWords", "")
    }
    function test_aLongPageOfTheSettingsScrollsByKeys(): void {
        const height = test.window.height
        test.window.height = 520
        test.window.openSettings(2)
        tryVerify(() => test.window.popupShown)
        const page = test.find(test.window.contentItem.parent, item => item.visible && item instanceof SettingsPage)
        tryVerify(() => page.contentHeight > page.height)
        test.find(page, item => item.visible && item.enabled && item.activeFocusOnTab).forceActiveFocus(Qt.TabFocusReason)
        compare(page.contentY, 0)
        stage.key(test.window, Qt.Key_PageDown)
        verify(page.contentY > 0)
        stage.key(test.window, Qt.Key_PageUp)
        compare(page.contentY, 0)
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
        test.window.height = height
    }
    function test_thePageOfAModelPlansAnewWhenItOpens(): void {
        stage.planFor(20, true)
        test.window.openSettings(2)
        tryCompare(test.app.load, "decodeSpeed", 20)
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
        stage.planFor(9, true)
        test.window.openSettings(2)
        tryCompare(test.app.load, "decodeSpeed", 9)
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
        stage.planAsEver()
    }
    function test_aPaneSaysWhatASwitchCostsBeforeItHappens(): void {
        stage.loadSeeingModel()
        stage.loadModel()
        tryVerify(() => test.app.chat.state === ChatController.Ready && !test.app.chat.model.sees)
        stage.answerFromSlots()
        test.window.showPane(Application.ImagePane)
        const button = () => test.find(test.window.contentItem, item => item.visible && item.iconName !== undefined && item.text.startsWith("Switch to "))
        tryVerify(() => button() !== null && button().text.includes("≈ " + Figures.seconds(9)))
        verify(!test.app.chat.model.sees, "it has not happened")
        stage.planAsEver()
    }
    function test_theDoctorLooksAndItsFindingsAreCopied(): void {
        test.window.openSettings(6)
        tryVerify(() => test.app.doctor.ready && !test.app.doctor.busy, 20000)
        const row = test.find(test.window.contentItem.parent, item => item instanceof FindingRow && item.visible)
        verify(row !== null && row.Accessible.name.includes(row.title) && row.Accessible.name.includes(row.text))
        mouseClick(test.findInOverlay("Copy as text"))
        compare(stage.copied(), test.app.doctor.report)
        verify(test.app.doctor.report.includes(row.title))
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function test_aFindingLeadsToThePageThatItNames(): void {
        const shown = () => test.find(test.window.contentItem.parent, item => item.visible && item instanceof SettingsPage)
        for (const [button, title] of [[Doctor.OpenStorage, qsTr("Storage")], [Doctor.OpenModelPage, qsTr("Model")]]) {
            test.window.openSettings(SettingsDialog.Computer)
            tryVerify(() => shown() instanceof DoctorPage)
            shown().actionTaken(button)
            tryVerify(() => shown() !== null && shown().title === title)
        }
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function test_whatCanGoIsRemovedAndCopiesOfTheHistoryAskOnce(): void {
        const copy = stage.writeFile("history.v3.db", "an older one")
        test.window.openSettings(7)
        tryVerify(() => test.app.storage.measured && !test.app.storage.busy, 20000)
        tryVerify(() => test.findButtonOf("Remove: Older copies of the conversations") !== null)
        const button = test.findButtonOf("Remove: Older copies of the conversations")
        stage.draw(test.window)     // where it stands then, it is clicked
        mouseClick(button)
        compare(button.text, "Remove for good")
        compare(stage.readFile(copy), "an older one")
        mouseClick(button)
        tryVerify(() => !test.app.storage.busy && stage.readFile(copy) === "")
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function findButtonOf(name: string) {
        return test.find(test.window.contentItem.parent, item => item.iconName !== undefined && item.visible && item.Accessible.name === name)
    }
    function test_theDesktopsThemeCountsWhereNoneIsChosen(): void {
        test.app.settings.appearance = Settings.System
        Theme.desktopScheme = Desktop.Dark
        verify(Theme.isDark)
        compare(Theme.color, Theme.dark)
        Theme.desktopScheme = Desktop.Light
        verify(!Theme.isDark)
        Theme.desktopContrast = true
        compare(Theme.color, Theme.contrastLight)
        test.app.settings.appearance = Settings.Light
        compare(Theme.color, Theme.light)
        test.app.settings.appearance = Settings.Dark
        compare(Theme.color, Theme.dark)
        test.app.settings.appearance = Settings.System
        Theme.desktopScheme = Desktop.NoPreference
        Theme.desktopContrast = false
    }
    function test_thePaneIsRemembered(): void {
        test.window.showPane(Application.CodePane)
        compare(test.app.place.pane, Application.CodePane)
        const again = mainComponent.createObject(null, { app: test.app })
        compare(again.pane, Application.CodePane)
        let isGone = false
        again.Component.destruction.connect(() => isGone = true)
        again.destroy()
        tryVerify(() => isGone)
        wait(1)     // its rows go when the events have been handled
        test.window.showPane(Application.ChatPane)
        compare(test.app.place.pane, Application.ChatPane)
    }
    // Every control of every page, by Tab alone and round to where it began: no control is passed over, none keeps the keys.
    function test_everyControlOfTheSettingsIsReachedByTab(): void {
        for (let page = 0; page < 9; ++page) {
            test.window.openSettings(page)
            tryVerify(() => test.window.popupShown && !test.app.doctor.busy && !test.app.storage.busy, 20000)
            const overlay = test.window.contentItem.parent
            const list = test.find(overlay, item => item.count === 9 && item.keyNavigationEnabled === true && item.visible)
            const wanted = []
            const walk = item => {
                for (let i = 0; i < item.children.length; ++i) {
                    const child = item.children[i]
                    if (child.visible && child.enabled && child.activeFocusOnTab) {
                        verify(child.Accessible.name.length > 0 || child.text !== undefined, "a control without a name on page " + page)
                        wanted.push(child)
                    }
                    walk(child)
                }
            }
            walk(test.find(overlay, item => item.visible && item instanceof SettingsPage))
            list.forceActiveFocus(Qt.TabFocusReason)
            const reached = []
            for (let i = 0; i < 200; ++i) {
                stage.key(test.window, Qt.Key_Tab)
                if (list.activeFocus)       // itself, or its current row
                    break
                reached.push(test.window.activeFocusItem)
            }
            verify(list.activeFocus, "round on page " + page)
            for (const control of wanted)
                verify(reached.indexOf(control) >= 0, (control.Accessible.name || control.text) + " on page " + page)
        }
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function test_licencesUnfold(): void {
        test.window.openSettings(8)
        tryVerify(() => test.findButtonOf("Licence of MD4C: MIT") !== null)
        mouseClick(test.findButtonOf("Licence of MD4C: MIT"))
        tryVerify(() => test.find(test.window.contentItem.parent, item => item.visible && item.text !== undefined && String(item.text).startsWith("MIT License")) !== null)
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function test_eachDeviceShowsWhatWouldLieThere(): void {
        stage.planOnCard()
        stage.holdListing()
        stage.loadOnCard()
        test.window.openSettings(2)
        tryVerify(() => test.window.popupShown)
        const page = test.window.contentItem.parent
        const shown = words => test.find(page, item => item.visible && item.text === words) !== null
        const bar = name => test.find(page, item => item instanceof DeviceBar && item.name.startsWith(name))
        tryVerify(() => test.app.load.hasPlan)
        tryVerify(() => shown("Looking for graphics cards…"))       // the page is there before drivers have answered
        stage.letListing()
        tryVerify(() => !shown("Looking for graphics cards…"))
        tryVerify(() => bar("GPU, NVIDIA GeForce RTX 3060: nothing") !== null)
        verify(bar("CPU: 7.4\u00a0GB, 48 layers and 1,820 experts") !== null)
        verify(bar("CPU").Accessible.name.includes("Experts"))
        // Those that cannot be used, with code and words.
        verify(shown("vulkan:1 is not used (device_too_old). The card cannot do what is needed."))
        verify(shown("expected Vulkan 1.2, found 1.1"))
        // The budget of the card, with what it would bring.
        const device = test.find(page, item => item instanceof Segmented && item.label === "Device")
        compare(device.labels.join(), "Automatic,CPU,GPU")
        device.chosen(2)
        tryVerify(() => bar("CPU: nothing") !== null)
        compare(test.app.load.device, "vulkan")
        const slider = test.find(page, item => item instanceof PioSlider && item.visible && item.label === "VRAM to use")
        verify(slider !== null)
        slider.forceActiveFocus(Qt.TabFocusReason)
        stage.key(test.window, Qt.Key_Left)
        tryVerify(() => test.app.load.vramBytes > 0)
        tryVerify(() => test.find(page, item => item.visible && item.text !== undefined && String(item.text).includes("first word of a question after")) !== null)
        // What is best, by one button.
        test.app.load.device = "cpu"
        mouseClick(test.findButtonOf("Fit to this computer"))
        tryVerify(() => !test.app.load.fitting && test.app.load.device === "vulkan")
        compare(test.app.load.vramBytes, 0)
        test.app.load.undo()
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
        // The status line names the device, and after an answer the page what was measured.
        tryVerify(() => test.find(test.window.contentItem, item => item.visible && item.text === "GPU, NVIDIA GeForce RTX 3060") !== null)
        stage.speak("some words that were said by a card", 1)
        stage.planAsEver()
        stage.loadModel()
        tryVerify(() => test.find(test.window.contentItem, item => item.visible && item.text === "CPU") !== null)
    }
    function test_theMemoryOfAChatIsCalledKvCache(): void {
        test.window.openSettings(2)
        tryVerify(() => test.window.popupShown)
        const page = test.window.contentItem.parent
        verify(test.find(page, item => item instanceof Segmented && item.label === "Precision of the KV cache") !== null)
        verify(test.find(page, item => item instanceof MemoryBar).Accessible.name.includes("KV cache"))
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function test_fieldsTakeWhatTheProgramTakes(): void {
        test.window.openSettings(2)
        tryVerify(() => test.window.popupShown)
        const field = test.find(test.window.contentItem.parent, item => item instanceof NumberField && item.visible && item.label === "Threads")
        verify(field !== null)
        const type = text => {
            field.forceActiveFocus()
            field.text = text
            field.editingFinished()
        }
        const most = test.app.load.limits.threads.to
        type(String(most))
        compare(test.app.load.threads, most)
        type(String(most + 1))
        compare(test.app.load.threads, most)
        type("")
        compare(test.app.load.threads, 0)
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function test_thePageThatIsOpenedIsTheOneThatTheKeysGoOnFrom(): void {
        test.window.openSettings(0)
        tryVerify(() => test.window.popupShown)
        const list = test.find(test.window.contentItem.parent, item => item.keyNavigationEnabled === true && item.visible && item.Accessible.name === "Settings")
        tryVerify(() => list.activeFocus && list.itemAtIndex(1) !== null)
        mouseClick(list.itemAtIndex(1))
        compare(list.currentIndex, 1)
        test.window.openSettings(3)
        compare(list.currentIndex, 3)
        stage.key(test.window, Qt.Key_Up)
        compare(list.currentIndex, 2)
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function test_theFirstRowOfASettingsPageKeepsItsDistanceFromTheTitle(): void {
        for (let page = 0; page < 9; ++page) {
            test.window.openSettings(page)
            tryVerify(() => test.window.popupShown)
            const shown = test.find(test.window.contentItem.parent, item => item.hint !== undefined && item.focusItem !== undefined && item.title !== undefined && item.visible)
            const rows = shown.contentItem.children[0].children
            let title = null
            let first = null
            for (let i = 0; i < rows.length && first === null; ++i) {
                if (title === null)
                    title = rows[i]
                else if (rows[i].visible && rows[i].height > 0)
                    first = rows[i]
            }
            tryVerify(() => first.y - title.y - title.height >= 4, 1000, shown.title)
            if (shown.hint.length === 0)
                verify(first.y - title.y - title.height >= 8, shown.title + ": " + (first.y - title.y - title.height))
        }
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }
    function test_zoomChangesTextAndNotTheFrame(): void {
        test.window.zoomBy(0.3)
        fuzzyCompare(Theme.zoom, 1.3, 0.001)
        compare(Theme.ui.size, 13)
        compare(Theme.prose.size, 20)  // 15 × 1.3 = 19.5
        test.app.settings.zoom = 1
    }
    function test_everyButtonHasAName(): void {
        test.ask("Names")
        const nameless = []
        const walk = item => {
            for (let i = 0; i < item.children.length; ++i) {
                const child = item.children[i]
                if (child.iconName !== undefined && child.clicked !== undefined && child.text === "" && (child.visible || child.iconName.length > 0))
                    nameless.push(child.iconName)
                walk(child)
            }
        }
        walk(test.window.contentItem)
        compare(nameless.join(" "), "")
    }
}
