import QtQuick
import Pio.Ui

/*! Takes files that are dropped on the window and says beforehand what will happen. */
DropArea {
    id: root

    property string kind: ""    // "model", "chats" or "other"
    property string file: ""
    signal filesDropped(urls: var)

    function nameOf(address: string): string {
        return decodeURIComponent(address.replace(/^.*\//, ""))
    }

    onEntered: drag => {
        if (!drag.hasUrls || drag.urls.length === 0) {
            drag.accepted = false
            return
        }
        root.file = root.nameOf(drag.urls[0].toString())
        root.kind = /\.gguf$/i.test(root.file) ? "model" : /\.json$/i.test(root.file) ? "chats" : "other"
    }
    onDropped: drop => {
        if (root.kind !== "other" && drop.hasUrls)
            root.filesDropped(drop.urls)
        drop.accept(Qt.CopyAction)
    }

    Rectangle {
        anchors.fill: parent
        visible: root.containsDrag
        color: Theme.highContrast ? Theme.color.canvas : Qt.alpha(Theme.color.canvas, 0.96)

        Rectangle {
            anchors { fill: parent; margins: Theme.space12 }
            radius: Theme.radiusLarge
            color: "transparent"
            border.width: 2
            border.color: root.kind === "other" ? Theme.color.danger : Theme.color.accent
        }
        Column {
            anchors.centerIn: parent
            width: Math.min(Theme.column, parent.width - 2 * Theme.space48)
            spacing: Theme.space8

            Icon {
                size: 32
                icon: root.kind === "model" ? "chip" : root.kind === "chats" ? "chat" : "warning"
                color: root.kind === "other" ? Theme.color.danger : Theme.color.text2
            }
            Words {
                width: parent.width
                wrapMode: Text.Wrap
                role: Theme.hero
                text: root.kind === "model" ? qsTr("Answer with this model")
                     : root.kind === "chats" ? qsTr("Add these chats") : qsTr("This kind of file cannot be opened")
                color: root.kind === "other" ? Theme.color.danger : Theme.color.text1
            }
            Words {
                width: parent.width
                wrapMode: Text.WrapAnywhere
                role: Theme.prose
                text: root.kind === "other" ? qsTr("%1: models end in .gguf, exported chats in .json").arg(root.file) : root.file
                color: Theme.color.text2
            }
        }
    }
}
