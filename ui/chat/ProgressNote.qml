// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know 64-bit integers and interfaces of C++ types.
// qmllint disable type

import QtQuick
import Pio.App
import Pio.Ui

/*! What is going on, in words with a running figure and, where the end is known, a bar. Its place does not move. */
Row {
    id: root

    required property ChatController chat
    property bool narrow: false
    property bool tight: false      // words alone
    property bool hasText: false
    readonly property bool isLoading: root.chat.state === ChatController.Loading
    readonly property bool isReading: root.chat.state === ChatController.Reading
    readonly property bool hasBar: !root.tight && (root.isLoading || root.isReading) && root.chat.progressTotal > 0
    readonly property string words: {
        switch (root.chat.state) {
        case ChatController.Loading:
            return root.chat.queued ? qsTr("Queued · loading")
                 : root.chat.progressTotal > 0 ? qsTr("Loading %1").arg(Figures.bytesOf(done.value, root.chat.progressTotal)) : qsTr("Loading")
        case ChatController.Queued:
            return qsTr("Queued")
        case ChatController.Paused:
            return qsTr("Paused")
        case ChatController.Looking:
            return (root.tight ? qsTr("Picture %1 of %2") : qsTr("Looking · picture %1 of %2")).arg(Math.min(done.value + 1, root.chat.progressTotal)).arg(root.chat.progressTotal)
        case ChatController.Reading:
            return root.chat.progressTotal > 0
                 ? qsTr("Reading %1 of %2").arg(Figures.count(done.value)).arg(Figures.count(root.chat.progressTotal)) : qsTr("Reading")
        case ChatController.Thinking:
            return qsTr("Thinking · %1").arg(Figures.seconds(done.value))
        case ChatController.Writing:
            return qsTr("Writing · %Ln tokens", "", done.value)
        case ChatController.Stopping:
            return qsTr("Stopping")
        }
        return root.hasText && root.chat.draftTokens > 0 ? qsTr("%Ln tokens", "", root.chat.draftTokens) : ""
    }

    visible: root.words.length > 0
    spacing: Theme.space12

    readonly property Throttled progress: Throttled {
        id: done

        source: root.chat.progressDone
        running: root.chat.busy
    }

    Meter {
        anchors.verticalCenter: parent.verticalCenter
        visible: root.hasBar
        width: root.narrow ? 44 : 72
        value: root.chat.progressTotal > 0 ? done.value / root.chat.progressTotal : 0
        ink: Theme.color.accent
    }
    Words {
        id: label

        // Digits differ in width in Inter: the widest form of these words keeps the bar where it is.
        width: root.words.length > 0 ? Math.ceil(widest.width) + 1 : 0
        horizontalAlignment: Text.AlignRight
        role: Theme.small
        text: root.words
        color: Theme.color.text3
        elide: Text.ElideNone
        Accessible.role: Accessible.StaticText

        HoverHandler {
            id: hover
        }
        Loader {
            active: hover.hovered && root.chat.queued
            sourceComponent: Tip {
                parent: label
                visible: true
                text: root.isLoading ? qsTr("Will be sent when the model is ready") : qsTr("Will be answered when the answer before it is finished")
            }
        }
    }
    TextMetrics {
        id: widest

        font: Theme.small.font
        text: root.chat.busy ? root.words.replace(/[0-9]/g, "8") : root.words
    }
}
