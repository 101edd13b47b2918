pragma ComponentBehavior: Bound
// The linter of 6.4 does not know sizes of C++.
// qmllint disable type

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! One picture, fitted or larger, with the places that the answer names drawn over it; below it the other pictures and what can be done. */
Rectangle {
    id: root

    required property ImageSession session
    property int currentPlace: -1
    property bool choosing: false       // a part of the picture
    property real zoom: 0               // of the decoded picture's pixels; 0 fits it into the room
    readonly property int gap: root.height < 360 ? Theme.space8 : Theme.space16
    readonly property real fitted: picture.implicitWidth > 0
                                   ? Math.min(1, (view.width - 2 * root.gap) / picture.implicitWidth, (view.height - root.gap) / picture.implicitHeight) : 1
    readonly property real shown: root.zoom > 0 ? root.zoom : root.fitted
    readonly property bool ready: picture.status === Image.Ready
    signal placeChosen(index: int)
    signal partChosen(part: rect)

    // What lies at that point of the view stays there.
    function zoomBy(factor: real, x: real, y: real): void {
        const wanted = Math.min(8, root.shown * factor)
        const fromX = (view.contentX + x - picture.x) / root.shown
        const fromY = (view.contentY + y - picture.y) / root.shown
        root.zoom = wanted > root.fitted * 1.001 ? wanted : 0
        view.contentX = Math.max(0, Math.min(view.contentWidth - view.width, picture.x + fromX * root.shown - x))
        view.contentY = Math.max(0, Math.min(view.contentHeight - view.height, picture.y + fromY * root.shown - y))
    }
    function zoomStep(factor: real): void {
        root.zoomBy(factor, view.width / 2, view.height / 2)
    }
    function choosePart(): void {
        root.choosing = root.ready
        if (root.choosing)
            picker.begin()
    }

    color: Theme.color.sunken
    clip: true

    Connections {
        target: root.session

        function onPixelsChanged(): void {      // another picture
            root.zoom = 0
            root.choosing = false
        }
    }
    Flickable {
        id: view

        anchors { fill: parent; bottomMargin: tools.height + 2 * root.gap }
        contentWidth: Math.max(width, picture.width + 2 * root.gap)
        contentHeight: Math.max(height, picture.height + root.gap)
        interactive: root.zoom > 0 && !root.choosing
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        activeFocusOnTab: root.ready
        T.ScrollBar.vertical: PioScrollBar {}
        T.ScrollBar.horizontal: PioScrollBar {}
        Accessible.role: Accessible.Graphic
        Accessible.name: qsTr("Picture: %1").arg(root.session.name)
        Accessible.focusable: true
        Keys.onPressed: event => {
            const step = 64
            event.accepted = true
            switch (event.key) {
            case Qt.Key_Plus: root.zoomStep(1.25); break
            case Qt.Key_Minus: root.zoomStep(0.8); break
            case Qt.Key_0: root.zoom = 0; break
            case Qt.Key_Return:
            case Qt.Key_Enter: root.choosePart(); break
            case Qt.Key_Left: contentX = Math.max(0, contentX - step); break
            case Qt.Key_Right: contentX = Math.min(contentWidth - width, contentX + step); break
            case Qt.Key_Up: contentY = Math.max(0, contentY - step); break
            case Qt.Key_Down: contentY = Math.min(contentHeight - height, contentY + step); break
            default: event.accepted = false
            }
        }

        WheelHandler {
            acceptedModifiers: Qt.ControlModifier
            onWheel: event => root.zoomBy(event.angleDelta.y > 0 ? 1.25 : 0.8, event.x - view.contentX, event.y - view.contentY)
        }
        Image {
            id: picture

            x: Math.round((view.contentWidth - width) / 2)
            y: Math.round((view.contentHeight + root.gap - height) / 2)
            width: Math.round(implicitWidth * root.shown)
            height: Math.round(implicitHeight * root.shown)
            source: root.session.source
            asynchronous: true      // decoded on Qt's reader thread
            autoTransform: true
            cache: false
            smooth: true
            mipmap: true
            sourceSize { width: 2048; height: 2048 }
            Accessible.ignored: true

            // What is transparent is white to the model too.
            Rectangle {
                anchors.fill: parent
                z: -1
                visible: root.ready
                color: Theme.markEdge
            }
            Repeater {
                model: root.session.placesBelong && root.ready ? root.session.places : null

                PlaceMark {
                    required property int index

                    number: index + 1
                    pictureWidth: picture.width
                    pictureHeight: picture.height
                    current: root.currentPlace === index
                    opacity: root.choosing && !Theme.highContrast ? 0.4 : 1
                    onChosen: root.placeChosen(index)
                }
            }
            PartPicker {
                id: picker

                anchors.fill: parent
                z: 2
                visible: root.choosing
                pixels: root.session.pixels
                onGivenUp: {
                    root.choosing = false
                    view.forceActiveFocus()
                }
                onTaken: part => {
                    root.choosing = false
                    root.partChosen(part)
                }
            }
        }
    }
    FocusRing {
        anchors { fill: view; margins: Theme.space4 }
        visible: view.activeFocus && !root.choosing
    }
    Words {
        anchors.centerIn: view
        width: Math.min(view.width, 400)
        visible: picture.status === Image.Error || picture.status === Image.Loading
        horizontalAlignment: Text.AlignHCenter
        wrapMode: Text.Wrap
        text: picture.status === Image.Error ? qsTr("%1 cannot be shown: it is not there any more, or it is damaged.").arg(root.session.name)
                                             : qsTr("Opening %1").arg(root.session.name)
        color: picture.status === Image.Error ? Theme.color.danger : Theme.color.text3
    }
    RowLayout {
        id: tools

        anchors { horizontalCenter: parent.horizontalCenter; bottom: parent.bottom; bottomMargin: root.gap }
        width: Math.min(implicitWidth, parent.width - 2 * Theme.space16)
        height: strip.visible ? 56 : bar.height
        spacing: Theme.space12

        ListView {
            id: strip

            Layout.fillWidth: true
            Layout.preferredWidth: contentWidth
            Layout.preferredHeight: 56
            visible: root.session.pictures.length > 1
            clip: true
            orientation: ListView.Horizontal
            spacing: Theme.space8
            model: root.session.pictures
            currentIndex: root.session.current
            activeFocusOnTab: true
            boundsBehavior: Flickable.StopAtBounds
            highlightMoveDuration: 0
            Accessible.role: Accessible.List
            Accessible.name: qsTr("Pictures of this conversation")
            readonly property int onward: effectiveLayoutDirection === Qt.RightToLeft ? -1 : 1

            Keys.onLeftPressed: root.session.current = root.session.current - strip.onward
            Keys.onRightPressed: root.session.current = root.session.current + strip.onward

            delegate: T.AbstractButton {
                id: thumb

                required property int index
                required property string modelData

                width: 56
                height: 56
                focusPolicy: Qt.NoFocus
                Accessible.role: Accessible.ListItem
                Accessible.name: qsTr("Picture %1 of %2").arg(thumb.index + 1).arg(strip.count)
                Accessible.selected: thumb.index === root.session.current
                onClicked: root.session.current = thumb.index

                contentItem: Item {
                    Thumbnail {
                        anchors { fill: parent; margins: 3 }
                        path: thumb.modelData
                    }
                }
                background: Rectangle {
                    radius: Theme.radius
                    color: Theme.color.raised
                    border.width: thumb.index === root.session.current ? 2 : 1
                    border.color: thumb.index === root.session.current ? Theme.color.accent : Theme.color.edge

                    FocusRing {
                        anchors.margins: 3
                        visible: strip.activeFocus && thumb.index === root.session.current
                    }
                }
            }
        }
        Rectangle {
            id: bar

            Layout.minimumWidth: implicitWidth
            implicitWidth: row.implicitWidth + 2 * Theme.space6
            implicitHeight: 40
            visible: root.ready
            radius: Theme.radiusBlock
            color: Theme.color.raised
            border.width: Theme.strongBorder
            border.color: Theme.color.edge

            RowLayout {
                id: row

                anchors.centerIn: parent
                spacing: Theme.space4

                PioButton {
                    visible: !root.choosing && root.width >= 560
                    small: true
                    quiet: true
                    iconName: "region"
                    text: qsTr("Ask about a part")
                    onClicked: root.choosePart()
                }
                IconButton {
                    visible: !root.choosing && root.width < 560
                    iconName: "region"
                    text: qsTr("Ask about a part")
                    onClicked: root.choosePart()
                }
                Words {
                    Layout.leftMargin: Theme.space8
                    Layout.rightMargin: Theme.space4
                    visible: root.choosing
                    text: root.width >= 560 ? qsTr("Drag over what you mean, or use arrows and Enter") : qsTr("Drag, or arrows and Enter")
                    color: Theme.color.text2
                }
                IconButton {
                    visible: root.choosing
                    iconName: "close"
                    text: qsTr("Leave the picture whole")
                    key: "Esc"
                    onClicked: root.choosing = false
                }
                Hairline {
                    Layout.preferredWidth: 1
                    Layout.preferredHeight: 24
                    visible: !root.choosing
                }
                IconButton {
                    visible: !root.choosing
                    enabled: root.zoom > 0
                    iconName: "zoom-out"
                    text: qsTr("Smaller")
                    onClicked: root.zoomStep(0.8)
                }
                Words {
                    Layout.preferredWidth: Math.ceil(widest.width)
                    visible: !root.choosing
                    horizontalAlignment: Text.AlignHCenter
                    role: Theme.small
                    text: root.session.pixels.width > 0 ? qsTr("%1 %").arg(Math.round(100 * picture.width / root.session.pixels.width)) : ""
                    color: Theme.color.text2

                    TextMetrics {
                        id: widest

                        font: Theme.small.font
                        text: qsTr("%1 %").arg(888)
                    }
                }
                IconButton {
                    visible: !root.choosing
                    enabled: root.shown < 8
                    iconName: "zoom-in"
                    text: qsTr("Larger")
                    onClicked: root.zoomStep(1.25)
                }
            }
        }
    }
}
