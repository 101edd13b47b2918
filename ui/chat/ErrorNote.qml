import QtQuick
import Pio.Ui

/*! An error in the place of the answer it kept from being written. */
BlockItem {
    id: root

    required property var error
    property bool usable: true
    signal actionTaken(action: int)
    signal copyRequested(text: string)

    bodyHeight: banner.implicitHeight

    ErrorBanner {
        id: banner

        width: parent.width
        error: root.error
        usable: root.usable
        onActionTaken: action => root.actionTaken(action)
        onCopyRequested: text => root.copyRequested(text)
    }
}
