import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! Looks for words in the chat on screen. */
Rectangle {
    id: root

    required property ConversationModel messages
    property int row: -1
    property int sign: -1           // of a match in code: where in it
    readonly property string needle: field.text.trim()
    readonly property bool missed: root.needle.length > 0 && root.row < 0
    signal found(row: int, sign: int)
    signal closed()

    function open(): void {
        field.forceActiveFocus()
        field.selectAll()
    }
    // From the first match on.
    function begin(): void {
        root.row = -1
        root.sign = -1
        root.look(1)
    }
    function look(direction: int): void {
        let sign = root.sign < 0 ? -1 : root.messages.findInCode(root.needle, root.row, root.sign, direction)
        if (sign < 0) {
            root.row = root.needle.length > 0 ? root.messages.find(root.needle, root.row, direction) : -1
            sign = root.messages.findInCode(root.needle, root.row, -1, direction)
        }
        root.sign = sign
        root.found(root.row, root.sign)
    }

    onNeedleChanged: root.begin()

    implicitHeight: Theme.rowHeader
    color: Theme.color.canvas

    RowLayout {
        anchors { fill: parent; leftMargin: Theme.space12; rightMargin: Theme.space12 }
        spacing: Theme.space4

        PioField {
            id: field

            Layout.fillWidth: true
            Layout.maximumWidth: 360
            iconName: "search"
            placeholderText: qsTr("Find in this chat")
            ownsEscape: true
            Keys.onPressed: event => {
                if ((event.key === Qt.Key_Return || event.key === Qt.Key_Enter) && !(event.modifiers & (Qt.ControlModifier | Qt.AltModifier))) {
                    event.accepted = true
                    root.look(event.modifiers & Qt.ShiftModifier ? -1 : 1)
                } else if (event.key === Qt.Key_Escape) {
                    event.accepted = true
                    root.closed()
                }
            }
        }
        IconButton {
            iconName: "down"
            text: qsTr("Next match")
            key: "Enter"
            enabled: root.row >= 0
            onClicked: root.look(1)
        }
        IconButton {
            iconName: "down"
            turned: true
            text: qsTr("Previous match")
            key: "Shift+Enter"
            enabled: root.row >= 0
            onClicked: root.look(-1)
        }
        Words {
            Layout.fillWidth: true
            Layout.leftMargin: Theme.space8
            role: Theme.small
            text: root.missed ? qsTr("No matches") : ""
            color: Theme.color.text3
        }
        IconButton {
            iconName: "close"
            text: qsTr("Close the search")
            key: "Esc"
            onClicked: root.closed()
        }
    }
    Hairline {
        anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
        height: 1
    }
}
