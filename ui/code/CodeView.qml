// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import QtQuick.Templates as T
import Qt.labs.qmlmodels
import Pio.App
import Pio.Ui

/*! The file, line by line, with what is proposed between its lines. Lines are selected by mouse or keys; the selection is what questions are about. */
FocusScope {
    id: root

    required property CodeController code
    property bool narrow: false
    property int caret: 1               // the line that the keys start from
    property int anchorLine: 1
    property real shift: 0
    readonly property bool hasProposal: root.code.hunks.count > 0
    readonly property real contentWidth: metrics.advanceWidth * root.code.lines.columns + Theme.space48
    readonly property real shownWidth: list.width - (root.hasProposal ? 116 : 60)

    function moveTo(line: int, further: bool): void {
        const to = Math.max(1, Math.min(root.code.lineCount, line))
        root.caret = to
        if (!further)
            root.anchorLine = to
        root.code.select(Math.min(root.anchorLine, to), Math.max(root.anchorLine, to))
        list.currentIndex = root.code.lines.rowOfLine(to)      // so that a screen reader says it
        list.positionViewAtIndex(list.currentIndex, ListView.Contain)
    }
    function showHunk(hunk: int): void {
        const row = root.code.lines.rowOfHunk(hunk)
        if (row >= 0)
            list.positionViewAtIndex(Math.max(0, row - 3), ListView.Beginning)
    }
    function showLine(line: int): void {
        list.positionViewAtIndex(root.code.lines.rowOfLine(line), ListView.Center)
    }
    function shiftTo(x: real): void {
        root.shift = Math.max(0, Math.min(root.contentWidth - root.shownWidth, x))
    }
    function lineAt(y: real): int {
        const row = list.indexAt(1, Math.max(0, Math.min(list.contentHeight - 1, y + list.contentY - list.originY)) + list.originY)
        return row < 0 ? 0 : root.code.lines.data(root.code.lines.index(row, 0), DiffModel.BeforeRole)
    }

    readonly property RowOrder rowOrder: RowOrder {
        list: list
    }
    TextMetrics {
        id: metrics
        font: Theme.code.font
        text: "0"
    }
    Rectangle {
        anchors.fill: parent
        color: Theme.color.sunken
    }
    Connections {
        target: root.code

        function onCurrentHunkChanged(): void {
            if (root.code.currentHunk >= 0)
                Qt.callLater(root.showHunk, root.code.currentHunk)
        }
        function onFileChanged(): void {
            root.shiftTo(root.shift)
        }
        function onSelectionChanged(): void {
            if (root.code.selectionFirst === 0) {
                root.caret = root.anchorLine = 1
                list.currentIndex = 0
            }
        }
    }

    ListView {
        id: list

        anchors.fill: parent
        topMargin: Theme.space8
        bottomMargin: Theme.space24
        model: root.code.lines
        clip: true
        focus: true
        activeFocusOnTab: true
        keyNavigationEnabled: false
        highlightFollowsCurrentItem: false
        boundsBehavior: Flickable.StopAtBounds
        interactive: false              // a drag selects; the wheel scrolls below
        cacheBuffer: 200
        Accessible.role: Accessible.List
        Accessible.name: root.code.selectionFirst > 0
            ? qsTr("%1, lines %2 to %3 selected").arg(root.code.fileName).arg(root.code.selectionFirst).arg(root.code.selectionLast)
            : qsTr("%1, %Ln lines", "a file", root.code.lineCount).arg(root.code.fileName)
        T.ScrollBar.vertical: PioScrollBar {}
        onActiveFocusChanged: if (!activeFocus && currentItem !== null) currentItem.focus = true    // where Tab comes back to

        Keys.onPressed: event => {
            const extend = (event.modifiers & Qt.ShiftModifier) !== 0
            const page = Math.max(1, Math.floor(list.height / Theme.code.line) - 2)
            event.accepted = true
            if (event.modifiers & Qt.AltModifier)
                event.accepted = false
            else if (event.key === Qt.Key_Down)
                root.moveTo(root.code.selectionFirst === 0 ? root.caret : root.caret + 1, extend)
            else if (event.key === Qt.Key_Up)
                root.moveTo(root.caret - 1, extend)
            else if (event.key === Qt.Key_PageDown)
                root.moveTo(root.caret + page, extend)
            else if (event.key === Qt.Key_PageUp)
                root.moveTo(root.caret - page, extend)
            else if (event.key === Qt.Key_Home)
                root.moveTo(1, extend)
            else if (event.key === Qt.Key_End)
                root.moveTo(root.code.lineCount, extend)
            else if (event.key === Qt.Key_Right)
                root.shiftTo(root.shift + 4 * metrics.advanceWidth)
            else if (event.key === Qt.Key_Left)
                root.shiftTo(root.shift - 4 * metrics.advanceWidth)
            else if (event.key === Qt.Key_A && event.modifiers & Qt.ControlModifier && !extend)
                root.code.select(1, root.code.lineCount)
            else if (event.key === Qt.Key_C && event.modifiers & Qt.ControlModifier && !extend)
                root.code.copyLines()
            else if (event.key === Qt.Key_Escape && root.code.selectionFirst > 0 && !root.code.busy)
                root.code.select(0, 0)
            else
                event.accepted = false
        }

        MouseArea {
            parent: list
            anchors.fill: parent
            anchors.rightMargin: Theme.space12
            z: -1                       // below the buttons of the changes
            cursorShape: Qt.IBeamCursor
            preventStealing: true
            onPressed: mouse => {
                list.forceActiveFocus()
                const line = root.lineAt(mouse.y)
                if (line > 0)
                    root.moveTo(line, (mouse.modifiers & Qt.ShiftModifier) !== 0)
            }
            onPositionChanged: mouse => {
                const line = root.lineAt(mouse.y)
                if (line > 0)
                    root.moveTo(line, true)
            }
            onWheel: wheel => {
                const sideways = wheel.angleDelta.x !== 0 ? wheel.angleDelta.x : wheel.modifiers & Qt.ShiftModifier ? wheel.angleDelta.y : 0
                if (sideways !== 0) {
                    root.shiftTo(root.shift - sideways / 2)
                } else {
                    const last = Math.max(list.originY - list.topMargin, list.originY + list.contentHeight + list.bottomMargin - list.height)
                    list.contentY = Math.max(list.originY - list.topMargin, Math.min(last, list.contentY - wheel.angleDelta.y / 2))
                }
            }
        }

        delegate: DelegateChooser {
            role: "kind"

            DelegateChoice {
                roleValue: DiffModel.HunkHeader
                HunkRow {
                    id: head

                    required property int hunk
                    readonly property var place: root.code.hunks.index(head.hunk, 0)

                    width: ListView.view.width
                    narrow: root.narrow
                    number: hunk + 1
                    count: root.code.hunks.count
                    current: root.code.currentHunk === hunk
                    usable: root.code.canAsk || root.code.busy
                    title: root.code.hunks.data(place, HunkModel.TitleRole) ?? ""
                    line: root.code.hunks.data(place, HunkModel.LineRole) ?? 0
                    decision: {
                        root.code.pendingCount      // each decision changes one of these
                        root.code.acceptedCount
                        return root.code.hunks.data(place, HunkModel.StateRole) ?? 0
                    }
                    onAccepted: root.code.accept(hunk)
                    onRejected: root.code.reject(hunk)
                    onReconsidered: root.code.reconsider(hunk)
                    onChosen: root.code.currentHunk = hunk
                }
            }
            DelegateChoice {
                CodeLine {
                    width: ListView.view.width
                    twoNumbers: root.hasProposal
                    shift: root.shift
                    selected: before > 0 && before >= root.code.selectionFirst && before <= root.code.selectionLast
                }
            }
        }
    }
    FocusRing {
        anchors.fill: parent
        visible: list.activeFocus && root.code.selectionFirst === 0
        gap: -2
        baseRadius: 0
    }
}
