// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The head of a proposed change: where it lies, and Accept and Reject; decided, how, and the way back. */
Rectangle {
    id: root

    required property string title      // the definition around it, "" none
    required property int line
    required property int number        // from 1
    required property int count
    required property int decision      // HunkModel.State
    required property bool current
    required property bool usable
    property bool narrow: false
    readonly property bool pending: root.decision === HunkModel.Pending
    readonly property string words: root.title.length > 0 ? qsTr("In %1").arg(root.title) : qsTr("Line %1").arg(root.line)
    signal accepted()
    signal rejected()
    signal reconsidered()
    signal chosen()

    implicitHeight: 40
    color: root.current && root.pending ? Theme.color.raised : Theme.color.canvas
    Accessible.role: Accessible.Heading
    Accessible.name: root.pending ? qsTr("Change %1 of %2. %3").arg(root.number).arg(root.count).arg(root.words)
                   : root.decision === HunkModel.Accepted ? qsTr("Change %1 of %2, accepted. %3").arg(root.number).arg(root.count).arg(root.words)
                                                          : qsTr("Change %1 of %2, rejected. %3").arg(root.number).arg(root.count).arg(root.words)

    TapHandler {
        onTapped: root.chosen()
    }
    Hairline {
        anchors { left: parent.left; right: parent.right; top: parent.top }
        height: 1
    }
    Hairline {
        anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
        height: 1
    }
    Rectangle {
        anchors { left: parent.left; top: parent.top; bottom: parent.bottom }
        width: 3
        visible: root.current && root.pending
        color: Theme.color.accent
    }
    RowLayout {
        anchors { fill: parent; leftMargin: Theme.space16; rightMargin: Theme.space16 }
        spacing: Theme.space8

        Icon {
            visible: !root.pending
            icon: root.decision === HunkModel.Accepted ? "check" : "close"
            color: root.decision === HunkModel.Accepted ? Theme.color.good : Theme.color.text3
        }
        Words {
            Layout.maximumWidth: Math.ceil(implicitWidth)
            Layout.fillWidth: true
            role: Theme.uiMedium
            text: root.words
            Accessible.ignored: true
        }
        Words {
            role: Theme.small
            text: root.pending ? qsTr("%1 of %2").arg(root.number).arg(root.count)
                : root.decision === HunkModel.Accepted ? qsTr("Accepted") : qsTr("Rejected")
            color: Theme.color.text3
            Accessible.ignored: true
        }
        Item {
            Layout.fillWidth: true
        }
        PioButton {
            id: rejectButton

            visible: root.pending
            enabled: root.usable
            small: true
            quiet: true
            iconName: root.narrow || !root.current ? "close" : ""
            text: qsTr("Reject")
            key: root.current && !root.narrow ? "Ctrl+Shift+R" : ""
            Accessible.name: qsTr("Reject change %1").arg(root.number)
            onClicked: root.rejected()
        }
        PioButton {
            visible: root.pending
            enabled: root.usable
            small: true
            iconName: root.narrow || !root.current ? "check" : ""
            text: qsTr("Accept")
            key: root.current && !root.narrow ? "Ctrl+Shift+A" : ""
            Accessible.name: qsTr("Accept change %1").arg(root.number)
            onClicked: root.accepted()
        }
        PioButton {
            visible: !root.pending
            enabled: root.usable
            small: true
            quiet: true
            iconName: "undo"
            text: qsTr("Undo")
            Accessible.name: qsTr("Reconsider change %1").arg(root.number)
            onClicked: root.reconsidered()
        }
    }
}
