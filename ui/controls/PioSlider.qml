import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A value on a line; the number stands beside it. */
T.Slider {
    id: root

    required property string label

    implicitWidth: 196
    implicitHeight: Theme.rowTiny
    hoverEnabled: true
    focusPolicy: Qt.StrongFocus
    wheelEnabled: false
    Accessible.name: root.label

    background: Rectangle {
        x: 0
        y: (root.height - height) / 2
        width: root.width
        height: 4
        radius: 2
        color: Theme.color.edge

        Rectangle {
            x: root.mirrored ? parent.width - width : 0
            width: root.position * parent.width
            height: parent.height
            radius: 2
            color: root.enabled ? Theme.color.accentFill : Theme.color.edge
        }
    }
    handle: Rectangle {
        x: root.visualPosition * (root.width - width)
        y: (root.height - height) / 2
        width: 16
        height: 16
        radius: 8
        color: root.enabled ? Theme.color.raised : Theme.color.fill
        border.width: 1
        border.color: root.enabled ? Theme.color.control : Theme.color.disabled

        FocusRing {
            visible: root.visualFocus
            gap: 2
            baseRadius: 8
        }
    }
}
