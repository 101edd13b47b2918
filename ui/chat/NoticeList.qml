pragma ComponentBehavior: Bound

import QtQuick
import Pio.App
import Pio.Ui

/*! What the program has to say, the newest first; the same in every pane, but for what is about the file of the code pane. */
Column {
    id: root

    required property Notices notices
    property bool codeShown: false
    signal copyRequested(text: string)

    visible: root.implicitHeight > 0
    spacing: Theme.space12

    Repeater {
        model: root.notices

        ErrorBanner {
            required property int subject
            required property bool inCode

            width: root.width
            visible: root.codeShown || !inCode
            closable: true
            onActionTaken: action => root.notices.runAction(subject, action)
            onCopyRequested: text => root.copyRequested(text)
            onClosed: root.notices.dismiss(subject)
        }
    }
}
