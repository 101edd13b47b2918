// The linter of 6.4 does not know 64-bit integers, properties of value types, nor interfaces of C++ types.
// qmllint disable type
import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The machine's facts at the foot of the window; nothing in it changes its place. */
Rectangle {
    id: root

    required property ChatController chat
    required property CodeController code
    required property EngineQueue engine
    required property MemoryMeter memory
    required property Devices devices
    property bool codeShown: false      // the figures are those of the pane that is shown
    property bool narrow: false
    readonly property ModelSession model: root.chat.model
    readonly property bool failed: root.model.failed
    readonly property string expertWords: root.model.experts.isSet
            ? qsTr("%1 of the chosen experts in memory, %2 from the disk for each token")
                .arg(Figures.percent(root.model.experts.hitRate, 1)).arg(Figures.bytes(root.model.experts.bytesPerToken)) : ""
    readonly property bool busy: root.engine.busy
    // "GPU, NVIDIA GeForce RTX 3060 + CPU". The listing, when it comes, brings the card's name.
    readonly property string deviceWords: {
        const listing = root.devices.usable     // bound to it
        return root.model.device.split(",").filter(id => id.length > 0 && listing.length >= 0)
                .map(id => root.devices.isCard(id) ? qsTr("GPU, %1").arg(root.devices.cardName(id)) : qsTr("CPU")).join(" + ")
    }
    readonly property string stateWords: {
        switch (root.model.state) {
        case ModelSession.None: return root.failed ? qsTr("Not loaded") : ""
        case ModelSession.Loading: return qsTr("Loading")
        case ModelSession.Stopping: return qsTr("Stopping")
        }
        switch (root.engine.current?.state) {
        case AnswerRun.Looking: return qsTr("Looking")
        case AnswerRun.Reading: return qsTr("Reading")
        case AnswerRun.Thinking: return qsTr("Thinking")
        case AnswerRun.Writing: return qsTr("Writing")
        case AnswerRun.Stopping: return qsTr("Stopping")
        }
        return qsTr("Ready")
    }

    implicitHeight: Theme.rowSmall
    color: Theme.color.side
    Accessible.role: Accessible.StatusBar
    Accessible.name: qsTr("Status")

    Hairline {
        anchors { left: parent.left; right: parent.right; top: parent.top }
        height: 1
    }
    RowLayout {
        anchors { fill: parent; leftMargin: Theme.space16; rightMargin: Theme.space16; topMargin: 1 }
        spacing: Theme.space8

        Rectangle {
            implicitWidth: 8
            implicitHeight: 8
            radius: 4
            visible: root.model.hasModel || root.failed
            color: root.failed ? Theme.color.danger : root.busy ? Theme.color.accent : "transparent"
            border.width: root.busy || root.failed ? 0 : 1.5
            border.color: Theme.color.text2
            opacity: pulse.low && !Theme.highContrast ? 0.4 : 1

            Timer {
                id: pulse

                property bool low: false

                interval: 250
                repeat: true
                running: root.busy && !Theme.reducedMotion
                onTriggered: low = !low
                onRunningChanged: low = false
            }
        }
        Words {
            role: Theme.small
            text: root.model.name.length > 0 ? root.model.name : qsTr("No model")
            color: Theme.color.text2
            Layout.maximumWidth: root.width * 0.4
        }
        Words {
            visible: text.length > 0
            role: Theme.small
            text: root.model.detail
            color: Theme.color.text2
        }
        Words {
            visible: text.length > 0 && !root.narrow
            role: Theme.small
            text: root.deviceWords
            color: Theme.color.text2
            Layout.maximumWidth: root.width * 0.25
        }
        Words {
            role: Theme.small
            text: root.stateWords
            color: root.failed ? Theme.color.danger : Theme.color.text3
        }
        Item {
            Layout.fillWidth: true
        }
        Words {
            Layout.preferredWidth: Math.max(72, Math.ceil(widestSpeed.advanceWidth))
            visible: root.model.hasModel
            horizontalAlignment: Text.AlignRight
            role: Theme.small
            text: speed.value > 0 ? Figures.speed(speed.value) : ""
            color: Theme.color.text3

            TextMetrics {
                id: widestSpeed
                font: Theme.small.font
                text: Figures.speed(88.8)
            }
            HoverHandler {
                id: overSpeed
            }
            Tip {
                visible: overSpeed.hovered && text.length > 0
                y: -implicitHeight - Theme.space4
                text: root.expertWords
            }

            Throttled {
                id: speed
                source: root.codeShown ? root.code.tokensPerSecond : root.chat.tokensPerSecond
                running: root.busy
            }
        }
        Figure {
            visible: !root.narrow && root.model.contextLength > 0
            name: qsTr("Context")
            value: root.model.contextLength > 0 ? used.value / root.model.contextLength : 0
            words: qsTr("%1 of %2").arg(Figures.thousands(used.value)).arg(Figures.thousands(root.model.contextLength))

            Throttled {
                id: used
                source: root.codeShown ? root.code.contextUsed : root.chat.contextUsed
                running: root.busy
            }
        }
        Figure {
            visible: !root.narrow && root.memory.totalBytes > 0
            name: qsTr("RAM")
            value: root.memory.totalBytes > 0 ? root.memory.usedBytes / root.memory.totalBytes : 0
            words: Figures.memoryOf(root.memory.usedBytes, root.memory.totalBytes)
        }
    }

    component Figure: Row {
        id: figure

        required property string name
        required property real value
        required property string words

        spacing: Theme.space8
        leftPadding: Theme.space12
        Accessible.role: Accessible.StaticText
        Accessible.name: qsTr("%1 %2", "a figure's name, its value").arg(figure.name).arg(figure.words)

        Words {
            role: Theme.small
            text: figure.name
            color: Theme.color.text3
            Accessible.ignored: true
        }
        Meter {
            anchors.verticalCenter: parent.verticalCenter
            value: figure.value
        }
        Words {
            width: Math.max(implicitWidth, Math.ceil(widest.width))
            horizontalAlignment: Text.AlignRight
            role: Theme.small
            text: figure.words
            color: Theme.color.text2
            Accessible.ignored: true
        }
        TextMetrics {
            id: widest
            font: Theme.small.font
            text: figure.words.replace(/[0-9]/g, "8")
        }
    }
}
