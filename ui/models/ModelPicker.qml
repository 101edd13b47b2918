pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Window
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! The models on this computer, over the chip that names the present one. Arrows, Enter, Esc; typing jumps. */
PioPopover {
    id: root

    required property ModelLibrary models
    required property ChatController chat
    property bool below: false
    signal fileRequested()
    signal sourceRequested(known: int)      // one of the four has no file yet

    function openOver(chip: Item): void {
        root.models.refresh()
        root.parent = chip
        root.below = chip.mapToItem(null, 0, 0).y < chip.Window.height / 2
        root.open()
    }
    function jump(text: string): void {
        for (let k = 1; k <= list.count; ++k) {
            const row = (list.currentIndex + k) % list.count
            const item = list.itemAtIndex(row) as ModelRow
            if (item !== null && item.name.toLowerCase().startsWith(text.toLowerCase())) {
                list.currentIndex = row
                return
            }
        }
    }
    function choose(row: int): void {
        const item = list.itemAtIndex(row) as ModelRow
        if (item === null || (item.hasFile && !item.available && !item.current))
            return
        root.close()
        if (!item.hasFile)
            root.sourceRequested(item.known)
        else if (!item.current)
            root.models.choose(item.path)
    }

    width: parent && parent.Window.window ? Math.min(480, parent.Window.window.width - 2 * Theme.space16) : 480
    y: root.below && root.parent ? root.parent.height + Theme.space4 : -implicitHeight - Theme.space4
    onOpened: {
        list.currentIndex = 0
        for (let row = 0; row < list.count; ++row) {
            if ((list.itemAtIndex(row) as ModelRow)?.current)
                list.currentIndex = row
        }
        list.forceActiveFocus(Qt.TabFocusReason)
    }

    contentItem: ColumnLayout {
        spacing: 0

        ListView {
            id: list

            Layout.fillWidth: true
            implicitHeight: Math.min(contentHeight, root.parent && root.parent.Window.window ? Math.max(52, root.parent.Window.window.height - 280) : contentHeight, 9 * 52)
            model: root.models
            clip: true
            boundsBehavior: Flickable.StopAtBounds
            highlightMoveDuration: 0
            activeFocusOnTab: true
            T.ScrollBar.vertical: PioScrollBar {}
            Accessible.role: Accessible.List
            Accessible.name: qsTr("Models")

            delegate: ModelRow {
                id: row

                required property int index

                width: list.width
                loading: root.chat.model.state === ModelSession.Loading
                topPadding: row.index === 4 ? Theme.space8 : 0
                implicitHeight: 52 + topPadding
                focused: list.activeFocus && list.currentIndex === row.index
                onClicked: root.choose(row.index)
                onForgetRequested: root.models.forget(row.path)

                // The four above, other files below.
                Hairline {
                    anchors { left: parent.left; right: parent.right; top: parent.top; leftMargin: Theme.space8; rightMargin: Theme.space8; topMargin: Theme.space4 }
                    visible: row.index === 4
                    height: 1
                }
            }
            Keys.onPressed: event => {
                event.accepted = true
                if (event.key === Qt.Key_Return || event.key === Qt.Key_Enter)
                    root.choose(list.currentIndex)
                else if (event.key === Qt.Key_Home)
                    list.currentIndex = 0
                else if (event.key === Qt.Key_End)
                    list.currentIndex = list.count - 1
                else if (event.key === Qt.Key_Delete)
                    root.models.forget((list.currentItem as ModelRow)?.path ?? "")
                else if (event.text > " " && !(event.modifiers & Qt.ControlModifier)) // Esc has a text too, below the space
                    root.jump(event.text)
                else
                    event.accepted = false
            }
        }
        Hairline {
            Layout.fillWidth: true
            Layout.leftMargin: Theme.space8
            Layout.rightMargin: Theme.space8
            Layout.topMargin: Theme.space4
            implicitHeight: 1
        }
        RowLayout {
            Layout.fillWidth: true
            Layout.preferredHeight: Theme.rowBar
            Layout.leftMargin: Theme.rowLarge
            spacing: Theme.space8

            Words {
                Layout.fillWidth: true
                role: Theme.small
                text: qsTr("Files stay where they are.")
                color: Theme.color.text3
            }
            PioButton {
                visible: root.chat.model.hasModel
                quiet: true
                text: qsTr("Unload")
                onClicked: {
                    root.close()
                    root.chat.model.unload()
                }
            }
            PioButton {
                quiet: true
                iconName: "folder"
                text: qsTr("Open a file…")
                onClicked: {
                    root.close()
                    root.fileRequested()
                }
            }
        }
    }
}
