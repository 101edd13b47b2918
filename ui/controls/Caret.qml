// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import Pio.Ui

/*! The caret of a field: 2 px of the accent, blinking unless less motion is wished. */
Item {
    id: root

    required property Item editor

    width: 2
    visible: root.editor.activeFocus && !root.editor.readOnly && (blink.on || Theme.still)

    Rectangle {
        x: -2   // between the letters, not on the next one
        width: 2
        height: parent.height
        color: Theme.color.accent
    }
    Timer {
        id: blink

        property bool on: true

        interval: Math.max(200, Qt.styleHints.cursorFlashTime / 2)
        repeat: true
        running: root.editor.activeFocus && !Theme.still && Qt.styleHints.cursorFlashTime > 0
        onTriggered: on = !on
        onRunningChanged: on = true
    }
    Connections {
        target: root.editor

        function onCursorPositionChanged(): void {
            blink.on = true
            blink.restart()
        }
    }
}
