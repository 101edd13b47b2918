// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! A field of several lines for a system prompt. */
Rectangle {
    id: root

    required property string label
    property string placeholder: ""
    property alias text: field.text
    signal edited(text: string)

    function take(): void {
        field.forceActiveFocus()
    }

    radius: Theme.radius
    color: Theme.color.raised
    border.width: field.activeFocus ? 2 : Theme.strongBorder
    border.color: field.activeFocus ? Theme.color.accent : Theme.color.control

    Flickable {
        id: scroll

        anchors { fill: parent; margins: 2 }
        contentWidth: width
        contentHeight: field.height
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        T.ScrollBar.vertical: PioScrollBar {}

        PioTextArea {
            id: field

            width: scroll.width
            height: Math.max(scroll.height, contentHeight + topPadding + bottomPadding)
            padding: Theme.space8 + Theme.space2
            rightPadding: Theme.space16
            role: Theme.ui
            view: scroll
            hint: root.placeholder
            Accessible.name: root.label
            onTextChanged: if (activeFocus) root.edited(text)
        }
    }
}
