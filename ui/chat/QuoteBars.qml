pragma ComponentBehavior: Bound

import QtQuick
import Pio.Ui

/*! The lines at the left of a quote, one a depth. */
Row {
    id: root

    required property int depth

    anchors { left: parent.left; leftMargin: Theme.hang }
    spacing: Theme.space16 - 2
    visible: root.depth > 0

    Repeater {
        model: root.depth

        Rectangle {
            width: 2
            height: root.height
            color: Theme.color.edge
        }
    }
}
