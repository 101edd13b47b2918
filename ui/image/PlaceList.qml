pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! The places that the answer names, in their order; the current one is marked in the picture too. */
ListView {
    id: root

    required property PlaceModel places
    required property bool usable       // they belong to the picture that is shown
    property int currentPlace: -1
    property int most: 5                // rows at once
    signal placeChosen(index: int)

    implicitHeight: Math.min(contentHeight, root.most * (Theme.rowLarge + Theme.space4))
    model: root.places
    clip: true
    boundsBehavior: Flickable.StopAtBounds
    activeFocusOnTab: true
    currentIndex: root.currentPlace
    highlightMoveDuration: 0
    T.ScrollBar.vertical: PioScrollBar {}
    Accessible.role: Accessible.List
    Accessible.name: qsTr("Places in the picture")
    onActiveFocusChanged: if (activeFocus && root.currentPlace < 0 && count > 0) root.placeChosen(0)
    Keys.onUpPressed: root.placeChosen(Math.max(0, root.currentPlace - 1))
    Keys.onDownPressed: root.placeChosen(Math.min(root.count - 1, root.currentPlace + 1))

    delegate: T.AbstractButton {
        id: row

        required property int index
        required property string label
        required property string written
        required property bool isPoint
        readonly property bool current: root.currentPlace === row.index
        readonly property string words: row.label.length > 0 ? row.label : row.isPoint ? qsTr("Point") : qsTr("Box")

        width: root.width
        implicitHeight: Theme.rowLarge + Theme.space4
        hoverEnabled: true
        focusPolicy: Qt.NoFocus
        Accessible.role: Accessible.ListItem
        Accessible.name: qsTr("%1: %2", "a place's number, what it is").arg(row.index + 1).arg(row.words) + (row.written.length > 0 ? ", " + row.written : "")
        Accessible.selected: row.current
        onClicked: root.placeChosen(row.index)
        onHoveredChanged: if (hovered) root.placeChosen(row.index)

        contentItem: RowLayout {
            spacing: Theme.space12

            Rectangle {
                Layout.leftMargin: Theme.space16
                implicitWidth: 20
                implicitHeight: 20
                radius: 10
                color: row.current ? Theme.markInk : "transparent"
                border.width: 2
                border.color: row.current && !Theme.isDark ? Theme.markInk : Theme.color.accent

                Words {
                    anchors.centerIn: parent
                    role: Theme.smallStrong
                    text: row.index + 1
                    color: row.current ? Theme.markEdge : Theme.color.accent
                    Accessible.ignored: true
                }
            }
            Words {
                Layout.fillWidth: true
                Layout.rightMargin: row.written.length > 0 ? 0 : Theme.space16
                text: row.words
                color: row.current ? Theme.color.inkSelected : Theme.color.text2
                Accessible.ignored: true
            }
            Words {
                Layout.rightMargin: Theme.space16
                Layout.maximumWidth: root.width * 0.55
                visible: text.length > 0
                role: Theme.uiMedium
                text: row.written
                color: row.current ? Theme.color.inkSelected : Theme.color.text1
                Accessible.ignored: true
            }
        }
        background: Rectangle {
            radius: Theme.radius
            color: row.current ? Theme.color.selected : "transparent"

            FocusRing {
                visible: root.activeFocus && row.current
            }
        }
    }
}
