// The linter of 6.4 does not know Qt.callLater.
// qmllint disable type
import QtQuick
import Pio.App

/*! Keeps Tab and screen readers going through a list from the top down: a row that is made later can stand above others. */
QtObject {
    id: root

    required property ListView list

    function sort(): void {
        ListRows.fromTheTopDown(root.list.contentItem)
    }

    readonly property Connections rows: Connections {
        target: root.list.contentItem

        function onChildrenChanged(): void {
            Qt.callLater(root.sort)
        }
    }
}
