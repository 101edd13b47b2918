// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import Pio.App
import Pio.Ui

/*! Pictures and what is asked about them: the picture at the left, the conversation beside it; one above the other where it is narrow. */
Rectangle {
    id: root

    required property ChatController chat
    required property ImageSession session
    required property ModelLibrary models
    required property PublishedFiles library
    required property SwitchCost seeingCost
    required property HistoryModel history
    required property bool enterSends
    property var panes: []
    property bool narrow: false
    property int currentPlace: -1
    readonly property bool stacked: root.width < 760
    readonly property bool low: root.height < 640       // one above the other needs height
    readonly property bool hasPicture: root.session.current >= 0
    readonly property real talkWidth: root.stacked ? root.width : 384
    readonly property alias composer: composer
    readonly property alias detailPicker: detail
    readonly property alias header: header
    readonly property alias messageList: list
    signal sidebarRequested()
    signal paneChosen(pane: int)
    signal fileRequested()          // pictures
    signal pickerRequested()
    signal sourceRequested()        // of the model that sees
    signal systemPromptRequested()
    signal saveRequested()

    function takeFocus(): void {
        composer.take()
    }
    // A sentence that goes by itself.
    function tell(sentence: string): void {
        toasts.tell(sentence)
    }

    color: Theme.color.canvas
    clip: true

    ChatHeader {
        id: header

        anchors { left: parent.left; right: parent.right; top: parent.top }
        chat: root.chat
        lineShown: true
        panes: root.panes
        pane: Application.ImagePane
        newTitle: qsTr("New picture chat")
        canFind: false
        onPaneChosen: pane => root.paneChosen(pane)
        onSidebarRequested: root.sidebarRequested()
        onSystemPromptRequested: root.systemPromptRequested()
        onSaveRequested: root.saveRequested()
        onDeleteRequested: root.history.remove(root.chat.chatId)
        onFocusReturned: composer.take()
    }
    Item {
        id: left

        anchors { left: parent.left; top: header.bottom }
        width: root.stacked ? root.width : root.width - root.talkWidth
        height: root.stacked ? (root.hasPicture ? Math.round((root.height - header.height) * (root.low ? 0.36 : 0.42)) : empty.height + 2 * Theme.space24)
                             : root.height - header.height

        PictureWell {
            id: well

            anchors.fill: parent
            visible: root.hasPicture
            session: root.session
            currentPlace: root.currentPlace
            onPlaceChosen: index => root.currentPlace = index
            onPartChosen: part => {
                root.chat.tray.addPart(root.session.source, part)
                composer.take()
            }
        }
        Rectangle {
            anchors.fill: parent
            visible: !root.hasPicture
            color: Theme.color.sunken

            EmptyImage {
                id: empty

                anchors.horizontalCenter: parent.horizontalCenter
                y: root.stacked ? Theme.space24 : Math.round(parent.height * 0.19)
                width: Math.min(480, parent.width - 2 * Theme.space32)
                primary: !blind.visible && !notices.leads
                onFileRequested: root.fileRequested()
            }
        }
    }
    Hairline {
        anchors { left: left.right; top: header.bottom; bottom: parent.bottom }
        visible: !root.stacked
        width: 1
    }
    Item {
        id: talk

        anchors { right: parent.right; top: root.stacked ? left.bottom : header.bottom; bottom: parent.bottom }
        width: root.talkWidth

        MessageList {
            id: list

            anchors { left: parent.left; right: parent.right; top: parent.top; bottom: lower.top; bottomMargin: Theme.space8 }
            visible: root.chat.messages.count > 0
            shown: root.visible
            chat: root.chat
            columnWidth: root.talkWidth - 2 * Theme.space16
        }
        PaneToasts {
            id: toasts

            anchors { left: lower.left; right: lower.right; bottom: lower.top; bottomMargin: Theme.space12 }
            z: 1
            history: root.history
        }
        Column {
            id: lower

            anchors { left: parent.left; right: parent.right; bottom: parent.bottom; margins: Theme.space16 }
            spacing: Theme.space12

            Words {
                width: parent.width
                visible: places.visible && root.session.asked > 1 && !(root.stacked && root.low)
                role: Theme.small
                wrapMode: Text.Wrap
                text: qsTr("The answer does not say which of the %1 pictures its places are in. They are drawn on the one that is shown.").arg(root.session.asked)
                color: Theme.color.text3
            }
            PlaceList {
                id: places

                width: parent.width
                height: implicitHeight
                most: !root.stacked ? 5 : root.low ? 1 : 3
                visible: root.session.places.count > 0 && root.session.placesBelong
                places: root.session.places
                usable: root.session.placesBelong
                currentPlace: root.currentPlace
                onPlaceChosen: index => root.currentPlace = index
            }
            NoticeList {
                id: notices

                width: parent.width
                notices: root.chat.notices
                onCopyRequested: text => root.chat.copyText(text)
            }
            Binding {
                target: root.seeingCost
                property: "path"
                value: root.visible && blind.visible && blind.hasFile ? root.models.seeingPath : ""
            }
            BlindBanner {
                id: blind

                leads: !notices.leads
                width: parent.width
                visible: !root.chat.model.sees && root.chat.model.state !== ModelSession.Loading
                modelName: root.chat.model.name
                seeingName: root.models.seeingName
                towerMissing: root.models.seeingPath.length > 0 && root.models.seeingPath === root.chat.model.path
                hasFile: root.models.seeingPath.length > 0 && !blind.towerMissing
                towerHere: root.library.currentHasHalf
                usable: !root.chat.busy
                cost: root.seeingCost
                onSwitchRequested: root.models.choose(root.models.seeingPath)
                onSourceRequested: root.sourceRequested()
            }
            DetailPicker {
                id: detail

                width: parent.width
                visible: root.chat.tray.count > 0 && !composer.blocked
                tray: root.chat.tray
            }
            Composer {
                id: composer

                width: parent.width
                chat: root.chat
                tray: root.chat.tray
                hintText: root.hasPicture ? qsTr("Ask about the picture") : qsTr("Ask once a picture is here")
                blocked: (!root.chat.model.sees && root.chat.model.state !== ModelSession.Loading) || !root.hasPicture
                enterSends: root.enterSends
                narrow: true
                onFileRequested: root.fileRequested()
                onPickerRequested: root.pickerRequested()
                onEditLastRequested: list.editQuestion(root.chat.lastUserMessageId())
                onScrollRequested: direction => list.page(direction)
            }
        }
    }

    Connections {
        target: root.session.places

        function onCountChanged(): void {
            if (root.currentPlace >= root.session.places.count)
                root.currentPlace = -1
        }
    }
    Connections {
        target: root.chat

        function onChatChanged(): void {
            root.currentPlace = -1
        }
    }
}
