import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A hairline between groups of a menu. */
T.MenuSeparator {
    implicitHeight: 9
    implicitWidth: 200

    contentItem: Item {
        Rectangle {
            anchors.verticalCenter: parent.verticalCenter
            x: Theme.space8
            width: parent.width - 2 * Theme.space8
            height: 1
            color: Theme.color.line
        }
    }
}
