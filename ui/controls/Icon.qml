import QtQuick
import QtQuick.Controls.impl
import Pio.Ui

/*! One of the drawings of resources/icons, in any colour. */
IconImage {
    id: root

    required property string icon
    property int size: Theme.iconSize

    name: ""
    source: root.icon.length > 0 ? "qrc:/icons/" + root.icon + ".svg" : ""
    sourceSize.width: root.size
    sourceSize.height: root.size
    color: Theme.color.text2
}
