// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! The chats: search, a new one, the list under its sections; below them the settings. */
Rectangle {
    id: root

    required property HistoryModel history
    property var panes: []              // Application.Pane; fewer than two need no switch
    property int pane: Application.ChatPane
    property string currentId: ""       // the chat of the pane that is shown
    property string renamingId: ""
    property string menuId: ""
    readonly property bool searching: root.history.query.length > 0
    signal paneChosen(pane: int)
    signal newChatRequested()
    signal settingsRequested()
    signal networkRequested()
    signal exportRequested()
    signal importRequested()
    signal chatOpened()
    signal focusReturned()

    function search(): void {
        field.forceActiveFocus()
        field.selectAll()
    }
    function open(row: int): void {
        const item = list.itemAtIndex(row) as HistoryRow
        if (item === null)
            return
        root.history.open(item.chatId, item.messageId)
        root.chatOpened()
    }
    function sectionTitle(section: string): string {
        switch (section) {
        case "pinned": return qsTr("Pinned")
        case "today": return qsTr("Today")
        case "yesterday": return qsTr("Yesterday")
        case "week": return qsTr("Last week")
        case "older": return qsTr("Older")
        }
        return qsTr("%Ln matches", "", root.history.count)
    }
    function showMenu(item: HistoryRow, at: Item): void {
        root.menuId = item.chatId
        menu.chatPinned = item.pinned
        menu.popup(at, 0, at.height)
    }

    color: Theme.color.side

    PaneSwitcher {
        id: switcher

        anchors { left: parent.left; right: parent.right; top: parent.top; margins: Theme.space12; topMargin: Theme.space8 }
        height: visible ? implicitHeight : 0
        visible: root.panes.length > 1
        panes: root.panes
        current: root.pane
        onChosen: pane => root.paneChosen(pane)
    }
    RowLayout {
        id: top

        anchors { left: parent.left; right: parent.right; top: switcher.bottom; margins: Theme.space12 }
        anchors.topMargin: switcher.visible ? Theme.space8 : 0
        height: Theme.row
        spacing: Theme.space4

        PioField {
            id: field

            Layout.fillWidth: true
            iconName: "search"
            placeholderText: qsTr("Search")
            key: "Ctrl K"
            text: root.history.query
            ownsEscape: true
            Accessible.name: qsTr("Search all chats")
            onTextEdited: root.history.query = text
            Keys.onPressed: event => {
                if (event.key === Qt.Key_Escape) {
                    event.accepted = true
                    if (root.searching)
                        root.history.query = ""
                    else
                        root.focusReturned()
                } else if (event.key === Qt.Key_Down || ((event.key === Qt.Key_Return || event.key === Qt.Key_Enter)
                                                         && !(event.modifiers & (Qt.ControlModifier | Qt.AltModifier)))) {
                    event.accepted = true
                    if (list.count > 0) {
                        list.currentIndex = 0
                        if (event.key === Qt.Key_Down)
                            list.forceActiveFocus(Qt.TabFocusReason)
                        else
                            root.open(0)
                    }
                }
            }

            IconButton {
                anchors { right: parent.right; rightMargin: Theme.space4; verticalCenter: parent.verticalCenter }
                visible: root.searching
                size: Theme.rowTiny
                iconName: "close"
                text: qsTr("Clear the search")
                onClicked: root.history.query = ""
            }
        }
        IconButton {
            size: Theme.row
            iconName: "new-chat"
            ink: Theme.color.text1
            text: qsTr("New chat")
            key: "Ctrl+N"
            onClicked: root.newChatRequested()
        }
    }

    ListView {
        id: list

        anchors { left: parent.left; right: parent.right; top: top.bottom; topMargin: Theme.space4; bottom: foot.top }
        model: root.history
        clip: true
        activeFocusOnTab: true
        boundsBehavior: Flickable.StopAtBounds
        highlightMoveDuration: 0
        currentIndex: -1
        T.ScrollBar.vertical: PioScrollBar {}
        Accessible.role: Accessible.List
        Accessible.name: qsTr("Chats")

        onActiveFocusChanged: if (activeFocus && currentIndex < 0 && count > 0) currentIndex = 0

        section.property: "section"
        section.delegate: Item {
            id: sectionLabel

            required property string section

            width: ListView.view.width
            height: Theme.row

            Words {
                anchors { left: parent.left; right: parent.right; bottom: parent.bottom; margins: Theme.space16; bottomMargin: Theme.space6 }
                role: Theme.smallMedium
                text: root.sectionTitle(sectionLabel.section)
                color: Theme.color.text3
                Accessible.role: Accessible.Heading
            }
        }

        delegate: HistoryRow {
            id: row

            required property int index

            width: list.width
            current: row.chatId === root.currentId
            focused: list.activeFocus && list.currentIndex === row.index
            renaming: root.renamingId === row.chatId && row.chatId.length > 0
            menuOpen: menu.visible && root.menuId === row.chatId
            onClicked: {
                list.currentIndex = row.index
                root.open(row.index)
            }
            onMenuRequested: at => root.showMenu(row, at)
            onRenamed: title => {
                root.renamingId = ""
                if (title.trim().length > 0)
                    root.history.rename(row.chatId, title.trim())
                list.forceActiveFocus()
            }
        }

        // The row's name, not the open chat's.
        Keys.onShortcutOverride: event => event.accepted = event.key === Qt.Key_F2 && currentItem !== null && !root.searching && root.renamingId.length === 0
        Keys.onPressed: event => {
            const item = list.itemAtIndex(list.currentIndex) as HistoryRow
            if (item === null || root.renamingId.length > 0)
                return
            event.accepted = true
            if (event.key === Qt.Key_Return || event.key === Qt.Key_Enter || event.key === Qt.Key_Space)
                root.open(list.currentIndex)
            else if (event.key === Qt.Key_F2 && !root.searching)
                root.renamingId = item.chatId
            else if (event.key === Qt.Key_Delete || event.key === Qt.Key_Backspace)
                root.history.remove(item.chatId)
            else if (event.key === Qt.Key_Menu || (event.key === Qt.Key_F10 && event.modifiers & Qt.ShiftModifier))
                root.showMenu(item, item)
            else if (event.key === Qt.Key_Home)
                list.currentIndex = 0
            else if (event.key === Qt.Key_End)
                list.currentIndex = list.count - 1
            else
                event.accepted = false
        }
    }

    PioMenu {
        id: menu

        property bool chatPinned: false

        PioMenuItem {
            text: qsTr("Rename")
            key: "F2"
            enabled: !root.searching
            onTriggered: root.renamingId = root.menuId
        }
        PioMenuItem {
            text: menu.chatPinned ? qsTr("Unpin") : qsTr("Pin")
            onTriggered: root.history.setPinned(root.menuId, !menu.chatPinned)
        }
        PioMenuLine {}
        PioMenuItem {
            text: qsTr("Delete")
            key: "Del"
            onTriggered: root.history.remove(root.menuId)
        }
    }

    Column {
        anchors { left: parent.left; right: parent.right; top: top.bottom; margins: Theme.space16; topMargin: Theme.space20 }
        visible: list.count === 0 && root.history.ready
        spacing: Theme.space12

        Words {
            width: parent.width
            wrapMode: Text.Wrap
            text: root.history.searchFailed ? qsTr("The chats cannot be searched at the moment")
                : root.searching ? qsTr("No messages match “%1”").arg(root.history.query)
                                 : qsTr("Your chats will be listed here. They are stored in one file on this computer.")
            color: Theme.color.text3
        }
        PioButton {
            anchors.left: parent.left
            visible: root.searching
            text: qsTr("Clear the search")
            onClicked: {
                root.history.query = ""
                field.forceActiveFocus()
            }
        }
    }

    Item {
        id: foot

        anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
        height: Theme.rowBar

        PioButton {
            anchors { left: parent.left; leftMargin: Theme.space6; verticalCenter: parent.verticalCenter }
            leftPadding: Theme.space8 + Theme.space2
            quiet: true
            iconName: "settings"
            text: qsTr("Settings")
            onClicked: root.settingsRequested()
        }
        IconButton {
            anchors { right: more.left; rightMargin: Theme.space4; verticalCenter: parent.verticalCenter }
            iconName: "lock"
            text: qsTr("What was asked of the network")
            onClicked: root.networkRequested()
        }
        IconButton {
            id: more

            anchors { right: parent.right; rightMargin: Theme.space12; verticalCenter: parent.verticalCenter }
            iconName: "more"
            text: qsTr("More about all chats")
            checked: chats.visible
            onClicked: chats.visible ? chats.close() : chats.popup(more, more.width - chats.implicitWidth, -chats.implicitHeight - Theme.space4)

            PioMenu {
                id: chats

                PioMenuItem {
                    text: qsTr("Import chats…")
                    onTriggered: root.importRequested()
                }
                PioMenuItem {
                    text: qsTr("Export all chats…")
                    onTriggered: root.exportRequested()
                }
            }
        }
    }
    Hairline {
        anchors { right: parent.right; top: parent.top; bottom: parent.bottom }
        width: 1
    }
}
