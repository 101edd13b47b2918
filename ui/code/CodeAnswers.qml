// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import QtQuick.Templates as T
import Qt.labs.qmlmodels
import Pio.App
import Pio.Ui

/*! What was asked about the file and what the model answered, a row a block. It follows what is written while the reader is at the end. */
ListView {
    id: root

    required property CodeController code
    readonly property real columnWidth: root.width - 2 * Theme.space16
    property bool following: true
    property var openFolds: ({})    // by what they belong to: a row that scrolls away is destroyed

    function setOpen(fold: string, open: bool): void {
        root.openFolds = Object.assign({}, root.openFolds, { [fold]: open })
    }
    function isAtEnd(): bool {
        return root.contentY + root.height >= root.originY + root.contentHeight - 4
    }
    function follow(): void {
        if (root.following)
            root.positionViewAtEnd()
    }
    function scrollBy(pixels: real): void {
        const last = Math.max(root.originY, root.originY + root.contentHeight - root.height)
        root.contentY = Math.max(root.originY, Math.min(last, root.contentY + pixels))
        root.following = root.isAtEnd()
    }

    model: root.code.messages
    clip: true
    activeFocusOnTab: root.count > 0
    keyNavigationEnabled: false
    currentIndex: -1                // Tab comes to the list, not to its first row
    boundsBehavior: Flickable.StopAtBounds
    cacheBuffer: 600
    bottomMargin: Theme.space12
    Accessible.role: Accessible.List
    Accessible.name: qsTr("Questions and answers about the file")
    T.ScrollBar.vertical: PioScrollBar {
        id: bar
    }
    onContentHeightChanged: Qt.callLater(root.follow)
    onHeightChanged: Qt.callLater(root.follow)
    onContentYChanged: if (moving || bar.pressed) root.following = root.isAtEnd()
    Keys.onUpPressed: root.scrollBy(-Theme.rowHeader)
    Keys.onDownPressed: root.scrollBy(Theme.rowHeader)

    Connections {
        target: root.code

        function onQuestionChanged(): void {
            root.following = true
        }
    }

    delegate: DelegateChooser {
        role: "kind"

        DelegateChoice {
            roleValue: ConversationModel.UserMessage
            UserMessage {
                columnWidth: root.columnWidth
                usable: false
                canEdit: false
                onCopyRequested: text => root.code.copyText(text)
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.AnswerHeader
            AnswerHeader {
                columnWidth: root.columnWidth
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.Thinking
            ThinkingBlock {
                columnWidth: root.columnWidth
                open: root.openFolds[messageId] === true
                onToggled: root.setOpen(messageId, !open)
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.Paragraph
            ProseBlock {
                required property int index

                columnWidth: root.columnWidth
                writing: streaming && index === root.count - 2
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.Heading
            HeadingBlock {
                columnWidth: root.columnWidth
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.ListItem
            ListItemBlock {
                required property int index
                required property bool streaming

                columnWidth: root.columnWidth
                writing: streaming && index === root.count - 2
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.Rule
            RuleBlock {
                columnWidth: root.columnWidth
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.Code
            CodeBlock {
                required property int index
                required property bool streaming

                columnWidth: root.columnWidth
                writing: streaming && index === root.count - 2
                most: 6             // the file beside it shows the code at length
                onCopyRequested: text => root.code.copyText(text)
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.Table
            TableBlock {
                columnWidth: root.columnWidth
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.ErrorNote
            ErrorNote {
                columnWidth: root.columnWidth
                usable: !root.code.busy
                onActionTaken: action => root.code.runAction(messageId, action)
                onCopyRequested: text => root.code.copyText(text)
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.StoppedNote
            StoppedNote {
                columnWidth: root.columnWidth
                continuable: false
            }
        }
        DelegateChoice {
            roleValue: ConversationModel.Footer
            BlockItem {
                id: foot

                required property double tokensPerSecond
                required property double firstTokenSeconds

                columnWidth: root.columnWidth
                bodyHeight: Theme.rowSmall

                Words {
                    anchors { left: parent.left; leftMargin: Theme.hang; verticalCenter: parent.verticalCenter }
                    visible: foot.tokensPerSecond > 0
                    role: Theme.small
                    color: Theme.color.text3
                    text: foot.firstTokenSeconds <= 0 ? Figures.speed(foot.tokensPerSecond)
                        : qsTr("%1 · first word %2 s").arg(Figures.speed(foot.tokensPerSecond)).arg(Figures.decimal(foot.firstTokenSeconds, 1))
                }
            }
        }
        DelegateChoice {
            BlockItem {
                columnWidth: root.columnWidth
            }
        }
    }
}
