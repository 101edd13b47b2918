import QtQuick
import Pio.Ui

/*! A slider with its number beside it. */
Row {
    id: root

    required property string label
    required property real value
    property alias from: slider.from
    property alias to: slider.to
    property alias stepSize: slider.stepSize
    property string words: ""
    property string longest: ""     // of its words, where one is longer than a number
    signal moved(value: real)

    spacing: Theme.space8

    FontMetrics {
        id: metrics
        font: Theme.uiMedium.font
    }
    PioSlider {
        id: slider

        anchors.verticalCenter: parent.verticalCenter
        width: 180
        label: root.label
        value: root.value
        onMoved: root.moved(value)
    }
    Words {
        anchors.verticalCenter: parent.verticalCenter
        width: Math.max(60, Math.ceil(metrics.advanceWidth(root.longest)))
        horizontalAlignment: Text.AlignRight
        role: Theme.uiMedium
        text: root.words
        color: root.enabled ? Theme.color.text1 : Theme.color.disabled
    }
}
