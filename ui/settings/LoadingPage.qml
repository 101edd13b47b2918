pragma ComponentBehavior: Bound
// The linter of 6.4 does not know 64-bit integers, properties of value types, nor interfaces of C++ types.
// qmllint disable type
import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! How one model is loaded, and what that takes, before anything is loaded. */
SettingsPage {
    id: root

    required property LoadSettings load
    required property ModelLibrary models
    required property ChatController chat
    required property Devices devices
    readonly property var limits: root.load.limits
    readonly property var contexts: root.load.contexts
    readonly property bool ready: root.load.path.length > 0
    readonly property bool measured: root.load.isLoaded && root.chat.model.experts.isSet
    readonly property var cards: root.devices.usable.filter(device => device.isCard)
    // What --device would take, in the order of the choice.
    readonly property var deviceIds: ["auto", "cpu"].concat(root.cards.map(card => card.id))
    readonly property string speeds: root.load.decodeSpeed <= 0 ? ""
            : qsTr("≈ %1, first word of a question after ≈ %2 s").arg(Figures.speed(root.load.decodeSpeed))
                .arg(Figures.fewSeconds(root.load.firstWordSeconds))
    readonly property bool answered: root.load.isLoaded && root.chat.model.measuredDecode > 0
    readonly property real needed: root.load.weightBytes + root.load.stateBytes + root.load.scratchBytes

    function bytesOr(bytes: real): string {
        return root.load.hasPlan ? Figures.bytes(bytes) : ""
    }

    function precisionOf(kvType: string): string {
        switch (kvType) {
        case "f32": return qsTr("32-bit")
        case "f16": return qsTr("16-bit")
        case "q8_0": return qsTr("8-bit")
        case "q4_0": return qsTr("4-bit")
        }
        return kvType
    }

    title: qsTr("Model")
    hint: root.ready ? "" : qsTr("Choose a model that has a file: its settings are its own.")
    Component.onCompleted: {
        root.devices.look()     // what other programs hold of a card counts now
        if (root.load.path.length === 0)
            root.load.path = root.chat.model.path
        root.load.look()
    }

    Flow {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space8
        Layout.bottomMargin: Theme.space12
        spacing: Theme.space8

        Repeater {
            model: root.models

            PioButton {
                required property string name
                required property string path
                required property bool available
                required property bool current

                visible: path.length > 0 && (available || current)
                small: true
                primary: false
                checkable: true
                checked: root.load.path === path
                text: name
                iconName: checked ? "check" : ""
                Accessible.role: Accessible.RadioButton
                Accessible.checked: checked
                onClicked: root.load.path = path
            }
        }
    }
    Flow {
        Layout.fillWidth: true
        Layout.bottomMargin: Theme.space16
        visible: root.ready && root.load.decodeSpeed > 0
        spacing: Theme.space32

        Figure { value: qsTr("≈ %1").arg(Figures.speed(root.load.decodeSpeed)); caption: qsTr("writing") }
        Figure { value: qsTr("≈ %1").arg(Figures.speed(root.load.prefillSpeed)); caption: qsTr("reading") }
        Figure { value: qsTr("≈ %1 s").arg(Figures.fewSeconds(root.load.firstWordSeconds)); caption: qsTr("to the first word") }
        Figure { value: qsTr("≈ %1 s").arg(Figures.fewSeconds(root.load.loadSeconds)); caption: qsTr("to load") }
    }
    Words {
        Layout.fillWidth: true
        Layout.bottomMargin: Theme.space12
        visible: root.ready && root.answered
        role: Theme.small
        wrapMode: Text.Wrap
        text: qsTr("Measured with the last answer: %1, first word after %2 s with %Ln tokens to read", "", root.chat.model.measuredPrompt)
                .arg(Figures.speed(root.chat.model.measuredDecode))
                .arg(Figures.fewSeconds(root.chat.model.measuredFirstWord))
        color: Theme.color.text2
    }
    Repeater {
        model: root.ready && root.load.hasPlan ? root.load.deviceRows.length : 0     // another plan changes the bars, not which there are

        DeviceBar {
            required property int index
            readonly property var row: root.load.deviceRows[index] ?? ({})

            Layout.fillWidth: true
            Layout.bottomMargin: Theme.space8
            title: row.name ?? ""
            isCard: row.isCard ?? false
            layers: row.layers ?? 0
            experts: row.experts ?? 0
            weightBytes: row.denseBytes ?? 0
            expertBytes: row.expertBytes ?? 0
            stateBytes: row.stateBytes ?? 0
            scratchBytes: row.scratchBytes ?? 0
            roomBytes: row.freeBytes ?? 0
            totalBytes: row.totalBytes ?? 0
        }
    }
    DevicesNote {
        Layout.fillWidth: true
        Layout.bottomMargin: Theme.space8
        visible: root.ready
        devices: root.devices
    }
    PioButton {
        Layout.bottomMargin: Theme.space8
        visible: root.ready
        small: true
        iconName: "gauge"
        enabled: !root.load.fitting
        text: root.load.fitting ? qsTr("Looking for the fastest…") : qsTr("Fit to this computer")
        onClicked: root.load.fit()
    }
    ExpertStrip {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space8
        Layout.bottomMargin: Theme.space8
        visible: root.ready && root.load.hasPlan && (root.load.expertShare < 1 || root.measured)
        share: root.load.expertShare
        predictedRate: root.load.hitRate
        predictedBytes: root.load.diskBytesPerToken
        predictedSpeed: root.load.decodeSpeed
        measured: root.measured
        figures: root.chat.model.experts
    }
    Words {
        Layout.fillWidth: true
        Layout.bottomMargin: Theme.space8
        visible: root.ready && root.load.planning && root.chat.busy
        role: Theme.small
        wrapMode: Text.Wrap
        text: qsTr("The figures come when the model has finished what it is doing.")
        color: Theme.color.text3
    }
    RowLayout {
        Layout.fillWidth: true
        Layout.bottomMargin: Theme.space12
        visible: root.ready && root.load.problem.title.length > 0
        spacing: Theme.space8

        Icon {
            Layout.alignment: Qt.AlignTop
            icon: "warning"
            color: Theme.color.danger
        }
        Words {
            Layout.fillWidth: true
            wrapMode: Text.Wrap
            text: root.load.problem.title + ". " + root.load.problem.explanation
            color: Theme.color.danger
        }
    }
    SettingRow {
        visible: root.ready
        name: qsTr("Weights")
        hint: root.load.canQuantize ? qsTr("Rounded while loading: 8-bit and 4-bit take less memory and are quicker; answers change a little")
                                    : qsTr("The file holds them in %1: rounding them again would only lose").arg(root.models.quantizationOf(root.load.path))
        cost: root.bytesOr(root.load.weightBytes)

        Segmented {
            enabled: root.load.canQuantize
            opacity: enabled || Theme.highContrast ? 1 : 0.5
            label: qsTr("Weights")
            labels: [qsTr("Keep"), qsTr("INT4"), qsTr("INT8"), qsTr("FP16"), qsTr("NF4")]
            current: root.load.quantization
            onChosen: index => root.load.quantization = index
        }
    }
    SettingRow {
        visible: root.ready
        name: qsTr("Context")
        hint: root.load.hasPlan && root.load.contextLength === 0
              ? qsTr("How many tokens of a chat the model can see: %1 fit").arg(Figures.count(root.load.plannedContext))
              : qsTr("How many tokens of a chat the model can see. Twice as many take twice the memory")
        cost: root.bytesOr(root.load.stateBytes)

        SettingSlider {
            label: qsTr("Context")
            from: 0
            to: root.contexts.length - 1
            stepSize: 1
            value: {
                const above = root.contexts.findIndex(tokens => tokens >= root.load.contextLength)
                return above < 0 ? root.contexts.length - 1 : above
            }
            longest: qsTr("What fits")
            words: root.load.contextLength === 0 ? qsTr("What fits") : Figures.thousands(root.load.contextLength)
            onMoved: value => root.load.contextLength = root.contexts[Math.round(value)]
        }
    }
    SettingRow {
        visible: root.ready
        name: qsTr("Precision of the KV cache")
        hint: qsTr("8-bit takes half the memory of 16-bit, 4-bit a quarter; answers change a little")
        cost: root.bytesOr(root.load.stateBytes)

        Segmented {
            label: qsTr("Precision of the KV cache")
            labels: root.load.kvTypes.map(root.precisionOf)
            current: root.load.kvTypes.indexOf(root.load.kvType)
            onChosen: index => root.load.kvType = root.load.kvTypes[index]
        }
    }
    SettingRow {
        visible: root.ready
        name: qsTr("Device")
        hint: root.cards.length > 0 ? qsTr("Layers and experts can be offloaded to the GPU; Automatic chooses one that has room for them")
                                    : qsTr("No graphics card can be used: the CPU computes")

        Segmented {
            label: qsTr("Device")
            labels: [qsTr("Automatic"), qsTr("CPU")].concat(root.cards.map((card, index) => root.cards.length > 1 ? qsTr("GPU %1").arg(index + 1) : qsTr("GPU")))
            current: root.deviceIds.indexOf(root.load.device)
            onChosen: index => root.load.device = root.deviceIds[index]
        }
    }
    SettingRow {
        visible: root.ready && root.load.cardBytes > 0
        name: qsTr("VRAM to use")
        hint: root.speeds.length > 0 ? root.speeds : qsTr("For weights, experts, KV cache and scratch on the GPU")

        SettingSlider {
            label: qsTr("VRAM to use")
            from: 0.5
            to: Math.max(from + stepSize, Math.ceil(root.load.cardBytes / 5e8) / 2)
            stepSize: 0.5
            value: root.load.vramBytes > 0 ? root.load.vramBytes / 1e9 : to
            longest: qsTr("What is free")
            words: root.load.vramBytes > 0 ? Figures.bytes(root.load.vramBytes) : qsTr("What is free")
            onMoved: value => root.load.vramBytes = value >= to ? 0 : value * 1e9
        }
    }
    SettingRow {
        visible: root.ready
        name: qsTr("Memory to use")
        hint: root.load.hasPlan && root.load.expertShare < 1
              ? qsTr("%1 of the experts have room; what is missing is read from the disk: more memory, quicker answers").arg(Figures.percent(root.load.expertShare, 1))
              : qsTr("For weights, KV cache and scratch together")
        cost: root.bytesOr(root.needed)

        SettingSlider {
            label: qsTr("Memory to use")
            from: 0.5
            to: Math.max(from + stepSize, Math.ceil(root.load.totalBytes / 5e8) / 2)
            stepSize: 0.5
            value: root.load.ramBytes > 0 ? root.load.ramBytes / 1e9 : to
            longest: qsTr("What is free")
            words: root.load.ramBytes > 0 ? Figures.bytes(root.load.ramBytes) : qsTr("What is free")
            onMoved: value => root.load.ramBytes = value >= to ? 0 : value * 1e9
        }
    }
    SettingRow {
        visible: root.ready
        name: qsTr("Attention")
        hint: root.load.attention === LoadSettings.Window ? qsTr("Only the first tokens and the last %1 count: quick with long chats, what lies between is forgotten").arg(Figures.count(root.load.attentionWindow))
            : root.load.attention === LoadSettings.Pages ? qsTr("The %1 pages of the chat that promise most are read: quick with long chats, answers change a little").arg(Figures.count(root.load.attentionPages))
            : qsTr("Every token sees all before it, as the model was made")

        Segmented {
            label: qsTr("Attention")
            labels: [qsTr("Full"), qsTr("Window"), qsTr("Pages")]
            current: root.load.attention
            onChosen: index => root.load.attention = index
        }
    }
    SettingRow {
        visible: root.ready && root.load.attention !== LoadSettings.Full
        name: root.load.attention === LoadSettings.Window ? qsTr("Window, in tokens") : qsTr("Pages")

        NumberField {
            id: amount

            readonly property var limit: root.load.attention === LoadSettings.Window ? root.limits.attentionWindow : root.limits.attentionPages

            label: root.load.attention === LoadSettings.Window ? qsTr("Window, in tokens") : qsTr("Pages")
            value: root.load.attention === LoadSettings.Window ? root.load.attentionWindow : root.load.attentionPages
            from: amount.limit.from
            to: amount.limit.to
            onTaken: value => {
                if (root.load.attention === LoadSettings.Window)
                    root.load.attentionWindow = value
                else
                    root.load.attentionPages = value
            }
        }
    }
    SettingRow {
        visible: root.ready
        name: qsTr("Threads")
        hint: qsTr("Empty: one for each core of the processor. More than that is slower")
        lineShown: notes.count > 0

        NumberField {
            label: qsTr("Threads")
            value: root.load.threads
            from: root.limits.threads.from
            to: root.limits.threads.to
            automatic: qsTr("One a core")
            automaticValue: root.limits.threads.automatic
            onTaken: value => root.load.threads = value
        }
    }
    Repeater {
        id: notes

        model: root.load.isLoaded ? root.chat.model.notes : []

        Words {
            required property string modelData

            Layout.fillWidth: true
            Layout.topMargin: Theme.space8
            wrapMode: Text.Wrap
            role: Theme.small
            text: modelData
            color: Theme.color.text3
        }
    }

    component Figure: ColumnLayout {
        id: figure

        required property string value
        required property string caption

        spacing: 0

        Words {
            role: Theme.section
            text: figure.value
        }
        Words {
            role: Theme.small
            text: figure.caption
            color: Theme.color.text3
        }
    }
}
