// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A field of several lines for a system prompt. */
Rectangle {
    id: root

    required property string label
    property string placeholder: ""
    property alias text: field.text
    signal edited(text: string)

    function take(): void {
        field.forceActiveFocus()
    }

    radius: Theme.radius
    color: Theme.color.raised
    border.width: field.activeFocus ? 2 : Theme.strongBorder
    border.color: field.activeFocus ? Theme.color.accent : Theme.color.control

    Flickable {
        id: scroll

        anchors { fill: parent; margins: 2 }
        contentWidth: width
        contentHeight: field.height
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        T.ScrollBar.vertical: PioScrollBar {}

        T.TextArea {
            id: field

            width: scroll.width
            height: Math.max(scroll.height, contentHeight + topPadding + bottomPadding)
            padding: Theme.space8 + Theme.space2
            rightPadding: Theme.space16
            wrapMode: TextEdit.Wrap
            textFormat: TextEdit.PlainText
            font: Theme.ui.font
            color: Theme.color.text1
            selectionColor: Theme.color.accentSoft
            selectedTextColor: Theme.color.text1
            selectByMouse: true
            Keys.onTabPressed: field.nextItemInFocusChain(true).forceActiveFocus(Qt.TabFocusReason)
            Keys.onBacktabPressed: field.nextItemInFocusChain(false).forceActiveFocus(Qt.BacktabFocusReason)
            cursorDelegate: Caret { editor: field }
            Accessible.name: root.label
            onTextChanged: if (activeFocus) root.edited(text)
            onCursorRectangleChanged: {
                if (cursorRectangle.y < scroll.contentY)
                    scroll.contentY = Math.max(0, cursorRectangle.y - padding)
                else if (cursorRectangle.y + cursorRectangle.height > scroll.contentY + scroll.height)
                    scroll.contentY = cursorRectangle.y + cursorRectangle.height - scroll.height + padding
            }

            Words {
                anchors { left: parent.left; right: parent.right; top: parent.top; margins: field.padding }
                visible: field.length === 0 && field.preeditText.length === 0
                wrapMode: Text.Wrap
                text: root.placeholder
                color: Theme.color.text3
                Accessible.ignored: true
            }
        }
    }
}
