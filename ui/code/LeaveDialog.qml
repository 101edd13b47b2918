import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! Asks what becomes of changes that are proposed and not written, before the file is left. */
PioDialog {
    id: root

    required property CodeController code
    readonly property bool closing: root.code.leaving === CodeController.Closing

    title: qsTr("Changes to %1 are not written").arg(root.code.fileName)
    wantedWidth: 480
    wantedHeight: layout.implicitHeight + 2 * Theme.space24
    visible: root.code.leaving !== CodeController.Nothing
    onClosed: if (root.code.leaving !== CodeController.Nothing) root.code.stay()
    onOpened: applyButton.forceActiveFocus()

    contentItem: Item {
        ColumnLayout {
            id: layout

            anchors { left: parent.left; right: parent.right; top: parent.top; margins: Theme.space24 }
            spacing: Theme.space12

            Words {
                Layout.fillWidth: true
                role: Theme.page
                wrapMode: Text.Wrap
                text: root.title
                Accessible.role: Accessible.Heading
            }
            Words {
                Layout.fillWidth: true
                wrapMode: Text.Wrap
                text: root.closing ? qsTr("The proposal goes when the window closes. The conversation stays.")
                                   : qsTr("The proposal goes when another file opens. The conversation stays.")
                color: Theme.color.text2
            }
            Flow {
                Layout.fillWidth: true
                Layout.topMargin: Theme.space12
                spacing: Theme.space8

                PioButton {
                    id: applyButton

                    primary: true
                    text: root.code.acceptedCount > 0 ? qsTr("Write what is accepted") : qsTr("Write all changes")
                    onClicked: root.code.applyAndLeave()
                }
                PioButton {
                    text: qsTr("Discard")
                    onClicked: root.code.discardAndLeave()
                }
                PioButton {
                    text: qsTr("Cancel")
                    onClicked: root.code.stay()
                }
            }
        }
    }
}
