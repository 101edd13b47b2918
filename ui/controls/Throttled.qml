import QtQuick

/*! Follows a number at most four times a second: figures that run faster cannot be read. */
QtObject {
    id: root

    property real source: 0
    property real value: 0
    property bool running: true

    onSourceChanged: if (!tick.running) root.take()

    function take(): void {
        root.value = root.source
        if (root.running)
            tick.start()
    }

    property Timer tick: Timer {
        id: tick
        interval: 250
        onTriggered: if (root.value !== root.source) root.take()
    }
}
