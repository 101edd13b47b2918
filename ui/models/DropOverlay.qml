import QtQuick
import Pio.App
import Pio.Ui

/*! Takes files that are dropped on the window and says beforehand what will happen. */
DropArea {
    id: root

    required property Application app
    required property int pane
    property string kind: ""    // "model", "pictures", "chats", "source" or "other"
    property string file: ""
    signal filesDropped(urls: var)

    function nameOf(address: string): string {
        return decodeURIComponent(address.replace(/^.*\//, ""))
    }

    function nameOfKind(kind: int): string {
        switch (kind) {
        case Application.ModelFile: return "model"
        case Application.PictureFile: return "pictures"
        case Application.ChatsFile: return "chats"
        case Application.SourceFile: return "source"
        }
        return "other"
    }

    onEntered: drag => {
        if (!drag.hasUrls || drag.urls.length === 0) {
            drag.accepted = false
            return
        }
        root.file = root.nameOf(drag.urls[0].toString())
        root.kind = root.nameOfKind(root.app.kindOf(drag.urls[0], root.pane))
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
                icon: root.kind === "model" ? "chip" : root.kind === "pictures" ? "image" : root.kind === "chats" ? "chat"
                    : root.kind === "source" ? "code" : "warning"
                color: root.kind === "other" ? Theme.color.danger : Theme.color.text2
            }
            Words {
                width: parent.width
                wrapMode: Text.Wrap
                role: Theme.hero
                text: root.kind === "model" ? qsTr("Answer with this model")
                     : root.kind === "pictures" ? qsTr("Ask about this picture")
                     : root.kind === "chats" ? qsTr("Add these chats")
                     : root.kind === "source" ? qsTr("Open in the code pane") : qsTr("This kind of file cannot be opened")
                color: root.kind === "other" ? Theme.color.danger : Theme.color.text1
            }
            Words {
                width: parent.width
                wrapMode: Text.WrapAnywhere
                role: Theme.prose
                text: root.kind !== "other" ? root.file
                    : qsTr("%1: models end in .gguf, exported chats in .json, pictures in .png, .jpg, .webp, .bmp or .tiff, source in what its language uses").arg(root.file)
                color: Theme.color.text2
            }
        }
    }
}
