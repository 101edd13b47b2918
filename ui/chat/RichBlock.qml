// The linter of 6.4 does not know Qt.callLater.
// qmllint disable type
// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import Pio.App
import Pio.Ui

/*! Text of an answer that can be selected; links open in the browser, the mark stands where the answer is being written. */
TextEdit {
    id: root

    property TextRole role: Theme.prose
    property bool writing: false
    property string plain: ""       // shown as it is, in the lines of the role; instead of `text`
    property string needle: ""      // what a search looks for in this row; "" nothing
    property int needleFrom: 0      // the sign from which on

    readOnly: true
    selectByMouse: true
    persistentSelection: root.needle.length > 0
    activeFocusOnPress: true
    activeFocusOnTab: false
    wrapMode: TextEdit.Wrap
    textFormat: TextEdit.RichText
    // A TextEdit has no line height of its own in 6.4; its document has.
    text: root.plain.length === 0 ? "" : "<p style=\"margin:0;white-space:pre-wrap;line-height:%1px;-qt-line-height-type:fixed\">%2</p>"
        .arg(root.role.line).arg(root.plain.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\n/g, "<br/>"))
    font: root.role.font
    color: Theme.color.text1
    selectionColor: root.needle.length > 0 ? Theme.color.match : Theme.color.accentSoft
    selectedTextColor: Theme.color.text1
    Accessible.role: Accessible.StaticText
    Accessible.name: root.getText(0, root.length)
    Accessible.readOnly: true

    onLinkActivated: link => Qt.openUrlExternally(link)
    // All of them are there then; a selection that is made while the text is still to be read is lost.
    onNeedleChanged: Qt.callLater(root.showNeedle)
    onNeedleFromChanged: Qt.callLater(root.showNeedle)
    onTextChanged: {
        Qt.callLater(TextItems.drawWhole, root)
        if (root.needle.length > 0)
            Qt.callLater(root.showNeedle)
    }
    Component.onCompleted: {
        if (root.needle.length > 0)
            Qt.callLater(root.showNeedle)
        TextItems.drawWhole(root)
    }

    // Where a sign stands; it moves with the width.
    function placeOf(position: int): rect {
        root.width
        root.contentHeight
        return position <= root.length ? root.positionToRectangle(position) : Qt.rect(0, 0, 0, 0)
    }
    function showNeedle(): void {
        const at = root.needle.length > 0 ? root.getText(0, root.length).toLowerCase().indexOf(root.needle.toLowerCase(), root.needleFrom) : -1
        if (at >= 0)
            root.select(at, at + root.needle.length)
        else
            root.deselect()
    }

    HoverHandler {
        cursorShape: root.hoveredLink.length > 0 ? Qt.PointingHandCursor : Qt.IBeamCursor
    }
    Loader {
        active: root.hoveredLink.length > 0
        sourceComponent: Tip {
            parent: root
            visible: true
            text: root.hoveredLink
        }
    }
    Repeater {
        model: TextItems.linksOf(root.text)

        LinkStop {
            required property var modelData
            readonly property rect end: root.placeOf(modelData.end)
            readonly property rect start: root.placeOf(modelData.start)

            link: modelData
            place: Qt.rect(start.x, start.y, (end.y === start.y ? end.x : root.width) - start.x, start.height)
        }
    }
    Rectangle {
        readonly property rect end: {
            root.text   // moves with every word
            root.width
            return root.positionToRectangle(root.length)
        }

        visible: root.writing
        x: Math.min(end.x + Theme.space4, root.width - width)
        y: end.y + end.height - height - Math.round(3 * Theme.zoom)
        width: 8
        height: 17
        color: Theme.color.text3
    }
}
