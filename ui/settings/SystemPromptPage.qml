import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The system prompt that a new chat begins with. */
SettingsPage {
    id: root

    required property Settings settings

    title: qsTr("System prompt")
    hint: qsTr("Told to the model at the beginning of every new chat. Chats that exist keep theirs.")

    PromptEditor {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space8
        Layout.preferredHeight: 280
        label: qsTr("System prompt of new chats")
        placeholder: qsTr("For example: Answer in short sentences. Say so when you are not sure.")
        text: root.settings.systemPrompt
        onEdited: text => root.settings.systemPrompt = text
    }
}
