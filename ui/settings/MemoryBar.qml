pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! Where a model's memory goes, beside what other programs use and what is free. */
ColumnLayout {
    id: root

    required property string name
    required property real weightBytes
    required property real stateBytes
    required property real scratchBytes
    required property real freeBytes        // now, before the model is loaded
    required property real totalBytes
    readonly property real needed: root.weightBytes + root.stateBytes + root.scratchBytes
    readonly property real others: Math.max(0, root.totalBytes - root.freeBytes)
    readonly property real spare: Math.max(0, root.totalBytes - root.others - root.needed)
    readonly property real span: Math.max(1, root.totalBytes, root.others + root.needed)
    readonly property var parts: [
        { name: qsTr("Weights"), bytes: root.weightBytes, ink: Theme.color.memW },
        { name: qsTr("KV cache"), bytes: root.stateBytes, ink: Theme.color.memK },
        { name: qsTr("Scratch"), bytes: root.scratchBytes, ink: Theme.color.memS },
        { name: qsTr("Other programs"), bytes: root.others, ink: Theme.color.edge }
    ]

    spacing: Theme.space4
    Accessible.role: Accessible.StaticText
    Accessible.name: root.parts.map(part => qsTr("%1 %2", "a figure's name, its value").arg(part.name).arg(Figures.bytes(part.bytes))).join(", ")
                     + ", " + qsTr("%1 %2", "a figure's name, its value").arg(qsTr("Free")).arg(Figures.bytes(root.spare))

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
                    width: Math.max(2, (bar.width - 6) * modelData.bytes / root.span)
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
            model: root.parts.concat([{ name: qsTr("Free"), bytes: root.spare, ink: "transparent" }])

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
