import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! The name of a control and its key, after half a second under the pointer or with the keyboard's focus. */
T.ToolTip {
    id: root

    delay: Theme.tipDelay
    y: parent ? parent.height + Theme.space4 : 0
    x: parent ? Math.round((parent.width - implicitWidth) / 2) : 0
    margins: Theme.space4
    padding: 0
    leftPadding: Theme.space8 + Theme.space2
    rightPadding: Theme.space8 + Theme.space2
    implicitWidth: contentItem.implicitWidth + leftPadding + rightPadding
    implicitHeight: Theme.rowSmall
    closePolicy: T.Popup.CloseOnEscape | T.Popup.CloseOnPressOutsideParent | T.Popup.CloseOnReleaseOutsideParent

    contentItem: Words {
        role: Theme.small
        text: root.text
        color: Theme.color.inkTip
        verticalAlignment: Text.AlignVCenter
    }
    background: Rectangle {
        color: Theme.color.tip
        radius: Theme.radius
    }
}
