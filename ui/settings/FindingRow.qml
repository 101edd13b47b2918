import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! One finding: a sign, what it is about, what was found in numbers, and what to do. */
Item {
    id: root

    required property int level
    required property string title
    required property string text
    required property string action
    required property int button
    readonly property bool warns: root.level >= Doctor.Warning
    readonly property string label: root.button === Doctor.OpenStorage ? qsTr("Open Storage")
                                  : root.button === Doctor.OpenModel ? qsTr("Open a model…")
                                  : root.button === Doctor.OpenModelPage ? qsTr("Open Model") : ""
    signal actionTaken(button: int)

    function levelName(): string {
        switch (root.level) {
        case Doctor.Good: return qsTr("In order")
        case Doctor.Fact: return qsTr("To know")
        case Doctor.Warning: return qsTr("Could be better")
        }
        return qsTr("Problem")
    }

    Layout.fillWidth: true
    implicitHeight: column.implicitHeight + 2 * Theme.space10
    Accessible.role: Accessible.StaticText
    Accessible.name: root.levelName() + ": " + root.title + ". " + root.text + (root.action.length > 0 ? " " + root.action : "")

    Icon {
        id: sign

        anchors.left: parent.left
        y: Theme.space10 + 1
        icon: root.level === Doctor.Good ? "check" : root.warns ? "warning" : "info"
        color: root.level === Doctor.Good ? Theme.color.good : root.level === Doctor.Fact ? Theme.color.text3
             : root.level === Doctor.Warning ? Theme.color.warn : Theme.color.danger
    }
    ColumnLayout {
        id: column

        anchors { left: sign.right; leftMargin: Theme.space10; right: parent.right; top: parent.top; topMargin: Theme.space10 }
        spacing: 0

        Words {
            Layout.fillWidth: true
            role: Theme.uiMedium
            wrapMode: Text.Wrap
            text: root.title
            Accessible.ignored: true
        }
        Words {
            Layout.fillWidth: true
            visible: root.text.length > 0
            role: Theme.small
            wrapMode: Text.Wrap
            text: root.text
            color: Theme.color.text3
            Accessible.ignored: true
        }
        Words {
            Layout.fillWidth: true
            Layout.topMargin: Theme.space2
            visible: root.action.length > 0
            role: Theme.small
            wrapMode: Text.Wrap
            text: root.action
            color: root.warns ? Theme.color.text1 : Theme.color.text2
            Accessible.ignored: true
        }
        PioButton {
            Layout.topMargin: Theme.space6
            visible: root.label.length > 0
            small: true
            text: root.label
            onClicked: root.actionTaken(root.button)
        }
    }
    Hairline {
        anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
        height: 1
    }
}
