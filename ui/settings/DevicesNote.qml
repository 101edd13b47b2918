import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! That graphics cards are being looked for, and those that cannot be used with the reason. */
ColumnLayout {
    id: root

    required property Devices devices

    spacing: Theme.space8

    RowLayout {
        Layout.fillWidth: true
        visible: root.devices.looking
        spacing: Theme.space8

        Icon {
            icon: "search"
            color: Theme.color.text3
        }
        Words {
            Layout.fillWidth: true
            role: Theme.small
            wrapMode: Text.Wrap
            text: qsTr("Looking for graphics cards…")
            color: Theme.color.text2
        }
    }
    Repeater {
        model: root.devices.rejected

        RejectedDevice {
            required property var modelData

            device: modelData.id
            code: modelData.code
            words: modelData.words
            reason: modelData.reason
        }
    }
}
