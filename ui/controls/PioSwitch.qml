import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! On or off. */
T.Switch {
    id: root

    implicitWidth: 36
    implicitHeight: 24
    hoverEnabled: true
    focusPolicy: Qt.StrongFocus
    Accessible.name: root.text

    indicator: Rectangle {
        y: 2
        width: 36
        height: 20
        radius: 10
        color: root.checked ? Theme.color.accentFill : Theme.color.raised
        border.width: root.checked && !Theme.highContrast ? 0 : Theme.strongBorder
        border.color: Theme.color.control

        Rectangle {
            x: (root.mirrored ? !root.checked : root.checked) ? 18 : 3
            anchors.verticalCenter: parent.verticalCenter
            width: root.checked ? 16 : 14
            height: width
            radius: width / 2
            color: root.checked ? Theme.color.inkAccent : Theme.color.control

            Behavior on x {
                enabled: Theme.slideTime > 0
                NumberAnimation { duration: Theme.slideTime; easing.type: Easing.OutCubic }
            }
        }
        FocusRing {
            visible: root.visualFocus
            gap: 2
            baseRadius: 10
        }
    }
    contentItem: Item {}
}
