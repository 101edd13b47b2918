import QtQuick
import QtQuick.Window
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.Ui

/*! A page of the settings: its title and its rows, which scroll when they do not fit. */
Flickable {
    id: root

    required property string title
    property string hint: ""
    default property alias rows: column.data

    contentWidth: width
    contentHeight: column.implicitHeight + Theme.space32
    boundsBehavior: Flickable.StopAtBounds
    interactive: contentHeight > height
    clip: true
    T.ScrollBar.vertical: PioScrollBar {}

    // What no control on the page takes.
    Keys.onPressed: event => {
        const pages = event.key === Qt.Key_PageDown ? 1 : event.key === Qt.Key_PageUp ? -1 : 0
        if (pages === 0 || !root.interactive)
            return
        root.contentY = Math.max(0, Math.min(root.contentHeight - root.height, root.contentY + pages * (root.height - Theme.rowLarge)))
        event.accepted = true
    }
    // Where the keyboard goes, the page goes.
    readonly property Item focusItem: Window.activeFocusItem
    onFocusItemChanged: {
        for (let item = root.focusItem; item !== null; item = item.parent) {
            if (item === column) {
                const top = root.focusItem.mapToItem(root.contentItem, 0, 0).y
                if (top < contentY + Theme.space48 + Theme.space8)      // the dialog's buttons stand over the page's upper edge
                    contentY = Math.max(0, top - Theme.space48 - Theme.space8)
                else if (top + root.focusItem.height > contentY + height)
                    contentY = Math.min(contentHeight - height, top + root.focusItem.height - height + Theme.space24)
                return
            }
        }
    }

    ColumnLayout {
        id: column

        x: Theme.space32
        width: root.width - 2 * Theme.space32
        spacing: 0

        Words {
            Layout.topMargin: 17
            Layout.fillWidth: true
            Layout.rightMargin: Theme.space32
            Layout.bottomMargin: root.hint.length > 0 ? 0 : Theme.space8
            role: Theme.page
            text: root.title
            Accessible.role: Accessible.Heading
        }
        Words {
            Layout.fillWidth: true
            Layout.topMargin: Theme.space4
            Layout.bottomMargin: Theme.space8
            visible: text.length > 0
            wrapMode: Text.Wrap
            text: root.hint
            color: Theme.color.text2
        }
    }
}
