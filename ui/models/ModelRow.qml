import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.Ui

/*! One model file: its name, where it lies, and how fast it was here. */
T.AbstractButton {
    id: root

    required property string name
    required property string file
    required property string folder
    required property string path
    required property double bytes
    required property bool available
    required property bool current
    required property double tokensPerSecond
    property bool focused: false
    signal forgetRequested()

    implicitHeight: 52
    hoverEnabled: true
    focusPolicy: Qt.NoFocus
    Accessible.role: Accessible.ListItem
    Accessible.name: qsTr("%1, %2, %3").arg(root.name).arg(root.file).arg(cost.text)
    Accessible.selected: root.current

    contentItem: RowLayout {
        spacing: 0

        Item {
            Layout.preferredWidth: Theme.rowLarge

            Icon {
                anchors.centerIn: parent
                visible: root.current
                icon: "check"
                color: Theme.color.text1
            }
        }
        ColumnLayout {
            Layout.fillWidth: true
            spacing: 0

            Words {
                Layout.fillWidth: true
                role: Theme.uiMedium
                text: root.name
                color: root.available ? Theme.color.text1 : Theme.color.text3
                Accessible.ignored: true
            }
            Words {
                Layout.fillWidth: true
                role: Theme.small
                text: root.available ? qsTr("%1 · %2").arg(root.file).arg(Figures.bytes(root.bytes)) : qsTr("Not found in %1").arg(root.folder)
                elide: Text.ElideMiddle
                color: Theme.color.text3
                Accessible.ignored: true
            }
        }
        ColumnLayout {
            Layout.leftMargin: Theme.space12
            Layout.rightMargin: Theme.space12
            visible: root.available
            spacing: 0

            Words {
                Layout.alignment: Qt.AlignRight
                text: root.tokensPerSecond > 0 ? Figures.speed(root.tokensPerSecond) : ""
                Accessible.ignored: true
            }
            Words {
                id: cost

                Layout.alignment: Qt.AlignRight
                role: Theme.small
                text: root.current ? qsTr("Loaded") : root.available ? "" : qsTr("missing")
                color: Theme.color.text3
                Accessible.ignored: true
            }
        }
        IconButton {
            Layout.rightMargin: Theme.space8
            visible: !root.available
            focusPolicy: Qt.NoFocus
            iconName: "close"
            text: qsTr("Take off the list")
            key: qsTr("Del")
            onClicked: root.forgetRequested()
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: root.hovered || root.focused ? Theme.hoverOnRaised : "transparent"

        FocusRing {
            visible: root.focused && Theme.highContrast
        }
    }
}
