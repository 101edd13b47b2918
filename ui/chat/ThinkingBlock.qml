import QtQuick
import Pio.Ui

/*! What the model thought before it answered. */
FoldBlock {
    id: root

    required property string text
    required property bool streaming
    required property double thinkingSeconds
    required property int thinkingTokens
    property bool grewOpen: false       // opened while it was written: it keeps that height, so that what stands below does not move
    property string shown: ""

    // Laid out four times a second at most; while it grows only its end, because a paragraph is laid out as a whole.
    function show(): void {
        if (!root.open) {
            root.shown = ""
        } else if (!root.streaming || root.text.length < 6000) {
            root.shown = root.text
        } else {
            const start = root.text.length - 5000
            root.shown = "…" + root.text.substring(Math.max(start, root.text.indexOf("\n", start)))
        }
        if (root.open && root.streaming)
            pace.start()
    }

    title: root.streaming ? qsTr("Thinking · %1").arg(Figures.seconds(Math.floor(root.thinkingSeconds)))
         : root.thinkingSeconds > 0 ? qsTr("Thought for %1").arg(Figures.seconds(Math.max(1, root.thinkingSeconds))) : qsTr("Thought")
    detail: root.streaming || root.thinkingTokens <= 0 ? "" : qsTr("· %Ln tokens", "", root.thinkingTokens)
    limit: root.grewOpen ? 160 : 0
    follows: root.streaming

    onTextChanged: if (!pace.running) root.show()
    onStreamingChanged: root.show()
    onOpenChanged: {
        root.grewOpen = root.open && root.streaming
        root.show()
    }
    Component.onCompleted: {
        root.grewOpen = root.open && root.streaming
        root.show()
    }

    Timer {
        id: pace
        interval: 250
        onTriggered: root.show()
    }

    RichBlock {
        width: parent.width
        role: Theme.thought
        plain: root.shown
        color: Theme.color.text2
    }
}
