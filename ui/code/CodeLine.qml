import QtQuick
import Pio.App
import Pio.Ui

/*! One line of the file or of the proposal: two numbers, a sign, the code. */
Rectangle {
    id: root

    required property int kind          // DiffModel.Kind
    required property int before        // line numbers, 0 none
    required property int after
    required property string text
    required property string html
    property bool selected: false
    property bool twoNumbers: false
    property real shift: 0              // scrolled sideways
    readonly property bool added: root.kind === DiffModel.AddedLine
    readonly property bool removed: root.kind === DiffModel.RemovedLine
    readonly property real gutter: root.twoNumbers ? 44 + 40 + Theme.row : 44 + Theme.space16
    readonly property color numberInk: root.selected ? Theme.color.text1 : Theme.color.text3

    implicitHeight: Theme.code.line
    color: root.added ? Theme.color.addFill : root.removed ? Theme.color.delFill : root.selected ? Theme.color.accentSoft : "transparent"
    clip: true
    Accessible.role: Accessible.ListItem
    Accessible.name: root.added ? qsTr("Added, line %1: %2").arg(root.after).arg(root.text)
                   : root.removed ? qsTr("Removed, line %1: %2").arg(root.before).arg(root.text)
                                  : qsTr("Line %1: %2").arg(root.before > 0 ? root.before : root.after).arg(root.text)
    Accessible.selected: root.selected

    Item {
        x: root.gutter
        width: root.width - root.gutter
        height: root.height
        clip: true

        Text {
            x: -root.shift
            height: root.height
            text: root.html
            textFormat: Text.RichText
            font: Theme.code.font
            color: Theme.color.text1
            verticalAlignment: Text.AlignVCenter
            Accessible.ignored: true
        }
    }
    Text {
        width: 44
        height: root.height
        horizontalAlignment: Text.AlignRight
        verticalAlignment: Text.AlignVCenter
        visible: root.before > 0
        text: root.before
        font: Theme.smallMono.font
        color: root.numberInk
        Accessible.ignored: true
    }
    Text {
        x: 44
        width: 40
        height: root.height
        horizontalAlignment: Text.AlignRight
        verticalAlignment: Text.AlignVCenter
        visible: root.twoNumbers && root.after > 0
        text: root.after
        font: Theme.smallMono.font
        color: root.numberInk
        Accessible.ignored: true
    }
    Text {
        x: 44 + 40
        width: Theme.row
        height: root.height
        horizontalAlignment: Text.AlignHCenter
        verticalAlignment: Text.AlignVCenter
        visible: root.added || root.removed
        text: root.added ? "+" : "−"
        font: Theme.title.font
        color: root.added ? Theme.color.good : Theme.color.danger
        Accessible.ignored: true
    }
}
