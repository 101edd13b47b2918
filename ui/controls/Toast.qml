import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! What was done, and the way back. */
Rectangle {
    id: root

    required property string text
    property string actionText: qsTr("Undo")
    signal actionTaken()

    implicitWidth: row.implicitWidth + Theme.space12 + Theme.space4
    implicitHeight: 40
    radius: Theme.radiusBlock
    color: Theme.color.raised
    border.width: Theme.strongBorder
    border.color: Theme.color.edge
    Accessible.role: Accessible.AlertMessage
    Accessible.name: root.text

    RowLayout {
        id: row

        anchors { fill: parent; leftMargin: Theme.space12; rightMargin: Theme.space4 }
        spacing: Theme.space16

        Words {
            Layout.fillWidth: true
            text: root.text
        }
        PioButton {
            visible: text.length > 0
            small: true
            quiet: true
            text: root.actionText
            onClicked: root.actionTaken()
        }
    }
}
