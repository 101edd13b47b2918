// `stage` is a context property: tests.cpp sets it.
// qmllint disable unqualified
import QtQuick
import QtTest
import Pio.App
import Pio.Ui

/*! Who gets a key: a field's own keys win over the window's shortcuts, all others reach them. */
WindowTestCase {
    id: test

    name: "keys"
    when: windowShown
    visible: true

    property Main window: null
    property Application app: null
    property var shortcuts: []
    readonly property string manyWords: "one two three four five six seven eight nine ten ".repeat(40)

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
        test.shortcuts = test.all(test.window.contentItem, one => one.sequences !== undefined && one.activated !== undefined)
        verify(test.shortcuts.length > 30)
        stage.loadModel()
        tryCompare(test.app.chat, "state", ChatController.Ready)
    }
    function cleanupTestCase(): void {
        test.window.destroy()
    }
    function init(): void {
        test.window.showPane(Application.ChatPane)
        test.window.newChat()
        tryCompare(test.app.chat.messages, "count", 0)
    }
    function cleanup(): void {
        test.app.chat.stop()
        test.app.code.stop()
        tryVerify(() => !test.app.chat.busy && !test.app.code.busy)
        test.app.history.undoRemove()
        test.endFinding()
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }

    // Everything below `item` that the test accepts, objects that are no items among it.
    function all(item, accepts) {
        const found = []
        const walk = one => {
            const below = one.data ?? []
            for (let i = 0; i < below.length; ++i) {
                if (accepts(below[i]))
                    found.push(below[i])
                if (below[i].children !== undefined)
                    walk(below[i])
            }
        }
        walk(item)
        return found
    }
    function named(name: string) {
        return test.all(test.window.contentItem, one => one.visible && one.Accessible !== undefined && one.Accessible.name === name)[0] ?? null
    }
    function pane() {
        return test.all(test.window.contentItem, one => one.visible && one.endFinding !== undefined)[0]
    }
    function endFinding(): void {
        const pane = test.pane()
        if (pane !== undefined)
            pane.endFinding()
    }
    function isField(item) {
        return item !== null && item.cursorPosition !== undefined && item.readOnly === false
    }
    function ask(): void {
        stage.speak("It stood at the end of the pier.", 1)
        test.app.chat.send("Where was it?")
        const model = test.app.chat.messages
        tryVerify(() => !test.app.chat.busy && model.count > 2 && model.data(model.index(model.count - 1, 0), ConversationModel.StateRole) === "complete")
    }
    function askLong(): void {
        stage.speak(test.manyWords, 20)
        test.app.chat.send("Count")
        tryCompare(test.app.chat, "state", ChatController.Writing)
    }
    function rows() {
        return test.all(test.window.contentItem, one => one.visible && one.section !== undefined && one.currentIndex !== undefined && one.Accessible.name === "Chats")[0]
    }
    function renameRow(): void {
        const list = test.rows()
        list.forceActiveFocus()
        list.currentIndex = 0
        stage.key(test.window, Qt.Key_F2)
        tryVerify(() => test.isField(test.window.activeFocusItem))
    }
    function editQuestion(): void {
        test.pane().messageList.editQuestion(test.app.chat.lastUserMessageId())
        tryVerify(() => test.window.activeFocusItem.text === "Where was it?")
    }

    function test_escapeInAFieldEndsWhatTheFieldIsForAndTheAnswerGoesOn_data() {
        return [
            { tag: "find bar", begin: () => { test.askLong(); stage.key(test.window, Qt.Key_F, Qt.ControlModifier) } },
            { tag: "search", begin: () => { test.askLong(); stage.key(test.window, Qt.Key_K, Qt.ControlModifier) } },
            { tag: "title", begin: () => { test.askLong(); stage.key(test.window, Qt.Key_F2) } },
            { tag: "row", begin: () => { test.askLong(); test.renameRow() } },
            { tag: "question", begin: () => { test.ask(); test.editQuestion(); stage.speak(test.manyWords, 20); test.app.chat.send("Next"); tryVerify(() => test.app.chat.busy) } }
        ]
    }
    function test_escapeInAFieldEndsWhatTheFieldIsForAndTheAnswerGoesOn(data): void {
        data.begin()
        const field = test.window.activeFocusItem
        verify(test.isField(field))
        stage.key(test.window, Qt.Key_Escape)
        tryVerify(() => test.window.activeFocusItem !== field)
        verify(test.app.chat.busy && test.app.chat.state !== ChatController.Stopping, "the answer was stopped")
        // Where the focus is now, the key is the window's again.
        stage.key(test.window, Qt.Key_Escape)
        tryVerify(() => !test.app.chat.busy)
    }
    function test_escapeInAnOpenMenuClosesItAndTheAnswerGoesOn(): void {
        test.askLong()
        stage.key(test.window, Qt.Key_F10)
        const menuItem = () => test.window.activeFocusItem
        tryVerify(() => menuItem() !== null && menuItem().contentModel === undefined && !test.isField(menuItem()))
        stage.key(test.window, Qt.Key_Escape)
        tryVerify(() => test.isField(menuItem()) || menuItem().text === "More" || menuItem() === test.window.contentItem)
        verify(test.app.chat.busy && test.app.chat.state !== ChatController.Stopping, "the answer was stopped")
    }
    function test_undoBringsAChatBackFromAFieldThatHasNothingToUndo_data() {
        return [{ tag: "composer", key: 0 }, { tag: "search", key: Qt.Key_K }]
    }
    function test_undoBringsAChatBackFromAFieldThatHasNothingToUndo(data): void {
        test.ask()
        const before = test.app.history.count
        test.app.history.remove(test.app.chat.chatId)
        tryCompare(test.app.history, "count", before - 1)
        if (data.key !== 0)
            stage.key(test.window, data.key, Qt.ControlModifier)
        verify(test.isField(test.window.activeFocusItem))
        stage.type(test.window, "ab")
        const field = test.window.activeFocusItem
        while (field.canUndo) {     // its own words come first
            stage.key(test.window, Qt.Key_Z, Qt.ControlModifier)
            compare(test.app.history.count, before - 1)
        }
        compare(field.text, "")
        stage.key(test.window, Qt.Key_Z, Qt.ControlModifier)
        tryCompare(test.app.history, "count", before)
    }
    function test_behindADialogNothingIsUndone(): void {
        test.ask()
        const before = test.app.history.count
        test.app.history.remove(test.app.chat.chatId)
        tryCompare(test.app.history, "count", before - 1)
        test.window.openSettings(1)
        tryVerify(() => test.window.popupShown)
        stage.key(test.window, Qt.Key_Z, Qt.ControlModifier)
        const prompt = test.all(test.window.contentItem.parent, one => test.isField(one))[0]
        prompt.forceActiveFocus()
        stage.key(test.window, Qt.Key_Z, Qt.ControlModifier)
        compare(test.app.history.count, before - 1)
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
    }

    // What the window looks like when keys are pressed; each brings it about from any other of its kind.
    readonly property var scenes: ({
        "chat": () => { test.ask(); test.pane().find() },
        "chat, writing": () => { test.askLong(); test.pane().find() },
        "title, writing": () => { test.askLong(); test.pane().header.rename() },
        "row, writing": () => { test.askLong(); test.renameRow() },
        "question": () => { test.ask(); test.editQuestion() },
        "searching": () => {
            test.ask()
            test.app.history.query = "pier"
            tryVerify(() => test.app.history.count > 0 && test.rows().itemAtIndex(0)?.isHit === true)
        },
        "code": () => test.openCode(),
        "code, writing": () => {
            test.openCode()
            stage.speak(test.manyWords, 20)
            test.app.code.ask("What is it?")
            tryCompare(test.app.code, "state", CodeController.Writing)
        },
        "image": () => { test.window.showPane(Application.ImagePane) },
        "image, part": () => {
            stage.loadSeeingModel()
            test.window.showPane(Application.ImagePane)
            stage.copyPicture()
            stage.key(test.window, Qt.Key_V, Qt.ControlModifier)
            tryVerify(() => test.app.chat.tray.count > 0 && test.app.chat.tray.ready)
            const well = test.all(test.window.contentItem, one => one.visible && one.choosing !== undefined)[0]
            tryVerify(() => well.ready)
            well.choosePart()
            tryVerify(() => well.choosing)
        }
    })
    function openCode(): void {
        test.app.openFiles([stage.urlOf(stage.writeFile("f.py", "def f(a):\n    return a\n"))])
        tryVerify(() => test.window.codeShown && test.app.code.state === CodeController.Idle && test.app.code.lineCount === 2)
    }
    function test_everyKeyGoesWhereItIsUsed_data() {
        return Object.keys(test.scenes).map(name => ({ tag: name }))
    }
    function test_everyKeyGoesWhereItIsUsed(data): void {
        const arrange = () => {
            test.cleanup()
            test.app.history.query = ""
            test.init()
            test.scenes[data.tag]()
        }
        const focusable = () => test.all(test.window.contentItem, one => one.visible && one.enabled && one.forceActiveFocus !== undefined
                                         && (one.activeFocusOnTab === true || test.isField(one) || one === test.window.activeFocusItem))
        arrange()
        const name = item => (test.isField(item) ? "field " : "") + (item.Accessible.name || item.text || String(item))
        const names = focusable().map(name)
        const wrong = []
        let pairs = 0
        verify(names.length > 5, "only " + names.join(", "))
        for (let i = 0; i < names.length; ++i) {
            let item = null
            const find = () => focusable().find((one, at) => name(one) === names[i] && names.indexOf(names[i]) <= at)
            for (const shortcut of test.shortcuts) {
                if (!shortcut.enabled)
                    continue
                for (const [key, modifiers, keyName] of stage.keysOf(shortcut.sequences)) {
                    if (item === null || !item.visible)
                        item = find() ?? null
                    if (item === null) {    // it is there only while it has the focus
                        arrange()
                        item = find() ?? null
                    }
                    verify(item !== null, names[i] + " did not come back")
                    item.forceActiveFocus()
                    if (test.window.activeFocusItem !== item)   // a scope gives the focus on to one of the others
                        break
                    ++pairs
                    const plain = (modifiers & (Qt.ControlModifier | Qt.AltModifier)) === 0
                    const claims = stage.claims(test.window, key, modifiers)
                    // A button with Return and Ctrl is no wish of the button.
                    if (!plain && !test.isField(item)) {
                        if (claims)
                            wrong.push(names[i] + " keeps " + keyName)
                        continue
                    }
                    const uses = stage.uses(test.window, key, modifiers)
                    if (claims !== uses)
                        wrong.push(names[i] + (uses ? " loses " : " keeps ") + keyName)
                    if (uses) {
                        arrange()
                        item = null
                    }
                }
            }
        }
        compare(wrong.join("; "), "")
        verify(pairs > 5 * names.length, "only %1 pairs of %2 items".arg(pairs).arg(names.length))
    }
}
