import QtQuick
import Pio.Ui

/*! How many messages had to be left out of what the model read. */
BlockItem {
    id: root

    required property int dropped

    bodyHeight: note.implicitHeight

    Words {
        id: note

        anchors { left: parent.left; leftMargin: Theme.hang }
        width: root.textWidth
        wrapMode: Text.Wrap
        role: Theme.small
        text: qsTr("This chat is longer than the context. The first %Ln messages were left out.", "", root.dropped)
        color: Theme.color.text3
    }
}
