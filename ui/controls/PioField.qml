// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A one-line field; wrong input gives it the danger edge, the sentence under it belongs to whoever uses it. */
T.TextField {
    id: root

    property bool wrong: false
    property string iconName: ""
    property string key: ""     // shown at the right while empty
    property bool ownsEscape: false     // Esc ends what the field is for: the window's Esc has to wait

    implicitHeight: Theme.row
    implicitWidth: 200
    leftPadding: root.iconName.length > 0 ? Theme.row : Theme.space12
    rightPadding: Theme.space12
    verticalAlignment: TextInput.AlignVCenter
    font: Theme.ui.font
    color: root.enabled ? Theme.color.text1 : Theme.color.disabled
    placeholderTextColor: Theme.color.text3
    selectionColor: Theme.color.accentSoft
    selectedTextColor: Theme.color.text1
    selectByMouse: true
    cursorDelegate: Caret { editor: root }
    Accessible.name: root.placeholderText
    Keys.onShortcutOverride: event => event.accepted = root.ownsEscape && event.key === Qt.Key_Escape
    Keys.onPressed: event => SpareKeys.offer(event, root.canUndo)

    background: Rectangle {
        radius: Theme.radius
        color: Theme.color.raised
        border.width: root.wrong || root.activeFocus ? 2 : Theme.strongBorder
        border.color: root.wrong ? Theme.color.danger : root.activeFocus ? Theme.color.accent : root.enabled ? Theme.color.control : Theme.color.edge
    }

    Words {
        anchors { left: parent.left; right: parent.right; verticalCenter: parent.verticalCenter }
        anchors.leftMargin: root.leftPadding
        anchors.rightMargin: Theme.space8 + (keyLabel.visible ? keyLabel.width : 0)
        visible: root.length === 0 && root.preeditText.length === 0
        text: root.placeholderText
        color: Theme.color.text3
        Accessible.ignored: true
    }
    Words {
        id: keyLabel

        anchors { right: parent.right; rightMargin: Theme.space8; verticalCenter: parent.verticalCenter }
        visible: root.key.length > 0 && root.length === 0
        role: Theme.small
        text: Figures.keys(root.key)
        color: Theme.color.text3
        Accessible.ignored: true
    }
    Icon {
        anchors { left: parent.left; leftMargin: Theme.space8; verticalCenter: parent.verticalCenter }
        visible: root.iconName.length > 0
        icon: root.iconName
        color: Theme.color.text2
    }
}
