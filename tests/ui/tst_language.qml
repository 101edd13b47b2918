// `stage` is a context property: tests.cpp sets it.
// qmllint disable unqualified
import QtQuick
import QtTest
import Pio.App
import Pio.Ui

/*! Another language, while the window is open. */
WindowTestCase {
    id: test

    name: "language"
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
        stage.loadModel()
        tryCompare(test.app.chat, "state", ChatController.Ready)
    }
    function cleanup(): void {
        test.app.settings.language = ""
        test.window.closePopups()
    }
    function cleanupTestCase(): void {
        test.window.destroy()
    }
    function find(item, accepts) {
        for (let i = 0; i < item.children.length; ++i) {
            const child = item.children[i]
            const found = !child.visible ? null : accepts(child) ? child : test.find(child, accepts)
            if (found !== null)
                return found
        }
        return null
    }
    function shows(text: string): bool {
        return test.find(test.window.contentItem.parent, item => item.text === text) !== null
    }

    function test_aChoiceInTheSettingsTakesEffectAtOnce(): void {
        test.window.openSettings(0)
        tryVerify(() => test.shows("Theme"))
        const choice = test.find(test.window.contentItem.parent, item => item.label === "Language" && item.chosen !== undefined)
        compare(choice.labels.join(" "), "System English Deutsch 简体中文")
        choice.chosen(2)
        tryVerify(() => test.shows("Farben") && test.shows("Neuer Chat"))
        verify(!test.shows("Theme"))
        compare(choice.current, 2)
        choice.chosen(3)
        tryVerify(() => test.shows("主题") && test.shows("新对话"))
    }
    function test_keysAndNumbersAreWrittenAsTheLanguageHasThem(): void {
        compare(Figures.keys("Ctrl+Shift+C"), "Ctrl+Shift+C")
        compare(Figures.bytes(9.7e9), "9.7\u00a0GB")
        test.app.settings.language = "de"
        compare(Figures.keys("Ctrl+Shift+C, Del, Alt+Left"), "Strg+Umschalt+C, Entf, Alt+Links")
        compare(Figures.bytes(9.7e9), "9,7\u00a0GB")
        compare(Figures.count(16384), "16.384")
        compare(Figures.parse("0,7"), 0.7)
        test.app.settings.language = "zh_CN"
        compare(Figures.speed(31.4), "31.4\u00a0词元/秒")
    }
    function test_oneIsNotMany(): void {
        stage.speak("Yes, made of oak.", 0)
        test.app.chat.send("Is it a pier?")
        tryVerify(() => !test.app.chat.busy)
        test.app.history.query = "oak"
        tryVerify(() => test.shows("1 match"))
        test.app.settings.language = "zh_CN"
        tryVerify(() => test.shows("1 个匹配项"))
        test.app.history.query = ""
    }
}
