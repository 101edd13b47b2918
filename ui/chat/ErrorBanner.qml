pragma ComponentBehavior: Bound
// The linter of 6.4 does not know StandardKey or the enum of a value type.
// qmllint disable unqualified

import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! What happened, why, in numbers; what to do is a button. In the answer's place, or above the composer when it is about the program. */
Rectangle {
    id: root

    required property var error
    property bool closable: false
    property bool usable: true
    property bool leads: true       // its first action may be the primary one of the view
    property bool detailsShown: false
    readonly property bool offers: root.visible && root.error.actions.length > 0 && root.error.actions[0] !== UserError.Dismiss
    signal actionTaken(action: int)
    signal copyRequested(text: string)
    signal closed()

    function labelOf(action: int): string {
        switch (action) {
        case UserError.Retry: return qsTr("Try again")
        case UserError.OpenModel: return qsTr("Open a model…")
        case UserError.ShorterContext: return qsTr("Use a shorter context")
        case UserError.NewChat: return qsTr("New chat")
        case UserError.ReadAgain: return qsTr("Read it again")
        case UserError.Overwrite: return qsTr("Write all the same")
        case UserError.ShowChanges: return qsTr("Show the changes")
        case UserError.OpenStorage: return qsTr("Open Storage")
        case UserError.ExportChat: return qsTr("Export the chats…")
        }
        return qsTr("Dismiss")
    }

    implicitHeight: layout.implicitHeight + 28
    radius: Theme.radiusBox
    color: Theme.color.dangerSoft
    border.width: Theme.strongBorder
    border.color: Theme.highContrast ? Theme.color.edge : Qt.alpha(Theme.color.danger, 0.35)
    Accessible.role: Accessible.AlertMessage
    Accessible.name: root.error.title + ". " + root.error.explanation

    RowLayout {
        id: layout

        anchors { left: parent.left; right: parent.right; top: parent.top; margins: 14 }
        anchors.leftMargin: Theme.space16
        spacing: Theme.space8 + Theme.space2

        Icon {
            Layout.alignment: Qt.AlignTop
            Layout.topMargin: 2
            icon: "warning"
            color: Theme.color.danger
        }
        ColumnLayout {
            Layout.fillWidth: true
            spacing: 0

            Words {
                Layout.fillWidth: true
                role: Theme.uiStrong
                wrapMode: Text.Wrap
                lineHeight: 20
                text: root.error.title
            }
            Words {
                Layout.fillWidth: true
                visible: text.length > 0
                wrapMode: Text.Wrap
                lineHeight: 20
                text: root.error.explanation
                color: Theme.color.text2
            }
            Flow {
                Layout.fillWidth: true
                Layout.topMargin: Theme.space12
                Layout.leftMargin: root.error.actions.length > 0 ? 0 : -Theme.space12      // Details alone: its words flush with the rest
                visible: root.error.actions.length > 0 || root.error.details.length > 0
                spacing: Theme.space8

                Repeater {
                    model: root.error.actions

                    PioButton {
                        required property int index
                        required property int modelData

                        primary: index === 0 && root.leads && root.offers
                        enabled: root.usable
                        text: root.labelOf(modelData)
                        onClicked: root.actionTaken(modelData)
                    }
                }
                PioButton {
                    visible: root.error.details.length > 0
                    quiet: true
                    iconName: root.detailsShown ? "down" : "right"
                    text: qsTr("Details")
                    Accessible.checkable: true
                    Accessible.checked: root.detailsShown
                    onClicked: root.detailsShown = !root.detailsShown
                }
            }
            Hairline {
                Layout.fillWidth: true
                Layout.topMargin: Theme.space8 + Theme.space2
                Layout.bottomMargin: Theme.space8
                visible: root.detailsShown
                color: root.border.color
            }
            RowLayout {
                Layout.fillWidth: true
                visible: root.detailsShown

                TextEdit {
                    Layout.fillWidth: true
                    readOnly: true
                    selectByMouse: true
                    wrapMode: TextEdit.Wrap
                    textFormat: TextEdit.PlainText
                    text: root.error.details
                    font: Theme.smallMono.font
                    color: Theme.color.text2
                    selectionColor: Theme.color.accentSoft
                    selectedTextColor: Theme.color.text1
                    Accessible.name: qsTr("Details")
                }
                IconButton {
                    Layout.alignment: Qt.AlignTop
                    iconName: "copy"
                    text: qsTr("Copy the details")
                    onClicked: root.copyRequested(root.error.title + "\n" + root.error.details)
                }
            }
        }
        IconButton {
            Layout.alignment: Qt.AlignTop
            Layout.topMargin: -2
            Layout.rightMargin: -4
            visible: root.closable
            size: Theme.rowTiny
            iconName: "close"
            text: qsTr("Close")
            onClicked: root.closed()
        }
    }
}
