pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! Every key of the window. */
PioDialog {
    id: root

    readonly property var keys: [
        [qsTr("Chat, code or image pane"), qsTr("Ctrl+1, Ctrl+2, Ctrl+3")],
        [qsTr("New chat"), qsTr("Ctrl+N")],
        [qsTr("Search all chats"), qsTr("Ctrl+K")],
        [qsTr("Find in this chat"), qsTr("Ctrl+F")],
        [qsTr("Choose a model"), qsTr("Ctrl+L")],
        [qsTr("Open a file"), qsTr("Ctrl+O")],
        [qsTr("Send"), qsTr("Enter")],
        [qsTr("New line"), qsTr("Shift+Enter")],
        [qsTr("Stop loading, reading or writing"), qsTr("Esc")],
        [qsTr("Answer again"), qsTr("Ctrl+Enter")],
        [qsTr("Continue a stopped answer"), qsTr("Alt+Enter")],
        [qsTr("Previous or next version"), qsTr("Alt+Left, Alt+Right")],
        [qsTr("Edit the last question"), qsTr("Up in an empty box, Ctrl+Shift+E")],
        [qsTr("Copy the last answer"), qsTr("Ctrl+Shift+C")],
        [qsTr("Rename the chat"), qsTr("F2")],
        [qsTr("Undo a deletion"), qsTr("Ctrl+Z")],
        [qsTr("Between the file and the words about it"), qsTr("F6")],
        [qsTr("Explain, fix the selected lines"), qsTr("Ctrl+E, Ctrl+Shift+X")],
        [qsTr("Propose a change in these words"), qsTr("Alt+Enter")],
        [qsTr("Accept, reject a proposed change"), qsTr("Ctrl+Shift+A, Ctrl+Shift+R")],
        [qsTr("Next, previous proposed change"), qsTr("Alt+Down, Alt+Up")],
        [qsTr("Write the accepted changes, undo that"), qsTr("Ctrl+S, Ctrl+Z")],
        [qsTr("Paste a picture in the image pane"), qsTr("Ctrl+V")],
        [qsTr("Picture: larger, smaller, whole"), qsTr("+, −, 0")],
        [qsTr("Picture: ask about a part"), qsTr("Enter, arrows, Shift+arrows, Enter")],
        [qsTr("Show or hide the chats"), qsTr("F9, Ctrl+B")],
        [qsTr("Larger, smaller, normal text"), qsTr("Ctrl++, Ctrl+−, Ctrl+0")],
        [qsTr("Settings"), qsTr("Ctrl+,")],
        [qsTr("Keyboard shortcuts"), qsTr("Ctrl+?, F1")],
        [qsTr("Quit"), qsTr("Ctrl+Q")]
    ]

    title: qsTr("Keyboard shortcuts")
    wantedWidth: 560
    wantedHeight: 660
    fillBelow: 600
    onOpened: page.forceActiveFocus()

    contentItem: Item {
        SettingsPage {
            id: page

            anchors { fill: parent; margins: 1 }
            title: root.title
            focus: true
            Keys.onUpPressed: contentY = Math.max(0, contentY - Theme.rowHeader)
            Keys.onDownPressed: contentY = Math.max(0, Math.min(contentHeight - height, contentY + Theme.rowHeader))

            Repeater {
                model: root.keys

                RowLayout {
                    required property var modelData

                    Layout.fillWidth: true
                    Layout.preferredHeight: Theme.rowSmall
                    spacing: Theme.space16
                    Accessible.role: Accessible.ListItem
                    Accessible.name: modelData[0] + ": " + modelData[1]

                    Words {
                        Layout.fillWidth: true
                        text: parent.modelData[0]
                        Accessible.ignored: true
                    }
                    Words {
                        role: Theme.small
                        text: parent.modelData[1]
                        color: Theme.color.text3
                        Accessible.ignored: true
                    }
                }
            }
        }
        IconButton {
            anchors { right: parent.right; top: parent.top; margins: Theme.space16; rightMargin: Theme.space24 }
            iconName: "close"
            text: qsTr("Close")
            key: qsTr("Esc")
            onClicked: root.close()
        }
    }
}
