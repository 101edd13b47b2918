import QtQuick
import Pio.Ui

/*! A bar that says how much of something is used; the words beside it say it again. */
Item {
    id: root

    property real value: 0      // 0 … 1
    property color ink: Theme.color.text3
    property color track: Theme.color.press

    implicitWidth: 56
    implicitHeight: 4
    Accessible.ignored: true

    Rectangle {
        anchors.fill: parent
        anchors.margins: Theme.highContrast ? -1 : 0
        radius: height / 2
        color: Theme.highContrast ? "transparent" : root.track
        border.width: Theme.highContrast ? 1 : 0
        border.color: Theme.color.edge
    }
    Rectangle {
        anchors { left: parent.left; top: parent.top; bottom: parent.bottom }
        width: root.value > 0 ? Math.max(height, Math.round(parent.width * Math.min(1, root.value))) : 0
        radius: height / 2
        color: root.ink
    }
}
