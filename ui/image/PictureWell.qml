pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! One picture, fitted, with the places that the answer names drawn over it; below it the other pictures of the conversation. */
Rectangle {
    id: root

    required property ImageSession session
    property int currentPlace: -1
    signal placeChosen(index: int)

    color: Theme.color.sunken
    clip: true

    Image {
        id: picture

        // Fitted into the room, never larger than it is.
        readonly property real fit: implicitWidth > 0 ? Math.min(1, room.width / implicitWidth, room.height / implicitHeight) : 1

        anchors.centerIn: room
        width: Math.round(implicitWidth * fit)
        height: Math.round(implicitHeight * fit)
        source: root.session.source
        asynchronous: true      // decoded on Qt's reader thread
        autoTransform: true
        cache: false
        smooth: true
        sourceSize: Qt.size(2048, 2048)
        fillMode: Image.PreserveAspectFit
        Accessible.role: Accessible.Graphic
        Accessible.name: qsTr("Picture: %1").arg(root.session.name)

        // What is transparent is white to the model too.
        Rectangle {
            anchors.fill: parent
            z: -1
            visible: picture.status === Image.Ready
            color: Theme.markEdge
        }
        Repeater {
            model: root.session.placesBelong && picture.status === Image.Ready ? root.session.places : null

            PlaceMark {
                required property int index

                number: index + 1
                pictureWidth: picture.width
                pictureHeight: picture.height
                current: root.currentPlace === index
                onChosen: root.placeChosen(index)
            }
        }
    }
    Item {
        id: room

        anchors { fill: parent; margins: Theme.space32; bottomMargin: strip.visible ? strip.height + Theme.space32 : Theme.space32 }
    }
    Words {
        anchors.centerIn: room
        width: Math.min(room.width, 400)
        visible: picture.status === Image.Error || picture.status === Image.Loading
        horizontalAlignment: Text.AlignHCenter
        wrapMode: Text.Wrap
        text: picture.status === Image.Error ? qsTr("%1 cannot be shown: it is not there any more, or it is damaged.").arg(root.session.name)
                                             : qsTr("Opening %1").arg(root.session.name)
        color: picture.status === Image.Error ? Theme.color.danger : Theme.color.text3
    }
    ListView {
        id: strip

        anchors { horizontalCenter: parent.horizontalCenter; bottom: parent.bottom; bottomMargin: Theme.space16 }
        width: Math.min(contentWidth, parent.width - 2 * Theme.space16)
        height: 56
        visible: root.session.pictures.length > 1
        orientation: ListView.Horizontal
        spacing: Theme.space8
        model: root.session.pictures
        currentIndex: root.session.current
        activeFocusOnTab: true
        boundsBehavior: Flickable.StopAtBounds
        highlightMoveDuration: 0
        Accessible.role: Accessible.List
        Accessible.name: qsTr("Pictures of this conversation")
        Keys.onLeftPressed: root.session.current = root.session.current - 1
        Keys.onRightPressed: root.session.current = root.session.current + 1

        delegate: T.AbstractButton {
            id: thumb

            required property int index
            required property string modelData

            width: 56
            height: 56
            focusPolicy: Qt.NoFocus
            Accessible.role: Accessible.ListItem
            Accessible.name: qsTr("Picture %1 of %2").arg(thumb.index + 1).arg(strip.count)
            Accessible.selected: thumb.index === root.session.current
            onClicked: root.session.current = thumb.index

            contentItem: Item {
                Thumbnail {
                    anchors { fill: parent; margins: 3 }
                    path: thumb.modelData
                }
            }
            background: Rectangle {
                radius: Theme.radius
                color: Theme.color.raised
                border.width: thumb.index === root.session.current ? 2 : 1
                border.color: thumb.index === root.session.current ? Theme.color.accent : Theme.color.edge
            }
        }
    }
}
