import QtQuick
import QtQuick.Dialogs
import Pio.App
import Pio.Ui

/*! What opens over the window: the chooser of models, the dialogs, the choice of files. */
Item {
    id: root

    required property Application app
    readonly property bool pickerShown: picker.visible
    readonly property bool shown: picker.visible || source.visible || settings.visible || shortcuts.visible || systemPrompt.visible || importing.visible || removal.visible || leave.visible || unsaved.visible
    signal closed()

    function close(): void {
        picker.close()
        source.close()
        settings.close()
        shortcuts.close()
        systemPrompt.close()
        importing.close()
        removal.close()
    }
    function openPicker(chip: Item): void {
        picker.openOver(chip)
    }
    function closePicker(): void {
        picker.close()
    }
    // How to get one of the four.
    function openSource(known: int): void {
        source.openFor(known)
    }
    // At that page; -1 where it was left.
    function openSettings(page: int): void {
        page < 0 ? settings.open() : settings.openPage(page)
    }
    function openLibrary(): void {
        settings.openPage(SettingsDialog.Library)
    }
    function openNetwork(): void {
        settings.openPage(SettingsDialog.Network)
    }
    function openStorage(): void {
        settings.openPage(SettingsDialog.Storage)
    }
    function openShortcuts(): void {
        shortcuts.open()
    }
    function openSystemPrompt(): void {
        systemPrompt.open()
    }
    // For one of the four; -1 for none of them.
    function openModel(known: int): void {
        files.known = known
        files.open()
    }
    function openSourceFile(): void {
        sources.open()
    }
    function openPictures(): void {
        pictures.open()
    }
    function exportChats(): void {
        exports.selectedFile = exports.currentFolder + "/" + qsTr("chats") + ".json"
        exports.open()
    }
    function chooseImport(): void {
        imports.open()
    }
    function offerImport(file: url): void {
        importing.offer(file)
    }
    function saveChat(): void {
        markdown.selectedFile = markdown.currentFolder + "/" + qsTr("chat") + ".md"
        markdown.open()
    }

    ModelPicker {
        id: picker

        models: root.app.models
        chat: root.app.chat
        onFileRequested: root.openModel(-1)
        onSourceRequested: known => root.openSource(known)
        onClosed: root.closed()
    }
    DeleteModelDialog {
        id: removal

        library: root.app.library
        onClosed: root.closed()
    }
    FolderDialog {
        id: modelFolders

        title: qsTr("A folder with models")
        onAccepted: root.app.settings.addModelFolder(root.app.models.localPath(selectedFolder))
    }
    FolderDialog {
        id: targetFolder

        title: qsTr("Where files go")
        onAccepted: root.app.library.chooseFolder(selectedFolder)
    }
    FolderDialog {
        id: moveFolder

        property int row: -1

        title: qsTr("Move to")
        onAccepted: root.app.library.moveTo(moveFolder.row, selectedFolder)
    }
    GetModelDialog {
        id: source

        models: root.app.models
        library: root.app.library
        onLibraryRequested: root.openLibrary()
        onFileRequested: known => root.openModel(known)
        onCopyRequested: text => root.app.chat.copyText(text)
        onClosed: root.closed()
    }
    SettingsDialog {
        id: settings

        settings: root.app.settings
        chat: root.app.chat
        load: root.app.load
        models: root.app.models
        doctor: root.app.doctor
        devices: root.app.devices
        storage: root.app.storage
        about: root.app.about
        library: root.app.library
        requests: root.app.requests
        onModelFolderRequested: modelFolders.open()
        onTargetFolderRequested: targetFolder.open()
        onMoveRequested: row => {
            moveFolder.row = row
            moveFolder.open()
        }
        onRemoveRequested: row => removal.ask(row)
        language: root.app.language
        onShortcutsRequested: shortcuts.open()
        onModelRequested: root.openModel(-1)
        onClosed: root.closed()
    }
    ShortcutsDialog {
        id: shortcuts

        onClosed: root.closed()
    }
    LeaveDialog {
        id: leave

        code: root.app.code
    }
    UnsavedDialog {
        id: unsaved

        app: root.app
        onExportRequested: root.exportChats()
    }
    SystemPromptDialog {
        id: systemPrompt

        chat: root.app.chat
        onClosed: root.closed()
    }
    ImportDialog {
        id: importing

        onAccepted: file => root.app.importFile(file)
        onClosed: root.closed()
    }
    FileDialog {
        id: files

        property int known: -1

        title: qsTr("Open a model")
        nameFilters: [qsTr("Models (*.gguf)"), qsTr("All files (*)")]
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
        acceptLabel: qsTr("Save")
        defaultSuffix: "json"
        nameFilters: [qsTr("Exported chats (*.json)")]
        onAccepted: root.app.exportTo(selectedFile)
    }
    FileDialog {
        id: imports

        title: qsTr("Import chats")
        nameFilters: [qsTr("Exported chats (*.json)"), qsTr("All files (*)")]
        onAccepted: root.offerImport(selectedFile)
    }
    FileDialog {
        id: markdown

        title: qsTr("Save this chat")
        fileMode: FileDialog.SaveFile
        acceptLabel: qsTr("Save")
        defaultSuffix: "md"
        nameFilters: [qsTr("Markdown (*.md)")]
        onAccepted: root.app.saveChat(selectedFile)
    }
}
