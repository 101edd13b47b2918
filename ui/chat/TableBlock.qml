// The linter of 6.4 does not know Qt.callLater.
// qmllint disable type
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! A table of an answer. Its columns are as wide as its header and first row want, so that rows still to come move nothing. */
BlockItem {
    id: root

    LayoutMirroring.enabled: Figures.isRightToLeft(root.text)     // as its words, not as the window
    LayoutMirroring.childrenInherit: true

    required property var cells         // rows of rich text, the first is the header
    required property var alignments
    required property string text
    required property int indent
    readonly property int columns: root.cells.length > 0 ? root.cells[0].length : 0
    readonly property real room: root.columnWidth - 2 * Theme.hang
    readonly property int cellGap: 14
    readonly property real widest: 280      // longer cells break

    // Natural widths; what is left over goes to the columns of words, in proportion.
    readonly property var widths: {
        const natural = []
        for (let c = 0; c < root.columns; ++c)
            natural.push(Math.min(root.widest, Math.max(head.count > c ? head.itemAt(c).implicitWidth : 0,
                                                        first.count > c ? first.itemAt(c).implicitWidth : 0)))
        const gaps = 2 * root.cellGap * Math.max(0, root.columns - 1)
        const left = root.room - gaps - natural.reduce((a, b) => a + b, 0)
        if (left <= 0)
            return natural
        const isWords = c => root.alignments[c] === Qt.AlignLeft || root.alignments[c] === undefined
        const words = natural.filter((w, c) => isWords(c)).reduce((a, b) => a + Math.max(1, b), 0)
        return natural.map((w, c) => words > 0 ? (isWords(c) ? w + left * Math.max(1, w) / words : w) : w + left / root.columns)
    }

    bodyHeight: scroll.height
    onCellsChanged: root.follow()
    Component.onCompleted: {
        root.follow()
        root.layOut()
    }

    // The rows that are there stay: only their number follows the table being written.
    function follow(): void {
        while (rows.count > root.cells.length)
            rows.remove(rows.count - 1)
        while (rows.count < root.cells.length)
            rows.append({})
    }
    // A list that learns the height of a row it has just made too late moves its view, drops the row and makes it again, without end.
    function layOut(): void {
        for (let i = 0; i < lines.count; ++i)
            lines.itemAt(i).layOut()
        grid.forceLayout()
    }

    ListModel {
        id: rows
    }
    Repeater {
        id: head

        model: root.columns
        Text {
            required property int index
            visible: false
            text: root.cells[0][index] ?? ""
            textFormat: Text.RichText
            font: Theme.tableHead.font
        }
    }
    Repeater {
        id: first

        model: root.cells.length > 1 ? root.columns : 0
        Text {
            required property int index
            visible: false
            text: root.cells[1][index] ?? ""
            textFormat: Text.RichText
            font: Theme.table.font
        }
    }

    Flickable {
        id: scroll

        anchors { left: parent.left; leftMargin: Theme.hang }
        width: root.room
        height: grid.height + (interactive ? Theme.space12 : 0)     // below the last row is the bar
        contentWidth: grid.width
        contentHeight: height
        flickableDirection: Flickable.HorizontalFlick
        boundsBehavior: Flickable.StopAtBounds
        interactive: contentWidth > width
        clip: interactive
        T.ScrollBar.horizontal: PioScrollBar {
            steady: true
        }
        Accessible.role: Accessible.Table
        Accessible.name: root.text

        Column {
            id: grid

            Repeater {
                id: lines

                model: rows

                Column {
                    id: line

                    required property int index
                    readonly property bool isHead: line.index === 0

                    function layOut(): void {
                        cellRow.forceLayout()
                        line.forceLayout()
                    }

                    Row {
                        id: cellRow

                        readonly property real cellHeight: {
                            let tallest = 0
                            for (let c = 0; c < cellTexts.count; ++c)
                                tallest = Math.max(tallest, cellTexts.itemAt(c)?.implicitHeight ?? 0)
                            return Math.max(line.isHead ? Theme.rowSmall : 33, Math.ceil(tallest) + 14)
                        }

                        spacing: 2 * root.cellGap

                        Repeater {
                            id: cellTexts

                            model: root.columns

                            Text {
                                id: cell

                                required property int index

                                width: root.widths[index] ?? 0
                                height: cellRow.cellHeight
                                text: (root.cells[line.index] ?? [])[index] ?? ""
                                textFormat: Text.RichText
                                wrapMode: Text.Wrap
                                font: line.isHead ? Theme.tableHead.font : Theme.table.font
                                color: line.isHead ? Theme.color.text3 : Theme.color.text1
                                horizontalAlignment: root.alignments[index] ?? Text.AlignLeft
                                verticalAlignment: Text.AlignVCenter
                                onLinkActivated: link => Qt.openUrlExternally(link)
                                onTextChanged: Qt.callLater(TextItems.drawWhole, cell)
                                Component.onCompleted: TextItems.drawWhole(cell)

                                Repeater {
                                    model: TextItems.linksOf(cell.text)

                                    LinkStop {
                                        required property var modelData

                                        link: modelData
                                        place: Qt.rect(0, 0, cell.width, cell.height)   // a Text does not tell where a word stands
                                    }
                                }
                            }
                        }
                    }
                    Rectangle {
                        width: Math.max(cellRow.width, root.room)
                        height: 1
                        color: line.isHead ? Theme.color.edge : line.index === rows.count - 1 ? "transparent" : Theme.color.line
                    }
                }
            }
        }
    }
}
