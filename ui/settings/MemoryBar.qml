import QtQuick
import Pio.Ui

/*! Where a model's memory goes, beside what other programs use and what is free. */
ShareBar {
    id: root

    required property real weightBytes      // without experts
    property real expertBytes: 0            // of a mixture
    required property real stateBytes
    required property real scratchBytes
    required property real roomBytes        // that is free now, before the model is loaded
    readonly property real needed: root.weightBytes + root.expertBytes + root.stateBytes + root.scratchBytes
    readonly property real others: Math.max(0, root.totalBytes - root.roomBytes)
    readonly property var expertPart: root.expertBytes > 0 ? [{ name: qsTr("Experts"), bytes: root.expertBytes, ink: Theme.color.memE }] : []
    readonly property var weightPart: [{ name: qsTr("Weights"), bytes: root.weightBytes, ink: Theme.color.memW }]

    freeBytes: Math.max(0, root.totalBytes - root.others - root.needed)
    span: Math.max(1, root.totalBytes, root.others + root.needed)
    parts: root.weightPart.concat(root.expertPart, [
        { name: qsTr("KV cache"), bytes: root.stateBytes, ink: Theme.color.memK },
        { name: qsTr("Scratch"), bytes: root.scratchBytes, ink: Theme.color.memS },
        { name: qsTr("Other programs"), bytes: root.others, ink: Theme.color.edge }
    ])
}
