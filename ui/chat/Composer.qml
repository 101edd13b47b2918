// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! Where one types, who answers, what is going on, and one button: Send, or Stop in its place. */
Rectangle {
    id: root

    required property ChatController chat
    required property bool enterSends
    property bool narrow: false
    property PictureTray tray: null     // pictures can go with the question
    property string hintText: !root.chat.model.hasModel ? qsTr("Ask anything once a model is here")
                            : root.narrow ? qsTr("Ask anything") : qsTr("Ask anything — it stays on this computer")
    property bool blocked: false        // what is asked could not be answered
    readonly property bool canSend: field.text.trim().length > 0 && !root.blocked && (root.tray === null || root.tray.ready)
    readonly property bool tight: root.width < 420      // the chip gives way to what is going on
    readonly property Item chip: chipButton
    readonly property bool isEmpty: field.length === 0
    signal pickerRequested()
    signal fileRequested()
    signal editLastRequested()
    signal scrollRequested(direction: int)

    function take(): void {
        field.forceActiveFocus()
    }
    function send(): void {
        if (root.canSend && (!root.chat.busy || root.chat.state === ChatController.Loading))
            root.chat.send(field.text)
    }

    implicitHeight: (pictures.visible ? pictures.height + Theme.space12 : 0) + scroll.height + Theme.rowBar + Theme.space12 + Theme.space8 + Theme.space2
    radius: Theme.radiusLarge
    color: Theme.color.raised
    border.width: Theme.strongBorder
    border.color: field.activeFocus ? Theme.color.control : Theme.color.edge

    TrayRow {
        id: pictures

        anchors { left: parent.left; right: parent.right; top: parent.top; margins: Theme.space12 }
        visible: root.tray !== null && root.tray.count > 0
        tray: root.tray
    }
    Flickable {
        id: scroll

        anchors { left: parent.left; right: parent.right; top: pictures.visible ? pictures.bottom : parent.top; topMargin: Theme.space12 }
        height: Math.max(Theme.prose.line, Math.ceil(Math.min(8 * field.contentHeight / Math.max(1, field.lineCount), field.contentHeight) + 2 * field.topPadding))
        contentWidth: width
        contentHeight: field.height
        boundsBehavior: Flickable.StopAtBounds
        interactive: contentHeight > height
        clip: true
        T.ScrollBar.vertical: PioScrollBar {}

        PioTextArea {
            id: field

            width: scroll.width
            height: Math.max(scroll.height, contentHeight + 2 * topPadding)
            topPadding: Math.round(Theme.prose.line / 8)    // one line stands in the middle of its 24
            bottomPadding: topPadding
            leftPadding: Theme.hang
            rightPadding: Theme.hang
            view: scroll
            hint: root.hintText
            focus: true
            text: root.chat.draft
            Accessible.name: qsTr("Your message")
            Accessible.description: root.hintText

            Component.onCompleted: cursorPosition = length
            onTextChanged: root.chat.draft = text
            Keys.onPressed: event => {
                const enter = event.key === Qt.Key_Return || event.key === Qt.Key_Enter
                if (enter && !field.inputMethodComposing && !(event.modifiers & Qt.AltModifier)
                        && (root.enterSends ? !(event.modifiers & (Qt.ShiftModifier | Qt.ControlModifier))
                                            : event.modifiers & Qt.ControlModifier)) {
                    event.accepted = true
                    root.send()
                } else if (event.matches(StandardKey.Paste) && root.tray !== null && root.tray.canPaste()) {
                    event.accepted = true
                    root.tray.paste()
                } else if (event.key === Qt.Key_Up && field.length === 0) {
                    event.accepted = true
                    root.editLastRequested()
                } else if (event.key === Qt.Key_PageUp || event.key === Qt.Key_PageDown) {
                    event.accepted = true
                    root.scrollRequested(event.key === Qt.Key_PageUp ? -1 : 1)
                }
            }
        }
        Connections {
            target: root.chat

            function onDraftChanged(): void {
                if (field.text !== root.chat.draft) {
                    field.text = root.chat.draft
                    field.cursorPosition = field.length
                }
            }
        }
    }

    RowLayout {
        anchors { left: parent.left; right: parent.right; bottom: parent.bottom; leftMargin: Theme.space6; rightMargin: Theme.space8 }
        height: Theme.rowBar
        spacing: Theme.space12

        IconButton {
            Layout.rightMargin: -Theme.space8
            visible: root.tray !== null
            size: Theme.row
            iconName: "attach"
            text: qsTr("Choose pictures…")
            key: "Ctrl+O"
            onClicked: root.fileRequested()
        }
        ModelChip {
            id: chipButton

            Layout.maximumWidth: Math.min(Math.ceil(implicitWidth), 320)
            Layout.minimumWidth: Theme.space48 * 2
            Layout.fillWidth: true
            visible: !root.tight || !root.chat.busy
            name: root.chat.model.hasModel ? root.chat.model.name : qsTr("No model")
            detail: root.narrow && root.tray !== null ? "" : root.chat.model.hasModel ? root.chat.model.detail : qsTr("choose one")
            onClicked: root.pickerRequested()
        }
        Row {
            visible: root.chat.model.thinks && !(root.narrow && root.chat.busy)     // the figures take its place
            spacing: Theme.space6

            Words {
                anchors.verticalCenter: parent.verticalCenter
                text: root.narrow ? qsTr("Think") : qsTr("Think first")
                color: Theme.color.text2
                Accessible.ignored: true

                TapHandler {
                    onTapped: root.chat.model.thinking = !root.chat.model.thinking
                }
            }
            PioSwitch {
                id: thinkSwitch

                text: qsTr("Think before the answer")
                checked: root.chat.model.thinking
                onToggled: root.chat.model.thinking = checked

                TipOf {
                    control: thinkSwitch
                    text: qsTr("Think before the answer: slower, better at hard questions")
                }
            }
        }
        Item {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
        }
        ProgressNote {
            chat: root.chat
            narrow: root.narrow
            tight: root.tight
            hasText: root.canSend && !pictures.visible      // what the pictures cost is far more, and known when they are looked at
        }
        PioButton {
            id: button

            readonly property bool stops: root.chat.busy

            Layout.preferredWidth: Math.max(80, sendWidth.implicitWidth, stopWidth.implicitWidth)
            primary: !stops
            enabled: stops ? root.chat.state !== ChatController.Stopping : root.canSend
            iconName: stops ? "stop" : "send"
            text: stops ? qsTr("Stop") : qsTr("Send")
            onClicked: stops ? root.chat.stop() : root.send()

            TipOf {
                control: button
                text: button.text
                key: button.stops ? "Esc" : root.enterSends ? "Enter" : "Ctrl+Enter"
            }
        }
    }

    // The button is as wide as the longer of both words, so that it stays where it is.
    PioButton {
        id: sendWidth
        visible: false
        iconName: "send"
        text: qsTr("Send")
    }
    PioButton {
        id: stopWidth
        visible: false
        iconName: "stop"
        text: qsTr("Stop")
    }
}
