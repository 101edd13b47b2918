import QtQuick
import Pio.Ui

/*! A function that the model asked for, with its arguments. */
FoldBlock {
    id: root

    required property string text
    required property string toolName

    iconName: "tool"
    title: root.toolName
    detail: qsTr("· asked for, not run")
    limit: 10 * Theme.smallMono.line

    RichBlock {
        width: parent.width
        role: Theme.smallMono
        plain: root.open ? root.text : ""
        color: Theme.color.text2
    }
}
