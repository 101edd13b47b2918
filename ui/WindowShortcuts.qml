// The linter of 6.4 does not know StandardKey.
// qmllint disable unqualified
import QtQuick
import Pio.App
import Pio.Ui

/*! The keys that count everywhere in the window, as ShortcutsDialog lists them. */
Item {
    id: root

    required property Application app
    required property bool codeShown
    required property bool chatShown
    required property bool imageShown
    required property var panes
    required property var talk          // the conversation that keys are about
    required property bool counting     // no popup has its own keys
    readonly property bool chatKeys: root.counting && (root.chatShown || root.imageShown)
    readonly property bool canUndoRemove: root.counting && !root.codeShown && root.app.history.removedTitle.length > 0
    signal newChatRequested()
    signal searchRequested()
    signal findRequested()
    signal pickerRequested()
    signal fileRequested()
    signal paneRequested(pane: int)
    signal sidebarRequested()
    signal settingsRequested()
    signal shortcutsRequested()
    signal zoomRequested(step: real)
    signal closeRequested()

    Shortcut { sequences: [StandardKey.New]; enabled: root.counting; onActivated: root.newChatRequested() }
    Shortcut {
        sequences: ["Ctrl+K", "Ctrl+Shift+F"]
        enabled: root.counting
        onActivated: root.searchRequested()
    }
    Shortcut { sequences: [StandardKey.Find]; enabled: root.counting && root.chatShown; onActivated: root.findRequested() }
    Shortcut { sequences: ["Ctrl+L"]; onActivated: root.pickerRequested() }
    Shortcut {
        sequences: [StandardKey.Open]
        enabled: root.counting
        onActivated: root.fileRequested()
    }
    Shortcut { sequences: ["Ctrl+1"]; enabled: root.counting; onActivated: root.paneRequested(root.panes[0]) }
    Shortcut { sequences: ["Ctrl+2"]; enabled: root.counting && root.panes.length > 1; onActivated: root.paneRequested(root.panes[1]) }
    Shortcut { sequences: ["Ctrl+3"]; enabled: root.counting && root.panes.length > 2; onActivated: root.paneRequested(root.panes[2]) }
    Shortcut { sequences: ["F2"]; enabled: root.chatKeys; onActivated: root.talk.header.rename() }
    Shortcut { sequences: ["F9", "Ctrl+B"]; enabled: root.counting; onActivated: root.sidebarRequested() }
    Shortcut { sequences: ["F10"]; enabled: root.chatKeys; onActivated: root.talk.header.openMenu() }
    Shortcut { sequences: ["Escape"]; enabled: root.chatKeys && root.app.chat.busy; onActivated: root.app.chat.stop() }
    Shortcut {
        sequences: ["Ctrl+Return", "Ctrl+Enter"]
        enabled: root.chatKeys && !root.app.chat.busy && root.talk.composer.isEmpty && root.talk.messageList.editingId.length === 0
        onActivated: root.app.chat.regenerateLast()
    }
    Shortcut {
        sequences: ["Alt+Return", "Alt+Enter"]
        enabled: root.chatKeys && !root.app.chat.busy
        onActivated: root.app.chat.continueLast()
    }
    Shortcut { sequences: ["Alt+Left"]; enabled: root.chatKeys && !root.app.chat.busy; onActivated: root.talk.messageList.stepVersion(-1) }
    Shortcut { sequences: ["Alt+Right"]; enabled: root.chatKeys && !root.app.chat.busy; onActivated: root.talk.messageList.stepVersion(1) }
    Shortcut {
        sequences: ["Ctrl+Shift+E"]
        enabled: root.chatKeys && !root.app.chat.busy
        onActivated: root.talk.messageList.editQuestion(root.app.chat.lastUserMessageId())
    }
    Shortcut { sequences: ["Ctrl+Shift+C"]; enabled: root.chatKeys; onActivated: root.app.chat.copyLastAnswer() }
    Shortcut { sequences: [StandardKey.Undo]; enabled: root.canUndoRemove; onActivated: root.app.history.undoRemove() }
    Shortcut { sequences: ["Ctrl+,"]; enabled: root.counting; onActivated: root.settingsRequested() }
    Shortcut { sequences: ["Ctrl+?", "Ctrl+Shift+/", "F1"]; enabled: root.counting; onActivated: root.shortcutsRequested() }
    Shortcut { sequences: [StandardKey.ZoomIn, "Ctrl+="]; onActivated: root.zoomRequested(0.1) }
    Shortcut { sequences: [StandardKey.ZoomOut]; onActivated: root.zoomRequested(-0.1) }
    Shortcut { sequences: ["Ctrl+0"]; onActivated: root.app.settings.zoom = 1 }
    Shortcut { sequences: ["Ctrl+Q"]; onActivated: root.closeRequested() }
}
