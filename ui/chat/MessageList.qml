// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know 64-bit integers, properties of value types, nor interfaces of C++ types.
// qmllint disable type
import QtQuick
import QtQuick.Templates as T
import QtQuick.Window
import Pio.App
import Pio.Ui

/*! The conversation: one row a block. It follows what is written only while the reader is at the end. */
Item {
    id: root

    required property ChatController chat
    required property real columnWidth
    property bool shown: true       // its pane is on the screen
    property bool taken: false      // the rows of this chat are made: only for a pane that was on the screen with it
    property bool following: true
    property bool holdsEnd: false   // the last row stays made, however far it is pushed down in one go
    property string editingId: ""
    property string editedText: ""
    property string hoveredId: ""
    property string needle: ""
    property int foundRow: -1
    property int foundSign: -1      // of a match in code: where in it
    readonly property bool usable: !root.chat.busy
    readonly property bool atTop: list.contentY <= list.originY + 1
    readonly property bool endIsBelow: !root.following && list.count > 0
    property string askedId: ""     // the question that was placed at the top when it was sent
    property real tail: Theme.space24
    property real share: 1          // of its height, that the list has by now: another chat comes from its end up, a few rows at a time

    Component.onCompleted: root.taken = root.shown
    onShownChanged: {
        if (!root.shown || root.taken)
            return
        root.share = 0
        root.following = true
        root.taken = true
        Qt.callLater(root.settle)
    }
    onFollowingChanged: if (!root.following) root.holdsEnd = false

    function editQuestion(messageId: string): void {
        if (messageId.length === 0 || root.chat.busy)
            return
        root.editedText = root.chat.textOf(messageId)
        root.editingId = messageId
        list.positionViewAtIndex(root.chat.messages.rowOf(messageId), ListView.Contain)
    }
    // Another version of the last answer.
    function stepVersion(direction: int): void {
        const version = root.chat.messages.lastVersion(direction)
        if (version > 0)
            root.chat.selectVersion(root.chat.messages.lastId(), version)
    }
    function toEnd(): void {
        root.following = true
        list.positionViewAtEnd()
    }
    function showMatch(): void {
        if (root.foundRow < 0)
            return
        root.following = false
        if (root.foundSign < 0 || list.itemAtIndex(root.foundRow) === null)
            list.positionViewAtIndex(root.foundRow, ListView.Contain)
        const code = root.foundSign < 0 ? null : list.itemAtIndex(root.foundRow) as CodeBlock
        if (code === null)
            return
        list.forceLayout()      // of a row that was just made the list does not know the height yet
        const line = code.y + code.topOf(root.foundSign)
        if (line < list.contentY || line + Theme.code.line > list.contentY + list.height)
            list.contentY = Math.max(list.originY, Math.min(line - list.height / 3, code.y + code.height + root.tail - list.height))
    }
    function scrollBy(pixels: real): void {
        const last = Math.max(list.originY, list.originY + list.contentHeight - list.height)
        list.contentY = Math.max(list.originY, Math.min(last, list.contentY + pixels))
        root.following = root.isAtEnd()
    }
    function isAtEnd(): bool {
        return list.contentY + list.height >= list.originY + list.contentHeight - 4
    }
    // What is opened grows downwards from where it was pressed.
    function holdStill(): void {
        root.following = false
        Qt.callLater(root.goOn)
    }
    function goOn(): void {
        list.forceLayout()
        root.following = root.isAtEnd()
    }
    function page(direction: int): void {
        root.scrollBy(direction * (list.height - Theme.rowHeader))
    }

    // Room under the last question, so that it can stand at the top while its answer grows into the space below.
    function settle(): void {
        if (root.following)
            list.forceLayout()
        let room = Theme.space24
        if (root.askedId.length > 0) {
            const question = list.itemAtIndex(root.chat.messages.rowOf(root.askedId)) as BlockItem
            const last = list.itemAtIndex(list.count - 1)
            if (question !== null && last !== null)
                room = Math.max(room, list.height - Theme.space12 - (last.y + last.height - question.y - question.gap))
        }
        root.tail = Math.round(room)
        if (root.following) {
            list.positionViewAtEnd()
            root.holdsEnd = root.share === 1
        }
    }

    property string wantedId: ""    // a message that is to be shown once it has its rows
    function showMessage(messageId: string): void {
        const row = root.chat.messages.rowOf(messageId)
        root.wantedId = row < 0 ? messageId : ""
        if (row >= 0) {
            root.following = false
            list.positionViewAtIndex(row, ListView.Beginning)
        }
    }

    Connections {
        target: root.chat

        function onMessageFocusRequested(messageId: string): void {
            if (messageId === root.chat.lastUserMessageId()) {
                root.askedId = messageId
                root.following = true
                Qt.callLater(root.settle)
            } else {
                root.showMessage(messageId)
            }
        }
        function onChatChanged(): void {
            root.editingId = ""
        }
    }
    Connections {
        target: root.chat.messages

        function onCountChanged(): void {
            if (root.wantedId.length > 0)
                root.showMessage(root.wantedId)
        }
        // Before the frame that shows it: else what grew is drawn once where it was.
        function onDataChanged(): void {
            if (root.following)
                Qt.callLater(root.settle)
        }
        function onModelAboutToBeReset(): void {
            root.share = 0
            root.holdsEnd = false
            root.taken = root.shown
        }
        function onModelReset(): void {
            if (root.chat.messages.count === 0)
                root.share = 1
            root.wantedId = ""
            root.askedId = ""
            root.editingId = ""
            root.following = true
            Qt.callLater(root.settle)
        }
    }

    // Where the keyboard goes, the view goes.
    readonly property Item focusItem: Window.activeFocusItem
    onFocusItemChanged: {
        for (let item = root.focusItem; item !== null; item = item.parent) {
            if (item.parent === list.contentItem) {
                const top = root.focusItem.mapToItem(list.contentItem, 0, 0).y
                if (top < list.contentY)
                    root.scrollBy(top - list.contentY - Theme.space12)
                else if (top + Math.min(root.focusItem.height, list.height) > list.contentY + list.height)
                    root.scrollBy(top + Math.min(root.focusItem.height, list.height) - list.contentY - list.height + Theme.space12)
                return
            }
        }
    }

    readonly property RowOrder rowOrder: RowOrder {
        list: list
    }
    Timer {
        interval: 1
        repeat: true
        running: root.share < 1
        onTriggered: root.share = Math.min(1, root.share + 0.3)
    }

    ListView {
        id: list

        // The rows that fit are made at once, at the beginning before the view can go to the end: without a height they are few.
        width: parent.width
        height: parent.height * root.share
        opacity: root.share < 1 ? 0 : 1
        model: root.taken ? root.chat.messages : null
        clip: true
        focus: true
        activeFocusOnTab: true
        keyNavigationEnabled: false
        currentIndex: -1                // Tab comes to the list, not to its first row
        onCurrentIndexChanged: currentIndex = -1    // the first rows of a chat would set it
        // Not when the window is left: the keys come back to where they were.
        onActiveFocusChanged: if (!activeFocus && Window.active) ListRows.forgetFocus(list)
        boundsBehavior: Flickable.StopAtBounds
        cacheBuffer: root.share < 1 ? 0 : 600
        // A last row that is not made lets positionViewAtEnd() make every row in the view anew.
        displayMarginEnd: root.holdsEnd ? 4000 : 0
        reuseItems: false
        Accessible.role: Accessible.List
        Accessible.name: qsTr("Conversation")

        footer: Item {
            width: 1
            height: root.tail
        }

        onContentHeightChanged: Qt.callLater(root.settle)
        onHeightChanged: Qt.callLater(root.settle)
        onContentYChanged: if (moving || bar.pressed) root.following = root.isAtEnd()
        onMovementEnded: root.following = root.isAtEnd()

        Keys.onUpPressed: root.scrollBy(-Theme.rowHeader)
        Keys.onDownPressed: root.scrollBy(Theme.rowHeader)
        Keys.onPressed: event => {
            event.accepted = true
            if (event.key === Qt.Key_PageUp)
                root.page(-1)
            else if (event.key === Qt.Key_PageDown || event.key === Qt.Key_Space)
                root.page(1)
            else if (event.key === Qt.Key_Home)
                root.scrollBy(-list.contentHeight)
            else if (event.key === Qt.Key_End)
                root.toEnd()
            else
                event.accepted = false
        }

        T.ScrollBar.vertical: PioScrollBar {
            id: bar
        }

        HoverHandler {
            id: hover
            onPointChanged: {
                const row = list.indexAt(root.width / 2, hover.point.position.y + list.contentY)
                const item = row >= 0 ? list.itemAtIndex(row) as BlockItem : null
                root.hoveredId = item !== null && hover.hovered ? item.messageId : ""
            }
            onHoveredChanged: if (!hover.hovered) root.hoveredId = ""
        }

        delegate: MessageRows {
            list: list
            columnWidth: root.columnWidth
            usable: root.usable
            canContinue: root.usable && root.chat.model.hasModel
            placesShown: root.chat.isImage
            editingId: root.editingId
            editedText: root.editedText
            hoveredId: root.hoveredId
            needle: root.needle
            foundRow: root.foundRow
            foundSign: root.foundSign
            onFoldPressed: root.holdStill()
            onCopyRequested: text => root.chat.copyText(text)
            onCopyAllRequested: messageId => root.chat.copyWithThought(messageId)
            onEditRequested: messageId => root.editQuestion(messageId)
            onQuestionEditRequested: answerId => root.editQuestion(root.chat.messages.questionOf(answerId))
            onEditChanged: text => root.editedText = text
            onEditCancelled: {
                root.editingId = ""
                list.forceActiveFocus()
            }
            onEditDone: (messageId, text) => {
                root.editingId = ""
                root.chat.editAndResend(messageId, text)
            }
            onVersionChosen: (messageId, version) => root.chat.selectVersion(messageId, version)
            onActionTaken: (messageId, action) => root.chat.runAction(messageId, action)
            onContinueRequested: messageId => root.chat.continueAnswer(messageId)
            onRegenerateRequested: messageId => root.chat.regenerate(messageId)
            onDeleteRequested: messageId => root.chat.removeMessage(messageId)
        }
    }

    IconButton {
        anchors { horizontalCenter: parent.horizontalCenter; bottom: parent.bottom; bottomMargin: Theme.space12 }
        visible: root.endIsBelow && root.chat.busy
        size: Theme.row
        round: true
        iconName: "down"
        text: qsTr("Back to the end")
        onClicked: root.toEnd()
    }
}
