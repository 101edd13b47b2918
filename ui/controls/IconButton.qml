import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A square button with an icon only; its name is its tooltip and what a screen reader says. */
T.AbstractButton {
    id: root

    required property string iconName
    property string key: ""
    property int size: Theme.rowSmall
    property bool lit: false
    property bool round: false
    property bool turned: false
    property color ink: !root.enabled ? Theme.color.disabled : root.checked || root.down ? Theme.color.text1
                                      : root.lit ? Theme.color.inkSelected2 : Theme.color.text2

    implicitWidth: root.size
    implicitHeight: root.size
    hoverEnabled: true
    focusPolicy: Qt.TabFocus     // a click leaves the keys where one types

    Accessible.role: Accessible.Button
    Accessible.name: root.text

    Keys.onReturnPressed: root.clicked()   // Space alone presses a button of 6.4, and there is no click()
    Keys.onEnterPressed: root.clicked()

    contentItem: Item {
        Icon {
            anchors.centerIn: parent
            icon: root.iconName
            rotation: root.turned ? 180 : 0
            color: root.ink
        }
    }

    background: Rectangle {
        radius: root.round ? height / 2 : Theme.radius
        color: root.down || root.checked ? Theme.color.press
             : root.hovered && root.enabled ? (root.lit ? Theme.color.press : Theme.hoverOnRaised)
             : root.round ? Theme.color.raised : "transparent"
        border.width: root.round ? 1 : 0
        border.color: Theme.color.edge

        FocusRing {
            visible: root.visualFocus
            baseRadius: parent.radius
        }
    }

    TipOf {
        control: root
        text: root.text
        key: root.key
    }
}
