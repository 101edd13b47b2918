import QtQuick
import QtQuick.Controls.impl
import Pio.Ui

/*! One of the drawings of resources/icons, in any colour. Where the window runs from right to left, "right" points on, to the left. */
IconImage {
    id: root

    required property string icon
    property int size: Theme.iconSize
    readonly property string drawing: !root.LayoutMirroring.enabled ? root.icon : root.icon === "left" ? "right" : root.icon === "right" ? "left" : root.icon

    name: ""
    source: root.drawing.length > 0 ? "qrc:/icons/" + root.drawing + ".svg" : ""
    sourceSize.width: root.size
    sourceSize.height: root.size
    color: Theme.color.text2
}
