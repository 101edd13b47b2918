import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A row of a menu, its key at the right. */
T.MenuItem {
    id: root

    property string key: ""

    implicitWidth: 200
    implicitHeight: 30
    leftPadding: Theme.space8 + Theme.space2
    rightPadding: Theme.space8 + Theme.space2
    font: Theme.ui.font
    hoverEnabled: true
    Accessible.name: root.text

    contentItem: Item {
        Words {
            anchors { left: parent.left; right: keyText.left; verticalCenter: parent.verticalCenter }
            text: root.text
            color: root.enabled ? Theme.color.text1 : Theme.color.disabled
            Accessible.ignored: true
        }
        Words {
            id: keyText

            anchors { right: parent.right; verticalCenter: parent.verticalCenter }
            role: Theme.small
            text: Figures.keys(root.key)
            color: Theme.color.text3
            Accessible.ignored: true
        }
    }
    background: Rectangle {
        radius: 5
        color: root.down ? Theme.color.press : root.highlighted ? Theme.hoverOnRaised : "transparent"
        border.width: Theme.highContrast && root.highlighted ? 2 : 0
        border.color: Theme.color.accent
    }
}
