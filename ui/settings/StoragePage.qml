pragma ComponentBehavior: Bound
// The linter of 6.4 does not know 64-bit integers.
// qmllint disable type

import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! What takes how much room on the disk, and what of it can go. */
SettingsPage {
    id: root

    required property Storage storage
    readonly property real models: root.storage.modelBytes
    readonly property real history: root.storage.historyBytes

    function nameOf(kind: int): string {
        switch (kind) {
        case Storage.Models: return qsTr("Models")
        case Storage.OtherModels: return qsTr("Models in other places")
        case Storage.Downloads: return qsTr("Downloads that are not whole")
        case Storage.History: return qsTr("Conversations")
        case Storage.Copies: return qsTr("Older copies of the conversations")
        case Storage.Snapshots: return qsTr("What models have read")
        case Storage.Cache: return qsTr("Cache")
        }
        return qsTr("Log")
    }
    function hintOf(kind: int): string {
        switch (kind) {
        case Storage.Models: return qsTr("Files in the models folder; the chooser (Ctrl+L) lists them")
        case Storage.OtherModels: return qsTr("Used where they lie, and not counted above: they may be other programs'")
        case Storage.Downloads: return qsTr("What came so far; a download goes on from there. Removed, it begins anew")
        case Storage.History: return qsTr("With the pictures and files that were sent")
        case Storage.Copies: return qsTr("From before the file was brought up to date, or as it was found damaged. Removed, they are gone")
        case Storage.Snapshots: return qsTr("Lets a conversation go on at once. Without it, it is read again")
        case Storage.Cache: return qsTr("Makes the next start quicker, and is made again by itself")
        }
        return qsTr("What the program did and what went wrong. Never a word of a conversation")
    }

    title: qsTr("Storage")
    hint: root.storage.measured ? qsTr("The program takes %1 on this disk.").arg(Figures.bytes(root.storage.takenBytes)) : qsTr("Counting…")
    Component.onCompleted: root.storage.refresh()

    ShareBar {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space8
        Layout.bottomMargin: Theme.space12
        visible: root.storage.measured
        name: qsTr("Disk")
        totalBytes: root.storage.totalBytes
        freeBytes: root.storage.freeBytes
        parts: [
            { name: qsTr("Models"), bytes: root.models, ink: Theme.color.memW },
            { name: qsTr("Conversations"), bytes: root.history, ink: Theme.color.memK },
            { name: qsTr("What can go"), bytes: root.storage.takenBytes - root.models - root.history, ink: Theme.color.memS },
            { name: qsTr("Everything else"), bytes: Math.max(0, root.storage.totalBytes - root.storage.freeBytes - root.storage.takenBytes), ink: Theme.color.edge }
        ]
    }
    Repeater {
        model: root.storage

        SettingRow {
            id: row

            required property int kind
            required property real bytes
            required property int files
            required property bool removable
            required property real elsewhere
            readonly property bool shows: row.kind === Storage.Models || row.kind === Storage.OtherModels || row.kind === Storage.History || row.kind === Storage.Logs
            readonly property bool asks: row.kind === Storage.Copies || row.kind === Storage.Downloads
            property bool asked: false      // what does not come back is removed by a second press

            name: root.nameOf(row.kind)
            hint: row.elsewhere > 0 ? qsTr("%1. %2 of it on another disk").arg(root.hintOf(row.kind)).arg(Figures.bytes(row.elsewhere)) : root.hintOf(row.kind)
            cost: row.files > 0 ? Figures.bytes(row.bytes) : qsTr("Nothing")

            PioButton {
                width: Math.max(implicitWidth, 136)     // all alike, so that the sizes beside them line up
                small: true
                enabled: row.shows ? row.kind !== Storage.OtherModels || row.files > 0 : row.removable && !root.storage.busy
                text: row.shows ? qsTr("Show the folder") : row.asked ? qsTr("Remove for good") : qsTr("Remove")
                Accessible.name: qsTr("%1: %2", "what a button does, to what").arg(text).arg(row.name)
                onActiveFocusChanged: if (!activeFocus) row.asked = false
                onClicked: {
                    if (row.shows) {
                        root.storage.showFolder(row.kind)
                    } else if (row.asks && !row.asked) {
                        row.asked = true
                        forceActiveFocus(Qt.OtherFocusReason)
                    } else {
                        root.storage.remove(row.kind)
                    }
                }
            }
        }
    }
}
