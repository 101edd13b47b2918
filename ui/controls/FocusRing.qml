import QtQuick
import Pio.Ui

/*! The 2 px ring round what has the keyboard's focus: on the edge of rows and icons, with a gap round buttons. */
Rectangle {
    id: root

    property int gap: 0
    property int baseRadius: Theme.radius

    anchors.fill: parent
    anchors.margins: -root.gap - (root.gap > 0 ? border.width : 0)
    radius: root.baseRadius + (root.gap > 0 ? 4 : 0)
    color: "transparent"
    border.width: 2
    border.color: Theme.color.accent
}
