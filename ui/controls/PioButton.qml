import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A button with words: primary (one a view), plain, or quiet without a border. */
T.Button {
    id: root

    property bool primary: false
    property bool quiet: false
    property string iconName: ""
    property bool small: false
    property string key: ""         // shown behind the words
    property color ink: !root.enabled ? Theme.color.disabled : root.primary ? Theme.color.inkAccent : Theme.color.text1

    implicitHeight: root.small ? Theme.rowSmall : Theme.row
    implicitWidth: contentItem.implicitWidth + leftPadding + rightPadding
    leftPadding: Theme.space12
    rightPadding: Theme.space12
    spacing: Theme.space6
    font: Theme.uiMedium.font
    hoverEnabled: true
    focusPolicy: Qt.TabFocus     // a click leaves the keys where one types

    Accessible.name: root.text

    Keys.onReturnPressed: root.clicked()   // Space alone presses a button of 6.4, and there is no click()
    Keys.onEnterPressed: root.clicked()

    contentItem: Item {
        implicitWidth: words.before + Math.ceil(words.implicitWidth) + (keyWords.visible ? root.spacing + keyWords.width : 0)
        implicitHeight: row.implicitHeight

        Row {
            id: row

            anchors.centerIn: parent
            spacing: root.spacing

            Icon {
                visible: root.iconName.length > 0
                anchors.verticalCenter: parent.verticalCenter
                icon: root.iconName
                color: root.ink
            }
            Text {
                id: words

                readonly property real before: root.iconName.length > 0 ? Theme.iconSize + root.spacing : 0

                anchors.verticalCenter: parent.verticalCenter
                width: Math.min(Math.ceil(implicitWidth), root.availableWidth - before - (keyWords.visible ? root.spacing + keyWords.width : 0))
                elide: Text.ElideRight
                text: root.text
                textFormat: Text.PlainText
                font: root.font
                color: root.ink
            }
            Text {
                id: keyWords

                anchors.verticalCenter: parent.verticalCenter
                visible: root.key.length > 0
                text: Figures.keys(root.key)
                textFormat: Text.PlainText
                font: Theme.small.font
                color: root.enabled ? Theme.color.text3 : root.ink
            }
        }
    }

    background: Rectangle {
        radius: Theme.radius
        color: {
            if (root.primary)
                return !root.enabled ? Theme.color.fill : root.down || root.hovered ? Theme.color.accentHover : Theme.color.accentFill
            if (root.down)
                return Theme.color.press
            if (root.hovered && root.enabled)
                return Theme.hoverOnRaised
            return root.quiet ? "transparent" : Theme.color.raised
        }
        border.width: root.quiet || (root.primary && !(Theme.highContrast && !root.enabled)) ? 0 : 1
        border.color: root.enabled ? Theme.color.edge : Theme.color.line

        Behavior on color {
            enabled: Theme.hoverTime > 0
            ColorAnimation { duration: Theme.hoverTime; easing.type: Easing.OutQuad }
        }
        FocusRing {
            visible: root.visualFocus
            gap: 2
        }
    }
}
