import QtQuick
import Pio.Ui

/*! No picture yet: three ways to bring one. */
Column {
    id: root

    property bool primary: true     // nothing else in the window is to be done first
    signal fileRequested()

    spacing: Theme.space8

    Words {
        width: root.width
        wrapMode: Text.Wrap
        role: Theme.hero
        text: qsTr("Drop an image here")
        Accessible.role: Accessible.Heading
    }
    Words {
        width: root.width
        wrapMode: Text.Wrap
        role: Theme.prose
        text: qsTr("Or paste one with Ctrl+V. Ask what is in it, what is written there, or where something is: places are drawn over the picture. It stays on this computer.")
        color: Theme.color.text2
    }
    Item {
        width: 1
        height: Theme.space8
    }
    PioButton {
        anchors.left: parent.left
        primary: root.primary
        iconName: "image"
        text: qsTr("Choose pictures…")
        onClicked: root.fileRequested()
    }
}
