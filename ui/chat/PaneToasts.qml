import QtQuick
import Pio.App
import Pio.Ui

/*! What was deleted, with the way back; or a sentence that goes by itself. */
Item {
    id: root

    required property HistoryModel history
    readonly property bool shown: undo.visible || note.visible

    function tell(sentence: string): void {
        note.text = sentence
        noteTime.restart()
    }

    implicitHeight: undo.implicitHeight

    Toast {
        id: undo

        anchors.left: parent.left
        visible: root.history.removedTitle.length > 0
        width: Math.min(implicitWidth, root.width)
        text: qsTr("Deleted “%1”").arg(root.history.removedTitle)
        onActionTaken: root.history.undoRemove()
    }
    Toast {
        id: note

        anchors.left: parent.left
        visible: noteTime.running && root.history.removedTitle.length === 0
        width: Math.min(implicitWidth, root.width)
        text: ""
        actionText: ""

        Timer {
            id: noteTime
            interval: 8000
        }
    }
}
