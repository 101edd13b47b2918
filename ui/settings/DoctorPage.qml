import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! What runs where and how fast, what could be better, and the one thing to do about it. */
SettingsPage {
    id: root

    required property Doctor doctor
    signal copyRequested(text: string)
    signal actionTaken(button: int)

    title: qsTr("This computer")
    hint: root.doctor.busy ? qsTr("Looking at devices, memory, disk and models…")
        : root.doctor.warnings > 0 ? qsTr("%Ln things could be better.", "", root.doctor.warnings)
        : qsTr("Everything is in order.")
    Component.onCompleted: root.doctor.look()

    RowLayout {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space4
        Layout.bottomMargin: Theme.space8
        spacing: Theme.space8

        PioButton {
            text: qsTr("Look again")
            iconName: "retry"
            enabled: !root.doctor.busy
            onClicked: root.doctor.look()
        }
        PioButton {
            text: qsTr("Copy as text")
            iconName: "copy"
            enabled: root.doctor.ready
            onClicked: root.copyRequested(root.doctor.report)
        }
    }
    Repeater {
        model: root.doctor

        FindingRow {
            onActionTaken: button => root.actionTaken(button)
        }
    }
}
