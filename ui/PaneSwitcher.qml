pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! Chat, code or image: words and icons over the sidebar, icons alone in a header. Arrow keys move between them. */
T.Control {
    id: root

    required property var panes         // Application.Pane, in the order shown
    required property int current
    property bool compact: false        // icons alone
    readonly property real widest: root.panes.reduce((most, pane) => Math.max(most, metrics.advanceWidth(root.nameOf(pane))), 0)
    // Both, where each segment has room for them.
    readonly property bool wordsOnly: !root.compact && root.availableWidth < root.panes.length * (Math.ceil(root.widest) + Theme.iconSize + Theme.space6 + Theme.space8)
    signal chosen(pane: int)

    function nameOf(pane: int): string {
        switch (pane) {
        case Application.CodePane: return qsTr("Code")
        case Application.ImagePane: return qsTr("Image")
        }
        return qsTr("Chat")
    }
    function iconOf(pane: int): string {
        switch (pane) {
        case Application.CodePane: return "code"
        case Application.ImagePane: return "image"
        }
        return "chat"
    }
    function step(by: int): void {
        const at = root.panes.indexOf(root.current) + by
        if (at >= 0 && at < root.panes.length)
            root.chosen(root.panes[at])
    }

    implicitWidth: root.compact ? root.panes.length * Theme.row + 2 * Theme.space2 : 240
    implicitHeight: Theme.row
    focusPolicy: Qt.StrongFocus
    padding: Theme.space2
    Accessible.role: Accessible.PageTabList
    Accessible.name: qsTr("%1: %2", "a choice, what is chosen").arg(qsTr("Pane")).arg(root.nameOf(root.current))
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
    contentItem: Row {         // no layout: one of 6.4 that is not shown may read segments that are gone

        Repeater {
            model: root.panes.length       // a list that is made anew leaves the segments as they are

            T.AbstractButton {
                id: segment

                required property int index
                readonly property int pane: root.panes[segment.index] ?? Application.ChatPane
                readonly property bool taken: segment.pane === root.current
                readonly property color ink: segment.taken ? Theme.segmentInk : Theme.color.text2

                width: root.availableWidth / root.panes.length
                height: root.availableHeight
                focusPolicy: Qt.NoFocus
                hoverEnabled: true
                text: root.nameOf(segment.pane)
                Accessible.role: Accessible.PageTab
                Accessible.name: segment.text
                Accessible.checked: segment.taken
                onClicked: root.chosen(segment.pane)

                contentItem: Item {
                    Row {
                        anchors.centerIn: parent
                        spacing: Theme.space6

                        Icon {
                            visible: !root.wordsOnly
                            anchors.verticalCenter: parent.verticalCenter
                            icon: root.iconOf(segment.pane)
                            color: segment.ink
                        }
                        Text {
                            visible: !root.compact
                            anchors.verticalCenter: parent.verticalCenter
                            text: segment.text
                            textFormat: Text.PlainText
                            font: Theme.uiMedium.font
                            color: segment.ink
                        }
                    }
                }
                background: Rectangle {
                    radius: Theme.radius
                    color: segment.taken ? Theme.segmentFill : "transparent"
                }

                TipOf {
                    control: segment
                    text: segment.text
                    key: "Ctrl+" + (segment.index + 1)
                }
            }
        }
    }
}
