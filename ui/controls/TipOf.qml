// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A tooltip that exists only while it may be needed: rows of buttons are many, tips are rarely looked at. */
Loader {
    id: root

    required property T.AbstractButton control
    required property string text
    property string key: ""

    active: (root.control.hovered || root.control.visualFocus) && !root.control.down && root.text.length > 0
    sourceComponent: Tip {
        parent: root.control
        visible: true
        text: root.key.length > 0 ? qsTr("%1  %2", "a control's name, its key").arg(root.text).arg(Figures.keys(root.key)) : root.text
    }
}
