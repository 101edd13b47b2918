pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! How closely the pictures of the next question are looked at, with what each choice costs. Arrow keys move between them. */
T.Control {
    id: root

    required property PictureTray tray
    readonly property var names: [qsTr("Low", "detail of a picture"), qsTr("Normal", "detail of a picture"), qsTr("Full", "detail of a picture")]
    readonly property var costs: root.tray.costs

    function step(by: int): void {
        root.tray.detail = Math.max(0, Math.min(root.names.length - 1, root.tray.detail + by))
    }
    function tokens(index: int): string {
        return root.costs.length > 0 ? qsTr("≈ %Ln tokens", "", root.costs[index].tokens) : ""
    }
    function seconds(index: int): string {
        if (root.costs.length === 0)
            return ""
        const value = root.costs[index].seconds
        return value < 1 ? qsTr("below 1 s").replace(" s", Figures.gap + "s") : qsTr("≈ %1").arg(Figures.seconds(value))
    }
    // What one choice costs, for a screen reader.
    function spokenCost(index: int): string {
        return root.costs.length > 0 ? qsTr("%1, %2", "the tokens of a detail, its seconds").arg(root.tokens(index)).arg(root.seconds(index)) : ""
    }

    implicitHeight: choices.implicitHeight + topPadding + bottomPadding
    focusPolicy: Qt.StrongFocus
    padding: Theme.space2
    Accessible.role: Accessible.RadioButton
    Accessible.name: qsTr("%1: %2", "a choice, what is chosen").arg(qsTr("Detail of the pictures")).arg(root.names[root.tray.detail] ?? "")
    Accessible.description: root.spokenCost(root.tray.detail)
    Keys.onLeftPressed: root.step(root.mirrored ? 1 : -1)
    Keys.onRightPressed: root.step(root.mirrored ? -1 : 1)

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
        id: choices

        spacing: 0

        Repeater {
            model: root.names.length       // the words of another language come into the same segments

            T.AbstractButton {
                id: choice

                required property int index
                readonly property string words: root.names[choice.index] ?? ""
                readonly property bool taken: choice.index === root.tray.detail
                readonly property color ink: choice.taken ? Theme.segmentInk : Theme.color.text2

                Layout.fillWidth: true
                Layout.fillHeight: true
                Layout.preferredWidth: 1
                implicitHeight: lines.implicitHeight + topPadding + bottomPadding
                verticalPadding: Theme.space6
                focusPolicy: Qt.NoFocus
                hoverEnabled: true
                Accessible.role: Accessible.RadioButton
                Accessible.name: choice.words
                Accessible.description: root.spokenCost(choice.index)
                Accessible.checked: choice.taken
                onClicked: root.tray.detail = choice.index

                contentItem: ColumnLayout {
                    id: lines

                    spacing: 0

                    Words {
                        Layout.fillWidth: true
                        visible: text.length > 0
                        role: Theme.uiMedium
                        text: choice.words
                        color: choice.ink
                        elide: Text.ElideRight
                        horizontalAlignment: Text.AlignHCenter
                        Accessible.ignored: true
                    }
                    Words {
                        Layout.fillWidth: true
                        visible: text.length > 0
                        role: Theme.small
                        text: root.tokens(choice.index)
                        color: choice.ink
                        wrapMode: Text.Wrap
                        horizontalAlignment: Text.AlignHCenter
                        Accessible.ignored: true
                    }
                    Words {
                        Layout.fillWidth: true
                        visible: text.length > 0
                        role: Theme.small
                        text: root.seconds(choice.index)
                        color: choice.ink
                        wrapMode: Text.Wrap
                        horizontalAlignment: Text.AlignHCenter
                        Accessible.ignored: true
                    }
                }
                background: Rectangle {
                    radius: Theme.radius
                    color: choice.taken ? Theme.segmentFill : "transparent"
                }
            }
        }
    }
}
