// The linter of 6.4 does not know StandardKey.
// qmllint disable unqualified
pragma Singleton

import QtQuick

/*! Qt's fields claim Undo before the window's shortcuts are asked, with nothing to undo too: then the key is handed back here. */
QtObject {
    id: root

    signal undo()

    function offer(event: KeyEvent, canUndo: bool): void {
        if (canUndo || !event.matches(StandardKey.Undo))
            return
        event.accepted = true
        root.undo()
    }
}
