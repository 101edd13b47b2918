import QtQuick
import Pio.Ui

/*! One device, and what of a model would lie there. */
MemoryBar {
    id: root

    required property string title          // of a card; "" of the processor
    required property bool isCard
    required property real layers
    required property real experts
    readonly property string device: root.isCard ? qsTr("GPU, %1").arg(root.title) : qsTr("CPU")
    readonly property string holds: root.needed === 0 ? qsTr("nothing of this model")
            : root.layers > 0 && root.experts > 0 ? qsTr("%1, %Ln layers and %2 experts", "memory; the last number counts experts", root.layers)
                                                    .arg(Figures.bytes(root.needed)).arg(Figures.count(root.experts))
            : root.layers > 0 ? qsTr("%1, %Ln layers", "memory", root.layers).arg(Figures.bytes(root.needed))
                          : qsTr("%1 needed").arg(Figures.bytes(root.needed))

    name: qsTr("%1: %2", "a device, what lies there").arg(root.device).arg(root.holds)
}
