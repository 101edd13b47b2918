import QtQuick
import Pio.Ui

/*! A small line with one address in it: underlined, a stop of the Tab key. */
Flow {
    id: root

    required property string text
    property string before: ""
    property string after: ""
    property string address: ""
    signal clicked(address: string)

    spacing: Theme.space4

    TextMetrics {
        id: whole

        font: last.font
        text: root.after
    }
    Words {
        id: first

        role: Theme.small
        text: root.before
        color: Theme.color.text3
        Accessible.ignored: true
    }
    Words {
        id: link

        role: Theme.small
        text: root.text
        color: Theme.color.accent
        activeFocusOnTab: root.address.length > 0
        Accessible.role: Accessible.Link
        Accessible.name: qsTr("%1 %2").arg(root.before).arg(root.text)
        Accessible.onPressAction: root.clicked(root.address)
        Keys.onReturnPressed: root.clicked(root.address)
        Keys.onEnterPressed: root.clicked(root.address)
        Keys.onSpacePressed: root.clicked(root.address)

        Rectangle {
            anchors { left: parent.left; right: parent.right; bottom: parent.bottom; bottomMargin: Theme.space2 }
            height: 1
            color: link.color
        }
        FocusRing {
            visible: link.activeFocus
        }
        TapHandler {
            onTapped: root.clicked(root.address)
        }
        HoverHandler {
            cursorShape: Qt.PointingHandCursor
        }
    }
    Words {
        id: dot

        // No line begins with it: what does not fit behind it has a line of its own.
        visible: root.after.length > 0 && first.implicitWidth + link.implicitWidth + dot.implicitWidth + whole.advanceWidth + 3 * root.spacing <= root.width
        role: Theme.small
        text: "·"
        color: Theme.color.text3
        Accessible.ignored: true
    }
    Words {
        id: last

        visible: text.length > 0
        width: dot.visible ? Math.ceil(whole.advanceWidth) : root.width
        role: Theme.small
        wrapMode: dot.visible ? Text.NoWrap : Text.Wrap
        text: root.after
        color: Theme.color.text3
        Accessible.ignored: true
    }
}
