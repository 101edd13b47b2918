pragma Singleton

import QtQuick

/*! Qt's fields claim Undo before the window's shortcuts are asked, with nothing to undo too: then the key is handed back here. */
QtObject {
    signal undo()

    function offer(event: KeyEvent, canUndo: bool): void {
        if (canUndo || !event.matches(StandardKey.Undo))
            return
        event.accepted = true
        undo()
    }
}
