pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The pictures that go with the next question, each with a way to take it out again. */
Flow {
    id: root

    property PictureTray tray: null

    spacing: Theme.space8
    Accessible.role: Accessible.List
    Accessible.name: qsTr("Pictures that go with the next question")

    Repeater {
        model: root.tray

        Rectangle {
            id: chip

            required property int index
            required property string name
            required property url source
            required property int pixelWidth
            required property int pixelHeight

            width: Math.min(root.width, 220)
            height: Theme.rowBar
            radius: Theme.radiusBlock
            color: Theme.color.canvas
            border.width: Theme.strongBorder
            border.color: Theme.color.edge
            Accessible.role: Accessible.ListItem
            Accessible.name: qsTr("%1, %2", "a picture's name, its size").arg(chip.name).arg(size.text)

            RowLayout {
                anchors { fill: parent; leftMargin: Theme.space6; rightMargin: Theme.space8 }
                spacing: Theme.space8

                Thumbnail {
                    implicitWidth: 32
                    implicitHeight: 32
                    source: chip.source
                }
                ColumnLayout {
                    Layout.fillWidth: true
                    spacing: 0

                    Words {
                        Layout.fillWidth: true
                        role: Theme.uiMedium
                        elide: Text.ElideMiddle
                        text: chip.name
                        Accessible.ignored: true
                    }
                    Words {
                        id: size

                        Layout.fillWidth: true
                        role: Theme.small
                        text: chip.pixelWidth > 0 ? qsTr("%1 × %2").arg(Figures.count(chip.pixelWidth)).arg(Figures.count(chip.pixelHeight)) : qsTr("Opening")
                        color: Theme.color.text3
                        Accessible.ignored: true
                    }
                }
                IconButton {
                    size: Theme.rowTiny
                    iconName: "close"
                    text: qsTr("Take out “%1”").arg(chip.name)
                    onClicked: root.tray.remove(chip.index)
                }
            }
        }
    }
}
