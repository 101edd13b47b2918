// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! A file at the left, what is asked and proposed about it at the right; one above the other where it is narrow. */
Rectangle {
    id: root

    required property CodeController code
    required property HistoryModel history
    required property bool enterSends
    readonly property Item chip: chipButton
    property bool narrow: false
    property bool keysCount: false      // the pane is shown and no popup is open
    property var panes: []
    property int sideWidth: 480
    readonly property bool mirrored: root.LayoutMirroring.enabled
    readonly property bool hasFile: root.code.path.length > 0
    readonly property bool hasProposal: root.code.hunks.count > 0
    readonly property real wideSide: Math.max(360, Math.min(root.sideWidth, root.width - 480))
    signal sidebarRequested()
    signal paneChosen(pane: int)
    signal fileRequested()
    signal pickerRequested()

    // A sentence that goes by itself.
    function tell(sentence: string): void {
        toasts.tell(sentence)
    }
    function takeFocus(): void {
        if (root.hasFile)
            composer.take()
        else
            openButton.forceActiveFocus()
    }

    color: Theme.color.canvas
    clip: true
    onHasFileChanged: if (root.visible && openButton.focus) root.takeFocus()     // the button that had the keys is gone

    Item {
        id: header

        anchors { left: parent.left; right: parent.right; top: parent.top }
        height: Theme.rowHeader

        RowLayout {
            anchors { fill: parent; leftMargin: Theme.space12; rightMargin: Theme.space12 }
            spacing: Theme.space4

            IconButton {
                iconName: "sidebar"
                text: qsTr("Show or hide the chats")
                key: "F9"
                onClicked: root.sidebarRequested()
            }
            PaneSwitcher {
                Layout.leftMargin: Theme.space4
                visible: root.panes.length > 1
                compact: true
                panes: root.panes
                current: Application.CodePane
                onChosen: pane => root.paneChosen(pane)
            }
            Words {
                id: folderWords

                Layout.leftMargin: root.panes.length > 1 ? Theme.space12 : Theme.space4
                Layout.fillWidth: true
                Layout.maximumWidth: Math.ceil(implicitWidth)
                Layout.topMargin: 1                     // on the name's baseline
                visible: root.hasFile && !root.narrow && root.code.folder.length > 0
                role: Theme.ui
                text: qsTr("%1 /", "a folder before a file's name").arg(root.code.folder)
                color: Theme.color.text3
            }
            Words {
                Layout.leftMargin: folderWords.visible ? 0 : root.panes.length > 1 ? Theme.space12 : Theme.space4
                Layout.fillWidth: true
                Layout.maximumWidth: Math.ceil(implicitWidth)
                role: Theme.title
                text: root.hasFile ? root.code.fileName : qsTr("Code")
                Accessible.role: Accessible.Heading
            }
            Words {
                Layout.leftMargin: Theme.space8
                Layout.topMargin: 1
                Layout.fillWidth: true
                Layout.maximumWidth: Math.ceil(implicitWidth)
                visible: root.hasProposal && root.width >= Theme.tight
                text: qsTr("%Ln changes proposed", "", root.code.hunks.count)
                color: Theme.color.text2
            }
            Item {
                Layout.fillWidth: true
            }
            IconButton {
                visible: root.hasFile
                opacity: root.code.canUndo ? 1 : 0      // its place is kept
                enabled: root.code.canUndo && root.code.canAsk
                iconName: "undo"
                text: qsTr("Undo what was written to the file")
                key: "Ctrl+Z"
                onClicked: root.code.undo()
            }
            ModelChip {
                id: chipButton

                Layout.maximumWidth: Math.min(Math.ceil(implicitWidth), root.narrow ? 140 : 280)
                Layout.minimumWidth: 72
                Layout.fillWidth: true
                name: root.code.model.hasModel ? root.code.model.name : qsTr("No model")
                detail: !root.code.model.hasModel ? qsTr("choose one") : root.narrow ? "" : root.code.model.detail
                onClicked: root.pickerRequested()
            }
            IconButton {
                iconName: "folder"
                text: qsTr("Open a file")
                key: "Ctrl+O"
                onClicked: root.fileRequested()
            }
        }
        Hairline {
            anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
            visible: root.hasFile
        }
    }

    Column {
        anchors { horizontalCenter: parent.horizontalCenter; top: header.bottom; topMargin: Math.round(root.height * 0.16) }
        width: Math.min(Theme.column, root.width - 2 * Theme.space32)
        visible: !root.hasFile
        spacing: Theme.space12

        Words {
            width: parent.width
            wrapMode: Text.Wrap
            role: Theme.hero
            text: qsTr("Open a file and ask about it")
            Accessible.role: Accessible.Heading
        }
        Words {
            anchors.left: parent.left       // narrower than the column: it begins where a line does
            width: Math.min(Theme.measure, parent.width)
            wrapMode: Text.Wrap
            role: Theme.prose
            text: qsTr("Select lines to explain, fix or rewrite. You see every change before it is written, and can take it back.")
            color: Theme.color.text2
        }
        PioButton {
            id: openButton

            anchors.left: parent.left
            primary: !emptyNotices.leads
            iconName: "folder"
            text: qsTr("Open a file…")
            onClicked: root.fileRequested()
        }
        NoticeList {
            id: emptyNotices

            width: parent.width
            notices: root.code.notices
            codeShown: true
            onCopyRequested: text => root.code.copyText(text)
        }
    }

    CodeView {
        id: view

        anchors.top: header.bottom
        x: root.mirrored && !root.narrow ? root.wideSide : 0
        LayoutMirroring.enabled: false          // code runs from left to right everywhere
        LayoutMirroring.childrenInherit: true
        width: root.narrow ? root.width : root.width - root.wideSide
        height: root.narrow ? Math.round((root.height - header.height) * 0.5) : root.height - header.height
        visible: root.hasFile
        code: root.code
        narrow: view.width < 600
        onHeightChanged: if (root.code.currentHunk >= 0) Qt.callLater(view.showHunk, root.code.currentHunk)
    }
    Toast {
        anchors { left: view.left; bottom: view.bottom; margins: Theme.space12 }
        visible: root.hasFile && !toasts.shown && root.code.written > 0 && root.code.canUndo && !root.hasProposal
        width: Math.min(implicitWidth, view.width - 2 * Theme.space12)
        text: qsTr("%Ln changes were written to %1", "", root.code.written).arg(root.code.fileName)
        onActionTaken: root.code.undo()
    }

    PaneToasts {
        id: toasts

        anchors { left: view.left; right: view.right; bottom: view.bottom; margins: Theme.space12 }
        z: 1
        history: root.history
    }

    Item {
        id: side

        x: root.narrow || root.mirrored ? 0 : root.width - root.wideSide
        y: root.narrow ? view.y + view.height : header.height
        width: root.narrow ? root.width : root.wideSide
        height: root.height - y
        visible: root.hasFile

        CodeAnswers {
            anchors { left: parent.left; right: parent.right; top: parent.top; bottom: lower.top; bottomMargin: Theme.space8 }
            code: root.code
        }
        Column {
            anchors { horizontalCenter: parent.horizontalCenter; verticalCenter: parent.verticalCenter; verticalCenterOffset: -lower.height / 2 }
            width: parent.width - 2 * Theme.space32
            visible: root.code.messages.count === 0 && !root.narrow 
            spacing: Theme.space4

            Words {
                width: parent.width
                role: Theme.uiMedium
                text: root.code.language.length > 0 ? qsTr("%1, %Ln lines", "a language", root.code.lineCount).arg(root.code.language)
                                                    : qsTr("%Ln lines", "", root.code.lineCount)
                color: Theme.color.text2
            }
            Words {
                width: parent.width
                wrapMode: Text.Wrap
                text: qsTr("Select lines with the mouse or with Shift and the arrow keys. Without a selection, questions are about the whole file.")
                color: Theme.color.text3
            }
        }
        Column {
            id: lower

            anchors { left: parent.left; right: parent.right; bottom: parent.bottom; margins: Theme.space16 }
            spacing: Theme.space12

            NoticeList {
                id: notices

                width: parent.width
                notices: root.code.notices
                codeShown: true
                onCopyRequested: text => root.code.copyText(text)
            }
            ChangeList {
                width: parent.width
                visible: root.hasProposal
                code: root.code
                leads: !notices.leads
                tallest: Math.max(140, side.height * 0.45)
            }
            Words {
                width: parent.width
                visible: root.code.shownFirst > 0
                wrapMode: Text.Wrap
                role: Theme.small
                text: qsTr("The file is long: lines %1 to %2 of %3 were shown to the model.")
                    .arg(Figures.count(root.code.shownFirst)).arg(Figures.count(root.code.shownLast)).arg(Figures.count(root.code.lineCount))
                color: Theme.color.text3
            }
            CodeComposer {
                id: composer

                width: parent.width
                code: root.code
                enterSends: root.enterSends
            }
        }
        Hairline {
            anchors { left: parent.left; top: parent.top }
            width: root.narrow ? parent.width : 1
            height: root.narrow ? 1 : parent.height
        }
        Item {
            anchors { left: parent.left; leftMargin: -4; top: parent.top; bottom: parent.bottom }
            width: Theme.space8
            visible: !root.narrow

            HoverHandler {
                cursorShape: Qt.SplitHCursor
            }
            DragHandler {
                property real startWidth: 0

                target: null
                yAxis.enabled: false
                onActiveChanged: if (active) startWidth = root.wideSide
                onTranslationChanged: if (active) root.sideWidth = Math.max(360, Math.min(root.width - 480, startWidth - (root.mirrored ? -1 : 1) * translation.x))
            }
        }
    }

    Shortcut { sequences: ["F6"]; enabled: root.keysCount && root.hasFile; onActivated: view.activeFocus ? composer.take() : view.forceActiveFocus(Qt.TabFocusReason) }
    Shortcut { sequences: ["Ctrl+E"]; enabled: root.keysCount && root.code.canAsk; onActivated: root.code.explain() }
    Shortcut { sequences: ["Ctrl+Shift+X"]; enabled: root.keysCount && root.code.canAsk; onActivated: root.code.fix() }
    Shortcut { sequences: ["Ctrl+Shift+A"]; enabled: root.keysCount && root.hasProposal; onActivated: root.takeOrLeave(true) }
    Shortcut { sequences: ["Ctrl+Shift+R"]; enabled: root.keysCount && root.hasProposal; onActivated: root.takeOrLeave(false) }
    Shortcut { sequences: ["Alt+Down"]; enabled: root.keysCount && root.hasProposal; onActivated: root.code.stepHunk(1) }
    Shortcut { sequences: ["Alt+Up"]; enabled: root.keysCount && root.hasProposal; onActivated: root.code.stepHunk(-1) }
    Shortcut { sequences: [StandardKey.Save]; enabled: root.keysCount && root.code.canApply; onActivated: root.code.apply() }
    Shortcut { id: undoApply; sequences: [StandardKey.Undo]; enabled: root.keysCount && root.code.canUndo && root.code.canAsk; onActivated: root.code.undo() }
    Shortcut { sequences: ["Escape"]; enabled: root.keysCount && root.code.busy; onActivated: root.code.stop() }

    Connections {
        target: SpareKeys
        enabled: undoApply.enabled

        function onUndo(): void {
            undoApply.activated()
        }
    }

    // Decides the current change and goes on to the next one.
    function takeOrLeave(taken: bool): void {
        const hunk = root.code.currentHunk
        if (taken)
            root.code.accept(hunk)
        else
            root.code.reject(hunk)
        root.code.stepHunk(1)
    }
}
