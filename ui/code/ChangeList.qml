// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! The proposed changes in one list; its foot says whether the result still parses and holds the next step: accept the rest, then apply. */
Rectangle {
    id: root

    required property CodeController code
    required property real tallest
    property bool leads: true       // its next step is the primary one of the view
    readonly property int pending: root.code.pendingCount
    readonly property int accepted: root.code.acceptedCount
    readonly property bool broken: root.code.syntax === CodeController.NewErrors
    readonly property string syntaxWords: {
        switch (root.code.syntax) {
        case CodeController.Clean: return qsTr("No new syntax errors")
        case CodeController.NewErrors:
            return qsTr("Would add %Ln syntax errors:", "", root.code.syntaxErrors.length)
        case CodeController.NoGrammar: return qsTr("Syntax not checked: no grammar for this language")
        case CodeController.TooLong: return qsTr("Syntax not checked: the file is too long")
        }
        return qsTr("Checking the syntax")
    }
    signal lineChosen(line: int)

    function errorWords(error: var): string {
        return error.isMissing ? qsTr("line %1: “%2” is missing").arg(error.line).arg(error.found)
             : error.found.length > 0 ? qsTr("line %1: “%2”").arg(error.line).arg(error.found) : qsTr("line %1").arg(error.line)
    }

    implicitHeight: layout.implicitHeight + 2
    radius: Theme.radiusBlock
    color: Theme.color.canvas
    border.width: 1
    border.color: Theme.color.line

    ColumnLayout {
        id: layout

        anchors { left: parent.left; right: parent.right; top: parent.top; margins: 1 }
        spacing: 0

        ListView {
            id: list

            Layout.fillWidth: true
            Layout.margins: 3
            Layout.preferredHeight: Math.min(contentHeight, Math.max(Theme.rowBar, root.tallest - foot.implicitHeight - 8))
            model: root.code.hunks
            clip: true
            activeFocusOnTab: true
            boundsBehavior: Flickable.StopAtBounds
            currentIndex: root.code.currentHunk
            highlightMoveDuration: 0
            keyNavigationEnabled: false
            Accessible.role: Accessible.List
            Accessible.name: qsTr("Proposed changes")
            T.ScrollBar.vertical: PioScrollBar {}
            Keys.onUpPressed: root.code.stepHunk(-1)
            Keys.onDownPressed: root.code.stepHunk(1)
            Keys.onReturnPressed: root.code.accept(root.code.currentHunk)
            Keys.onDeletePressed: root.code.reject(root.code.currentHunk)

            delegate: T.AbstractButton {
                id: row

                required property int index
                required property string title
                required property int line
                required property int added
                required property int removed
                required property int hunkState
                readonly property bool current: row.index === root.code.currentHunk

                width: ListView.view.width
                implicitHeight: Theme.rowBar
                focusPolicy: Qt.NoFocus
                hoverEnabled: true
                text: row.title.length > 0 ? row.title : qsTr("Change %1").arg(row.index + 1)
                Accessible.role: Accessible.ListItem
                Accessible.name: qsTr("%1, line %2, %3 added, %4 removed, %5").arg(row.text).arg(row.line).arg(row.added).arg(row.removed)
                    .arg(row.hunkState === HunkModel.Accepted ? qsTr("accepted") : row.hunkState === HunkModel.Rejected ? qsTr("rejected") : qsTr("open"))
                Accessible.selected: row.current
                onClicked: root.code.currentHunk = row.index

                background: Rectangle {
                    radius: Theme.radius
                    color: row.current ? Theme.color.selected : row.hovered ? Theme.color.hover : "transparent"

                    FocusRing {
                        visible: row.current && list.activeFocus
                    }
                    Hairline {
                        anchors { left: parent.left; right: parent.right; bottom: parent.bottom; leftMargin: Theme.space12; rightMargin: Theme.space12 }
                        height: 1
                        visible: row.index < list.count - 1 && !row.current
                    }
                }
                contentItem: RowLayout {
                    spacing: Theme.space8

                    Icon {
                        Layout.leftMargin: Theme.space12
                        icon: row.hunkState === HunkModel.Accepted ? "check" : row.hunkState === HunkModel.Rejected ? "close" : "edit"
                        color: row.current ? Theme.color.inkSelected2 : row.hunkState === HunkModel.Accepted ? Theme.color.good : Theme.color.text2
                    }
                    Words {
                        Layout.fillWidth: true
                        text: row.text
                        color: row.current ? Theme.color.inkSelected : row.hunkState === HunkModel.Pending ? Theme.color.text1 : Theme.color.text3
                        Accessible.ignored: true
                    }
                    Words {
                        role: Theme.small
                        text: qsTr("line %1").arg(row.line)
                        color: row.current ? Theme.color.inkSelected2 : Theme.color.text3
                        Accessible.ignored: true
                    }
                    Words {
                        Layout.preferredWidth: 64
                        Layout.rightMargin: Theme.space12
                        horizontalAlignment: Text.AlignRight
                        role: Theme.small
                        text: "+%1 −%2".arg(row.added).arg(row.removed)
                        color: row.current ? Theme.color.inkSelected2 : Theme.color.text3
                        Accessible.ignored: true
                    }
                }
            }
        }
        ColumnLayout {
            id: foot

            Layout.fillWidth: true
            spacing: 0

            Hairline {
                Layout.fillWidth: true
            }
            RowLayout {
                Layout.fillWidth: true
                Layout.leftMargin: Theme.space16
                Layout.rightMargin: Theme.space16
                Layout.topMargin: Theme.space8
                visible: root.broken
                spacing: Theme.space8

                Icon {
                    Layout.alignment: Qt.AlignTop
                    icon: "warning"
                    color: Theme.color.warn
                }
                ColumnLayout {
                    Layout.fillWidth: true
                    spacing: 0

                    Words {
                        Layout.fillWidth: true
                        role: Theme.small
                        wrapMode: Text.Wrap
                        text: root.syntaxWords
                        color: Theme.color.warn
                        Accessible.role: Accessible.AlertMessage
                    }
                    Repeater {
                        model: root.broken ? root.code.syntaxErrors.slice(0, 3) : []

                        Words {
                            required property var modelData

                            Layout.fillWidth: true
                            role: Theme.smallMono
                            text: root.errorWords(modelData)
                            color: Theme.color.text2
                        }
                    }
                }
            }
            GridLayout {
                id: last

                readonly property real room: root.width - 2 - 6 - Theme.space16
                readonly property bool beside: last.room - buttons.oneRow >= (state.visible ? 120 : 0)    // else the words stand above the buttons

                Layout.fillWidth: true
                Layout.margins: 6
                Layout.leftMargin: Theme.space16
                columns: last.beside ? 2 : 1
                columnSpacing: Theme.space8
                rowSpacing: Theme.space4

                Words {
                    id: state

                    Layout.fillWidth: true
                    visible: !root.broken
                    role: Theme.small
                    wrapMode: Text.Wrap
                    text: root.syntaxWords
                    color: Theme.color.text3
                }
                Flow {
                    id: buttons

                    readonly property real oneRow: discardButton.implicitWidth + (acceptButton.visible ? acceptButton.implicitWidth + spacing : 0)
                                                   + applyButton.implicitWidth + spacing

                    Layout.alignment: Qt.AlignRight
                    Layout.preferredWidth: Math.min(buttons.oneRow, last.room)
                    spacing: Theme.space8

                    PioButton {
                        id: discardButton

                        small: true
                        quiet: true
                        text: qsTr("Discard")
                        onClicked: root.code.discard()
                    }
                    PioButton {
                        id: acceptButton

                        visible: root.pending > 0
                        small: true
                        primary: root.leads && root.accepted === 0
                        text: root.pending === root.code.hunks.count ? qsTr("Accept all %Ln", "", root.pending)
                                                                     : qsTr("Accept the other %Ln", "", root.pending)
                        onClicked: root.code.acceptAll()
                    }
                    PioButton {
                        id: applyButton

                        enabled: root.code.canApply     // always there: a second click on Accept must not meet it
                        small: true
                        primary: root.leads && root.accepted > 0
                        text: root.broken ? qsTr("Apply all the same") : qsTr("Apply")
                        onClicked: root.code.apply()

                        TipOf {
                            control: applyButton
                            text: qsTr("Write the accepted changes to the file")
                            key: "Ctrl+S"
                        }
                    }
                }
            }
        }
    }
}
