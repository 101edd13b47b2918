import QtQuick
import Pio.Ui

/*! A picture in small, decoded in the background; a sign where it cannot be shown. */
Rectangle {
    id: root

    property string path: ""
    property url source: root.path.length > 0 ? "file://" + root.path.split("/").map(encodeURIComponent).join("/") : ""

    radius: Theme.radiusSmall
    color: Theme.color.fill
    clip: true
    Accessible.ignored: true

    Image {
        id: image

        anchors.fill: parent
        source: root.source
        asynchronous: true
        autoTransform: true
        sourceSize { width: 160; height: 160 }
        fillMode: Image.PreserveAspectCrop
    }
    Icon {
        anchors.centerIn: parent
        visible: image.status !== Image.Ready
        icon: image.status === Image.Error ? "warning" : "image"
        color: Theme.color.text3
    }
}
