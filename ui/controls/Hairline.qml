import QtQuick
import Pio.Ui

/*! One pixel between regions and rows. */
Rectangle {
    implicitHeight: 1
    implicitWidth: 1
    color: Theme.color.line
    Accessible.ignored: true
}
