// `stage` is a context property: tests.cpp sets it.
// qmllint disable unqualified
import QtQuick
import QtTest
import Pio.App
import Pio.Ui

/*! Long texts are drawn, wherever one scrolls to; links are reached by the keyboard. */
TestCase {
    id: test

    name: "text"
    when: windowShown
    visible: true

    property Main window: null
    property Application app: null
    property ListView list: null

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
        test.window.requestActivate()
        tryVerify(() => test.window.active)
        stage.catchLinks()
        stage.loadThinkingModel()
        tryCompare(test.app.chat, "state", ChatController.Ready)
        test.list = test.all(test.window.contentItem, one => one instanceof ListView && one.model === test.app.chat.messages)[0]
        verify(test.list !== null)
    }
    function cleanupTestCase(): void {
        test.window.destroy()
    }
    function init(): void {
        test.window.showPane(Application.ChatPane)
        test.window.newChat()
        tryCompare(test.app.chat.messages, "count", 0)
    }

    function all(item, accepts) {
        const found = []
        for (let i = 0; i < item.children.length; ++i) {
            if (accepts(item.children[i]))
                found.push(item.children[i])
            found.push(...test.all(item.children[i], accepts))
        }
        return found
    }
    function test_gapsAreThoseOfTheDesign(): void {
        test.window.height = 1400
        stage.speak("Intro with **bold**.\n\n# Title\n\n- one\n- two\n\n```python\nprint(1)\n```\n| a | b |\n|---|---|\n| x | 2 |\n\nEnd.\nSecond line.", 0)
        test.ask("x")
        stage.speak("y", 0)
        test.ask("y")
        const gaps = []
        for (let row = 0; row < 11; ++row) {
            tryVerify(() => test.list.itemAtIndex(row) !== null)
            gaps.push(test.list.itemAtIndex(row).gap)
        }
        //             u   hdr p  head li li code tab  p  foot u
        compare(gaps, [12, 20, 8, 20, 6, 6, 16, 12, 10, 6, 32])
        test.window.height = 800
    }
    function ask(text: string): void {
        test.app.chat.send(text)
        const model = test.app.chat.messages
        tryVerify(() => model.count > 2 && !test.app.chat.busy && model.data(model.index(model.count - 1, 0), ConversationModel.StateRole) === "complete")
    }
    function rowOfKind(kind: int): int {
        const model = test.app.chat.messages
        for (let row = 0; row < model.count; ++row) {
            if (model.data(model.index(row, 0), ConversationModel.KindRole) === kind)
                return row
        }
        return -1
    }
    // In every band of 40 pixels of the view something is drawn in that colour.
    function hasInk(color: color): bool {
        const image = grabImage(test.window.contentItem)
        const from = test.list.mapToItem(test.window.contentItem, 0, 0)
        const left = Math.round(from.x + (test.list.width - 656) / 2 + 16)
        for (let top = Math.round(from.y) + 60; top + 100 < from.y + test.list.height; top += 40) {
            let found = false
            for (let y = top; y < top + 40 && !found; ++y) {
                for (let x = left; x < left + 120 && !found; ++x)
                    found = Qt.colorEqual(image.pixel(x, y), color)
            }
            if (!found)
                return false
        }
        return true
    }
    // At several places of a row that is higher than the view.
    function verifyDrawn(row: int, color: color): void {
        test.list.parent.following = false
        test.list.positionViewAtIndex(row, ListView.Beginning)
        const item = test.list.itemAtIndex(row)
        verify(item.height > 2 * test.list.height, "row " + row + " is " + item.height + " high")
        for (const part of [0.1, 0.3, 0.5, 0.7, 0.85]) {
            tryVerify(() => {       // the list may still move for what was opened
                test.list.contentY = Math.round(test.list.itemAtIndex(row).y + part * item.height)
                wait(1)
                return test.hasInk(color)
            }, 3000, "row " + row + " at " + part)
        }
    }

    readonly property string words: "Every word of it can be read. "
    readonly property string lines: "int lamp = turn(lamp, 12);\n"

    function test_aLongQuestionIsDrawn(): void {
        test.ask(test.words.repeat(600))
        test.verifyDrawn(0, Theme.color.text1)
    }
    function test_longCodeIsDrawn(): void {
        stage.speak("```text\n" + test.lines.repeat(800) + "```\n", 0)
        test.ask("Code")
        test.verifyDrawn(test.rowOfKind(ConversationModel.Code), Theme.color.text1)
    }
    function test_longCodeScrollsOnlyWhatIsNear(): void {
        stage.speak("```cpp\n" + test.lines.repeat(5000) + "```\n", 0)
        test.ask("Code")
        const row = test.rowOfKind(ConversationModel.Code)
        test.list.parent.following = false
        test.list.positionViewAtIndex(row, ListView.Beginning)
        const block = test.list.itemAtIndex(row)
        compare(block.lineCount, 5000)
        fuzzyCompare(block.bodyHeight, 5000 * Theme.code.line, 100)     // at once, without its text
        tryVerify(() => {
            const texts = test.all(block, one => one instanceof TextEdit)
            return texts.length > 0 && texts.length < 8
        })
    }
    function test_longCodeIsFollowedWhileItIsWritten(): void {
        stage.speak("```cpp\n" + test.lines.repeat(400) + "```\n", 1)
        test.app.chat.send("Code")
        const block = () => {
            const row = test.rowOfKind(ConversationModel.Code)
            return row < 0 ? null : test.list.itemAtIndex(row)
        }
        tryVerify(() => block() !== null && block().lineCount > 60)
        verify(test.app.chat.busy)
        for (const least of [100, 200]) {
            tryVerify(() => block() !== null && block().lineCount > least)
            verify(test.app.chat.busy)
            tryVerify(() => test.isShown(block().lineCount - 1), 1000, "the line that is written is in the view")
            verify(test.all(block(), one => one instanceof TextEdit).length < 5)
        }
        tryVerify(() => !test.app.chat.busy)
        compare(block().lineCount, 400)
        tryVerify(() => test.isShown(399))
    }
    // A button that is pressed in it must be there when it is let go.
    function test_aRowThatGrowsFastStaysTheSame(): void {
        stage.speak("```cpp\n" + "lamp();\n".repeat(1500) + "```\n", 1)
        test.app.chat.send("Code")
        const block = () => {
            const row = test.rowOfKind(ConversationModel.Code)
            return row < 0 ? null : test.list.itemAtIndex(row)
        }
        tryVerify(() => block() !== null && block().lineCount > 100)
        const first = block()
        let most = 0
        let before = first.lineCount
        tryVerify(() => {
            most = Math.max(most, block().lineCount - before)
            before = block().lineCount
            return before > 1000
        })
        verify(test.app.chat.busy)
        verify(most * Theme.code.line > test.list.cacheBuffer, "it grew by " + most + " lines at once")
        verify(block() === first)
        tryVerify(() => !test.app.chat.busy)
    }
    function test_onlyThePaneOnTheScreenMakesRows(): void {
        test.ask("Code")
        const lists = () => test.all(test.window.contentItem, one => one instanceof ListView && one.model === test.app.chat.messages).length
        compare(lists(), 1)
        test.window.showPane(Application.ImagePane)
        compare(lists(), 2)
        test.window.showPane(Application.ChatPane)
        compare(lists(), 2)     // each keeps its place
        test.window.newChat()
        compare(lists(), 1)
    }
    // Its cells break there: a row that is made higher than it is going to be is dropped and made again, without end.
    function test_aTableIsShownInTheNarrowListOfTheImagePane(): void {
        test.window.width = 1280
        test.window.height = 800
        stage.speak("A heat pump works in this house, but **lower the flow temperature first**. At 65 °C its seasonal factor is near 2.4; at 50 °C it reaches "
                    + "about 3.4, and that difference decides the running cost.\n\n## What a year costs\n\n| | Gas boiler | Pump at 65 °C | Pump at 50 °C |\n"
                    + "| --- | ---: | ---: | ---: |\n| Energy bought | 21,000 kWh | 7,900 kWh | 5,600 kWh |\n| Price per kWh | € 0.11 | € 0.28 | € 0.28 |\n"
                    + "| Energy per year | € 2,310 | € 2,212 | € 1,568 |\n\n## In this order\n\n1. Set the boiler to 50 °C for two cold weeks and note the cool "
                    + "rooms.\n2. Exchange the radiators in those rooms only; usually two or three.\n3. Ask for offers with the heat load by room, `EN 12831`, "
                    + "not by floor area.\n", 0)
        test.ask("We have a 1930s brick house, 140 m², radiators at 65 °C, and a boiler of 19 years that burns 21,000 kWh a year. Replace it, or go for a heat pump?")
        test.window.showPane(Application.ImagePane)
        const shown = test.all(test.window.contentItem, one => one instanceof ListView && one.model === test.app.chat.messages && one !== test.list)[0]
        tryVerify(() => shown.atYEnd && shown.opacity === 1)
        compare(shown.itemAtIndex(shown.count - 1)?.kind, ConversationModel.Footer)
    }
    function test_aChatOpensAtItsEnd(): void {
        stage.speak(test.words.repeat(400) + "\n\nThe end.", 0)
        test.ask("Write")
        const chat = test.app.chat.chatId
        test.window.newChat()
        tryCompare(test.app.chat.messages, "count", 0)
        test.app.chat.openChat(chat)
        tryVerify(() => test.app.chat.messages.count > 3)
        tryVerify(() => test.list.opacity === 1 && test.list.height === test.list.parent.height)
        tryVerify(() => test.list.parent.isAtEnd() && test.list.itemAtIndex(test.list.count - 1) !== null)
        const last = test.list.itemAtIndex(test.list.count - 1)
        verify(last.y + last.height <= test.list.contentY + test.list.height)
        verify(last.y > test.list.contentY)
    }
    // That line of the code is laid out and in the view.
    function isShown(line: int): bool {
        const block = test.list.itemAtIndex(test.rowOfKind(ConversationModel.Code))
        const pieces = block === null ? [] : test.all(block, one => one instanceof TextEdit && line >= one.first && line < one.first + one.lines)
        if (pieces.length !== 1)
            return false
        const top = pieces[0].mapToItem(test.list, 0, (line - pieces[0].first) * Theme.code.line).y
        return top >= 0 && top + Theme.code.line <= test.list.height
    }
    function test_copyGivesTheWholeBlock(): void {
        const code = test.lines.repeat(1000)
        stage.speak("```cpp\n" + code + "```\n", 0)
        test.ask("Code")
        test.list.parent.following = false
        test.list.positionViewAtIndex(test.rowOfKind(ConversationModel.Code), ListView.Beginning)
        const block = test.list.itemAtIndex(test.rowOfKind(ConversationModel.Code))
        mouseClick(test.all(block, one => one.text === "Copy the code")[0])
        compare(stage.copied() + "\n", code)
    }
    function test_findComesToEveryMatchInLongCode(): void {
        let code = ""
        for (let i = 0; i < 3000; ++i)
            code += i % 1000 === 500 ? "beacon(" + i + ");\n" : test.lines
        stage.speak("```cpp\n" + code + "```\n\nThe beacon stands.\n", 0)
        test.ask("Code")
        const pane = test.all(test.window.contentItem, one => one.visible && one.endFinding !== undefined)[0]
        pane.find()
        const field = test.window.activeFocusItem
        field.insert(0, "beacon")
        const marked = () => test.all(test.list, one => one instanceof TextEdit && one.selectedText === "beacon")
        for (const line of [500, 1500, 2500]) {
            tryVerify(() => test.isShown(line) && marked().length === 1, 1000, "line " + line)
            compare(marked()[0].selectionStart, test.lines.length * (line - marked()[0].first))
            stage.key(test.window, Qt.Key_Return)
        }
        tryVerify(() => marked().length === 1 && marked()[0].first === undefined)
        stage.key(test.window, Qt.Key_Return)
        tryVerify(() => test.isShown(500) && marked().length === 1, 1000, "round again")
        stage.key(test.window, Qt.Key_Return, Qt.ShiftModifier)
        stage.key(test.window, Qt.Key_Return, Qt.ShiftModifier)
        tryVerify(() => test.isShown(2500) && marked().length === 1, 1000, "backwards")
        pane.endFinding()
    }
    function test_findEndsWithItsChatAndBeginsAnewInTheNext(): void {
        stage.speak("The beacon stands.", 0)
        test.ask("Where")
        const pane = test.all(test.window.contentItem, one => one.visible && one.endFinding !== undefined)[0]
        pane.find()
        test.window.activeFocusItem.text = "beacon"
        const next = test.all(pane, one => one.text === "Next match")[0]
        tryVerify(() => next.enabled)
        test.window.newChat()
        tryVerify(() => !pane.finding)
        stage.speak("It is gone.", 0)
        test.ask("Where")
        pane.find()
        verify(pane.finding)
        verify(!next.enabled)
        pane.endFinding()
    }
    function test_aLongThoughtIsDrawn(): void {
        stage.think(test.words.repeat(600), "So it is.", 0)
        test.ask("Think")
        const row = test.rowOfKind(ConversationModel.Thinking)
        test.list.parent.following = false
        test.list.positionViewAtIndex(row, ListView.Beginning)
        test.list.itemAtIndex(row).toggled()
        tryVerify(() => test.list.itemAtIndex(row).height > 1000)
        test.verifyDrawn(row, Theme.color.text2)
    }

    function test_linksAreReachedByTheKeyboard(): void {
        stage.speak("See [the *manual*](https://example.org/manual) and [more](https://example.org/more).\n\n| a | b |\n|---|---|\n| x | [cell](https://example.org/cell) |\n", 0)
        test.ask("Links")
        test.list.forceActiveFocus()
        const seen = []
        for (let i = 0; i < 30 && seen.length < 3; ++i) {
            stage.key(test.window, Qt.Key_Tab)
            const item = test.window.activeFocusItem
            if (item.link === undefined)
                continue
            seen.push(item.Accessible.name)
            verify(item.visible && item.width > 10 && item.height > 10)
            verify(test.all(item, one => one.visible && one.gap !== undefined).length === 1, "the focus is seen")
            stage.key(test.window, Qt.Key_Return)
            compare(stage.lastLink(), item.link.href)
        }
        compare(seen, ["the manual, link to https://example.org/manual", "more, link to https://example.org/more", "cell, link to https://example.org/cell"])
    }
    // What Tab comes to, from the list on, as names; those of `list` alone.
    function tabStops(list) {
        list.forceActiveFocus(Qt.TabFocusReason)
        const names = []
        for (let i = 0; i < 60; ++i) {
            stage.key(test.window, Qt.Key_Tab)
            let item = test.window.activeFocusItem
            const name = item.Accessible.name
            while (item !== null && item !== list)
                item = item.parent
            if (item === null)
                break
            names.push(name)
        }
        return names
    }
    function test_theKeyboardGoesFromTheTopDown_data() {
        return [{ tag: "chat" }, { tag: "code" }]
    }
    function test_theKeyboardGoesFromTheTopDown(data): void {
        const isCode = data.tag === "code"
        stage.speak("See [one](https://example.org/1).\n\nAnd [two](https://example.org/2).\n\n```sh\nls\n```\n\nAnd [three](https://example.org/3).", 0)
        if (isCode) {
            const path = stage.writeFile("tab.py", "x = 1\n")
            test.app.openFiles([stage.urlOf(path)])
            tryCompare(test.app.code, "fileName", "tab.py")
            tryCompare(test.app.code, "state", CodeController.Idle)
            test.app.code.ask("Links")
            tryCompare(test.app.code.messages, "count", 7)
            tryCompare(test.app.code, "state", CodeController.Idle)
        } else {
            test.ask("Links")
        }
        const list = isCode ? test.all(test.window.contentItem, one => one instanceof ListView && one.model === test.app.code.messages)[0] : test.list
        const links = ["one, link to https://example.org/1", "two, link to https://example.org/2", "Copy the code", "three, link to https://example.org/3"]
        const wanted = isCode ? links : links.concat(["Copy the answer", "Answer again", "More"])
        const inOrder = () => test.tabStops(list).filter(name => wanted.includes(name))
        compare(inOrder(), wanted, "just written")
        if (isCode)
            return
        const chat = test.app.chat.chatId
        test.window.newChat()
        tryCompare(test.app.chat.messages, "count", 0)
        test.app.chat.openChat(chat)            // its rows are made from the end on
        tryVerify(() => test.app.chat.messages.count > 5)
        tryVerify(() => test.list.parent.share === 1)
        wait(50)
        compare(inOrder(), wanted, "opened")
    }
    function test_whatIsOpenedStaysUnderThePointer_data() {
        return [{ tag: "thought, chat", code: false, block: false }, { tag: "thought, code", code: true, block: false }, { tag: "code block", code: true, block: true }]
    }
    // The reader is at the end; what is opened there grows downwards.
    function test_whatIsOpenedStaysUnderThePointer(data): void {
        test.window.height = 800
        const lines = "x = 1\n".repeat(200)
        stage.think(test.words.repeat(100), data.block ? "Like this:\n\n```sh\n" + lines + "```\n\nDone." : "So it is.", 0)
        const messages = data.code ? test.app.code.messages : test.app.chat.messages
        if (data.code) {
            const path = stage.writeFile("fold.py", "x = 1\n")
            test.app.openFiles([stage.urlOf(path)])
            tryCompare(test.app.code, "fileName", "fold.py")
            tryCompare(test.app.code, "state", CodeController.Idle)
            test.app.code.newConversation()
        }
        for (let turn = 1; turn < 5; ++turn) {
            if (data.code)
                test.app.code.ask("Think")
            else
                test.app.chat.send("Think")
            tryVerify(() => messages.count >= turn * 5)
            tryVerify(() => data.code ? test.app.code.state === CodeController.Idle : test.app.chat.state === ChatController.Ready)
        }
        const list = data.code ? test.all(test.window.contentItem, one => one instanceof ListView && one.model === messages)[0] : test.list
        let item = null
        const place = () => item.mapToItem(list, 0, 0).y
        const kind = data.block ? ConversationModel.Code : ConversationModel.Thinking
        tryVerify(() => {       // the last one comes into sight when the list has reached its end
            for (let row = 0; row < messages.count; ++row) {
                if (list.itemAtIndex(row) !== null && list.itemAtIndex(row).kind === kind)
                    item = list.itemAtIndex(row)
            }
            return item !== null && item.kind === kind && place() > 0 && place() < list.height
        })
        waitForRendering(test.window.contentItem, 200)
        wait(50)
        const before = place(), height = item.height
        verify(before > 0 && before < list.height, "in sight: " + before)
        const head = data.block ? test.all(item, one => one.text === "Show all 200 lines" && one.visible)[0] : test.all(item, one => one.clicked !== undefined)[0]
        const headBefore = head.mapToItem(list, 0, 0).y
        mouseClick(head)
        tryVerify(() => item.height > height + 600)
        waitForRendering(test.window.contentItem, 200)
        wait(50)
        compare(place(), before)
        if (!data.block)
            compare(head.mapToItem(list, 0, 0).y, headBefore)
        mouseClick(head)
        tryCompare(item, "height", height)
    }
}
