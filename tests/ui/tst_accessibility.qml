// `stage` is a context property: tests.cpp sets it.
// qmllint disable unqualified
import QtQuick
import QtTest
import Pio.App
import Pio.Ui

/*! What a screen reader and a keyboard find on every page and in every dialog: each control has a name, Tab comes to it, and goes on. */
WindowTestCase {
    id: test

    name: "accessibility"
    when: windowShown
    visible: true

    property Main window: null
    property Application app: null
    readonly property int mostStops: 150
    readonly property int small: 8          // a row of the library: Qwen2.5-Coder-1.5B
    property string putModel: ""            // its file, where a state needs one

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
        stage.beginReading(true)
        test.window = mainComponent.createObject(null, { app: test.app })
        verify(test.window !== null)
        test.window.requestActivate()
        tryVerify(() => test.window.active)
        stage.loadModel()
        tryCompare(test.app.chat, "state", ChatController.Ready)
    }
    function cleanupTestCase(): void {
        test.window.destroy()
        stage.beginReading(false)
    }
    function cleanup(): void {
        test.window.closePopups()
        test.app.code.stay()
        test.app.closing.stay()
        stage.letHistoryGo()
        tryVerify(() => !test.window.popupShown)
        test.app.history.query = ""
        test.window.width = 1280
        for (const row of [0, test.small])
            test.app.library.cancel(row)
        if (test.putModel.length > 0) {
            stage.removeFile(test.putModel)
            test.putModel = ""
            test.app.library.look()
        }
        for (const row of [0, test.small])
            tryVerify(() => test.app.library.row(row).state === PublishedFiles.NotHere)
    }

    // ---- states --------------------------------------------------------------------------------------------------------------------
    function find(accepts) {
        const walk = item => {
            for (let i = 0; i < item.children.length; ++i) {
                const child = item.children[i]
                const found = !child.visible ? null : accepts(child) ? child : walk(child)
                if (found !== null)
                    return found
            }
            return null
        }
        return walk(test.window.contentItem.parent)
    }
    function chat(): void {
        test.window.showPane(Application.ChatPane)
        test.window.newChat()
    }
    function ask(): void {
        test.chat()
        stage.answerInAllRows(false)
        test.app.chat.send("Where was it?")
        tryVerify(() => !test.app.chat.busy && test.app.chat.messages.count > 5)
    }
    function code(): void {
        test.app.code.discard()
        test.app.openFiles([stage.urlOf(stage.writeFile("f.py", "def f(a):\n    return a\n\n\n\ndef g(a):\n    return -a\n"))])
        tryVerify(() => test.window.codeShown && test.app.code.state === CodeController.Idle && test.app.code.lineCount === 7)
    }
    function propose(): void {
        test.code()
        stage.speak("```python\ndef f(a):\n    return a + 1\n\n\n\ndef g(a):\n    return 1 - a\n```\n", 1)
        test.app.code.generate("Add one")
        tryVerify(() => test.app.code.hunks.count === 2)
        tryCompare(test.app.code, "state", CodeController.Idle)
    }
    function picture(): void {
        stage.loadSeeingModel()
        test.window.showPane(Application.ImagePane)
        test.window.newChat()
        stage.copyPicture()
        stage.key(test.window, Qt.Key_V, Qt.ControlModifier)
        tryVerify(() => test.app.chat.tray.count > 0 && test.app.chat.tray.ready)
    }
    function boxes(): void {
        test.picture()
        stage.speak("```json\n[{\"bbox_2d\": [180, 195, 337, 715], \"label\": \"lamp\"}, {\"point_2d\": [500, 850], \"label\": \"floor\"}]\n```", 0)
        test.app.chat.send("Where is the lamp?")
        tryVerify(() => !test.app.chat.busy && test.app.image.places.count === 2)
    }
    readonly property var states: ({
        "no model": () => { test.app.chat.model.unload(); test.chat(); tryCompare(test.app.chat, "state", ChatController.NoModel); test.window.newChat() },
        "empty chat": () => { stage.loadModel(); test.chat(); tryCompare(test.app.chat, "state", ChatController.Ready) },
        "chat": () => test.ask(),
        "chat, find bar": () => { test.ask(); stage.key(test.window, Qt.Key_F, Qt.ControlModifier) },
        "chat, question edited": () => { test.ask(); stage.key(test.window, Qt.Key_E, Qt.ControlModifier | Qt.ShiftModifier) },
        "chat, narrow": () => { test.ask(); test.window.width = 560 },
        "chat, notice": () => { test.ask(); stage.loadBrokenModel() },
        "search": () => { test.ask(); test.app.history.query = "pier"; tryVerify(() => test.app.history.count > 0) },
        "deleted": () => { test.ask(); test.app.history.remove(test.app.chat.chatId) },
        "code, empty": () => { test.app.code.close?.(); test.window.showPane(Application.CodePane) },
        "code": () => test.code(),
        "code, proposal": () => test.propose(),
        "code, leave": () => { test.propose(); test.app.openFiles([stage.urlOf(stage.writeFile("g.py", "a = 1\n"))]); tryVerify(() => test.window.popupShown) },
        "picture": () => test.picture(),
        "picture, places": () => test.boxes(),
        "picture, blind model": () => { test.boxes(); stage.loadModel(); tryVerify(() => !test.app.chat.model.sees) },
        "picker": () => { test.chat(); test.window.openPicker(); tryVerify(() => test.window.popupShown) },
        "get a model": () => { test.chat(); test.window.openSource(2); tryVerify(() => test.window.popupShown) },
        "shortcuts": () => { test.chat(); stage.key(test.window, Qt.Key_F1); tryVerify(() => test.window.popupShown) },
        "system prompt": () => {
            test.chat()
            test.find(item => item.systemPromptRequested !== undefined).systemPromptRequested()
            tryVerify(() => test.window.popupShown)
        },
        "unsaved": () => {
            test.ask()
            stage.holdHistory()
            test.app.chat.rename(test.app.chat.chatId, "A pier")
            test.window.close()
            tryVerify(() => test.window.popupShown)
        },
        "library, on its way": () => {
            stage.serveModels(64, 200)
            const library = test.app.library
            test.window.openLibrary()
            library.fetch(test.small)
            library.fetch(0)
            tryVerify(() => test.window.popupShown && library.row(test.small).done > 0 && library.row(0).state === PublishedFiles.Waiting)
            library.pause(0)
            tryVerify(() => library.row(0).state === PublishedFiles.Paused)
        },
        "library, failed": () => {
            stage.serveModels(64, 404)
            test.window.openLibrary()
            test.app.library.fetch(test.small)
            tryVerify(() => test.window.popupShown && test.app.library.row(test.small).state === PublishedFiles.Failed)
        },
        "library, a file here": () => { test.fileHere(); test.window.openLibrary(); tryVerify(() => test.window.popupShown) },
        "delete a model": () => {
            test.fileHere()
            test.window.openLibrary()
            const row = () => test.find(item => item instanceof LibraryRow && item.index === test.small)
            tryVerify(() => row() !== null)
            row().removeRequested(test.small)
            tryVerify(() => test.find(item => item.text === "Keep it" || item.iconName === "trash") !== null)
        },
        "import": () => { test.chat(); test.app.importOffered(stage.urlOf("/chats.json")); tryVerify(() => test.window.popupShown) }
    })
    // The file of one row of the library, which no test reads.
    function fileHere(): void {
        test.putModel = stage.putModel(test.small)
        test.app.library.look()
        tryVerify(() => test.app.library.row(test.small).state === PublishedFiles.Here)
    }
    function settingsPages(): int {
        test.window.openSettings(0)
        tryVerify(() => test.window.popupShown)
        const dialog = test.find(item => item.currentIndex !== undefined && item.Accessible.name === "Settings")
        const count = dialog.count
        test.window.closePopups()
        tryVerify(() => !test.window.popupShown)
        return count
    }
    function show(state: string): void {
        if (state.startsWith("settings ")) {
            test.window.openSettings(Number(state.slice(9)))
            tryVerify(() => test.window.popupShown)
        } else {
            test.states[state]()
        }
        stage.draw(test.window)
    }
    function everyState() {
        const names = Object.keys(test.states).filter(name => test.app.library.canFetch || (name !== "library, on its way" && name !== "library, failed"))
        for (let page = 0; page < test.settingsPages(); ++page)
            names.push("settings " + page)
        return names.map(name => ({ tag: name }))
    }

    // ---- what is there -------------------------------------------------------------------------------------------------------------
    function isBelow(item, ancestor): bool {
        for (let one = item; one; one = one.parent)       // a row may be gone by now
            if (one === ancestor)
                return true
        return false
    }
    // What a popup that is modal leaves to use: itself.
    function scope() {
        const focus = test.window.activeFocusItem
        for (let one = focus; one !== null; one = one.parent)
            if (one.parent !== null && one.parent.parent !== null && one.parent.parent.parent === null && one.parent !== test.window.contentItem && test.window.popupShown)
                return one
        return test.window.contentItem
    }
    // The list whose arrow keys go to its rows.
    function listOf(item) {
        for (let one = item; one; one = one.parent)
            if (one.itemAtIndex !== undefined && one.activeFocusOnTab === true)
                return one
        return null
    }
    function reaches(stop, item): bool {
        return test.isBelow(item, stop.item) || test.isBelow(stop.item, item) || (stop.list !== null && test.listOf(item) === stop.list)
    }
    function describe(found): string {
        return found.roleName + " “" + found.name + "” (" + String(found.item).replace(/\(0x.*$/, "") + ")"
    }
    // Where Tab goes from here until it comes back.
    function walk(key: int) {
        const stops = []
        for (let i = 0; i < test.mostStops; ++i) {
            const item = test.window.activeFocusItem
            if (item === null || stops.some(stop => stop.item === item))
                break
            stops.push(Object.assign(stage.accessible(item), { list: test.listOf(item) }))
            stage.key(test.window, key, key === Qt.Key_Backtab ? Qt.ShiftModifier : Qt.NoModifier)
        }
        return stops
    }

    // Controls that reach beyond the window, or beyond what cuts them off, to a side that nothing scrolls to.
    function beyond() {
        const found = []
        for (const one of stage.accessibles(test.window).filter(one => one.isControl && one.roleName !== "Dialog")) {
            for (let outer = one.item.parent; outer !== null; outer = outer.parent) {
                if (outer.contentWidth > outer.width + 1 && outer.flickableDirection !== undefined)
                    break
                if (!outer.clip && outer.parent !== null)
                    continue
                const left = one.item.mapToItem(outer, 0, 0).x
                if (left < -1 || left + one.item.width > outer.width + 1)
                    found.push(test.describe(one) + " from " + Math.round(left) + " to " + Math.round(left + one.item.width) + " of " + Math.round(outer.width))
            }
        }
        return found
    }
    function test_longWordsStayInside_data() {
        return [{ language: "en", width: 480 }, { language: "de", width: 900 }, { language: "de", width: 480 }, { language: "zh_CN", width: 480 }]
            .map(row => Object.assign(row, { tag: row.language + ", " + row.width }))
    }
    function test_longWordsStayInside(data): void {
        const found = [], states = test.everyState().map(row => row.tag)
        test.app.settings.language = data.language
        for (const state of states) {
            if (state === "chat, narrow" || (state === "search" && data.width === 480))
                continue
            test.show(state)
            test.window.width = data.width
            stage.draw(test.window)
            for (const one of test.beyond())
                found.push(state + ": " + one)
            test.cleanup()
        }
        test.app.settings.language = ""
        compare(found.join("; ").slice(0, 300), "")     // a longer message is too long for Qt
    }
    function test_everyControlHasAName_data() {
        return test.everyState()
    }
    function test_everyControlHasAName(data): void {
        test.show(data.tag)
        const found = stage.accessibles(test.window)
        verify(found.filter(one => one.isControl).length > 3, "only " + found.map(test.describe).join("; "))
        compare(found.filter(one => one.isControl && one.name.length === 0).map(test.describe).join("; "), "")
    }
    function test_arrowsComeToEveryRowOfAMenu_data() {
        return [
            { tag: "chat", open: () => { test.ask(); stage.key(test.window, Qt.Key_F10) } },
            { tag: "answer", open: () => { test.ask(); test.named("More", item => item.Accessible.name === "More" && item.mapToItem(null, 0, 0).y > 100) } },
            { tag: "row of the sidebar", open: () => { test.ask(); test.rows().forceActiveFocus(); test.rows().currentIndex = 0; stage.key(test.window, Qt.Key_Menu) } },
            { tag: "all chats", open: () => { test.ask(); test.named("More about all chats") } }
        ]
    }
    // Presses that button by its key.
    function named(name: string, accepts = item => item.Accessible.name === name): void {
        const button = test.find(item => item.iconName !== undefined && accepts(item))
        button.forceActiveFocus(Qt.TabFocusReason)
        stage.key(test.window, Qt.Key_Return)
    }
    function rows() {
        return test.find(item => item.section !== undefined && item.Accessible.name === "Chats")
    }
    function test_arrowsComeToEveryRowOfAMenu(data): void {
        data.open()
        const items = () => stage.accessibles(test.window).filter(one => one.roleName === "MenuItem")
        tryVerify(() => items().length > 0)
        const reached = []
        for (let i = 0; i <= items().length; ++i) {
            stage.key(test.window, Qt.Key_Down)
            reached.push(stage.accessible(test.window.activeFocusItem).name)
        }
        compare(items().map(one => one.name).filter(name => name.length === 0 || reached.indexOf(name) < 0).join("; "), "")
        stage.key(test.window, Qt.Key_Escape)
        tryVerify(() => items().length === 0)
    }
    function test_tabComesToEveryControlAndBack_data() {
        return test.everyState()
    }
    function test_tabComesToEveryControlAndBack(data): void {
        test.show(data.tag)
        const first = test.window.activeFocusItem
        verify(first !== null)
        const scope = test.scope()
        const stops = test.walk(Qt.Key_Tab)
        verify(stops.length > 1 && stops.length < test.mostStops, data.tag + ": " + stops.length + " stops")
        compare(String(test.window.activeFocusItem), String(first), "Tab does not come back to " + test.describe(stage.accessible(first)) + " but to " + test.describe(stage.accessible(test.window.activeFocusItem)))
        const back = test.walk(Qt.Key_Backtab)
        const missed = (from, others) => from.filter(one => !others.some(other => other.item === one.item)).map(test.describe).join("; ")
        // Backwards Qt 6.4 passes over a list that other stops are in.
        const alone = stops.filter(one => !stops.some(other => other !== one && test.isBelow(other.item, one.item)))
        compare(missed(alone, back) + missed(back, stops), "", "stops of Tab or Shift+Tab alone")
        for (const stop of stops)
            verify(stop.roleName.length > 0 && stop.name.length > 0, "Tab comes to what has no name: " + test.describe(stop))
        const unreached = stage.accessibles(test.window).filter(one => one.isControl && test.isBelow(one.item, scope) && one.roleName !== "ScrollBar" && one.roleName !== "Dialog"
            && !one.isReadOnly && !stops.some(stop => test.reaches(stop, one.item)))
        compare(unreached.map(test.describe).join("; "), "")
    }
}
