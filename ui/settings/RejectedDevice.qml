import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! A graphics card, or a kind of them, that is not used: why in words, and the code by which others find the same. */
RowLayout {
    id: root

    required property string device     // "vulkan:1", "cuda"
    required property string code       // "no_driver"
    required property string words
    required property string reason     // in English, with its numbers
    readonly property string title: qsTr("%1 is not used (%2). %3", "a device, a code, why").arg(root.device).arg(root.code).arg(root.words)

    Layout.fillWidth: true
    spacing: Theme.space8
    Accessible.role: Accessible.StaticText
    Accessible.name: root.title + " " + root.reason

    Icon {
        Layout.alignment: Qt.AlignTop
        icon: "info"
        color: Theme.color.text3
    }
    ColumnLayout {
        Layout.fillWidth: true
        spacing: 0

        Words {
            Layout.fillWidth: true
            role: Theme.small
            wrapMode: Text.Wrap
            text: root.title
            color: Theme.color.text2
            Accessible.ignored: true
        }
        Words {
            Layout.fillWidth: true
            visible: text.length > 0
            role: Theme.small
            wrapMode: Text.Wrap
            text: root.reason
            color: Theme.color.text3
            Accessible.ignored: true
        }
    }
}
