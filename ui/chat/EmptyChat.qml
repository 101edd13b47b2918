pragma ComponentBehavior: Bound

import QtQuick
import Pio.Ui

/*! A new chat before its first word: what this is, and three ways to begin. */
Column {
    id: root

    readonly property var examples: [qsTr("Explain how a heat pump works, in five sentences"),
                                     qsTr("Write a Python function that sums a column of a CSV file"),
                                     qsTr("Suggest three titles for a talk about bicycle repair")]
    signal chosen(text: string)

    leftPadding: Theme.hang
    rightPadding: Theme.hang
    spacing: Theme.space8

    Words {
        width: root.width - 2 * Theme.hang
        wrapMode: Text.Wrap
        role: Theme.hero
        text: qsTr("Ask anything — it stays on this computer")
        Accessible.role: Accessible.Heading
    }
    Words {
        anchors { left: parent.left; leftMargin: root.leftPadding }      // narrower than the column: it begins where a line does
        width: Math.min(Theme.measure, root.width - 2 * Theme.hang)
        wrapMode: Text.Wrap
        role: Theme.prose
        text: qsTr("The model runs here. Nothing you write is sent anywhere.")
        color: Theme.color.text2
    }
    Item {
        width: 1
        height: Theme.space12
    }
    Repeater {
        model: root.examples.length

        PioButton {
            required property int index

            anchors { left: parent?.left; leftMargin: Theme.hang }
            width: Math.min(implicitWidth, root.width - 2 * Theme.hang)
            leftPadding: 0
            rightPadding: Theme.space12
            quiet: true
            text: root.examples[index] ?? ""
            ink: Theme.color.text2
            font: Theme.ui.font
            iconName: "right"
            onClicked: root.chosen(text)
        }
    }
}
