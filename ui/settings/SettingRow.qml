import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! One setting: its name over the sentence that tells the trade, its control at the right. Where there is no room, below. */
Item {
    id: root

    required property string name
    property string hint: ""
    default property alias control: slot.data
    property string cost: ""    // what it takes, at the left of its control
    property bool lineShown: true
    readonly property bool stacked: root.width < 440

    implicitHeight: root.stacked ? words.implicitHeight + slot.childrenRect.height + Theme.space24
                                 : Math.max(56, words.implicitHeight + Theme.space16)
    Layout.fillWidth: true

    ColumnLayout {
        id: words

        anchors { left: parent.left; top: parent.top }
        anchors.topMargin: root.stacked ? Theme.space8 : Math.round((root.height - implicitHeight) / 2)
        width: (root.stacked ? parent.width : parent.width - slot.width - Theme.space16) - (price.visible ? price.width + Theme.space12 : 0)
        spacing: 0

        Words {
            Layout.fillWidth: true
            role: Theme.uiMedium
            wrapMode: Text.Wrap
            text: root.name
        }
        Words {
            Layout.fillWidth: true
            visible: root.hint.length > 0
            wrapMode: Text.Wrap
            role: Theme.small
            text: root.hint
            color: Theme.color.text3
        }
    }
    Words {
        id: price

        anchors { right: root.stacked ? parent.right : slot.left; rightMargin: root.stacked ? 0 : Theme.space16 }
        anchors.verticalCenter: root.stacked ? words.verticalCenter : parent.verticalCenter
        width: 72
        visible: root.cost.length > 0
        horizontalAlignment: Text.AlignRight
        text: root.cost
        color: Theme.color.text2
        Accessible.name: qsTr("%1 takes %2").arg(root.name).arg(root.cost)
    }
    Item {
        id: slot

        // No anchors that change with the width: the old one is still set when the new one comes, which is refused then.
        anchors.right: parent.right
        y: root.stacked ? root.height - height - Theme.space8 : Math.round((root.height - height) / 2)
        width: childrenRect.width
        height: childrenRect.height
    }
    Hairline {
        anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
        visible: root.lineShown
        height: 1
    }
}
