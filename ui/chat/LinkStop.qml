import QtQuick
import Pio.Ui

/*! A link of a text where the keyboard stops: Enter opens it. The mouse goes to the text itself. */
Item {
    id: root

    required property var link      // of TextItems.linksOf()
    required property rect place    // where its first line stands

    x: root.place.x
    y: root.place.y
    width: root.place.width
    height: root.place.height
    activeFocusOnTab: true
    Accessible.role: Accessible.Link
    Accessible.name: qsTr("%1, link to %2").arg(root.link.text).arg(root.link.href)
    Accessible.focusable: true
    Accessible.onPressAction: root.open()
    Keys.onReturnPressed: root.open()
    Keys.onEnterPressed: root.open()

    function open(): void {
        Qt.openUrlExternally(root.link.href)
    }

    FocusRing {
        visible: root.activeFocus
    }
}
