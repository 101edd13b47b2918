import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! Asks before the file of a model is deleted. */
PioDialog {
    id: root

    required property PublishedFiles library
    property int row: -1
    readonly property var source: root.library.row(root.row)

    function ask(row: int): void {
        root.row = row
        root.open()
    }

    title: root.row < 0 ? "" : qsTr("Delete %1?").arg(Figures.fileName(root.source.path))
    wantedWidth: 480
    wantedHeight: 224
    fillBelow: 520
    onOpened: keep.forceActiveFocus(Qt.TabFocusReason)

    contentItem: ColumnLayout {
        spacing: Theme.space12

        Words {
            Layout.fillWidth: true
            Layout.margins: Theme.space24
            Layout.bottomMargin: 0
            role: Theme.title
            wrapMode: Text.WrapAtWordBoundaryOrAnywhere
            text: root.title
            Accessible.role: Accessible.Heading
        }
        Words {
            Layout.fillWidth: true
            Layout.leftMargin: Theme.space24
            Layout.rightMargin: Theme.space24
            wrapMode: Text.Wrap
            text: root.row < 0 ? "" : qsTr("%1 of the disk become free. Conversations stay; the file can be fetched again.").arg(Figures.bytes(root.library.freedBy(root.row)))
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
                id: keep

                text: qsTr("Keep it")
                onClicked: root.close()
            }
            PioButton {
                primary: true
                iconName: "trash"
                text: qsTr("Delete")
                onClicked: {
                    root.library.remove(root.row)
                    root.close()
                }
            }
        }
    }
}
