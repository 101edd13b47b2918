// The linter of 6.4 does not know Qt.callLater.
// qmllint disable type
// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! A field of several lines: Tab leaves it, what it scrolls in follows the caret, Undo that it has no use for goes back to the window. */
T.TextArea {
    id: root

    property TextRole role: Theme.prose
    property string hint: ""            // shown while it is empty
    property Flickable view: null       // what it scrolls in

    wrapMode: TextEdit.Wrap
    textFormat: TextEdit.PlainText
    font: root.role.font
    color: Theme.color.text1
    selectionColor: Theme.color.accentSoft
    selectedTextColor: Theme.color.text1
    selectByMouse: true
    cursorDelegate: Caret { editor: root }
    onTextChanged: Qt.callLater(TextItems.drawWhole, root)
    onCursorRectangleChanged: root.follow()
    Keys.onTabPressed: root.nextItemInFocusChain(true).forceActiveFocus(Qt.TabFocusReason)
    Keys.onBacktabPressed: root.nextItemInFocusChain(false).forceActiveFocus(Qt.BacktabFocusReason)
    Keys.onPressed: event => SpareKeys.offer(event, root.canUndo)

    function follow(): void {
        if (root.view === null)
            return
        const above = root.cursorRectangle.y - root.topPadding
        const below = root.cursorRectangle.y + root.cursorRectangle.height + root.bottomPadding
        if (above < root.view.contentY)
            root.view.contentY = Math.max(0, above)
        else if (below > root.view.contentY + root.view.height)
            root.view.contentY = Math.max(0, Math.min(root.view.contentHeight, below) - root.view.height)
    }

    Words {
        x: root.leftPadding
        y: root.topPadding
        width: root.width - root.leftPadding - root.rightPadding
        visible: root.length === 0 && root.preeditText.length === 0
        role: root.role
        wrapMode: root.height > 3 * root.role.line ? Text.Wrap : Text.NoWrap
        text: root.hint
        color: Theme.color.text3
        Accessible.ignored: true
    }
}
