import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A scroll bar over the content: thin at rest, wide under the pointer, gone a second after the last movement. */
T.ScrollBar {
    id: root

    property bool steady: false     // stays: nothing else tells that there is more
    readonly property bool wide: root.hovered || root.pressed
    readonly property bool needed: root.size < 1

    implicitWidth: 16
    implicitHeight: 16
    padding: 3
    visible: root.policy !== T.ScrollBar.AlwaysOff && root.needed
    minimumSize: 0.06
    Accessible.role: Accessible.ScrollBar
    Accessible.name: root.orientation === Qt.Vertical ? qsTr("Scroll up and down") : qsTr("Scroll sideways")

    contentItem: Item {
        Rectangle {
            anchors.right: root.orientation === Qt.Vertical ? parent.right : undefined
            anchors.bottom: root.orientation === Qt.Horizontal ? parent.bottom : undefined
            width: root.orientation === Qt.Vertical ? (root.wide ? 10 : 6) : parent.width
            height: root.orientation === Qt.Horizontal ? (root.wide ? 10 : 6) : parent.height
            radius: (root.wide ? 10 : 6) / 2
            color: root.wide ? Theme.color.control : Theme.color.edge
            opacity: root.active || root.wide || shown.running || root.steady || Theme.highContrast ? 1 : 0

            Behavior on opacity {
                enabled: Theme.hoverTime > 0
                NumberAnimation { duration: Theme.hoverTime }
            }
        }
    }

    onActiveChanged: if (!root.active) shown.restart()
    onPositionChanged: shown.restart()

    Timer {
        id: shown
        interval: 1000
    }
}
