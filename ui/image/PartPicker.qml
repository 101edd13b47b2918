pragma ComponentBehavior: Bound

import QtQuick
import Pio.Ui

/*! Over a picture: a part of it is drawn with the mouse, or moved with arrows, sized with Shift and arrows, and taken with Enter. */
Item {
    id: root

    required property size pixels       // of the whole picture
    property rect part      // in parts of its width and height
    signal taken(part: rect)
    signal givenUp()

    readonly property string words: qsTr("%1 × %2").arg(Figures.count(Math.round(root.part.width * root.pixels.width)))
                                                   .arg(Figures.count(Math.round(root.part.height * root.pixels.height)))

    function begin(): void {
        root.part = Qt.rect(0.25, 0.25, 0.5, 0.5)
        root.forceActiveFocus()
    }
    function moved(dx: real, dy: real): rect {
        return Qt.rect(Math.max(0, Math.min(1 - root.part.width, root.part.x + dx)), Math.max(0, Math.min(1 - root.part.height, root.part.y + dy)),
                       root.part.width, root.part.height)
    }
    function grown(dx: real, dy: real): rect {
        return Qt.rect(root.part.x, root.part.y, Math.max(0.02, Math.min(1 - root.part.x, root.part.width + dx)),
                       Math.max(0.02, Math.min(1 - root.part.y, root.part.height + dy)))
    }

    Accessible.role: Accessible.Graphic
    Accessible.focusable: true
    Accessible.name: qsTr("Part of the picture, %1. Arrows move it, Shift and arrows change its size, Enter takes it.").arg(root.words)
    Keys.onShortcutOverride: event => event.accepted = event.key === Qt.Key_Escape
    Keys.onEscapePressed: root.givenUp()
    Keys.onReturnPressed: root.taken(root.part)
    Keys.onEnterPressed: root.taken(root.part)
    Keys.onPressed: event => {
        const step = 0.02
        const dx = event.key === Qt.Key_Left ? -step : event.key === Qt.Key_Right ? step : 0
        const dy = event.key === Qt.Key_Up ? -step : event.key === Qt.Key_Down ? step : 0
        if (dx === 0 && dy === 0)
            return
        event.accepted = true
        root.part = event.modifiers & Qt.ShiftModifier ? root.grown(dx, dy) : root.moved(dx, dy)
    }

    MouseArea {
        id: mouse

        property point from

        anchors.fill: parent
        preventStealing: true
        cursorShape: Qt.CrossCursor
        onPressed: event => {
            from = Qt.point(event.x, event.y)
            root.part = Qt.rect(from.x / width, from.y / height, 0, 0)
        }
        onPositionChanged: event => {
            const inside = (value, end) => Math.max(0, Math.min(end, value))
            const x = inside(event.x, width), y = inside(event.y, height)
            root.part = Qt.rect(Math.min(x, from.x) / width, Math.min(y, from.y) / height, Math.abs(x - from.x) / width, Math.abs(y - from.y) / height)
        }
        // A click alone takes nothing.
        onReleased: {
            if (root.part.width * width >= 8 && root.part.height * height >= 8)
                root.taken(root.part)
            else
                root.begin()
        }
    }
    Item {
        id: box

        x: Math.round(root.part.x * root.width)
        y: Math.round(root.part.y * root.height)
        width: Math.round(root.part.width * root.width)
        height: Math.round(root.part.height * root.height)

        Rectangle {
            anchors { fill: parent; margins: -1 }
            color: "transparent"
            border.width: 4
            border.color: Theme.markEdge
        }
        Rectangle {
            anchors.fill: parent
            color: "transparent"
            border.width: 2
            border.color: Theme.markInk
        }
        Repeater {
            model: [[0, 0], [1, 0], [0, 1], [1, 1]]

            Rectangle {
                required property var modelData

                x: modelData[0] * box.width - 4
                y: modelData[1] * box.height - 4
                width: 8
                height: 8
                color: Theme.markEdge
                border.width: 1
                border.color: Theme.markInk
            }
        }
        Rectangle {
            anchors { horizontalCenter: parent.horizontalCenter; top: parent.top; topMargin: Theme.space6 }
            visible: root.pixels.width > 0 && box.width > width && box.height > height + Theme.space12
            width: figure.implicitWidth + 2 * Theme.space8
            height: 20
            radius: 10
            color: Theme.markInk

            Words {
                id: figure

                anchors.centerIn: parent
                role: Theme.smallStrong
                text: root.words
                color: Theme.markEdge
                Accessible.ignored: true
            }
        }
    }
}
