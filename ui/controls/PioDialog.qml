import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A modal page in the middle of the window over the veil. */
T.Popup {
    id: root

    required property string title
    property int wantedWidth: 480
    property int wantedHeight: 400
    property int fillBelow: 640     // windows narrower than this are filled but for `Theme.space24`

    parent: T.Overlay.overlay
    anchors.centerIn: parent
    width: parent ? Math.min(root.wantedWidth, parent.width - (parent.width < root.fillBelow ? 2 : 4) * Theme.space12) : root.wantedWidth
    height: parent ? Math.min(root.wantedHeight, parent.height - 2 * Theme.space24) : root.wantedHeight
    modal: true
    focus: true
    padding: 0
    closePolicy: T.Popup.CloseOnEscape

    background: Rectangle {
        color: Theme.color.canvas
        radius: Theme.radiusLarge
        border.width: Theme.strongBorder
        border.color: Theme.color.edge
        Accessible.role: Accessible.Dialog
        Accessible.name: root.title
    }
    T.Overlay.modal: Rectangle {
        color: Theme.color.veil
    }
    enter: Transition {
        NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.dialogTime; easing.type: Easing.OutCubic }
    }
    exit: Transition {
        NumberAnimation { property: "opacity"; from: 1; to: 0; duration: Theme.dialogTime; easing.type: Easing.OutCubic }
    }
}
