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
        text: root.dropped === 1 ? qsTr("This chat is longer than the context. The first message was left out.")
                                 : qsTr("This chat is longer than the context. The first %n messages were left out.", "", root.dropped)
        color: Theme.color.text3
    }
}
