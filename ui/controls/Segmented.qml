pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.Ui

/*! A few choices side by side, one of them taken. Arrow keys move between them. */
T.Control {
    id: root

    required property var labels        // shown
    required property string label      // for a screen reader
    property int current: 0
    readonly property real widest: root.labels.reduce((most, words) => Math.max(most, metrics.advanceWidth(words)), 0)
    signal chosen(index: int)

    function step(by: int): void {
        root.chosen(Math.max(0, Math.min(root.labels.length - 1, root.current + by)))
    }

    implicitWidth: Math.max(248, root.labels.length * (Math.ceil(root.widest) + Theme.space12) + 2 * root.padding)
    implicitHeight: Theme.row
    focusPolicy: Qt.StrongFocus
    padding: Theme.space2
    Accessible.role: Accessible.RadioButton
    Accessible.name: qsTr("%1: %2", "a choice, what is chosen").arg(root.label).arg(root.labels[root.current] ?? "")
    Keys.onLeftPressed: root.step(root.mirrored ? 1 : -1)
    Keys.onRightPressed: root.step(root.mirrored ? -1 : 1)

    FontMetrics {
        id: metrics
        font: Theme.uiMedium.font
    }

    background: Rectangle {
        radius: Theme.radiusBlock
        color: Theme.highContrast ? "transparent" : Theme.color.press
        border.width: Theme.highContrast ? 1 : 0
        border.color: Theme.color.edge

        FocusRing {
            visible: root.visualFocus
            gap: 2
            baseRadius: Theme.radiusBlock
        }
    }
    contentItem: RowLayout {
        spacing: 0

        Repeater {
            model: root.labels.length      // the words of another language come into the same segments

            T.AbstractButton {
                id: segment

                required property int index
                readonly property string words: root.labels[segment.index] ?? ""
                readonly property bool taken: segment.index === root.current

                Layout.fillWidth: true
                Layout.fillHeight: true
                Layout.preferredWidth: 1
                focusPolicy: Qt.NoFocus
                hoverEnabled: true
                Accessible.role: Accessible.RadioButton
                Accessible.name: segment.words
                Accessible.checked: segment.taken
                onClicked: root.chosen(segment.index)

                contentItem: Words {
                    role: Theme.uiMedium
                    text: segment.words
                    color: segment.taken ? Theme.segmentInk : Theme.color.text2
                    horizontalAlignment: Text.AlignHCenter
                    verticalAlignment: Text.AlignVCenter
                    Accessible.ignored: true
                }
                background: Rectangle {
                    radius: Theme.radius
                    color: segment.taken ? Theme.segmentFill : "transparent"
                }
            }
        }
    }
}
