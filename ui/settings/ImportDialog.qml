import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! Asks before the chats of a file are added. */
PioDialog {
    id: root

    property url file
    signal accepted(file: url)

    function offer(file: url): void {
        root.file = file
        root.open()
    }

    title: qsTr("Add the chats of “%1”?").arg(Figures.fileName(root.file))
    wantedWidth: 480
    wantedHeight: 208
    fillBelow: 520
    onOpened: add.forceActiveFocus()

    contentItem: ColumnLayout {
        spacing: Theme.space12

        Words {
            Layout.fillWidth: true
            Layout.margins: Theme.space24
            Layout.bottomMargin: 0
            role: Theme.title
            wrapMode: Text.Wrap
            text: root.title
            Accessible.role: Accessible.Heading
        }
        Words {
            Layout.fillWidth: true
            Layout.leftMargin: Theme.space24
            Layout.rightMargin: Theme.space24
            wrapMode: Text.Wrap
            text: qsTr("They join the chats at the left. What is here already stays as it is.")
            color: Theme.color.text2
        }
        Item {
            Layout.fillHeight: true
        }
        RowLayout {
            Layout.fillWidth: true
            Layout.margins: Theme.space24
            Layout.topMargin: 0
            spacing: Theme.space8

            Item {
                Layout.fillWidth: true
            }
            PioButton {
                text: qsTr("Cancel")
                onClicked: root.close()
            }
            PioButton {
                id: add

                primary: true
                text: qsTr("Add the chats")
                onClicked: {
                    root.close()
                    root.accepted(root.file)
                }
            }
        }
    }
}
