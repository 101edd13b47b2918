import QtQuick
import Pio.App
import Pio.Ui

/*! How the next word is chosen. */
SettingsPage {
    id: root

    required property Settings settings
    readonly property var limits: root.settings.limits
    readonly property bool own: root.settings.ownSampling

    title: qsTr("Sampling")
    hint: qsTr("How the next word is chosen from those the model finds likely. Changes count from the next answer.")

    SettingRow {
        name: qsTr("Use the model's own values")
        hint: root.own ? qsTr("Off: the values below count for every model") : qsTr("The values its publisher recommends are shown below")

        PioSwitch {
            text: qsTr("Use the model's own values")
            checked: !root.own
            onToggled: root.settings.ownSampling = !checked
        }
    }
    SettingRow {
        name: qsTr("Temperature")
        hint: qsTr("0 always takes the likeliest word; above 1 the answers wander")

        SettingSlider {
            enabled: root.own
            label: qsTr("Temperature")
            from: root.limits.temperature.from
            to: root.limits.temperature.to
            stepSize: 0.05
            value: root.settings.temperature
            words: Figures.decimal(root.settings.temperature, 2)
            onMoved: value => root.settings.temperature = value
        }
    }
    SettingRow {
        name: qsTr("Top-p")
        hint: qsTr("Only the likeliest words that together reach this share; 1 takes all")

        SettingSlider {
            enabled: root.own
            label: qsTr("Top-p")
            from: root.limits.topP.from
            to: root.limits.topP.to
            stepSize: 0.01
            value: root.settings.topP
            words: Figures.decimal(root.settings.topP, 2)
            onMoved: value => root.settings.topP = value
        }
    }
    SettingRow {
        name: qsTr("Min-p")
        hint: qsTr("Drops words less likely than this share of the likeliest; 0 drops none")

        SettingSlider {
            enabled: root.own
            label: qsTr("Min-p")
            from: root.limits.minP.from
            to: root.limits.minP.to
            stepSize: 0.01
            value: root.settings.minP
            words: Figures.decimal(root.settings.minP, 2)
            onMoved: value => root.settings.minP = value
        }
    }
    SettingRow {
        name: qsTr("Top-k")
        hint: qsTr("Only so many of the likeliest words; 0 takes all")

        NumberField {
            enabled: root.own
            label: qsTr("Top-k")
            value: root.settings.topK
            from: root.limits.topK.from
            to: root.limits.topK.to
            onTaken: value => root.settings.topK = value
        }
    }
    SettingRow {
        name: qsTr("Repeat penalty")
        hint: qsTr("Makes words that were just used less likely; 1 does nothing")

        SettingSlider {
            enabled: root.own
            label: qsTr("Repeat penalty")
            from: root.limits.repeatPenalty.from
            to: root.limits.repeatPenalty.to
            stepSize: 0.01
            value: root.settings.repeatPenalty
            words: Figures.decimal(root.settings.repeatPenalty, 2)
            onMoved: value => root.settings.repeatPenalty = value
        }
    }
    SettingRow {
        name: qsTr("Presence penalty")
        hint: qsTr("The same for every word used, once; 0 does nothing")

        SettingSlider {
            enabled: root.own
            label: qsTr("Presence penalty")
            from: root.limits.presencePenalty.from
            to: root.limits.presencePenalty.to
            stepSize: 0.05
            value: root.settings.presencePenalty
            words: Figures.decimal(root.settings.presencePenalty, 2)
            onMoved: value => root.settings.presencePenalty = value
        }
    }
    SettingRow {
        name: qsTr("Frequency penalty")
        hint: qsTr("The same, for each time a word was used; 0 does nothing")

        SettingSlider {
            enabled: root.own
            label: qsTr("Frequency penalty")
            from: root.limits.frequencyPenalty.from
            to: root.limits.frequencyPenalty.to
            stepSize: 0.05
            value: root.settings.frequencyPenalty
            words: Figures.decimal(root.settings.frequencyPenalty, 2)
            onMoved: value => root.settings.frequencyPenalty = value
        }
    }
    SettingRow {
        name: qsTr("Seed")
        hint: qsTr("The same seed, question and model give the same answer. Empty: another one each time")

        NumberField {
            label: qsTr("Seed")
            value: root.settings.seed
            from: root.limits.seed.from
            to: root.limits.seed.to
            automatic: qsTr("Another each time")
            automaticValue: root.limits.seed.automatic
            implicitWidth: 160
            onTaken: value => root.settings.seed = value
        }
    }
    SettingRow {
        name: qsTr("Longest answer")
        hint: qsTr("In tokens. Empty: until the model ends it or the context is full")

        NumberField {
            label: qsTr("Longest answer")
            value: root.settings.maxTokens
            from: root.limits.maxTokens.from
            to: root.limits.maxTokens.to
            automatic: qsTr("No limit")
            automaticValue: root.limits.maxTokens.automatic
            implicitWidth: 160
            onTaken: value => root.settings.maxTokens = value
        }
    }
    SettingRow {
        name: qsTr("Back to the model's values")
        hint: qsTr("Forgets what was set here")
        lineShown: false

        PioButton {
            text: qsTr("Reset")
            enabled: root.own
            onClicked: root.settings.resetSampling()
        }
    }
}
