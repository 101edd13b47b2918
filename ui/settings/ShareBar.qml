pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! A whole and its parts, in order, with what is left of it; the figures below say the same. */
ColumnLayout {
    id: root

    required property string name
    required property real totalBytes
    required property var parts     // [{ name, bytes, ink }], the last of them with what others take
    property real freeBytes: 0
    property real span: root.totalBytes     // of the bar; more than there is where more is needed

    spacing: Theme.space4
    Accessible.role: Accessible.StaticText
    Accessible.name: root.parts.concat([{ name: qsTr("Free"), bytes: root.freeBytes }])
                         .map(part => qsTr("%1 %2", "a figure's name, its value").arg(part.name).arg(Figures.bytes(part.bytes))).join(", ")

    RowLayout {
        Layout.fillWidth: true

        Words {
            Layout.fillWidth: true
            text: root.name
            Accessible.ignored: true
        }
        Words {
            text: Figures.bytes(root.totalBytes)
            color: Theme.color.text3
            Accessible.ignored: true
        }
    }
    Rectangle {
        Layout.fillWidth: true
        implicitHeight: 16
        color: Theme.color.raised
        radius: 3
        border.width: 1
        border.color: Theme.color.edge

        Row {
            id: bar

            anchors { fill: parent; margins: 2 }
            spacing: 2

            Repeater {
                model: root.parts

                Rectangle {
                    required property var modelData

                    visible: modelData.bytes > 0
                    width: Math.max(2, (bar.width - 6) * modelData.bytes / Math.max(1, root.span))
                    height: bar.height
                    color: modelData.ink
                }
            }
        }
    }
    Flow {
        Layout.fillWidth: true
        spacing: Theme.space16

        Repeater {
            model: root.parts.concat([{ name: qsTr("Free"), bytes: root.freeBytes, ink: "transparent" }])

            Row {
                required property var modelData

                spacing: Theme.space6

                Rectangle {
                    anchors.verticalCenter: parent.verticalCenter
                    width: 8
                    height: 8
                    radius: 2
                    color: parent.modelData.ink
                    border.width: parent.modelData.ink === "transparent" ? 1 : 0
                    border.color: Theme.color.control
                }
                Words {
                    role: Theme.small
                    text: parent.modelData.name
                    color: Theme.color.text2
                    Accessible.ignored: true
                }
                Words {
                    role: Theme.small
                    text: Figures.bytes(parent.modelData.bytes)
                    Accessible.ignored: true
                }
            }
        }
    }
}
