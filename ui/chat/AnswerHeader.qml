import QtQuick
import Pio.Ui

/*! Whose answer it is. */
BlockItem {
    id: root

    required property string modelName

    bodyHeight: name.implicitHeight

    Words {
        id: name

        anchors { left: parent.left; leftMargin: Theme.hang }
        width: root.textWidth
        role: Theme.uiStrong
        text: root.modelName
        Accessible.role: Accessible.Heading
    }
}
