pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! Which version this is, and the licences of every part of it. */
SettingsPage {
    id: root

    required property About about
    property string shownPart: ""   // whose licence is open

    function useOf(use: string): string {
        switch (use) {
        case "contained": return qsTr("inside the program")
        case "module": return qsTr("inside the module for NVIDIA's cards")
        case "linked": return qsTr("a library of the system")
        case "shown": return qsTr("a font")
        }
        return qsTr("this program")
    }

    title: qsTr("Inference-PIO %1").arg(root.about.version)
    hint: qsTr("An assistant whose model runs inside the program, on this computer. Nothing you type leaves it.")

    TranslationNote {
        Layout.fillWidth: true
    }
    Words {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space12
        Layout.bottomMargin: Theme.space4
        role: Theme.smallMedium
        text: qsTr("Parts and their licences")
        color: Theme.color.text3
        Accessible.role: Accessible.Heading
    }
    Repeater {
        model: root.about.parts

        ColumnLayout {
            id: part

            required property var modelData
            readonly property string licence: root.about.licenceText(part.modelData.licence)
            readonly property bool open: root.shownPart === part.modelData.name

            Layout.fillWidth: true
            spacing: 0

            SettingRow {
                name: part.modelData.name
                hint: qsTr("%1; %2", "a holder of rights, what the part is").arg((part.licence.length > 0 ? "© " : "") + part.modelData.copyright).arg(root.useOf(part.modelData.use))
                lineShown: !part.open

                PioButton {
                    small: true
                    quiet: true
                    enabled: part.licence.length > 0
                    iconName: part.licence.length === 0 ? "" : part.open ? "down" : "right"
                    text: part.modelData.licence
                    Accessible.name: qsTr("Licence of %1: %2").arg(part.modelData.name).arg(part.modelData.licence)
                    Accessible.checkable: true
                    Accessible.checked: part.open
                    onClicked: root.shownPart = part.open ? "" : part.modelData.name
                }
            }
            Rectangle {
                Layout.fillWidth: true
                visible: part.open
                implicitHeight: words.implicitHeight + 2 * Theme.space12
                color: Theme.color.sunken
                radius: Theme.radiusBlock
                border.width: 1
                border.color: Theme.color.line

                Words {
                    id: words

                    anchors { fill: parent; margins: Theme.space12 }
                    role: Theme.smallMono
                    wrapMode: Text.Wrap
                    LayoutMirroring.enabled: false      // English
                    text: part.open ? part.licence : ""
                    color: Theme.color.text2
                }
            }
        }
    }
}
