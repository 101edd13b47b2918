// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import QtQuick.Templates as T
import QtQuick.Window
import Pio.App
import Pio.Ui

/*! What was asked about the file and what the model answered, a row a block. It follows what is written while the reader is at the end. */
ListView {
    id: root

    required property CodeController code
    readonly property real columnWidth: root.width - 2 * Theme.space16
    property bool following: true

    function isAtEnd(): bool {
        return root.contentY + root.height >= root.originY + root.contentHeight - 4
    }
    function follow(): void {
        if (root.following)
            root.positionViewAtEnd()
    }
    function scrollBy(pixels: real): void {
        const last = Math.max(root.originY, root.originY + root.contentHeight - root.height)
        root.contentY = Math.max(root.originY, Math.min(last, root.contentY + pixels))
        root.following = root.isAtEnd()
    }

    // What is opened grows downwards from where it was pressed.
    function holdStill(): void {
        root.following = false
        Qt.callLater(root.goOn)
    }
    function goOn(): void {
        root.forceLayout()
        root.following = root.isAtEnd()
    }

    model: root.code.messages
    clip: true
    activeFocusOnTab: root.count > 0
    keyNavigationEnabled: false
    currentIndex: -1                // Tab comes to the list, not to its first row
    // Not when the window is left: the keys come back to where they were.
    onActiveFocusChanged: if (!activeFocus && Window.active) ListRows.forgetFocus(root)
    boundsBehavior: Flickable.StopAtBounds
    cacheBuffer: 600
    bottomMargin: Theme.space12
    Accessible.role: Accessible.List
    Accessible.name: qsTr("Questions and answers about the file")
    T.ScrollBar.vertical: PioScrollBar {
        id: bar
    }
    onContentHeightChanged: Qt.callLater(root.follow)
    onHeightChanged: Qt.callLater(root.follow)
    onContentYChanged: if (moving || bar.pressed) root.following = root.isAtEnd()
    Keys.onUpPressed: root.scrollBy(-Theme.rowHeader)
    Keys.onDownPressed: root.scrollBy(Theme.rowHeader)

    Connections {
        target: root.code

        function onQuestionChanged(): void {
            root.following = true
        }
    }

    readonly property RowOrder rowOrder: RowOrder {
        list: root
    }

    delegate: MessageRows {
        list: root
        columnWidth: root.columnWidth
        usable: root.code.canAsk
        canEdit: false      // an answer is about the lines as they were then, and half a proposal is none
        mostLines: 6        // the file beside it shows the code at length
        onFoldPressed: root.holdStill()
        onCopyRequested: text => root.code.copyText(text)
        onRegenerateRequested: messageId => root.code.answerAgain(messageId)
        onActionTaken: (messageId, action) => root.code.runAction(messageId, action)
    }
}
