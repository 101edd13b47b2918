// `stage` is a context property: tests.cpp sets it.
// qmllint disable unqualified
import QtQuick
import QtTest
import Pio.App
import Pio.Ui

/*! The code pane as a person uses it: keys, clicks, a file on the disk. */
WindowTestCase {
    id: test

    name: "code"
    when: windowShown
    visible: true

    property Main window: null
    property Application app: null
    property string path: ""
    readonly property string source: "def f(a):\n    return a\n\n\n\ndef g(a):\n    return -a\n"
    readonly property string better: "def f(a):\n    return a + 1\n\n\n\ndef g(a):\n    return 1 - a\n"

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
        test.window.sidebarBesideWork = false
        test.path = stage.writeFile("f.py", test.source)
        test.app.openFiles([stage.urlOf(test.path)])
        tryCompare(test.app.code, "state", CodeController.Idle)
        tryCompare(test.app.code, "lineCount", 7)
    }
    function find(item, accepts) {
        for (let i = 0; i < item.children.length; ++i) {
            const child = item.children[i]
            if (!child.visible)
                continue
            if (accepts(child))
                return child
            const found = test.find(child, accepts)
            if (found !== null)
                return found
        }
        return null
    }
    function button(text: string) {
        return test.find(test.window.contentItem, item => item.text === text && item.iconName !== undefined)
    }
    function press(text: string): void {
        tryVerify(() => test.button(text) !== null)
        waitForRendering(test.window.contentItem, 200)      // the layouts move buttons with the next frame
        mouseClick(test.button(text))
    }
    function propose(): void {
        stage.speak("Here:\n\n```python\n" + test.better + "```\n", 0)
        test.app.code.fix()
        tryCompare(test.app.code.hunks, "count", 2)
        tryCompare(test.app.code, "state", CodeController.Idle)
    }

    function test_aSourceFileOpensTheCodePane(): void {
        compare(test.window.pane, Application.CodePane)
        verify(test.find(test.window.contentItem, item => item.text === "f.py") !== null)
        test.window.showPane(Application.ChatPane)
        compare(test.window.codeShown, false)
        stage.key(test.window, Qt.Key_2, Qt.ControlModifier)
        compare(test.window.pane, Application.CodePane)
        stage.key(test.window, Qt.Key_1, Qt.ControlModifier)
        compare(test.window.pane, Application.ChatPane)
    }
    function test_theSwitchIsReachedByMouse(): void {
        const chat = test.find(test.window.contentItem, item => item.text === "Chat" && item.taken !== undefined)
        verify(chat !== null)
        mouseClick(chat)
        compare(test.window.pane, Application.ChatPane)
        const code = test.find(test.window.contentItem, item => item.text === "Code" && item.taken !== undefined)
        mouseClick(code)
        compare(test.window.pane, Application.CodePane)
    }
    function test_linesAreSelectedByKeysAndByMouse(): void {
        const view = test.find(test.window.contentItem, item => item.lineAt !== undefined)
        view.forceActiveFocus(Qt.TabFocusReason)
        stage.key(test.window, Qt.Key_Down)
        compare(test.app.code.selectionFirst, 1)
        stage.key(test.window, Qt.Key_Down)
        stage.key(test.window, Qt.Key_Down, Qt.ShiftModifier)
        compare(test.app.code.selectionFirst, 2)
        compare(test.app.code.selectionLast, 3)
        stage.key(test.window, Qt.Key_Escape)
        compare(test.app.code.selectionFirst, 0)
        const third = test.find(view, item => item.before === 3)
        mouseClick(third, 200, 10)
        compare(test.app.code.selectionFirst, 3)
        const fifth = test.find(view, item => item.before === 5)
        mouseClick(fifth, 200, 10, Qt.LeftButton, Qt.ShiftModifier)
        compare(test.app.code.selectionLast, 5)
        test.app.code.select(0, 0)
    }
    function test_aQuestionIsAskedByEnter(): void {
        stage.speak("It gives back its argument.", 1)
        test.window.takeFocus()
        stage.type(test.window, "What is f")
        stage.key(test.window, Qt.Key_Return)
        tryVerify(() => test.app.code.messages.count > 2)
        tryCompare(test.app.code, "state", CodeController.Idle)
        compare(test.app.code.hunks.count, 0)
    }
    function historyRow(chatId: string) {
        return test.find(test.window.contentItem, item => item.chatId === chatId && item.menuOpen !== undefined)
    }
    function test_aConversationIsMarkedInTheSidebarAndAClickOpensItWithItsFile(): void {
        const path = stage.writeFile("marked.py", test.source)
        test.app.openFiles([stage.urlOf(path)])
        tryCompare(test.app.code, "fileName", "marked.py")
        tryCompare(test.app.code, "state", CodeController.Idle)
        stage.speak("It gives back its argument.", 0)
        test.app.code.ask("What is g")
        tryVerify(() => test.app.code.messages.count > 2)
        tryCompare(test.app.code, "state", CodeController.Idle)
        const chat = test.app.code.chatId
        test.window.showSidebar()
        tryVerify(() => test.historyRow(chat) !== null)
        verify(test.historyRow(chat).current)       // in this pane
        test.app.openFiles([stage.urlOf(test.path)])
        tryCompare(test.app.code, "fileName", "f.py")
        test.window.showPane(Application.ChatPane)
        test.window.newChat()
        test.window.showSidebar()
        tryVerify(() => test.historyRow(chat) !== null)
        const row = test.historyRow(chat)
        verify(!row.current)
        compare(row.Accessible.name, "marked.py, about a file")
        verify(test.find(row, item => item.icon === "code") !== null)
        waitForRendering(test.window.contentItem, 200)
        mouseClick(row)
        tryCompare(test.window, "pane", Application.CodePane)
        tryCompare(test.app.code, "fileName", "marked.py")
        tryCompare(test.app.code, "chatId", chat)
    }
    function test_aConversationWhoseFileIsGoneShowsItsWordsAndSaysWhy(): void {
        const path = stage.writeFile("gone.py", test.source)
        test.app.openFiles([stage.urlOf(path)])
        tryCompare(test.app.code, "fileName", "gone.py")
        tryCompare(test.app.code, "state", CodeController.Idle)
        stage.speak("It gives back its argument.", 0)
        test.app.code.ask("What is f")
        tryVerify(() => test.app.code.messages.count > 2)
        tryCompare(test.app.code, "state", CodeController.Idle)
        const chat = test.app.code.chatId
        test.app.openFiles([stage.urlOf(test.path)])
        tryCompare(test.app.code, "fileName", "f.py")
        stage.removeFile(path)
        test.app.history.open(chat, "")
        tryCompare(test.window, "pane", Application.ChatPane)
        tryCompare(test.app.chat, "chatId", chat)
        tryVerify(() => test.find(test.window.contentItem, item => item.text === "The file is not there") !== null)
        test.window.newChat()
        tryVerify(() => test.find(test.window.contentItem, item => item.text === "The file is not there") === null)
    }
    // The files of the rows that are seen, in their order.
    function rowsShown() {
        const types = { AnswerFooter: AnswerFooter, AnswerHeader: AnswerHeader, DroppedNote: DroppedNote, ErrorNote: ErrorNote, HeadingBlock: HeadingBlock,
                        ListItemBlock: ListItemBlock, ProseBlock: ProseBlock, RuleBlock: RuleBlock, StoppedNote: StoppedNote, TableBlock: TableBlock,
                        ThinkingBlock: ThinkingBlock, ToolCallBlock: ToolCallBlock, UnansweredNote: UnansweredNote, UserMessage: UserMessage }
        const rows = []
        test.find(test.window.contentItem, item => {
            if (item instanceof BlockItem)
                rows.push([item.mapToItem(null, 0, 0).y, Object.keys(types).find(name => item instanceof types[name])])
            return false
        })
        return rows.sort((a, b) => a[0] - b[0]).map(row => row[1])
    }
    function test_everyPaneShowsTheSameRows_data() {
        const before = ["UserMessage", "AnswerHeader", "DroppedNote", "ThinkingBlock", "HeadingBlock", "ProseBlock", "ListItemBlock", "RuleBlock", "TableBlock"]
        return [{ tag: "stopped", fails: false, rows: before.concat(["ToolCallBlock", "StoppedNote", "AnswerFooter"]) },
                { tag: "failed", fails: true, rows: before.concat(["ErrorNote", "AnswerFooter"]) }]
    }
    function test_everyPaneShowsTheSameRows(data): void {
        test.window.height = 1400
        stage.answerInAllRows(data.fails)
        test.app.code.newConversation()
        test.app.code.ask("Where")
        tryVerify(() => test.app.code.messages.count === data.rows.length)
        tryCompare(test.app.code, "state", CodeController.Idle)
        tryVerify(() => test.rowsShown().join() === data.rows.join(), 2000, "code: " + test.rowsShown().join())
        test.window.showPane(Application.ChatPane)
        test.window.newChat()
        test.app.chat.send("Where")
        tryVerify(() => test.app.chat.messages.count === data.rows.length)
        tryCompare(test.app.chat, "state", ChatController.Ready)
        tryVerify(() => test.rowsShown().join() === data.rows.join(), 2000, "chat: " + test.rowsShown().join())
        test.window.showPane(Application.ImagePane)
        tryVerify(() => test.rowsShown().join() === data.rows.join(), 2000, "image: " + test.rowsShown().join())
    }
    function test_changesAreDecidedByKeysAppliedAndTakenBack(): void {
        test.propose()
        stage.key(test.window, Qt.Key_A, Qt.ControlModifier | Qt.ShiftModifier)
        compare(test.app.code.acceptedCount, 1)
        compare(test.app.code.currentHunk, 1)
        stage.key(test.window, Qt.Key_R, Qt.ControlModifier | Qt.ShiftModifier)
        compare(test.app.code.pendingCount, 0)
        compare(stage.readFile(test.path), test.source)
        test.window.contentItem.forceActiveFocus()
        stage.key(test.window, Qt.Key_S, Qt.ControlModifier)
        tryCompare(test.app.code, "written", 1)
        compare(stage.readFile(test.path), test.source.replace("return a\n", "return a + 1\n"))
        stage.key(test.window, Qt.Key_Z, Qt.ControlModifier)
        tryCompare(test.app.code, "written", 0)
        compare(stage.readFile(test.path), test.source)
    }
    function test_changesAreDecidedByTheirButtons(): void {
        test.propose()
        const accept = test.find(test.window.contentItem, item => item.key === "Ctrl+Shift+A")
        verify(accept !== null)
        mouseClick(accept)
        compare(test.app.code.acceptedCount, 1)
        test.press("Accept the other")
        compare(test.app.code.acceptedCount, 2)
        test.press("Apply")
        tryCompare(test.app.code, "written", 2)
        compare(stage.readFile(test.path), test.better)
        test.press("Undo")
        tryCompare(test.app.code, "written", 0)
        compare(stage.readFile(test.path), test.source)
    }
    function test_stopStandsWhereAskStood(): void {
        stage.speak("one two three four five six seven eight nine ten ".repeat(20), 20)
        const ask = test.button("Ask")
        const place = ask.mapToItem(null, 0, 0)
        test.app.code.explain()
        tryCompare(test.app.code, "state", CodeController.Writing)
        const stop = test.button("Stop")
        compare(stop.mapToItem(null, 0, 0), place)
        stage.key(test.window, Qt.Key_Escape)
        tryCompare(test.app.code, "state", CodeController.Idle)
    }
    // Nothing can be typed into a button that is off or gone.
    function test_theKeysOfAButtonThatIsOffGoToTheField(): void {
        stage.speak("It gives back its argument.", 1)
        for (const name of ["Explain", "Fix"]) {
            for (const presses of [button => mouseClick(button), button => {
                button.forceActiveFocus(Qt.TabFocusReason)
                stage.key(test.window, Qt.Key_Space)
            }]) {
                test.window.takeFocus()
                const count = test.app.code.messages.count
                presses(test.button(name))
                tryVerify(() => test.app.code.messages.count > count)
                tryCompare(test.app.code, "state", CodeController.Idle)
                tryVerify(() => test.window.activeFocusItem instanceof TextEdit, 1000, name)
            }
        }
        verify(test.button("Dismiss") !== null)
        verify(!test.button("Dismiss").primary)     // nothing is done by it
    }
    // Not with a later frame: a key that is pressed at once finds it.
    function test_aNoticeIsOnTheScreenAsSoonAsItIsInTheList(): void {
        const seen = []
        const look = () => seen.push(test.app.notices.count > 0 && test.button("Dismiss") !== null)
        stage.speak("It gives back its argument.", 1)
        test.app.notices.dismiss(Notices.CodeAnswer)
        test.app.notices.changed.connect(look)
        test.app.code.fix()
        tryVerify(() => seen.length > 0)
        test.app.notices.changed.disconnect(look)
        verify(seen[0])
        test.app.notices.dismiss(Notices.CodeAnswer)
        verify(test.button("Dismiss") === null)
    }
    // One filled button in view: what a notice offers, else the next step of the proposal.
    function test_aProposalIsPlainBesideANoticeThatOffersSomething(): void {
        const filled = () => {
            const texts = []
            test.find(test.window.contentItem, item => {
                if (item.visible && item.enabled && item.primary === true && item.iconName !== undefined)
                    texts.push(item.text)
                return false
            })
            return texts
        }
        test.propose()
        tryVerify(() => filled().length === 1 && filled()[0].startsWith("Accept"), 1000, filled().join(", "))
        stage.loadBrokenModel()
        tryVerify(() => filled().length === 1 && !filled()[0].startsWith("Accept"), 1000, filled().join(", "))
        test.app.notices.dismiss(Notices.Model)
        tryVerify(() => filled().length === 1 && filled()[0].startsWith("Accept"), 1000, filled().join(", "))
        stage.loadModel()
        tryCompare(test.app.chat, "state", ChatController.Ready)
        test.app.code.discard()
    }
    function test_changesThatAreNotWrittenAskBeforeTheFileIsLeft(): void {
        const inDialog = text => test.find(test.window.contentItem.parent, item => item.visible && item.text === text && item.iconName !== undefined)
        test.propose()
        const other = stage.writeFile("third.c", "int x;\n")
        stage.drop(test.window, other)
        tryVerify(() => inDialog("Write all changes") !== null)
        waitForRendering(test.window.contentItem, 200)
        mouseClick(inDialog("Cancel"))
        tryCompare(test.app.code, "leaving", CodeController.Nothing)
        compare(test.app.code.hunks.count, 2)
        test.window.close()
        tryVerify(() => inDialog("Write all changes") !== null)
        verify(test.window.visible)
        stage.key(test.window, Qt.Key_Escape)
        tryCompare(test.app.code, "leaving", CodeController.Nothing)
        stage.drop(test.window, other)
        tryVerify(() => inDialog("Write all changes") !== null)
        test.app.code.discardAndLeave()
        tryCompare(test.app.code, "fileName", "third.c")
        tryVerify(() => inDialog("Write all changes") === null)
    }
    function test_changesThatNobodySawAskBeforeTheWindowCloses(): void {
        const inDialog = text => test.find(test.window.contentItem.parent, item => item.visible && item.text === text && item.iconName !== undefined)
        const other = stage.writeFile("fourth.c", "int x;\n")
        stage.speak("```python\n" + test.better + "```\n", 20)
        test.app.code.fix()
        tryVerify(() => test.app.code.busy)
        test.app.code.open(stage.urlOf(other))
        tryCompare(test.app.code, "fileName", "fourth.c")
        tryVerify(() => !test.app.engine.busy)
        test.window.close()
        tryVerify(() => inDialog("Show the changes") !== null)
        verify(test.window.visible)
        verify(test.find(test.window.contentItem.parent, item => item.text === "Changes to f.py were not looked at") !== null)
        waitForRendering(test.window.contentItem, 200)
        mouseClick(inDialog("Show the changes"))
        tryCompare(test.app.code, "fileName", "f.py")
        tryVerify(() => test.app.code.hunks.count > 0)
        tryVerify(() => inDialog("Cancel") === null)
        test.app.code.discard()
    }
    function test_aNewRequestAsksWhatBecomesOfTheStandingProposal(): void {
        const inDialog = text => test.find(test.window.contentItem.parent, item => item.visible && item.text === text && item.iconName !== undefined)
        const field = test.find(test.window.contentItem, item => item instanceof TextEdit && item.hint === "Ask about f.py")
        test.propose()
        test.window.takeFocus()
        stage.type(test.window, "Add two")
        stage.key(test.window, Qt.Key_Return, Qt.AltModifier)
        tryVerify(() => inDialog("Write all changes") !== null)
        compare(test.app.code.hunks.count, 2)
        stage.key(test.window, Qt.Key_Escape)
        tryCompare(test.app.code, "leaving", CodeController.Nothing)
        tryVerify(() => inDialog("Write all changes") === null)
        compare(test.app.code.hunks.count, 2)
        compare(field.text, "Add two")
        stage.speak("```python\n" + test.better.replace("a + 1", "a + 2") + "```\n", 0)
        test.press("Write")
        tryVerify(() => inDialog("Write all changes") !== null)
        verify(test.find(test.window.contentItem.parent, item => item.text === "The proposal goes when a new one is asked for. The conversation stays.") !== null)
        waitForRendering(test.window.contentItem, 200)
        stage.key(test.window, Qt.Key_Return)           // writes it, then asks
        tryVerify(() => stage.readFile(test.path) === test.better)
        tryCompare(field, "text", "")
        tryCompare(test.app.code.hunks, "count", 1)
        tryCompare(test.app.code, "state", CodeController.Idle)

        stage.key(test.window, Qt.Key_Z, Qt.ControlModifier)    // would be about other lines
        tryVerify(() => inDialog("Cancel") !== null)
        verify(inDialog("Write all changes") === null)
        waitForRendering(test.window.contentItem, 200)
        mouseClick(test.find(test.window.contentItem.parent, item => item.visible && item.text === "Discard" && item.iconName !== undefined && item.mapToItem(null, 0, 0).x < 800))
        tryVerify(() => stage.readFile(test.path) === test.source)
        tryCompare(test.app.code.hunks, "count", 0)
    }
    function test_applyingAPartAsksAboutWhatIsNotDecided(): void {
        const inDialog = text => test.find(test.window.contentItem.parent, item => item.visible && item.text === text && item.iconName !== undefined)
        test.propose()
        test.app.code.accept(0)
        test.press("Apply")
        tryVerify(() => inDialog("Write what is accepted") !== null)
        verify(test.find(test.window.contentItem.parent, item => item.text === "1 change is neither accepted nor rejected. It goes when what is accepted is written.") !== null)
        compare(stage.readFile(test.path), test.source)
        waitForRendering(test.window.contentItem, 200)
        mouseClick(inDialog("Write all changes"))
        tryVerify(() => stage.readFile(test.path) === test.better)
        tryCompare(test.app.code, "leaving", CodeController.Nothing)
        tryCompare(test.app.code.hunks, "count", 0)
    }
    function test_aDroppedFileOpens(): void {
        const other = stage.writeFile("other.c", "int x;\n")
        stage.drop(test.window, other)
        tryCompare(test.app.code, "fileName", "other.c")
    }
    function test_narrowLayoutsKeepEverythingInside(): void {
        test.propose()
        for (const width of [860, 720, 600, 480]) {
            test.window.width = width
            tryCompare(test.window.contentItem, "width", width)
            for (const text of ["Ask", "Discard"]) {
                const item = test.button(text)
                verify(item !== null, text + " at " + width)
                const right = item.mapToItem(test.window.contentItem, item.width, 0).x
                verify(right <= width, text + " ends at " + right + " of " + width)
            }
        }
        test.app.code.discard()
    }
    function test_tabReachesEverything(): void {
        test.propose()
        test.window.takeFocus()
        stage.type(test.window, "why")
        const names = []
        for (let i = 0; i < 40; ++i) {
            stage.key(test.window, Qt.Key_Tab)
            const item = test.window.activeFocusItem
            if (item !== null)
                names.push(item.Accessible.name)
        }
        for (const name of ["Line 1: def f(a):", "Reject change 1", "Accept change 1", "Reject change 2", "Questions and answers about the file",
                            "Discard", "Accept all 2", "Explain", "Fix", "Write", "Ask", "Open a file", "Pane: Code", "Ask about f.py"])
            verify(names.indexOf(name) >= 0, name)
        // called after the function it is in, where there is a grammar to tell
        verify(names.some(name => name.endsWith("line 2, 1 added, 1 removed, open")), names.join("; "))
        test.app.code.discard()
    }
    function test_everyButtonHasAName(): void {
        test.propose()
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
        test.app.code.discard()
    }
}
