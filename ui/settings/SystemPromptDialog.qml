import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The system prompt of the chat on screen. */
PioDialog {
    id: root

    required property ChatController chat

    title: qsTr("System prompt of this chat")
    wantedWidth: 560
    wantedHeight: 400
    fillBelow: 600
    onAboutToShow: editor.text = root.chat.systemPrompt
    onOpened: editor.take()

    contentItem: Item {
        ColumnLayout {
            anchors { fill: parent; margins: Theme.space24 }
            spacing: Theme.space12

            Words {
                Layout.fillWidth: true
                role: Theme.page
                text: root.title
                Accessible.role: Accessible.Heading
            }
            Words {
                Layout.fillWidth: true
                wrapMode: Text.Wrap
                text: qsTr("Told to the model before the first message. A change counts from the next answer; the chat is then read again from its beginning.")
                color: Theme.color.text2
            }
            PromptEditor {
                id: editor

                Layout.fillWidth: true
                Layout.fillHeight: true
                label: root.title
                placeholder: qsTr("No system prompt")
            }
            RowLayout {
                Layout.fillWidth: true
                spacing: Theme.space8

                Item {
                    Layout.fillWidth: true
                }
                PioButton {
                    text: qsTr("Cancel")
                    onClicked: root.close()
                }
                PioButton {
                    primary: true
                    text: qsTr("Use for this chat")
                    onClicked: {
                        root.chat.systemPrompt = editor.text
                        root.close()
                    }
                }
            }
        }
    }
}
