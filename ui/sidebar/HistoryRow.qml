import QtQuick
import QtQuick.Templates as T
import Pio.Ui

/*! One chat, or one hit of a search with the words it was found by. */
T.AbstractButton {
    id: root

    required property string chatId
    required property string title
    required property bool writing
    required property bool pinned
    required property string kind       // "chat", "image", "code"
    required property string snippet
    required property string messageId
    property bool current: false        // it is on screen
    property bool focused: false
    property bool renaming: false
    property bool menuOpen: false
    readonly property bool isHit: root.snippet.length > 0
    readonly property bool marked: root.current && !root.isHit   // several hits may lie in the chat on screen
    readonly property string subject: root.kind === "code" ? qsTr("%1, about a file").arg(root.title)
                                    : root.kind === "image" ? qsTr("%1, about pictures").arg(root.title) : root.title
    readonly property color ink: root.marked ? Theme.color.inkSelected : Theme.color.text1
    signal menuRequested(at: Item)
    signal renamed(title: string)

    implicitHeight: root.isHit ? 52 : Theme.row
    hoverEnabled: true
    focusPolicy: Qt.NoFocus
    text: root.title
    Accessible.role: Accessible.ListItem
    Accessible.name: root.writing ? qsTr("%1, an answer is being written").arg(root.subject) : root.subject
    Accessible.selected: root.current

    contentItem: Item {
        // Not of the row itself: a button with a handler takes the right mouse button for a click.
        TapHandler {
            acceptedButtons: Qt.RightButton
            onTapped: root.menuRequested(root)
        }
        Words {
            id: titleText

            anchors { left: parent.left; right: more.left; top: parent.top }
            anchors.leftMargin: Theme.space16
            anchors.rightMargin: more.visible || dot.visible || kindIcon.visible ? Theme.space4 : -Theme.space12
            height: root.isHit ? 28 : Theme.row
            visible: !root.renaming
            verticalAlignment: root.isHit ? Text.AlignBottom : Text.AlignVCenter
            role: root.marked ? Theme.uiMedium : Theme.ui
            text: root.title
            color: root.ink
            Accessible.ignored: true
        }
        Item {
            anchors { left: titleText.left; right: parent.right; rightMargin: Theme.space16; top: titleText.bottom }
            height: 20
            visible: root.isHit
            clip: true

            Text {
                id: words

                anchors.verticalCenter: parent.verticalCenter
                textFormat: Text.RichText
                font: Theme.small.font
                color: root.marked ? Theme.color.inkSelected2 : Theme.color.text3
                text: root.snippet.replace(/<b>/g, "<span style=\"background-color:%1;color:%2\">".arg(Theme.color.match).arg(Theme.color.text1))
                                  .replace(/<\/b>/g, "</span>")
            }
            // Rich text is not elided.
            Rectangle {
                anchors { right: parent.right; top: parent.top; bottom: parent.bottom }
                width: dots.implicitWidth
                visible: words.implicitWidth > parent.width
                color: root.hovered || root.menuOpen ? Theme.color.hover : Theme.color.side

                Words {
                    id: dots

                    anchors.verticalCenter: parent.verticalCenter
                    role: Theme.small
                    text: "…"
                    color: words.color
                    Accessible.ignored: true
                }
            }
        }
        IconButton {
            id: more

            anchors { right: parent.right; rightMargin: Theme.space12; verticalCenter: titleText.verticalCenter }
            size: Theme.rowTiny
            visible: !root.renaming && (root.hovered || root.focused || root.menuOpen)
            focusPolicy: Qt.NoFocus
            lit: root.marked
            iconName: "more"
            text: qsTr("More about “%1”").arg(root.title)
            onClicked: root.menuRequested(more)
        }
        Icon {
            id: kindIcon

            anchors { right: parent.right; rightMargin: Theme.space16; verticalCenter: titleText.verticalCenter }
            visible: root.kind !== "chat" && !dot.visible && !more.visible && !root.renaming && !root.isHit
            icon: root.kind === "code" ? "code" : "image"
            color: root.marked ? Theme.color.inkSelected2 : Theme.color.text3
        }
        Rectangle {
            id: dot

            anchors { right: parent.right; rightMargin: Theme.space20; verticalCenter: titleText.verticalCenter }
            visible: root.writing && !more.visible && !root.renaming
            width: 6
            height: 6
            radius: 3
            color: root.marked && Theme.highContrast ? Theme.color.inkSelected : Theme.color.accent
        }
        PioField {
            id: field

            anchors { left: parent.left; right: parent.right; leftMargin: Theme.space8; rightMargin: Theme.space8 }
            visible: root.renaming
            leftPadding: Theme.space8
            rightPadding: Theme.space8
            ownsEscape: true
            Accessible.name: qsTr("Title of the chat")
            onAccepted: root.renamed(text)
            onActiveFocusChanged: if (!activeFocus && root.renaming) root.renamed(text)
            Keys.onEscapePressed: root.renamed("")
            onVisibleChanged: {
                if (!visible) {
                    focus = false   // else the list would give it the focus again
                    return
                }
                text = root.title
                selectAll()
                forceActiveFocus()
            }
        }
    }

    background: Item {
        Rectangle {
            anchors { fill: parent; leftMargin: Theme.space8; rightMargin: Theme.space8 }
            radius: Theme.radius
            color: root.marked ? Theme.color.selected : root.hovered || root.menuOpen ? Theme.color.hover : "transparent"

            FocusRing {
                visible: root.focused
                border.color: root.marked && Theme.highContrast ? Theme.color.canvas : Theme.color.accent
                anchors.margins: root.marked && Theme.highContrast ? 2 : 0
            }
        }
    }
}
