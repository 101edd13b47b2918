import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! Something lifted over the page, near what opened it; Esc and a click beside it close it. */
T.Popup {
    id: root

    implicitWidth: contentItem.implicitWidth + leftPadding + rightPadding
    implicitHeight: contentItem.implicitHeight + topPadding + bottomPadding
    padding: Theme.space6
    margins: Theme.space8
    focus: true
    closePolicy: T.Popup.CloseOnEscape | T.Popup.CloseOnPressOutsideParent

    background: Rectangle {
        color: Theme.color.raised
        radius: Theme.radiusBox
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
