import QtQuick
import Pio.Ui

/*! A paragraph, a heading, or the text of a list item or quote. */
BlockItem {
    id: root

    LayoutMirroring.enabled: Figures.isRightToLeft(root.html)     // as its words, not as the window
    LayoutMirroring.childrenInherit: true

    required property string html
    required property int quote
    required property int indent
    required property bool streaming
    property bool writing: false
    property string needle: ""
    readonly property real inset: root.quote * Theme.space16 + root.indent * Theme.space24

    bodyHeight: edit.implicitHeight

    QuoteBars {
        depth: root.quote
        height: edit.height
    }
    RichBlock {
        id: edit

        anchors { left: parent.left; leftMargin: Theme.hang + root.inset }
        width: root.textWidth - root.inset
        text: root.html
        color: root.quote > 0 ? Theme.color.text2 : Theme.color.text1
        writing: root.writing
        needle: root.needle
    }
}
