import QtQuick
import Pio.Ui

/*! One row of the conversation: the gap above it and a body in the centred column. */
Item {
    id: root

    required property int kind
    required property int above         // the kind of the row above
    required property int levelAbove
    required property string messageId
    required property real columnWidth
    property real bodyHeight: 0
    default property alias content: body.data
    readonly property int gap: RowGaps.between(root.above, root.kind, root.levelAbove)
    readonly property real textWidth: Math.min(Theme.measure, root.columnWidth - 2 * Theme.hang)

    width: ListView.view ? ListView.view.width : root.columnWidth
    implicitHeight: root.gap + Math.ceil(root.bodyHeight)

    Item {
        id: body

        anchors { horizontalCenter: parent.horizontalCenter; top: parent.top; topMargin: root.gap }
        width: root.columnWidth
        height: root.bodyHeight
    }
}
