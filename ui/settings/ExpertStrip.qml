pragma ComponentBehavior: Bound
// The linter of 6.4 does not know properties of value types.
// qmllint disable type
import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! How often the experts that tokens choose lie in memory: as the plan expects it, and as the last answer found it, layer by layer. */
ColumnLayout {
    id: root

    required property real share            // of all experts, those that have room
    required property real predictedRate
    required property real predictedBytes   // from the disk for each token
    required property real predictedSpeed   // tokens per second
    required property bool measured
    required property expertFigures figures
    readonly property string expected: qsTr("Expected: %1 of those that tokens choose are there, %2 are read from the disk for each token, %3")
            .arg(Figures.percent(root.predictedRate, 1)).arg(Figures.bytes(root.predictedBytes)).arg(Figures.speed(root.predictedSpeed))
    readonly property string found: root.measured
            ? qsTr("Last answer: %1 were there, %2 for each token at %3 a second, %4, %5 of the time waiting for the disk")
                .arg(Figures.percent(root.figures.hitRate, 1)).arg(Figures.bytes(root.figures.bytesPerToken))
                .arg(Figures.bytes(root.figures.bytesPerSecond)).arg(Figures.speed(root.figures.tokensPerSecond))
                .arg(Figures.percent(root.figures.waitingShare, 1))
            : ""

    readonly property string more: root.measured && root.figures.moreHitRate > 0
            ? qsTr("With one more GB for it: %1 would have been there, about %2")
                .arg(Figures.percent(root.figures.moreHitRate, 1)).arg(Figures.speed(root.figures.moreTokensPerSecond))
            : ""

    spacing: Theme.space4
    Accessible.role: Accessible.StaticText
    Accessible.name: [title.text, root.expected, root.found, root.more].filter(words => words.length > 0).join(". ")

    Words {
        id: title

        Layout.fillWidth: true
        text: qsTr("Experts in memory: %1").arg(Figures.percent(root.share, 1))
        Accessible.ignored: true
    }
    Row {
        visible: root.measured
        spacing: Theme.space2
        Accessible.ignored: true

        Repeater {
            model: root.measured ? root.figures.layers : []

            Rectangle {
                required property real modelData

                width: 5
                height: 28
                radius: 1
                color: Theme.color.raised
                border.width: 1
                border.color: Theme.color.edge

                Rectangle {
                    anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
                    height: Math.round(parent.height * parent.modelData)
                    radius: 1
                    color: Theme.color.memW
                }
            }
        }
    }
    Words {
        Layout.fillWidth: true
        role: Theme.small
        wrapMode: Text.Wrap
        text: root.expected
        color: Theme.color.text3
        Accessible.ignored: true
    }
    Words {
        Layout.fillWidth: true
        visible: root.measured
        role: Theme.small
        wrapMode: Text.Wrap
        text: root.found
        color: Theme.color.text3
        Accessible.ignored: true
    }
    Words {
        Layout.fillWidth: true
        visible: root.more.length > 0
        role: Theme.small
        wrapMode: Text.Wrap
        text: root.more
        color: Theme.color.text3
        Accessible.ignored: true
    }
}
