import QtQuick
import Pio.Ui

/*! The end of an answer that was cut off, and the way on. */
BlockItem {
    id: root

    required property string state
    required property int tokens
    required property bool isLast
    property bool canContinue: false
    property bool continuable: true
    signal continueRequested()

    bodyHeight: Theme.rowSmall

    Row {
        anchors { left: parent.left; leftMargin: Theme.hang }
        height: Theme.rowSmall
        spacing: Theme.space4

        Words {
            anchors.verticalCenter: parent.verticalCenter
            role: Theme.small
            text: root.state === "unfinished" ? qsTr("Interrupted after %Ln tokens", "", root.tokens)
                                              : qsTr("Stopped after %Ln tokens", "", root.tokens)
            color: Theme.color.text3
        }
        PioButton {
            id: button

            visible: root.isLast && root.continuable
            enabled: root.canContinue
            small: true
            quiet: true
            iconName: "continue"
            text: qsTr("Continue")
            onClicked: root.continueRequested()

            TipOf {
                control: button
                text: qsTr("Write on from here")
                key: "Alt+Enter"
            }
        }
    }
}
