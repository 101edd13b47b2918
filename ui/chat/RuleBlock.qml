import QtQuick
import Pio.Ui

/*! A line between two parts of an answer. */
BlockItem {
    id: root

    bodyHeight: 1

    Hairline {
        anchors { left: parent.left; leftMargin: Theme.hang }
        width: root.textWidth
        height: 1
    }
}
