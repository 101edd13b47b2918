// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! What stands behind an answer: one row that says what it is, and under it, once opened, the rest beside a thin line. */
BlockItem {
    id: root

    property string title: ""
    property string detail: ""      // behind the title, in grey
    property string iconName: ""
    property bool open: false
    property real limit: 0          // pixels of the open part, which scrolls in itself beyond them; 0 none
    property bool follows: false    // it grows, and shows its end unless the reader went up in it
    default property alias inside: inner.data
    signal toggled()

    bodyHeight: head.height + (root.open ? view.height + Theme.space4 + Theme.space8 : 0)

    T.AbstractButton {
        id: head

        // The chevron's drawing, not its box of 16, begins where the text does.
        anchors { left: parent.left; leftMargin: Theme.hang - Theme.space4 - leftPadding }
        width: Math.min(implicitWidth, root.columnWidth - Theme.hang)
        height: Theme.rowSmall
        leftPadding: Theme.space4
        rightPadding: Theme.space8
        implicitWidth: contentItem.implicitWidth + leftPadding + rightPadding
        hoverEnabled: true
        focusPolicy: Qt.StrongFocus
        text: root.detail.length > 0 ? root.title + " " + root.detail : root.title
        Accessible.role: Accessible.Button
        Accessible.name: text
        Accessible.checkable: true
        Accessible.checked: root.open
        onClicked: root.toggled()
        Keys.onReturnPressed: root.toggled()   // Space alone presses a button of 6.4
        Keys.onEnterPressed: root.toggled()

        contentItem: Row {
            spacing: Theme.space6

            Icon {
                anchors.verticalCenter: parent.verticalCenter
                icon: root.open ? "down" : "right"
            }
            Icon {
                anchors.verticalCenter: parent.verticalCenter
                visible: root.iconName.length > 0
                icon: root.iconName
            }
            Words {
                anchors.verticalCenter: parent.verticalCenter
                role: Theme.uiMedium
                text: root.title
                color: Theme.color.text2
                Accessible.ignored: true
            }
            Words {
                anchors.verticalCenter: parent.verticalCenter
                visible: text.length > 0
                text: root.detail
                color: Theme.color.text3
                Accessible.ignored: true
            }
        }
        background: Rectangle {
            radius: Theme.radius
            color: head.down ? Theme.color.press : head.hovered ? Theme.color.hover : "transparent"

            FocusRing {
                visible: head.visualFocus
            }
        }
    }
    Rectangle {
        anchors { left: parent.left; leftMargin: Theme.hang + 3; top: view.top; bottom: view.bottom }
        visible: root.open
        width: 1
        color: Theme.color.edge
    }
    Flickable {
        id: view

        property bool atEnd: true

        anchors { left: parent.left; leftMargin: Theme.hang + 18; top: head.bottom; topMargin: Theme.space4 }
        visible: root.open
        width: inner.width + Theme.space12      // the bar stands beside the text
        height: root.limit > 0 ? Math.min(root.limit, contentHeight) : contentHeight
        contentWidth: width
        contentHeight: Math.ceil(inner.childrenRect.height)
        interactive: contentHeight > height
        boundsBehavior: Flickable.StopAtBounds
        clip: interactive
        onContentHeightChanged: if (root.follows && atEnd) contentY = Math.max(0, contentHeight - height)
        onMovementEnded: atEnd = contentY + height >= contentHeight - 4
        onVisibleChanged: atEnd = true
        T.ScrollBar.vertical: PioScrollBar {
            visible: view.interactive
        }

        Item {
            id: inner

            x: view.LayoutMirroring.enabled ? Theme.space12 : 0
            width: Math.min(510, root.textWidth - 18)
            height: childrenRect.height
        }
    }
}
