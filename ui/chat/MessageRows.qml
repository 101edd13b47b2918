// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
import QtQuick
import Qt.labs.qmlmodels
import Pio.App
import Pio.Ui

/*! A row of a conversation by its kind, for every pane that shows one. */
DelegateChooser {
    id: root

    required property ListView list
    required property real columnWidth
    property bool usable: true          // nothing is being written: questions can be changed, answers made again
    property bool canEdit: true         // questions are changed, answers carried on and chosen among versions
    property bool canContinue: false
    property bool placesShown: false    // what an answer marks on a picture is drawn there
    property int mostLines: 0           // of a code block until it is opened; 0 all
    property string editingId: ""
    property string editedText: ""
    property string hoveredId: ""
    property string needle: ""
    property int foundRow: -1
    property int foundSign: -1
    property var openFolds: ({})        // by what they belong to: a row that scrolls away is destroyed
    signal foldPressed()        // a row is about to open or to close
    signal copyRequested(text: string)
    signal copyAllRequested(messageId: string)
    signal editRequested(messageId: string)
    signal editChanged(text: string)
    signal editCancelled()
    signal editDone(messageId: string, text: string)
    signal versionChosen(messageId: string, version: int)
    signal actionTaken(messageId: string, action: int)
    signal continueRequested(messageId: string)
    signal regenerateRequested(messageId: string)
    signal questionEditRequested(answerId: string)
    signal deleteRequested(messageId: string)

    function isOpen(fold: string): bool {
        return root.openFolds[fold] === true
    }
    function setOpen(fold: string, open: bool): void {
        root.openFolds = Object.assign({}, root.openFolds, { [fold]: open })
    }
    // Behind the last block stands the footer.
    function isWritten(index: int): bool {
        return index === root.list.count - 2
    }
    function needleOf(index: int): string {
        return index === root.foundRow ? root.needle : ""
    }

    role: "kind"

    DelegateChoice {
        roleValue: ConversationModel.UserMessage
        UserMessage {
            required property int index

            columnWidth: root.columnWidth
            editing: root.editingId === messageId
            editedText: root.editedText
            hovered: root.hoveredId === messageId
            usable: root.usable
            canEdit: root.canEdit
            needle: root.needleOf(index)
            onEditRequested: root.editRequested(messageId)
            onEditChanged: text => root.editChanged(text)
            onEditCancelled: root.editCancelled()
            onEditDone: text => root.editDone(messageId, text)
            onCopyRequested: text => root.copyRequested(text)
            onVersionChosen: version => root.versionChosen(messageId, version)
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.AnswerHeader
        AnswerHeader {
            columnWidth: root.columnWidth
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.Paragraph
        ProseBlock {
            required property int index

            columnWidth: root.columnWidth
            writing: streaming && root.isWritten(index)
            needle: root.needleOf(index)
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.Heading
        HeadingBlock {
            required property int index
            required property bool streaming

            columnWidth: root.columnWidth
            writing: streaming && root.isWritten(index)
            needle: root.needleOf(index)
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.ListItem
        ListItemBlock {
            required property int index
            required property bool streaming

            columnWidth: root.columnWidth
            writing: streaming && root.isWritten(index)
            needle: root.needleOf(index)
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
            folds: root.placesShown && code.namesPlaces
            most: root.mostLines
            writing: streaming && root.isWritten(index)
            needle: root.needleOf(index)
            foundSign: index === root.foundRow ? root.foundSign : -1
            onFoldPressed: root.foldPressed()
            onCopyRequested: text => root.copyRequested(text)
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.Table
        TableBlock {
            columnWidth: root.columnWidth
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.Thinking
        ThinkingBlock {
            columnWidth: root.columnWidth
            open: root.isOpen(messageId)
            onToggled: {
                if (!streaming)     // while it grows it stays low, and the end is what one reads
                    root.foldPressed()
                root.setOpen(messageId, !open)
            }
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.ToolCall
        ToolCallBlock {
            readonly property string fold: messageId + toolName + text

            columnWidth: root.columnWidth
            open: root.isOpen(fold)
            onToggled: {
                root.foldPressed()
                root.setOpen(fold, !open)
            }
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.DroppedNote
        DroppedNote {
            columnWidth: root.columnWidth
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.ErrorNote
        ErrorNote {
            columnWidth: root.columnWidth
            usable: root.usable
            onActionTaken: action => root.actionTaken(messageId, action)
            onCopyRequested: text => root.copyRequested(text)
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.StoppedNote
        StoppedNote {
            columnWidth: root.columnWidth
            continuable: root.canEdit
            canContinue: root.canContinue
            onContinueRequested: root.continueRequested(messageId)
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.UnansweredNote
        UnansweredNote {
            columnWidth: root.columnWidth
            usable: root.usable
            key: root.canEdit ? "Ctrl+Enter" : ""
            onAnswerRequested: root.regenerateRequested(messageId)
        }
    }
    DelegateChoice {
        roleValue: ConversationModel.Footer
        AnswerFooter {
            columnWidth: root.columnWidth
            figuresOnly: !root.canEdit
            hovered: root.hoveredId === messageId
            usable: root.usable
            onCopyRequested: text => root.copyRequested(text)
            onCopyAllRequested: root.copyAllRequested(messageId)
            onRegenerateRequested: root.regenerateRequested(messageId)
            onVersionChosen: version => root.versionChosen(messageId, version)
            onEditRequested: root.questionEditRequested(messageId)
            onDeleteRequested: root.deleteRequested(messageId)
        }
    }
}
