pragma Singleton

import QtQuick
import Pio.App
import Pio.Ui

/*! The space above a row of a conversation, by what it is and what stands above it (look.md 7). Leading sits above a line: a box has more before it than behind. */
QtObject {
    id: gaps

    function isBox(kind: int): bool {
        return kind === ConversationModel.Code || kind === ConversationModel.Table
    }
    function isFold(kind: int): bool {
        return kind === ConversationModel.Thinking || kind === ConversationModel.ToolCall
    }
    // `above` is -1 for the first row; `levelAbove` counts where it is a heading.
    function between(above: int, below: int, levelAbove: int): int {
        if (above < 0)
            return Theme.space12
        switch (below) {
        case ConversationModel.UserMessage: return Theme.space32
        case ConversationModel.AnswerHeader: return Theme.space20
        case ConversationModel.Footer: return Theme.space6
        case ConversationModel.DroppedNote: return Theme.space8
        case ConversationModel.Thinking:
        case ConversationModel.ToolCall: return gaps.isFold(above) || above === ConversationModel.AnswerHeader ? Theme.space2 : Theme.space8
        case ConversationModel.ErrorNote:
        case ConversationModel.StoppedNote:
        case ConversationModel.UnansweredNote: return Theme.space12
        }
        if (above === ConversationModel.AnswerHeader || above === ConversationModel.DroppedNote || above === ConversationModel.Thinking)
            return Theme.space8
        if (above === ConversationModel.Rule || below === ConversationModel.Rule || below === ConversationModel.Heading)
            return Theme.space20
        if (above === ConversationModel.Heading)
            return gaps.isBox(below) ? Theme.space10 : levelAbove <= 2 ? Theme.space6 : Theme.space4
        if (gaps.isBox(below))
            return gaps.isBox(above) ? Theme.space12 : Theme.space16
        if (gaps.isBox(above))
            return Theme.space10
        return above === ConversationModel.ListItem && below === ConversationModel.ListItem ? Theme.space6 : Theme.space12
    }
}
