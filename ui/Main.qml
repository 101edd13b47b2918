// The linter of 6.4 does not know StandardKey or the enum of a value type.
// qmllint disable unqualified
// The linter of 6.4 does not know 64-bit integers, properties of value types, nor interfaces of C++ types.
// qmllint disable type
import QtQuick
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! The window: chats at the left, the chat on screen beside them, the machine's facts below. */
T.ApplicationWindow {
    id: root

    required property Application app
    readonly property bool narrow: root.width < Theme.narrow
    readonly property bool tight: root.width < Theme.tight
    readonly property var panes: [Application.ChatPane, Application.CodePane, Application.ImagePane]   // those that there are, in their order
    property int pane: Application.ChatPane
    readonly property bool chatShown: root.pane === Application.ChatPane
    readonly property bool codeShown: root.pane === Application.CodePane
    readonly property bool imageShown: root.pane === Application.ImagePane
    readonly property var talk: root.imageShown ? imagePane : pane      // the conversation that keys are about
    readonly property var shownPane: root.codeShown ? codePane : root.talk
    readonly property string chatId: root.app.chat.chatId
    property bool sidebarOverPage: false    // where the sidebar lies over the page, it opens for one choice
    property bool sidebarBesideWork: false  // code and pictures want the width: there the sidebar starts hidden
    readonly property bool sidebarShown: root.tight ? root.sidebarOverPage
                                                    : root.chatShown ? root.app.settings.sidebarVisible : root.sidebarBesideWork
    readonly property bool popupShown: dialogs.shown
    readonly property bool ownKeys: !root.popupShown     // the window's keys count; a popup has its own

    function toggleSidebar(): void {
        if (root.tight)
            root.sidebarOverPage = !root.sidebarOverPage
        else if (root.chatShown)
            root.app.settings.sidebarVisible = !root.app.settings.sidebarVisible
        else
            root.sidebarBesideWork = !root.sidebarBesideWork
    }
    function showPane(pane: int): void {
        if (root.panes.indexOf(pane) < 0)
            return
        // What was not begun yet becomes what this pane begins; a chat that is there is shown in either.
        if (root.app.chat.chatId.length === 0 && pane === Application.ImagePane && !root.app.chat.isImage)
            root.app.chat.newImageChat()
        else if (root.app.chat.chatId.length === 0 && pane === Application.ChatPane && root.app.chat.isImage)
            root.app.chat.newChat()
        root.sidebarOverPage = false
        root.pane = pane
        root.takeFocus()
    }
    // A chat was opened: its kind says where it is shown.
    function showChat(): void {
        root.sidebarOverPage = false
        root.pane = root.app.chat.isImage ? Application.ImagePane : Application.ChatPane
        root.takeFocus()
    }
    function showSidebar(): void {
        if (!root.sidebarShown)
            root.toggleSidebar()
    }
    function takeFocus(): void {
        if (root.codeShown)
            codePane.takeFocus()
        else
            root.talk.takeFocus()
    }
    // Nobody has the keys where a button that had them went off or away.
    function catchKeys(): void {
        const item = root.activeFocusItem
        if (root.active && root.ownKeys && (item === null || item === root.contentItem || !item.visible))
            root.takeFocus()
    }
    function newChat(): void {
        if (root.imageShown)
            root.app.chat.newImageChat()
        else
            root.app.chat.newChat()
        root.showChat()
    }
    function zoomBy(step: real): void {
        root.app.settings.zoom = Math.round((root.app.settings.zoom + step) * 100) / 100
    }
    function openPicker(): void {
        dialogs.openPicker(root.codeShown ? codePane.chip : root.talk.composer.chip)
    }
    function closePopups(): void {
        dialogs.close()
    }
    function openSource(known: int): void {
        dialogs.openSource(known)
    }
    function openSettings(page: int): void {
        dialogs.openSettings(page)
    }
    function openLibrary(): void {
        dialogs.openLibrary()
    }
    function openNetwork(): void {
        dialogs.openNetwork()
    }

    width: 1280
    height: 800
    minimumWidth: 480
    minimumHeight: 480
    visible: true
    title: root.app.chat.title.length > 0 ? qsTr("%1 — Inference-PIO").arg(root.app.chat.title) : qsTr("Inference-PIO")
    color: Theme.color.canvas
    font: Theme.ui.font
    LayoutMirroring.enabled: Qt.application.layoutDirection === Qt.RightToLeft
    LayoutMirroring.childrenInherit: true       // of popups, too
    Component.onCompleted: {
        root.app.place.watch(root)
        if (root.panes.indexOf(root.app.place.pane) >= 0)
            root.pane = root.app.place.pane
        codePane.sideWidth = root.app.place.codeWidth > 0 ? root.app.place.codeWidth : codePane.sideWidth
        root.takeFocus()
    }
    onPaneChanged: root.app.place.pane = root.pane
    onActiveFocusItemChanged: Qt.callLater(root.catchKeys)
    onClosing: close => close.accepted = root.app.closing.request()
    onChatIdChanged: {
        if (root.chatShown && root.app.chat.isImage)
            root.showChat()
        Qt.callLater(root.catchKeys)        // the find bar of the chat before may have them, and is hidden
    }

    // Dialogs that Qt draws itself take these.
    palette {
        window: Theme.color.canvas
        windowText: Theme.color.text1
        base: Theme.color.raised
        text: Theme.color.text1
        button: Theme.color.raised
        buttonText: Theme.color.text1
        highlight: Theme.color.accentFill
        highlightedText: Theme.color.inkAccent
        mid: Theme.color.edge
        dark: Theme.color.control
        light: Theme.color.hover
        placeholderText: Theme.color.text3
    }

    Binding { target: Theme; property: "appearance"; value: root.app.settings.appearance }
    Binding { target: Theme; property: "reducedMotion"; value: root.app.settings.reducedMotion || root.app.desktop.reducedMotion }
    Binding { target: Theme; property: "desktopScheme"; value: root.app.desktop.scheme }
    Binding { target: Theme; property: "desktopContrast"; value: root.app.desktop.highContrast }
    Binding { target: root.app.desktop; property: "windowSeen"; value: root.active && root.visibility !== Window.Minimized }
    Binding { target: Theme; property: "zoom"; value: root.app.settings.zoom }
    Binding { target: Theme; property: "computing"; value: root.app.engine.busy }
    Binding { target: root.app.chat.messages; property: "style"; value: Theme.richText }
    Binding { target: root.app.code.messages; property: "style"; value: Theme.richText }
    Binding { target: root.app.code.lines; property: "style"; value: Theme.richText }

    Item {
        id: page

        anchors.fill: parent

        Item {
            id: slot

            readonly property int wanted: root.tight ? Math.min(300, root.width - Theme.space48) : root.narrow ? 216 : root.app.settings.sidebarWidth

            anchors { left: parent.left; top: parent.top; bottom: status.top }
            z: root.tight ? 2 : 0
            width: root.sidebarShown ? wanted : 0
            visible: width > 0
            clip: true

            Behavior on width {
                enabled: Theme.slideTime > 0 && root.active && !grip.active
                NumberAnimation { duration: Theme.slideTime; easing.type: Easing.OutCubic }
            }

            Sidebar {
                id: sidebar

                anchors { right: parent.right; top: parent.top; bottom: parent.bottom }
                width: slot.wanted
                history: root.app.history
                panes: root.panes
                pane: root.pane
                currentId: root.codeShown ? root.app.code.chatId : root.app.chat.chatId
                onPaneChosen: pane => root.showPane(pane)
                onNewChatRequested: root.newChat()
                onSettingsRequested: dialogs.openSettings(-1)
                onNetworkRequested: dialogs.openNetwork()
                onExportRequested: dialogs.exportChats()
                onImportRequested: dialogs.chooseImport()
                onFocusReturned: root.takeFocus()
                onChatOpened: root.sidebarOverPage = false     // paneRequested says where
            }
            Item {
                anchors { right: parent.right; top: parent.top; bottom: parent.bottom }
                width: Theme.space8
                visible: !root.narrow

                HoverHandler {
                    cursorShape: Qt.SplitHCursor
                }
                DragHandler {
                    id: grip

                    property int startWidth: 0

                    target: null
                    xAxis.enabled: true
                    yAxis.enabled: false
                    onActiveChanged: if (active) startWidth = root.app.settings.sidebarWidth
                    onTranslationChanged: {
                        if (active)
                            root.app.settings.sidebarWidth = startWidth + (root.LayoutMirroring.enabled ? -1 : 1) * translation.x
                    }
                }
            }
        }
        Rectangle {
            anchors { left: parent.left; right: parent.right; top: parent.top; bottom: status.top }
            z: 1
            visible: root.tight && root.sidebarShown
            color: Theme.color.veil

            TapHandler {
                onTapped: root.sidebarOverPage = false
            }
        }
        ChatPane {
            id: pane

            anchors { left: root.tight ? parent.left : slot.right; right: parent.right; top: parent.top; bottom: status.top }
            visible: root.chatShown
            panes: root.sidebarShown ? [] : root.panes
            chat: root.app.chat
            models: root.app.models
            library: root.app.library
            history: root.app.history
            enterSends: root.app.settings.enterSends
            narrow: root.narrow
            onSidebarRequested: root.toggleSidebar()
            onPaneChosen: pane => root.showPane(pane)
            onFileRequested: dialogs.openModel(-1)
            onPicturesRequested: dialogs.openPictures()
            onLibraryRequested: dialogs.openLibrary()
            onStorageRequested: dialogs.openStorage()
            onPickerRequested: root.openPicker()
            onSystemPromptRequested: dialogs.openSystemPrompt()
            onSaveRequested: dialogs.saveChat()
        }
        CodePane {
            id: codePane

            anchors { left: root.tight ? parent.left : slot.right; right: parent.right; top: parent.top; bottom: status.top }
            visible: root.codeShown
            code: root.app.code
            history: root.app.history
            panes: root.sidebarShown ? [] : root.panes
            enterSends: root.app.settings.enterSends
            narrow: codePane.width < 840
            keysCount: root.ownKeys && root.codeShown
            onSideWidthChanged: root.app.place.codeWidth = codePane.sideWidth
            onSidebarRequested: root.toggleSidebar()
            onPaneChosen: pane => root.showPane(pane)
            onFileRequested: dialogs.openSourceFile()
            onPickerRequested: root.openPicker()
        }
        ImagePane {
            id: imagePane

            anchors { left: root.tight ? parent.left : slot.right; right: parent.right; top: parent.top; bottom: status.top }
            visible: root.imageShown
            panes: root.sidebarShown ? [] : root.panes
            chat: root.app.chat
            session: root.app.image
            models: root.app.models
            library: root.app.library
            seeingCost: root.app.seeingCost
            history: root.app.history
            enterSends: root.app.settings.enterSends
            narrow: root.narrow
            onSidebarRequested: root.toggleSidebar()
            onPaneChosen: pane => root.showPane(pane)
            onFileRequested: dialogs.openPictures()
            onPickerRequested: root.openPicker()
            onSourceRequested: dialogs.openSource(ModelLibrary.Images)
            onSystemPromptRequested: dialogs.openSystemPrompt()
            onSaveRequested: dialogs.saveChat()
        }
        StatusLine {
            id: status

            anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
            chat: root.app.chat
            code: root.app.code
            engine: root.app.engine
            codeShown: root.codeShown
            memory: root.app.memory
            devices: root.app.devices
            narrow: root.narrow
        }
        DropOverlay {
            anchors.fill: parent
            z: 3
            app: root.app
            pane: root.pane
            onFilesDropped: urls => root.app.openFiles(urls, root.pane)
        }
        Announcer {
            id: announcer
        }
    }

    Connections {
        target: root.app

        function onPaneRequested(pane: int): void {
            root.showPane(pane)
        }
        function onImportOffered(file: url): void {
            dialogs.offerImport(file)
        }
        function onImported(words: string): void {
            root.shownPane.tell(words)
        }
        function onExported(file: url): void {
            root.shownPane.tell(qsTr("The chats were written to %1").arg(Figures.fileName(file)))
        }
        function onChatSaved(file: url): void {
            root.shownPane.tell(qsTr("The chat was written to %1").arg(Figures.fileName(file)))
        }
        function onUnsupportedFile(file: url): void {
            root.shownPane.tell(qsTr("%1 is neither a model (.gguf) nor a picture nor exported chats (.json)").arg(Figures.fileName(file)))
        }
    }
    Connections {
        target: SpareKeys
        enabled: keys.canUndoRemove

        function onUndo(): void {
            root.app.history.undoRemove()
        }
    }
    Connections {
        target: root.app.code

        function onAnnouncement(text: string): void {
            announcer.sentence = text
        }
    }
    Connections {
        target: root.app.desktop

        function onNotificationPressed(): void {
            if (root.visibility === Window.Minimized)
                root.show()
            root.raise()
            root.requestActivate()
        }
    }
    Connections {
        target: root.app.closing

        function onAllowed(): void {
            root.close()
        }
    }
    Connections {
        target: root.app.chat

        function onAnnouncement(text: string): void {
            announcer.sentence = text
        }
    }
    Connections {
        target: root.app.notices

        function onExportRequested(): void {
            dialogs.exportChats()
        }
        function onOpenModelRequested(): void {
            dialogs.openModel(-1)
        }
    }

    WindowDialogs {
        id: dialogs

        app: root.app
        onClosed: root.takeFocus()
    }
    WindowShortcuts {
        id: keys

        app: root.app
        codeShown: root.codeShown
        chatShown: root.chatShown
        imageShown: root.imageShown
        panes: root.panes
        talk: root.talk
        counting: root.ownKeys
        onNewChatRequested: root.newChat()
        onSearchRequested: {
            root.showSidebar()
            sidebar.search()
        }
        onFindRequested: pane.find()
        onPickerRequested: dialogs.pickerShown ? dialogs.closePicker() : root.openPicker()
        onFileRequested: root.codeShown ? dialogs.openSourceFile() : root.imageShown ? dialogs.openPictures() : dialogs.openModel(-1)
        onPaneRequested: pane => root.showPane(pane)
        onSidebarRequested: root.toggleSidebar()
        onSettingsRequested: dialogs.openSettings(-1)
        onShortcutsRequested: dialogs.openShortcuts()
        onZoomRequested: step => root.zoomBy(step)
        onCloseRequested: root.close()
    }
}
