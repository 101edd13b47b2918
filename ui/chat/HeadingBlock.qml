import QtQuick
import Pio.Ui

/*! A heading of an answer, one of three sizes. */
BlockItem {
    id: root

    LayoutMirroring.enabled: Figures.isRightToLeft(root.html)     // as its words, not as the window
    LayoutMirroring.childrenInherit: true

    required property string html
    required property int level
    required property int quote
    property bool writing: false
    property string needle: ""

    bodyHeight: edit.implicitHeight

    RichBlock {
        id: edit

        anchors { left: parent.left; leftMargin: Theme.hang + root.quote * Theme.space16 }
        width: root.textWidth - root.quote * Theme.space16
        text: root.html
        role: root.level === 1 ? Theme.heading1 : root.level === 2 ? Theme.heading2 : Theme.heading3
        writing: root.writing
        needle: root.needle
        Accessible.role: Accessible.Heading
    }
}
