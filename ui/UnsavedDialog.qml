// The linter of 6.4 does not know properties of value types.
// qmllint disable type
import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The window is to close and the history does not take everything: waits for it, unless something else is chosen. */
PioDialog {
    id: root

    required property Application app
    property string heading: ""         // these stay as they are while the dialog fades out
    property string explanation: ""
    property string written: ""         // a sentence, after the chats were saved elsewhere
    signal exportRequested()

    title: root.heading
    wantedWidth: 480
    wantedHeight: layout.implicitHeight + 2 * Theme.space24
    visible: root.app.closing.asking
    onClosed: if (root.app.closing.asking) root.app.closing.stay()
    onOpened: {
        root.written = ""
        cancelButton.forceActiveFocus()
    }

    readonly property Connections reasons: Connections {
        target: root.app.closing

        function onChanged(): void {
            if (!root.app.closing.asking)
                return
            root.heading = root.app.closing.unsaved.title
            root.explanation = root.app.closing.unsaved.explanation
        }
    }
    readonly property Connections exports: Connections {
        target: root.app

        function onExported(file: url): void {
            root.written = qsTr("The chats were written to %1").arg(Figures.fileName(file))
        }
    }

    contentItem: Item {
        ColumnLayout {
            id: layout

            anchors { left: parent.left; right: parent.right; top: parent.top; margins: Theme.space24 }
            spacing: Theme.space12

            Words {
                Layout.fillWidth: true
                role: Theme.page
                wrapMode: Text.Wrap
                text: root.heading
                Accessible.role: Accessible.Heading
            }
            Words {
                Layout.fillWidth: true
                wrapMode: Text.Wrap
                text: root.explanation
                color: Theme.color.text2
            }
            Words {
                Layout.fillWidth: true
                visible: root.written.length > 0
                wrapMode: Text.Wrap
                text: root.written
            }
            Flow {
                Layout.fillWidth: true
                Layout.topMargin: Theme.space12
                spacing: Theme.space8

                PioButton {
                    primary: true
                    text: qsTr("Save elsewhere…")
                    onClicked: root.exportRequested()
                }
                PioButton {
                    text: qsTr("Close anyway")
                    onClicked: root.app.closing.closeAnyway()
                }
                PioButton {
                    id: cancelButton

                    text: qsTr("Cancel")
                    onClicked: root.app.closing.stay()
                }
            }
        }
    }
}
