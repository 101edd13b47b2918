import QtQuick
import Pio.Ui

/*! A paragraph of a list item; its first one has the number or the dot in the column at its left. */
BlockItem {
    id: root

    LayoutMirroring.enabled: Figures.isRightToLeft(root.html)     // as its words, not as the window
    LayoutMirroring.childrenInherit: true

    required property string html
    required property string marker
    required property int indent
    required property int quote
    property bool writing: false
    property string needle: ""
    readonly property real inset: root.quote * Theme.space16 + Math.max(1, root.indent) * Theme.space24

    bodyHeight: edit.implicitHeight

    QuoteBars {
        depth: root.quote
        height: edit.height
    }
    Rectangle {
        anchors { right: edit.left; rightMargin: Theme.space12 }
        y: Math.round((Theme.prose.line - height) / 2) + 3  // as the text's: its leading lies above the line
        visible: root.marker === "•"
        width: 4
        height: 4
        radius: 2
        color: Theme.color.text3
    }
    Text {
        anchors { left: edit.left; leftMargin: -Theme.space24 }
        y: 3
        visible: root.marker.length > 0 && root.marker !== "•"
        text: root.marker
        textFormat: Text.PlainText
        font: Theme.prose.font
        lineHeight: Theme.prose.line
        lineHeightMode: Text.FixedHeight
        color: Theme.color.text3
    }
    RichBlock {
        id: edit

        anchors { left: parent.left; leftMargin: Theme.hang + root.inset }
        width: root.textWidth - root.inset
        text: root.html
        color: root.quote > 0 ? Theme.color.text2 : Theme.color.text1
        writing: root.writing
        needle: root.needle
        Accessible.role: Accessible.ListItem
    }
}
