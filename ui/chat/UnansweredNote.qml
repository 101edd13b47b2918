import QtQuick
import Pio.Ui

/*! Under a question that nothing answers: it was taken back before its turn came, or its answer was deleted. */
BlockItem {
    id: root

    property bool usable: true
    property string key: ""
    signal answerRequested()

    bodyHeight: Theme.rowSmall

    Row {
        anchors { left: parent.left; leftMargin: Theme.hang }
        height: Theme.rowSmall
        spacing: Theme.space4

        Words {
            anchors.verticalCenter: parent.verticalCenter
            role: Theme.small
            text: qsTr("Not answered")
            color: Theme.color.text3
        }
        PioButton {
            id: button

            enabled: root.usable
            small: true
            quiet: true
            iconName: "retry"
            text: qsTr("Answer")
            onClicked: root.answerRequested()

            TipOf {
                control: button
                text: qsTr("Ask the model now")
                key: root.key
            }
        }
    }
}
