pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! Every key of the window. */
PioDialog {
    id: root

    readonly property var keys: [
        [qsTr("Chat, code or image pane"), "Ctrl+1, Ctrl+2, Ctrl+3"],
        [qsTr("New chat"), "Ctrl+N"],
        [qsTr("Search all chats"), "Ctrl+K"],
        [qsTr("Find in this chat"), "Ctrl+F"],
        [qsTr("Choose a model"), "Ctrl+L"],
        [qsTr("Open a file"), "Ctrl+O"],
        [qsTr("Send"), "Enter"],
        [qsTr("New line"), "Shift+Enter"],
        [qsTr("Stop loading, reading or writing"), "Esc"],
        [qsTr("Answer again"), "Ctrl+Enter"],
        [qsTr("Continue a stopped answer"), "Alt+Enter"],
        [qsTr("Previous or next version"), "Alt+Left, Alt+Right"],
        [qsTr("Edit the last question"), qsTr("Up in an empty box, Ctrl+Shift+E")],
        [qsTr("Copy the last answer"), "Ctrl+Shift+C"],
        [qsTr("Rename the chat"), "F2"],
        [qsTr("Undo a deletion"), "Ctrl+Z"],
        [qsTr("Between the file and the words about it"), "F6"],
        [qsTr("Explain, fix the selected lines"), "Ctrl+E, Ctrl+Shift+X"],
        [qsTr("Propose a change in these words"), "Alt+Enter"],
        [qsTr("Accept, reject a proposed change"), "Ctrl+Shift+A, Ctrl+Shift+R"],
        [qsTr("Next, previous proposed change"), "Alt+Down, Alt+Up"],
        [qsTr("Write the accepted changes, undo that"), "Ctrl+S, Ctrl+Z"],
        [qsTr("Paste a picture in the image pane"), "Ctrl+V"],
        [qsTr("Picture: larger, smaller, whole"), "+, −, 0"],
        [qsTr("Picture: ask about a part"), qsTr("Enter, arrows, Shift+arrows, Enter")],
        [qsTr("Show or hide the chats"), "F9, Ctrl+B"],
        [qsTr("Larger, smaller, normal text"), "Ctrl++, Ctrl+−, Ctrl+0"],
        [qsTr("Settings"), "Ctrl+,"],
        [qsTr("Keyboard shortcuts"), "Ctrl+?, F1"],
        [qsTr("Quit"), "Ctrl+Q"]
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
            activeFocusOnTab: true
            Accessible.role: Accessible.List
            Accessible.name: root.title
            Keys.onUpPressed: contentY = Math.max(0, contentY - Theme.rowHeader)
            Keys.onDownPressed: contentY = Math.max(0, Math.min(contentHeight - height, contentY + Theme.rowHeader))

            Repeater {
                // Not the list itself: in another language it would make the rows anew, and a layout of Qt 6.4 that is not shown keeps the old ones.
                model: root.keys.length

                RowLayout {
                    id: row

                    required property int index
                    readonly property var names: root.keys[row.index] ?? ["", ""]

                    Layout.fillWidth: true
                    Layout.preferredHeight: Theme.rowSmall
                    spacing: Theme.space16
                    Accessible.role: Accessible.ListItem
                    Accessible.name: row.names[0] + ": " + Figures.keys(row.names[1])

                    Words {
                        Layout.fillWidth: true
                        text: row.names[0]
                        Accessible.ignored: true
                    }
                    Words {
                        role: Theme.small
                        text: Figures.keys(row.names[1])
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
            key: "Esc"
            onClicked: root.close()
        }
    }
}
