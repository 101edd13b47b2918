import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A menu: lifted by an edge, no shadow. */
T.Menu {
    id: root

    implicitWidth: 216
    implicitHeight: contentItem.implicitHeight + topPadding + bottomPadding
    padding: Theme.space4
    margins: Theme.space4
    overlap: 0
    modal: false

    delegate: PioMenuItem {}

    contentItem: ListView {
        implicitHeight: contentHeight
        model: root.contentModel
        interactive: false
        currentIndex: root.currentIndex
    }
    background: Rectangle {
        color: Theme.color.raised
        radius: Theme.radiusBlock
        border.width: Theme.strongBorder
        border.color: Theme.color.edge
    }
    enter: Transition {
        NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.popupIn; easing.type: Easing.OutCubic }
    }
    exit: Transition {
        NumberAnimation { property: "opacity"; from: 1; to: 0; duration: Theme.popupOut; easing.type: Easing.InCubic }
    }
}
