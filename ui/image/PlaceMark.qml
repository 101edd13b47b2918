import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A box or a point over a picture, with its number. Colours on pictures do not follow the theme. */
T.AbstractButton {
    id: root

    required property int number
    required property string label
    required property bool isPoint
    required property real x1
    required property real y1
    required property real x2
    required property real y2
    required property real pictureWidth
    required property real pictureHeight
    property bool current: false
    // Badges would hide what the boxes are about; the list tells the numbers.
    readonly property bool isTight: Math.min(root.pictureWidth, root.pictureHeight) < 160
    readonly property real boxWidth: Math.max(4, (root.x2 - root.x1) * root.pictureWidth)
    readonly property real boxHeight: Math.max(4, (root.y2 - root.y1) * root.pictureHeight)
    signal chosen()

    x: Math.round(root.x1 * root.pictureWidth - (root.isPoint ? width / 2 : 0))
    y: Math.round(root.y1 * root.pictureHeight - (root.isPoint ? height / 2 : 0))
    width: root.isPoint ? 24 : Math.round(root.boxWidth)
    height: root.isPoint ? 24 : Math.round(root.boxHeight)
    z: root.isPoint ? 1 : 1 - (root.x2 - root.x1) * (root.y2 - root.y1)     // the smaller lies on the larger, so that each can be reached
    hoverEnabled: true
    focusPolicy: Qt.NoFocus     // the list of places is what the keyboard walks through
    Accessible.role: Accessible.Graphic
    Accessible.name: root.label.length > 0 ? qsTr("%1: %2", "a place's number, what it is").arg(root.number).arg(root.label) : root.number.toString()
    onClicked: root.chosen()
    onHoveredChanged: if (hovered) root.chosen()

    // Two rings in white round the line: it is seen on any picture.
    background: Item {
        visible: !root.isPoint

        Rectangle {
            anchors { fill: parent; margins: -1 }
            radius: 4
            color: "transparent"
            border.width: root.current ? 5 : 4
            border.color: Theme.markEdge
        }
        Rectangle {
            anchors.fill: parent
            radius: 3
            color: root.current ? Qt.alpha(Theme.markInk, 0.14) : "transparent"
            border.width: root.current ? 3 : 2
            border.color: Theme.markInk
        }
    }
    contentItem: Item {}

    Rectangle {
        id: badge

        // Outside the left edge, centred, or at the top of a tall box; inside where there is no room.
        readonly property real outside: -width - 4

        visible: root.isPoint || root.current || !root.isTight
        x: root.isPoint ? 2 : root.x + badge.outside >= 0 ? badge.outside : 4
        y: root.isPoint ? 2 : root.height > 44 ? (root.x + badge.outside >= 0 ? 0 : 4) : (root.height - height) / 2
        width: Math.max(20, numberText.implicitWidth + 8)
        height: 20
        radius: 10
        color: Theme.markInk
        border.width: root.current || root.isPoint ? 2 : 1
        border.color: Theme.markEdge

        Words {
            id: numberText

            anchors.centerIn: parent
            role: Theme.smallStrong
            text: root.number
            color: Theme.markEdge
            Accessible.ignored: true
        }
    }
}
