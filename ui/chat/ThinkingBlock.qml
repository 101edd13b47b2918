import QtQuick
import Pio.Ui

/*! What the model thought before it answered: closed, and opened by its own row. */
BlockItem {
    id: root

    required property string text
    required property bool streaming
    property bool open: false

    bodyHeight: head.height + (root.open ? thought.height + Theme.space8 : 0)

    PioButton {
        id: head

        anchors { left: parent.left; leftMargin: Theme.hang - leftPadding }
        small: true
        quiet: true
        leftPadding: Theme.space4
        iconName: root.open ? "down" : "right"
        text: root.streaming ? qsTr("Thinking") : qsTr("Thought")
        Accessible.checkable: true
        Accessible.checked: root.open
        onClicked: root.open = !root.open
    }
    Rectangle {
        anchors { left: parent.left; leftMargin: Theme.hang + 3; top: thought.top; bottom: thought.bottom }
        visible: root.open
        width: 1
        color: Theme.color.edge
    }
    RichBlock {
        id: thought

        anchors { left: parent.left; leftMargin: Theme.hang + 18; top: head.bottom; topMargin: Theme.space4 }
        visible: root.open
        width: Math.min(510, root.textWidth - 18)
        role: Theme.thought
        plain: root.open ? root.text : ""
        color: Theme.color.text2
    }
}
