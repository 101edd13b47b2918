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

    // Not by its height, which a Column learns with the next frame: what is said stands here as soon as it is in the list.
    visible: (root.codeShown ? root.notices.count : root.notices.countOutsideCode) > 0
    spacing: Theme.space12

    // One primary button in view: of the first that has something to do. Where one stands here, what is beside it is plain.
    readonly property bool leads: root.leader !== null
    readonly property ErrorBanner leader: {
        for (let i = 0; i < banners.count; ++i) {
            const banner = banners.itemAt(i) as ErrorBanner
            if (banner !== null && banner.offers)
                return banner
        }
        return null
    }

    Repeater {
        id: banners

        model: root.notices

        ErrorBanner {
            id: banner

            required property int subject
            required property bool inCode

            width: root.width
            visible: root.codeShown || !inCode
            leads: root.leader === banner
            closable: true
            onActionTaken: action => root.notices.runAction(subject, action)
            onCopyRequested: text => root.copyRequested(text)
            onClosed: root.notices.dismiss(subject)
        }
    }
}
