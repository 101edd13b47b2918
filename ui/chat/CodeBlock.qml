// The linter of 6.4 does not know Qt.callLater.
// qmllint disable type
// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! Code of an answer: its language, Copy, and lines that scroll sideways instead of breaking. Of a long block the pieces near the view are laid out. */
BlockItem {
    id: root

    required property CodePieces code
    required property string language
    property bool writing: false
    property string needle: ""
    property int foundSign: -1      // where in the code the needle was found; -1 nowhere
    property bool folds: false      // what it says is shown elsewhere: its header alone, until it is opened
    property int most: 0            // lines that are shown of a long block until it is opened; 0 all
    property bool open: false
    readonly property bool isClosed: root.folds && !root.open
    readonly property int lineCount: root.code?.lineCount ?? 0
    readonly property bool isLong: !root.folds && root.most > 0 && !root.writing && root.lineCount > root.most + 2
    readonly property Flickable list: ListView.view
    readonly property real margin: root.writing ? 100 : 600     // pixels that are laid out above and below the view
    readonly property real linesTop: root.gap + Theme.rowLarge
    signal copyRequested(text: string)
    signal foldPressed()

    function toggle(): void {
        root.foldPressed()
        root.open = !root.open
    }

    // From the row's top to the line with that sign.
    function topOf(sign: int): real {
        return root.linesTop + (root.code?.lineAt(sign) ?? 0) * Theme.code.line
    }
    // When the view moves, at once: later may be behind the frame that needs them. What grows below it waits for the view.
    function look(): void {
        const top = root.list === null ? 0 : root.list.contentY - root.y - root.linesTop
        const bottom = root.list === null ? scroll.height : Math.min(scroll.height, top + root.list.height)
        inSight.show(Math.floor((top - root.margin) / Theme.code.line), Math.ceil((bottom + root.margin) / Theme.code.line))
    }

    bodyHeight: frame.height
    onYChanged: root.look()
    onMarginChanged: root.look()
    Component.onCompleted: Qt.callLater(root.look)      // a list gives it its place first

    CodeInSight {
        id: inSight

        code: root.code
    }
    Connections {
        target: root.list

        function onContentYChanged(): void {
            root.look()
        }
        function onHeightChanged(): void {
            root.look()
        }
    }

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
                onClicked: root.toggle()
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
                text: root.open ? qsTr("Show less") : qsTr("Show all %Ln lines", "", root.lineCount)
                onClicked: root.toggle()
            }
            IconButton {
                size: 26
                iconName: copied.running ? "check" : "copy"
                text: copied.running ? qsTr("Copied") : qsTr("Copy the code")
                onClicked: {
                    root.copyRequested(root.code.text())
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

            LayoutMirroring.enabled: false          // code runs from left to right everywhere
            LayoutMirroring.childrenInherit: true
            anchors { left: parent.left; right: parent.right; top: parent.top; topMargin: Theme.rowLarge }
            anchors.leftMargin: Theme.space16
            anchors.rightMargin: 1
            visible: !root.isClosed
            height: root.isLong && !root.open ? root.most * Theme.code.line : pieces.height
            onHeightChanged: Qt.callLater(root.look)
            contentWidth: Math.max(width, pieces.widest) + Theme.space16
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

            Item {
                id: pieces

                property real widest: 0     // of what was laid out so far

                height: root.lineCount * Theme.code.line

                Repeater {
                    model: inSight

                    RichBlock {
                        required property int first
                        required property int lines
                        required property int start
                        required property int end
                        required property string html

                        y: first * Theme.code.line
                        height: lines * Theme.code.line
                        wrapMode: TextEdit.NoWrap
                        text: html
                        role: Theme.code
                        writing: root.writing && first + lines === root.lineCount
                        needle: root.foundSign >= start && root.foundSign < end ? root.needle : ""
                        needleFrom: root.foundSign - start
                        onImplicitWidthChanged: pieces.widest = Math.max(pieces.widest, implicitWidth)
                    }
                }
            }
        }
    }
}
