import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! Asks what becomes of changes that are proposed and not written, before something takes them away. */
PioDialog {
    id: root

    required property CodeController code
    readonly property bool others: root.why === CodeController.ClosingUnseen   // changes that came while another file was open
    readonly property bool comparing: root.why === CodeController.Closing && root.code.hunks.count === 0 && root.code.state === CodeController.Comparing
    readonly property bool unseen: root.others || root.code.hunks.count === 0  // the changes wait behind a notice or in another conversation
    property var files: []             // as `why`
    property int why: CodeController.Closing    // stays as it is while the dialog fades out
    readonly property bool applying: root.why === CodeController.Applying
    readonly property bool canWrite: !root.unseen && root.why !== CodeController.ReadingAgain && root.why !== CodeController.Undoing
    readonly property string words: {
        if (root.comparing)
            return qsTr("The answer is still being compared with the file. What it changes goes when the window closes. The conversation stays.")
        switch (root.why) {
        case CodeController.ClosingUnseen: return qsTr("They came while another file was open, and go when the window closes. The conversation stays.")
        case CodeController.OpeningOther: return qsTr("The proposal goes when something else opens. The conversation stays.")
        case CodeController.Closing: return qsTr("The proposal goes when the window closes. The conversation stays.")
        case CodeController.Replacing: return qsTr("The proposal goes when a new one is asked for. The conversation stays.")
        case CodeController.ReadingAgain: return qsTr("The proposal goes when the file is read again. The conversation stays.")
        case CodeController.Undoing: return qsTr("The proposal goes when the file is put back. The conversation stays.")
        case CodeController.Applying:
            return qsTr("%Ln changes are neither accepted nor rejected. They go when what is accepted is written.", "", root.code.pendingCount)
        }
        return ""
    }

    title: root.others ? qsTr("Changes to %1 were not looked at").arg(root.files.join(qsTr(", ", "between the names of files")))
         : root.applying ? qsTr("Not all changes to %1 are decided").arg(root.code.fileName) : qsTr("Changes to %1 are not written").arg(root.code.fileName)
    wantedWidth: 480
    wantedHeight: layout.implicitHeight + 2 * Theme.space24
    visible: root.code.leaving !== CodeController.Nothing
    onClosed: if (root.code.leaving !== CodeController.Nothing) root.code.stay()
    onOpened: (applyButton.visible ? applyButton : showButton.visible ? showButton : cancelButton).forceActiveFocus()

    readonly property Connections reasons: Connections {
        target: root.code

        function onLeavingChanged(): void {
            if (root.code.leaving === CodeController.Nothing)
                return
            root.why = root.code.leaving
            root.files = root.code.unseenFiles
        }
    }

    contentItem: Item {
        ColumnLayout {
            id: layout

            anchors { left: parent.left; right: parent.right; top: parent.top; margins: Theme.space24 }
            spacing: Theme.space12

            Words {
                Layout.fillWidth: true
                role: Theme.page
                wrapMode: Text.Wrap
                text: root.title
                Accessible.role: Accessible.Heading
            }
            Words {
                Layout.fillWidth: true
                wrapMode: Text.Wrap
                text: root.words
                color: Theme.color.text2
            }
            Flow {
                Layout.fillWidth: true
                Layout.topMargin: Theme.space12
                spacing: Theme.space8

                PioButton {
                    id: applyButton

                    visible: root.canWrite
                    primary: true
                    text: root.code.acceptedCount > 0 ? qsTr("Write what is accepted") : qsTr("Write all changes")
                    onClicked: root.code.applyAndLeave()
                }
                PioButton {
                    id: showButton

                    visible: root.unseen && !root.comparing
                    primary: true
                    text: qsTr("Show the changes")
                    onClicked: root.code.showChanges()
                }
                PioButton {
                    visible: root.applying
                    text: qsTr("Write all changes")
                    onClicked: {
                        root.code.acceptAll()
                        root.code.applyAndLeave()
                    }
                }
                PioButton {
                    visible: !root.applying
                    text: qsTr("Discard")
                    onClicked: root.code.discardAndLeave()
                }
                PioButton {
                    id: cancelButton

                    text: qsTr("Cancel")
                    onClicked: root.code.stay()
                }
            }
        }
    }
}
