// The linter of 6.4 does not know 64-bit integers and interfaces of C++ types.
// qmllint disable type
import QtQuick
import Pio.App
import Pio.Ui

/*! What counts when a model is loaded. */
SettingsPage {
    id: root

    required property Settings settings
    required property ChatController chat
    readonly property var kvTypes: ["f32", "f16", "q8_0", "q4_0"]
    // 0 is "what fits"; then doublings.
    readonly property var contexts: [0, 2048, 4096, 8192, 16384, 32768, 65536, 131072]

    title: qsTr("Model")
    hint: root.chat.hasModel ? qsTr("%1 is loaded with a context of %2 tokens.").arg(root.chat.modelName).arg(Figures.count(root.chat.contextLength))
                             : qsTr("No model is loaded.")

    SettingRow {
        name: qsTr("Context")
        hint: qsTr("How many tokens of a chat the model can see. Twice as many take twice the memory for the chat")

        SettingSlider {
            label: qsTr("Context")
            from: 0
            to: root.contexts.length - 1
            stepSize: 1
            value: Math.max(0, root.contexts.indexOf(root.settings.contextLength))
            words: root.settings.contextLength === 0 ? qsTr("What fits") : Figures.thousands(root.settings.contextLength)
            onMoved: value => root.settings.contextLength = root.contexts[Math.round(value)]
        }
    }
    SettingRow {
        name: qsTr("Precision of the chat's memory")
        hint: qsTr("8-bit takes half the memory of 16-bit, 4-bit a quarter; answers change a little")

        Segmented {
            label: qsTr("Precision of the chat's memory")
            labels: [qsTr("32-bit"), qsTr("16-bit"), qsTr("8-bit"), qsTr("4-bit")]
            current: Math.max(0, root.kvTypes.indexOf(root.settings.kvType))
            onChosen: index => root.settings.kvType = root.kvTypes[index]
        }
    }
    SettingRow {
        name: qsTr("Threads")
        hint: qsTr("Empty: one for each core of the processor. More than that is slower")
        lineShown: false

        NumberField {
            label: qsTr("Threads")
            value: root.settings.threads
            from: 1
            to: 512
            automatic: qsTr("One a core")
            automaticValue: 0
            onTaken: value => root.settings.threads = value
        }
    }
}
