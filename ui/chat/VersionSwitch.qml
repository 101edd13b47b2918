import QtQuick
import Pio.Ui

/*! ‹ 2/3 › */
Row {
    id: root

    required property int version
    required property int count
    property bool usable: true
    signal chosen(version: int)

    visible: root.count > 1
    Accessible.role: Accessible.Grouping
    Accessible.name: qsTr("Version %1 of %2").arg(root.version).arg(root.count)

    IconButton {
        size: Theme.rowTiny
        iconName: "left"
        text: qsTr("Previous version")
        key: "Alt+Left"
        enabled: root.usable && root.version > 1
        onClicked: root.chosen(root.version - 1)
    }
    Words {
        anchors.verticalCenter: parent.verticalCenter
        width: Math.max(26, implicitWidth)
        horizontalAlignment: Text.AlignHCenter
        role: Theme.small
        text: qsTr("%1/%2", "version, of so many").arg(root.version).arg(root.count)
        color: Theme.color.text2
    }
    IconButton {
        size: Theme.rowTiny
        iconName: "right"
        text: qsTr("Next version")
        key: "Alt+Right"
        enabled: root.usable && root.version < root.count
        onClicked: root.chosen(root.version + 1)
    }
}
