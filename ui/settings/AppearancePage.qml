import QtQuick
import Pio.App
import Pio.Ui

/*! How the window looks, moves and takes keys. */
SettingsPage {
    id: root

    required property Settings settings
    required property Language language
    readonly property var limits: root.settings.limits

    function after(first, others) {
        const all = Array.from(others)
        all.unshift(first)
        return all
    }

    title: qsTr("Appearance")

    SettingRow {
        name: qsTr("Theme")
        hint: qsTr("System follows the desktop's light or dark")

        Segmented {
            width: Math.max(300, implicitWidth)
            label: qsTr("Theme")
            labels: [qsTr("System"), qsTr("Light"), qsTr("Dark"), qsTr("Contrast")]
            current: root.settings.appearance
            onChosen: index => root.settings.appearance = index
        }
    }
    SettingRow {
        name: qsTr("Language")
        hint: qsTr("Of the window. Models answer in the language they are asked in")

        Segmented {
            readonly property var codes: root.after("", root.language.codes)

            width: Math.max(300, implicitWidth)
            label: qsTr("Language")
            labels: root.after(qsTr("System"), root.language.names)
            current: Math.max(0, codes.indexOf(root.settings.language))
            onChosen: index => root.settings.language = codes[index]
        }
    }
    SettingRow {
        name: qsTr("Text size")
        hint: qsTr("Of messages, code and tables. Ctrl and plus, minus or zero do the same")

        SettingSlider {
            label: qsTr("Text size")
            from: root.limits.zoom.from
            to: root.limits.zoom.to
            stepSize: 0.05
            value: root.settings.zoom
            words: Figures.percent(root.settings.zoom, 1)
            onMoved: value => root.settings.zoom = value
        }
    }
    SettingRow {
        name: qsTr("Less motion")
        hint: qsTr("Nothing slides, fades or blinks")

        PioSwitch {
            text: qsTr("Less motion")
            checked: root.settings.reducedMotion
            onToggled: root.settings.reducedMotion = checked
        }
    }
    SettingRow {
        name: qsTr("Enter sends")
        hint: root.settings.enterSends ? qsTr("Shift+Enter begins a new line") : qsTr("Enter begins a new line, Ctrl+Enter sends")
        lineShown: false

        PioSwitch {
            text: qsTr("Enter sends")
            checked: root.settings.enterSends
            onToggled: root.settings.enterSends = checked
        }
    }
}
