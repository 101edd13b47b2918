// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! What to do with the selection or the file: explain, fix, a question, a change in the person's words; or Stop. */
Rectangle {
    id: root

    required property CodeController code
    required property bool enterSends
    readonly property bool hasWords: field.text.trim().length > 0
    readonly property string about: root.code.selectionFirst === 0 ? root.code.fileName
        : root.code.selectionFirst === root.code.selectionLast ? qsTr("line %1").arg(root.code.selectionFirst)
                                                               : qsTr("lines %1 to %2").arg(root.code.selectionFirst).arg(root.code.selectionLast)
    readonly property string words: {
        switch (root.code.state) {
        case CodeController.Queued: return root.code.model.state === ModelSession.Loading ? qsTr("Queued · loading") : qsTr("Queued")
        case CodeController.Paused: return qsTr("Paused")
        case CodeController.Reading:
            return root.code.progressTotal > 0 ? qsTr("Reading %1 of %2").arg(Figures.count(done.value)).arg(Figures.count(root.code.progressTotal)) : qsTr("Reading")
        case CodeController.Thinking: return qsTr("Thinking · %1").arg(Figures.seconds(done.value))
        case CodeController.Writing: return qsTr("Writing · %Ln tokens", "", done.value)
        case CodeController.Stopping: return qsTr("Stopping")
        case CodeController.Comparing: return qsTr("Comparing")
        case CodeController.Saving: return qsTr("Saving")
        }
        return ""
    }

    function take(): void {
        field.forceActiveFocus()
    }
    function ask(): void {
        if (!root.hasWords || !root.code.canAsk)
            return
        root.code.ask(field.text)
    }
    function change(): void {
        if (!root.hasWords || !root.code.canAsk)
            return
        root.code.generate(field.text)
    }

    Connections {
        target: root.code

        function onAsked(words: string): void {
            if (words.length > 0 && root.code.busy)
                field.text = ""     // not clear(), which could be undone
        }
    }

    implicitHeight: scroll.height + Theme.rowBar + Theme.space12 + Theme.space8 + Theme.space2
    radius: Theme.radiusLarge
    color: Theme.color.raised
    border.width: Theme.strongBorder
    border.color: field.activeFocus ? Theme.color.control : Theme.color.edge

    readonly property Throttled progress: Throttled {
        id: done

        source: root.code.progressDone
        running: root.code.busy
    }

    Flickable {
        id: scroll

        anchors { left: parent.left; right: parent.right; top: parent.top; topMargin: Theme.space12 }
        height: Math.min(5 * Theme.prose.line, Math.max(Theme.prose.line, Math.ceil(field.contentHeight) + 2 * field.topPadding))
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
            topPadding: Math.round(Theme.prose.line / 8)
            bottomPadding: topPadding
            leftPadding: Theme.hang
            rightPadding: Theme.hang
            view: scroll
            hint: qsTr("Ask about %1").arg(root.about)
            Accessible.name: hint
            Keys.onPressed: event => {
                const enter = event.key === Qt.Key_Return || event.key === Qt.Key_Enter
                if (enter && !field.inputMethodComposing && (event.modifiers & Qt.AltModifier)) {
                    event.accepted = true
                    root.change()
                } else if (enter && !field.inputMethodComposing && (root.enterSends ? !(event.modifiers & (Qt.ShiftModifier | Qt.ControlModifier))
                                                                                    : event.modifiers & Qt.ControlModifier)) {
                    event.accepted = true
                    root.ask()
                }
            }
        }
    }

    RowLayout {
        id: row

        // What cannot be left out; the words beside the switch and a drawing give way where a language has long words.
        readonly property real needed: explainButton.implicitWidth + fixButton.implicitWidth + (thinkSwitch.visible ? thinkSwitch.implicitWidth + spacing : 0)
                                       + changeWidth.implicitWidth + askButton.Layout.preferredWidth + 4 * spacing + Theme.space8

        anchors { left: parent.left; right: parent.right; bottom: parent.bottom; leftMargin: Theme.space6; rightMargin: Theme.space8 }
        height: Theme.rowBar
        spacing: Theme.space4

        PioButton {
            id: explainButton

            quiet: true
            enabled: root.code.canAsk
            text: qsTr("Explain")
            onClicked: root.code.explain()

            TipOf {
                control: explainButton
                text: qsTr("Explain %1").arg(root.about)
                key: "Ctrl+E"
            }
        }
        PioButton {
            id: fixButton

            quiet: true
            enabled: root.code.canAsk
            text: qsTr("Fix")
            onClicked: root.code.fix()

            TipOf {
                control: fixButton
                text: qsTr("Fix %1").arg(root.about)
                key: "Ctrl+Shift+X"
            }
        }
        Words {
            Layout.leftMargin: Theme.space8
            visible: thinkSwitch.visible && row.width >= row.needed + implicitWidth + Theme.space12
            text: qsTr("Think")
            color: Theme.color.text2
            Accessible.ignored: true

            TapHandler {
                onTapped: root.code.model.thinking = !root.code.model.thinking
            }
        }
        PioSwitch {
            id: thinkSwitch

            visible: root.code.model.thinks && !root.code.busy      // the figures take its place
            text: qsTr("Think before the answer")
            checked: root.code.model.thinking
            onToggled: root.code.model.thinking = checked

            TipOf {
                control: thinkSwitch
                text: qsTr("Think before the answer: slower, better at hard questions")
            }
        }
        Words {
            Layout.fillWidth: true
            horizontalAlignment: Text.AlignRight
            Layout.rightMargin: Theme.space8
            role: Theme.small
            text: root.words
            color: Theme.color.text3
        }
        PioButton {
            id: changeButton

            visible: !root.code.busy
            enabled: root.hasWords && root.code.canAsk
            iconName: row.width >= row.needed ? "edit" : ""
            text: qsTr("Write")
            onClicked: root.change()

            TipOf {
                control: changeButton
                text: qsTr("Propose a change of %1 in these words").arg(root.about)
                key: "Alt+Enter"
            }
        }
        PioButton {
            id: askButton

            readonly property bool stops: root.code.busy

            Layout.preferredWidth: Math.max(80, askWidth.implicitWidth, stopWidth.implicitWidth)
            primary: !stops
            enabled: stops ? root.code.state !== CodeController.Stopping : root.hasWords && root.code.canAsk
            iconName: stops ? "stop" : "send"
            text: stops ? qsTr("Stop") : qsTr("Ask")
            onClicked: stops ? root.code.stop() : root.ask()

            TipOf {
                control: askButton
                text: askButton.text
                key: askButton.stops ? "Esc" : root.enterSends ? "Enter" : "Ctrl+Enter"
            }
        }
    }

    PioButton {
        id: changeWidth
        visible: false
        iconName: "edit"
        text: qsTr("Write")
    }
    // The button is as wide as the longer of both words, so that it stays where it is.
    PioButton {
        id: askWidth
        visible: false
        iconName: "send"
        text: qsTr("Ask")
    }
    PioButton {
        id: stopWidth
        visible: false
        iconName: "stop"
        text: qsTr("Stop")
    }
}
