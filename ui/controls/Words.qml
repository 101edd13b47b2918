import QtQuick
import Pio.Ui

/*! Plain text in one of the theme's roles; nothing in it is ever read as markup. */
Text {
    id: root

    property TextRole role: Theme.ui

    font: root.role.font
    color: Theme.color.text1
    textFormat: Text.PlainText
    horizontalAlignment: Text.AlignLeft     // of the window's direction, whatever the text's own is
    elide: root.wrapMode === Text.NoWrap ? Text.ElideRight : Text.ElideNone
    lineHeightMode: root.wrapMode === Text.NoWrap ? Text.ProportionalHeight : Text.FixedHeight
    lineHeight: root.wrapMode === Text.NoWrap ? 1 : root.role.line
    Accessible.role: Accessible.StaticText
    Accessible.name: root.text
}
