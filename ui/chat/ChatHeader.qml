import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The title of the chat, which can be changed in its place, and what can be done with it. */
Item {
    id: root

    required property ChatController chat
    required property bool lineShown
    property var panes: []              // Application.Pane, to switch among when the sidebar does not offer it
    property int pane: Application.ChatPane
    property string newTitle: qsTr("New chat")
    property bool canFind: true
    property bool renaming: false
    property string renamedChat: ""     // whose title is typed; another chat may be on screen when it is done
    readonly property bool isNew: root.chat.chatId.length === 0
    signal sidebarRequested()
    signal paneChosen(pane: int)
    signal findRequested()
    signal systemPromptRequested()
    signal saveRequested()
    signal deleteRequested()
    signal focusReturned()

    function openMenu(): void {
        menu.popup(more, more.width - menu.implicitWidth, more.height + Theme.space4)
    }
    function rename(): void {
        if (root.isNew)
            return
        root.renamedChat = root.chat.chatId
        root.renaming = true
        field.text = root.chat.title
        field.selectAll()
        field.forceActiveFocus()
    }
    function endRenaming(keep: bool): void {
        if (!root.renaming)
            return
        root.renaming = false
        if (keep && field.text.trim().length > 0)
            root.chat.rename(root.renamedChat, field.text.trim())
        root.focusReturned()
    }

    implicitHeight: Theme.rowHeader

    RowLayout {
        anchors { fill: parent; leftMargin: Theme.space12; rightMargin: Theme.space12 }
        spacing: Theme.space4

        IconButton {
            iconName: "sidebar"
            text: qsTr("Show or hide the chats")
            key: "F9"
            onClicked: root.sidebarRequested()
        }
        PaneSwitcher {
            Layout.leftMargin: Theme.space4
            visible: root.panes.length > 1
            compact: true
            panes: root.panes
            current: root.pane
            onChosen: pane => root.paneChosen(pane)
        }
        Words {
            Layout.fillWidth: true
            Layout.leftMargin: root.panes.length > 1 ? Theme.space12 : Theme.space4
            visible: !root.renaming
            role: Theme.title
            text: root.isNew ? root.newTitle : root.chat.title
            Accessible.role: Accessible.Heading

            TapHandler {
                onDoubleTapped: root.rename()
            }
        }
        PioField {
            id: field

            Layout.fillWidth: true
            Layout.maximumWidth: 480
            visible: root.renaming
            font: Theme.title.font
            leftPadding: Theme.space8
            implicitHeight: Theme.row
            ownsEscape: true
            Accessible.name: qsTr("Title of the chat")
            onAccepted: root.endRenaming(true)
            onActiveFocusChanged: if (!activeFocus) root.endRenaming(true)
            Keys.onEscapePressed: root.endRenaming(false)
        }
        Item {
            Layout.fillWidth: true
            Layout.preferredWidth: 0
            visible: root.renaming
        }
        IconButton {
            visible: root.canFind
            iconName: "search"
            text: qsTr("Find in this chat")
            key: "Ctrl+F"
            enabled: root.chat.messages.count > 0
            onClicked: root.findRequested()
        }
        IconButton {
            id: more

            iconName: "more"
            text: qsTr("More")
            checked: menu.visible
            onClicked: menu.visible ? menu.close() : root.openMenu()

            PioMenu {
                id: menu

                PioMenuItem {
                    text: qsTr("Rename")
                    key: "F2"
                    enabled: !root.isNew
                    onTriggered: root.rename()
                }
                PioMenuItem {
                    text: qsTr("System prompt…")
                    onTriggered: root.systemPromptRequested()
                }
                PioMenuItem {
                    text: qsTr("Save as Markdown…")
                    enabled: !root.isNew
                    onTriggered: root.saveRequested()
                }
                PioMenuLine {}
                PioMenuItem {
                    text: qsTr("Delete")
                    enabled: !root.isNew
                    onTriggered: root.deleteRequested()
                }
            }
        }
    }
    Hairline {
        anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
        height: 1
        visible: root.lineShown
    }
}
