// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import Pio.App
import Pio.Ui

/*! The chat on screen: its header, the conversation, and the composer under it. */
Rectangle {
    id: root

    required property ChatController chat
    required property ModelLibrary models
    required property PublishedFiles library
    required property HistoryModel history
    required property bool enterSends
    property var panes: []
    property bool narrow: false
    property bool finding: false
    readonly property real margin: root.narrow ? Theme.space16 : Theme.space32
    readonly property real columnWidth: Math.max(280, Math.min(Theme.column, root.width - 2 * root.margin))
    readonly property bool isEmpty: root.chat.messages.count === 0
    readonly property alias composer: composer
    readonly property alias header: header
    readonly property alias messageList: list
    signal sidebarRequested()
    signal paneChosen(pane: int)
    signal fileRequested()          // a model
    signal picturesRequested()
    signal pickerRequested()
    signal libraryRequested()
    signal storageRequested()
    signal systemPromptRequested()
    signal saveRequested()

    // A sentence that goes by itself.
    function tell(sentence: string): void {
        toasts.tell(sentence)
    }
    function takeFocus(): void {
        composer.take()
    }
    function find(): void {
        if (root.isEmpty)
            return
        if (!root.finding)
            findBar.begin()
        root.finding = true
        findBar.open()
    }
    function endFinding(): void {
        root.finding = false
        list.foundRow = -1
        composer.take()
    }

    color: Theme.color.canvas
    clip: true

    Connections {
        target: root.chat

        function onChatChanged(): void {
            root.finding = false
            list.foundRow = -1
        }
    }

    ChatHeader {
        id: header

        anchors { left: parent.left; right: parent.right; top: parent.top }
        chat: root.chat
        panes: root.panes
        lineShown: !root.isEmpty && !list.atTop && !root.finding
        onSidebarRequested: root.sidebarRequested()
        onPaneChosen: pane => root.paneChosen(pane)
        onFindRequested: root.finding ? root.endFinding() : root.find()
        onSystemPromptRequested: root.systemPromptRequested()
        onSaveRequested: root.saveRequested()
        onDeleteRequested: root.history.remove(root.chat.chatId)
        onFocusReturned: composer.take()
    }
    FindBar {
        id: findBar

        anchors { left: parent.left; right: parent.right; top: header.bottom }
        z: 1
        visible: root.finding
        messages: root.chat.messages
        onFound: (row, sign) => {
            list.foundRow = row
            list.foundSign = sign
            list.showMatch()
        }
        onClosed: root.endFinding()
    }
    MessageList {
        id: list

        anchors { left: parent.left; right: parent.right; top: root.finding ? findBar.bottom : header.bottom; bottom: lower.top }
        visible: !root.isEmpty
        shown: root.visible
        chat: root.chat
        columnWidth: root.columnWidth
        needle: root.finding ? findBar.needle : ""
    }
    Flickable {
        anchors { left: parent.left; right: parent.right; top: header.bottom; bottom: lower.top }
        visible: root.isEmpty
        contentWidth: width
        contentHeight: Math.max(height, empty.y + empty.height + Theme.space16)
        interactive: contentHeight > height
        boundsBehavior: Flickable.StopAtBounds
        clip: true

        Loader {
            id: empty

            anchors.horizontalCenter: parent.horizontalCenter
            width: root.columnWidth
            y: Math.max(Theme.space16, Math.round(parent.parent.height * 0.19))
            active: root.isEmpty
            sourceComponent: root.chat.model.hasModel ? emptyChat : noModel
        }
        Component {
            id: emptyChat

            EmptyChat {
                onChosen: text => {
                    root.chat.draft = text
                    composer.take()
                }
            }
        }
        Component {
            id: noModel

            NoModel {
                leads: !notices.leads
                models: root.models
                library: root.library
                onFileRequested: root.fileRequested()
                onLibraryRequested: root.libraryRequested()
                onStorageRequested: root.storageRequested()
                onStarterRequested: root.models.choose(root.models.starterPath)
                onCopyRequested: text => root.chat.copyText(text)
            }
        }
    }

    PaneToasts {
        id: toasts

        anchors { left: lower.left; right: lower.right; bottom: lower.top; bottomMargin: Theme.space12 }
        history: root.history
    }
    Column {
        id: lower

        anchors { horizontalCenter: parent.horizontalCenter; bottom: parent.bottom; bottomMargin: Theme.space16 }
        width: root.columnWidth
        spacing: Theme.space12

        NoticeList {
            id: notices

            width: parent.width
            notices: root.chat.notices
            onCopyRequested: text => root.chat.copyText(text)
        }
        Composer {
            id: composer

            width: parent.width
            chat: root.chat
            tray: root.chat.tray
            enterSends: root.enterSends
            narrow: root.columnWidth < 560
            onFileRequested: root.picturesRequested()
            onPickerRequested: root.pickerRequested()
            onEditLastRequested: list.editQuestion(root.chat.lastUserMessageId())
            onScrollRequested: direction => list.page(direction)
        }
    }
}
