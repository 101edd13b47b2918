import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.Ui

/*! Code of an answer: its language, Copy, and lines that scroll sideways instead of breaking. */
BlockItem {
    id: root

    required property string text
    required property string html
    required property string language
    property bool writing: false
    property string needle: ""
    property bool folds: false      // what it says is shown elsewhere: its header alone, until it is opened
    property int most: 0            // lines that are shown of a long block until it is opened; 0 all
    property bool open: false
    readonly property bool isClosed: root.folds && !root.open
    readonly property bool isLong: !root.folds && root.most > 0 && !root.writing && edit.lineCount > root.most + 2
    signal copyRequested(text: string)

    bodyHeight: frame.height

    Rectangle {
        id: frame

        width: parent.width
        height: Theme.rowLarge + (root.isClosed ? 0 : scroll.height + 14)
        radius: Theme.radiusBlock
        color: Theme.color.sunken
        border.width: 1
        border.color: Theme.color.line

        RowLayout {
            anchors { left: parent.left; right: parent.right; leftMargin: Theme.space16; rightMargin: Theme.space6 }
            height: Theme.rowLarge
            spacing: Theme.space4

            PioButton {
                Layout.leftMargin: -leftPadding
                visible: root.folds
                small: true
                quiet: true
                iconName: root.open ? "down" : "right"
                text: qsTr("Places as they were written")
                Accessible.checkable: true
                Accessible.checked: root.open
                onClicked: root.open = !root.open
            }
            Words {
                Layout.fillWidth: true
                role: Theme.small
                opacity: root.folds ? 0 : 1
                text: root.language.length > 0 ? root.language : qsTr("Code")
                color: Theme.color.text3
            }
            PioButton {
                visible: root.isLong
                small: true
                quiet: true
                iconName: root.open ? "down" : "right"
                text: root.open ? qsTr("Show less") : qsTr("Show all %1 lines").arg(edit.lineCount)
                onClicked: root.open = !root.open
            }
            IconButton {
                size: 26
                iconName: copied.running ? "check" : "copy"
                text: copied.running ? qsTr("Copied") : qsTr("Copy the code")
                onClicked: {
                    root.copyRequested(root.text)
                    copied.restart()
                }

                Timer {
                    id: copied
                    interval: 1500
                }
            }
        }

        Flickable {
            id: scroll

            anchors { left: parent.left; right: parent.right; top: parent.top; topMargin: Theme.rowLarge }
            anchors.leftMargin: Theme.space16
            anchors.rightMargin: 1
            visible: !root.isClosed
            height: root.isLong && !root.open ? root.most * Theme.code.line : Math.ceil(edit.implicitHeight)
            contentWidth: edit.width + Theme.space16
            contentHeight: height
            flickableDirection: Flickable.HorizontalFlick
            boundsBehavior: Flickable.StopAtBounds
            interactive: contentWidth > width
            clip: true
            T.ScrollBar.horizontal: PioScrollBar {
                parent: frame
                policy: root.isClosed ? T.ScrollBar.AlwaysOff : T.ScrollBar.AsNeeded
                anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
            }

            RichBlock {
                id: edit

                width: Math.max(implicitWidth, scroll.width - Theme.space16)
                wrapMode: TextEdit.NoWrap
                textFormat: root.html.length > 0 ? TextEdit.RichText : TextEdit.PlainText
                text: root.html.length > 0 ? root.html : root.text
                role: Theme.code
                writing: root.writing
                needle: root.needle
            }
        }
    }
}
