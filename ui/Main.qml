// The linter of 6.4 does not know StandardKey or the enum of a value type.
// qmllint disable unqualified
// The linter of 6.4 does not know 64-bit integers, properties of value types, nor interfaces of C++ types.
// qmllint disable type
import QtQuick
import QtQuick.Dialogs
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
    readonly property bool popupShown: picker.visible || source.visible || settings.visible || shortcuts.visible || systemPrompt.visible || leave.visible
    readonly property bool ownKeys: !root.popupShown     // the window's keys count; a popup has its own
    readonly property bool chatKeys: root.ownKeys && (root.chatShown || root.imageShown)

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
    function newChat(): void {
        if (root.imageShown)
            root.app.chat.newImageChat()
        else
            root.app.chat.newChat()
        root.showChat()
    }
    function zoomBy(step: real): void {
        root.app.settings.zoom = Math.max(0.85, Math.min(1.6, Math.round((root.app.settings.zoom + step) * 100) / 100))
    }
    function openPicker(): void {
        picker.openOver(root.codeShown ? codePane.chip : root.talk.composer.chip)
    }
    function closePopups(): void {
        picker.close()
        source.close()
        settings.close()
        shortcuts.close()
        systemPrompt.close()
    }
    function openSource(known: int): void {
        source.openFor(known)
    }
    function openSettings(page: int): void {
        settings.openPage(page)
    }

    width: 1280
    height: 800
    minimumWidth: 480
    minimumHeight: 480
    visible: true
    title: root.app.chat.title.length > 0 ? qsTr("%1 — Inference-PIO").arg(root.app.chat.title) : qsTr("Inference-PIO")
    color: Theme.color.canvas
    font: Theme.ui.font
    Component.onCompleted: root.takeFocus()
    onClosing: close => close.accepted = root.app.code.mayClose()
    onChatIdChanged: if (root.chatShown && root.app.chat.isImage) root.showChat()

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
    Binding { target: Theme; property: "reducedMotion"; value: root.app.settings.reducedMotion }
    Binding { target: Theme; property: "zoom"; value: root.app.settings.zoom }
    Binding { target: Theme; property: "computing"; value: root.app.engine.busy }
    Binding { target: root.app.chat.messages; property: "style"; value: Theme.richText }
    Binding { target: root.app.code.messages; property: "style"; value: Theme.richText }
    Binding { target: root.app.code.lines; property: "style"; value: Theme.richText }

    Item {
        id: page

        anchors.fill: parent
        LayoutMirroring.enabled: Qt.application.layoutDirection === Qt.RightToLeft
        LayoutMirroring.childrenInherit: true

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
                onPaneChosen: pane => root.showPane(pane)
                onNewChatRequested: root.newChat()
                onSettingsRequested: settings.open()
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
                            root.app.settings.sidebarWidth = Math.max(200, Math.min(360, startWidth + (page.LayoutMirroring.enabled ? -1 : 1) * translation.x))
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
            history: root.app.history
            enterSends: root.app.settings.enterSends
            narrow: root.narrow
            onSidebarRequested: root.toggleSidebar()
            onPaneChosen: pane => root.showPane(pane)
            onFileRequested: files.openFor(-1)
            onPicturesRequested: pictures.open()
            onPickerRequested: root.openPicker()
            onSystemPromptRequested: systemPrompt.open()
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
            onSidebarRequested: root.toggleSidebar()
            onPaneChosen: pane => root.showPane(pane)
            onFileRequested: sources.open()
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
            history: root.app.history
            enterSends: root.app.settings.enterSends
            narrow: root.narrow
            onSidebarRequested: root.toggleSidebar()
            onPaneChosen: pane => root.showPane(pane)
            onFileRequested: pictures.open()
            onPickerRequested: root.openPicker()
            onSourceRequested: source.openFor(ModelLibrary.Images)
            onSystemPromptRequested: systemPrompt.open()
        }
        StatusLine {
            id: status

            anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
            chat: root.app.chat
            code: root.app.code
            engine: root.app.engine
            codeShown: root.codeShown
            memory: root.app.memory
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
            root.app.importFile(file)
        }
        function onImported(words: string): void {
            root.shownPane.tell(words)
        }
        function onExported(file: url): void {
            root.shownPane.tell(qsTr("The chats were written to %1").arg(decodeURIComponent(String(file).replace(/^.*\//, ""))))
        }
        function onUnsupportedFile(file: url): void {
            root.shownPane.tell(qsTr("%1 is neither a model (.gguf) nor a picture nor exported chats (.json)").arg(decodeURIComponent(String(file).replace(/^.*\//, ""))))
        }
    }
    Connections {
        target: SpareKeys
        enabled: undoRemove.enabled

        function onUndo(): void {
            undoRemove.activated()
        }
    }
    Connections {
        target: root.app.code

        function onAnnouncement(text: string): void {
            announcer.sentence = text
        }
        function onCloseAllowed(): void {
            Qt.quit()
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
            exports.open()
        }
        function onOpenModelRequested(): void {
            files.openFor(-1)
        }
    }

    ModelPicker {
        id: picker

        models: root.app.models
        chat: root.app.chat
        onFileRequested: files.openFor(-1)
        onSourceRequested: known => source.openFor(known)
        onClosed: root.takeFocus()
    }
    GetModelDialog {
        id: source

        models: root.app.models
        onFileRequested: known => files.openFor(known)
        onCopyRequested: text => root.app.chat.copyText(text)
        onClosed: root.takeFocus()
    }
    SettingsDialog {
        id: settings

        settings: root.app.settings
        chat: root.app.chat
        load: root.app.load
        models: root.app.models
        onShortcutsRequested: shortcuts.open()
        onClosed: root.takeFocus()
    }
    ShortcutsDialog {
        id: shortcuts

        onClosed: root.takeFocus()
    }
    LeaveDialog {
        id: leave

        code: root.app.code
    }
    SystemPromptDialog {
        id: systemPrompt

        chat: root.app.chat
        onClosed: root.takeFocus()
    }
    FileDialog {
        id: files

        title: qsTr("Open a model")
        nameFilters: [qsTr("Models (*.gguf)"), qsTr("All files (*)")]
        property int known: -1      // which of the four it is for; -1 none of them

        function openFor(known: int): void {
            files.known = known
            files.open()
        }

        onAccepted: files.known < 0 ? root.app.models.openFile(selectedFile) : root.app.models.chooseFor(files.known, selectedFile)
    }

    FileDialog {
        id: sources

        title: qsTr("Open a file")
        onAccepted: root.app.code.open(selectedFile)
    }
    FileDialog {
        id: pictures

        title: qsTr("Choose pictures")
        fileMode: FileDialog.OpenFiles
        nameFilters: [qsTr("Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff)"), qsTr("All files (*)")]
        onAccepted: root.app.chat.tray.add(selectedFiles)
    }
    FileDialog {
        id: exports

        title: qsTr("Export all chats")
        fileMode: FileDialog.SaveFile
        defaultSuffix: "json"
        nameFilters: [qsTr("Exported chats (*.json)")]
        onAccepted: root.app.exportTo(selectedFile)
    }

    Shortcut { sequences: [StandardKey.New]; enabled: root.ownKeys; onActivated: root.newChat() }
    Shortcut {
        sequences: ["Ctrl+K", "Ctrl+Shift+F"]
        enabled: root.ownKeys
        onActivated: {
            root.showSidebar()
            sidebar.search()
        }
    }
    Shortcut { sequences: [StandardKey.Find]; enabled: root.ownKeys && root.chatShown; onActivated: pane.find() }
    Shortcut { sequences: ["Ctrl+L"]; onActivated: picker.visible ? picker.close() : root.openPicker() }
    Shortcut {
        sequences: [StandardKey.Open]
        enabled: root.ownKeys
        onActivated: root.codeShown ? sources.open() : root.imageShown ? pictures.open() : files.openFor(-1)
    }
    Shortcut { sequences: ["Ctrl+1"]; enabled: root.ownKeys; onActivated: root.showPane(root.panes[0]) }
    Shortcut { sequences: ["Ctrl+2"]; enabled: root.ownKeys && root.panes.length > 1; onActivated: root.showPane(root.panes[1]) }
    Shortcut { sequences: ["Ctrl+3"]; enabled: root.ownKeys && root.panes.length > 2; onActivated: root.showPane(root.panes[2]) }
    Shortcut { sequences: ["F2"]; enabled: root.chatKeys; onActivated: root.talk.header.rename() }
    Shortcut { sequences: ["F9", "Ctrl+B"]; enabled: root.ownKeys; onActivated: root.toggleSidebar() }
    Shortcut { sequences: ["F10"]; enabled: root.chatKeys; onActivated: root.talk.header.openMenu() }
    Shortcut { sequences: ["Escape"]; enabled: root.chatKeys && root.app.chat.busy; onActivated: root.app.chat.stop() }
    Shortcut {
        sequences: ["Ctrl+Return", "Ctrl+Enter"]
        enabled: root.chatKeys && !root.app.chat.busy && root.talk.composer.isEmpty && root.talk.messageList.editingId.length === 0
        onActivated: root.app.chat.regenerateLast()
    }
    Shortcut {
        sequences: ["Alt+Return", "Alt+Enter"]
        enabled: root.chatKeys && !root.app.chat.busy
        onActivated: root.app.chat.continueLast()
    }
    Shortcut { sequences: ["Alt+Left"]; enabled: root.chatKeys && !root.app.chat.busy; onActivated: root.talk.messageList.stepVersion(-1) }
    Shortcut { sequences: ["Alt+Right"]; enabled: root.chatKeys && !root.app.chat.busy; onActivated: root.talk.messageList.stepVersion(1) }
    Shortcut {
        sequences: ["Ctrl+Shift+E"]
        enabled: root.chatKeys && !root.app.chat.busy
        onActivated: root.talk.messageList.editQuestion(root.app.chat.lastUserMessageId())
    }
    Shortcut { sequences: ["Ctrl+Shift+C"]; enabled: root.chatKeys; onActivated: root.app.chat.copyLastAnswer() }
    Shortcut { id: undoRemove; sequences: [StandardKey.Undo]; enabled: root.ownKeys && !root.codeShown && root.app.history.removedTitle.length > 0; onActivated: root.app.history.undoRemove() }
    Shortcut { sequences: ["Ctrl+,"]; enabled: root.ownKeys; onActivated: settings.open() }
    Shortcut { sequences: ["Ctrl+?", "Ctrl+Shift+/", "F1"]; enabled: root.ownKeys; onActivated: shortcuts.open() }
    Shortcut { sequences: [StandardKey.ZoomIn, "Ctrl+="]; onActivated: root.zoomBy(0.1) }
    Shortcut { sequences: [StandardKey.ZoomOut]; onActivated: root.zoomBy(-0.1) }
    Shortcut { sequences: ["Ctrl+0"]; onActivated: root.app.settings.zoom = 1 }
    Shortcut { sequences: ["Ctrl+Q"]; onActivated: root.close() }
}
