// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! What the person wrote; in its place the same words can be changed and sent again. */
BlockItem {
    id: root

    required property string text
    required property int version
    required property int versionCount
    required property var pictures      // URLs of what goes with the words
    property bool editing: false
    property string editedText: ""  // kept by the list: a row that scrolls away is destroyed
    property bool hovered: false
    property bool usable: true
    property bool canEdit: true
    property string needle: ""
    readonly property bool shown: root.hovered || actions.activeFocus
    signal editRequested()
    signal editChanged(text: string)
    signal editCancelled()
    signal editDone(text: string)
    signal copyRequested(text: string)
    signal versionChosen(version: int)

    bodyHeight: frame.height

    Rectangle {
        id: frame

        width: parent.width
        height: root.editing ? editor.implicitHeight : words.implicitHeight + 2 * 10 + (thumbs.visible ? thumbs.height + Theme.space8 : 0)
        radius: Theme.radiusBox
        color: root.editing ? Theme.color.raised : Theme.messageFill
        border.width: root.editing ? Theme.strongBorder : Theme.fillBorder
        border.color: root.editing && field.activeFocus ? Theme.color.control : Theme.color.edge

        RichBlock {
            id: words

            anchors { left: parent.left; leftMargin: Theme.hang }
            y: 8    // its leading lies above the line
            width: Math.min(Theme.measure, root.columnWidth - Theme.hang - actions.width - Theme.space12)
            visible: !root.editing
            plain: root.text
            needle: root.needle
            Accessible.name: qsTr("You: %1").arg(root.text)
        }

        Flow {
            id: thumbs

            anchors { left: words.left; right: parent.right; rightMargin: Theme.hang; top: words.bottom; topMargin: Theme.space8 }
            visible: !root.editing && root.pictures.length > 0
            spacing: Theme.space8

            Repeater {
                model: root.pictures

                Thumbnail {
                    required property int index
                    required property url modelData

                    width: 48
                    height: 48
                    source: modelData
                    Accessible.ignored: false
                    Accessible.role: Accessible.Graphic
                    Accessible.name: qsTr("Picture %1 of %2").arg(index + 1).arg(root.pictures.length)
                }
            }
        }
        FocusScope {
            id: actions

            anchors { right: parent.right; rightMargin: Theme.space8; top: parent.top; topMargin: Theme.space8 }
            width: row.implicitWidth
            height: Theme.rowSmall
            visible: !root.editing

            Row {
                id: row

                anchors.verticalCenter: parent.verticalCenter

                IconButton {
                    opacity: root.shown ? 1 : 0
                    iconName: "copy"
                    text: qsTr("Copy the question")
                    onClicked: root.copyRequested(root.text)
                }
                IconButton {
                    visible: root.canEdit
                    opacity: root.shown ? 1 : 0
                    iconName: "edit"
                    text: qsTr("Edit and ask again")
                    enabled: root.usable
                    onClicked: root.editRequested()
                }
                VersionSwitch {
                    anchors.verticalCenter: parent.verticalCenter
                    version: root.version
                    count: root.versionCount
                    usable: root.usable
                    onChosen: version => root.versionChosen(version)
                }
            }
        }

        ColumnLayout {
            id: editor

            anchors { left: parent.left; right: parent.right }
            visible: root.editing
            spacing: 0

            PioTextArea {
                id: field

                Layout.fillWidth: true
                leftPadding: Theme.hang
                rightPadding: Theme.hang
                topPadding: 10
                implicitHeight: contentHeight + topPadding + bottomPadding
                Accessible.name: qsTr("Your question, in other words")
                onTextChanged: if (root.editing && text !== root.editedText) root.editChanged(text)
                Keys.onShortcutOverride: event => event.accepted = event.key === Qt.Key_Escape
                Keys.onPressed: event => {
                    if (event.key === Qt.Key_Escape) {
                        event.accepted = true
                        root.editCancelled()
                    } else if ((event.key === Qt.Key_Return || event.key === Qt.Key_Enter) && (event.modifiers & Qt.ControlModifier)) {
                        event.accepted = true
                        if (send.enabled)
                            root.editDone(field.text)
                    }
                }
            }
            RowLayout {
                Layout.fillWidth: true
                Layout.leftMargin: Theme.hang
                Layout.rightMargin: Theme.space8
                Layout.bottomMargin: Theme.space8
                Layout.topMargin: Theme.space4
                spacing: Theme.space8

                Words {
                    Layout.fillWidth: true
                    role: Theme.small
                    color: Theme.color.text3
                    text: qsTr("The old question and its answer are kept as another version.")
                }
                PioButton {
                    quiet: true
                    text: qsTr("Cancel")
                    onClicked: root.editCancelled()
                }
                PioButton {
                    id: send

                    primary: true
                    iconName: "send"
                    text: qsTr("Send")
                    enabled: root.usable && field.text.trim().length > 0
                    onClicked: root.editDone(field.text)
                }
            }
        }
    }

    onEditingChanged: root.begin()
    Component.onCompleted: root.begin()

    function begin(): void {
        if (!root.editing) {
            field.focus = false     // else the list would give it the focus again
            return
        }
        field.text = root.editedText
        field.cursorPosition = field.length
        field.forceActiveFocus()
    }
}
