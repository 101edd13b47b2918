// The linter of 6.4 takes ids of this file for unqualified inside its components, and bound components do not start from these places in 6.4.
// qmllint disable unqualified
// The linter of 6.4 does not know these properties of Qt's own objects and of value types.
// qmllint disable type
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! The settings: pages at the left, what is chosen at the right. What is changed counts at once; there is no OK. */
PioDialog {
    id: root

    required property Settings settings
    required property ChatController chat
    required property LoadSettings load
    required property ModelLibrary models
    required property Doctor doctor
    required property Devices devices
    required property Storage storage
    required property About about
    required property PublishedFiles library
    required property RequestLog requests
    required property Language language
    enum Page { Appearance, SystemPrompt, Model, Sampling, Library, Network, Computer, Storage, About }
    property int page: SettingsDialog.Appearance
    readonly property var pages: [qsTr("Appearance"), qsTr("System prompt"), qsTr("Model"), qsTr("Sampling"), qsTr("Library"), qsTr("Network"), qsTr("This computer"), qsTr("Storage"), qsTr("About")]
    readonly property bool oneColumn: root.width < 720      // list first, then the page with Back
    property bool listShown: true
    signal shortcutsRequested()
    signal modelRequested()
    signal modelFolderRequested()           // where files one has are looked for
    signal targetFolderRequested()          // where fetched files go
    signal moveRequested(row: int)
    signal removeRequested(row: int)

    function openPage(page: int): void {
        root.open()
        root.page = page
        root.listShown = false
    }

    title: qsTr("Settings")
    wantedWidth: 920
    wantedHeight: 680
    fillBelow: 960
    onAboutToShow: {
        root.listShown = true
        if (root.chat.model.path.length > 0)
            root.load.path = root.chat.model.path
    }
    onOpened: list.forceActiveFocus(Qt.TabFocusReason)

    contentItem: Item {
        Rectangle {
            id: side

            anchors { left: parent.left; top: parent.top; bottom: parent.bottom; margins: root.background.border.width }
            // As wide as its longest button needs in this language.
            width: root.oneColumn ? parent.width - 2 : Math.max(208, Math.min(280, shortcuts.implicitWidth + 2 * Theme.space8))
            visible: !root.oneColumn || root.listShown
            color: Theme.color.side
            radius: Theme.radiusLarge

            // Square corners where the page begins.
            Rectangle {
                anchors { right: parent.right; top: parent.top; bottom: parent.bottom }
                width: Theme.radiusLarge
                color: Theme.color.side
                visible: !root.oneColumn
            }
            Words {
                id: heading

                anchors { left: parent.left; leftMargin: Theme.space20 }
                y: 17
                role: Theme.title
                text: root.title
                Accessible.role: Accessible.Heading
            }
            ListView {
                id: list

                anchors { left: parent.left; right: parent.right; top: heading.bottom; topMargin: Theme.space20; bottom: shortcuts.top }
                model: root.pages
                currentIndex: root.page
                keyNavigationEnabled: true
                activeFocusOnTab: true
                interactive: false
                Accessible.role: Accessible.List
                Accessible.name: root.title
                onCurrentIndexChanged: root.page = currentIndex
                Keys.onReturnPressed: root.listShown = false

                delegate: T.AbstractButton {
                    id: row

                    required property int index
                    required property string modelData
                    readonly property bool isCurrent: row.index === root.page && !root.oneColumn

                    width: list.width
                    implicitHeight: Theme.row
                    hoverEnabled: true
                    focusPolicy: Qt.NoFocus
                    Accessible.role: Accessible.ListItem
                    Accessible.name: row.modelData
                    Accessible.selected: row.isCurrent
                    onClicked: {
                        root.page = row.index
                        root.listShown = false
                    }

                    contentItem: Words {
                        leftPadding: Theme.space20
                        rightPadding: Theme.space20
                        verticalAlignment: Text.AlignVCenter
                        role: row.isCurrent ? Theme.uiMedium : Theme.ui
                        text: row.modelData
                        color: row.isCurrent ? Theme.color.inkSelected : Theme.color.text1
                        Accessible.ignored: true
                    }
                    background: Item {
                        Rectangle {
                            anchors { fill: parent; leftMargin: Theme.space8; rightMargin: Theme.space8 }
                            radius: Theme.radius
                            color: row.isCurrent ? Theme.color.selected : row.hovered ? Theme.color.hover : "transparent"

                            FocusRing {
                                visible: list.activeFocus && list.currentIndex === row.index
                            }
                        }
                    }
                }
            }
            PioButton {
                id: shortcuts

                anchors { left: parent.left; bottom: parent.bottom; margins: Theme.space8 }
                width: Math.min(implicitWidth, side.width - 2 * Theme.space8)
                quiet: true
                iconName: "keyboard"
                text: qsTr("Keyboard shortcuts")
                onClicked: {
                    root.close()
                    root.shortcutsRequested()
                }
            }
        }
        Hairline {
            anchors { left: side.right; top: parent.top; bottom: parent.bottom }
            visible: !root.oneColumn
            width: 1
        }

        Item {
            id: paper

            anchors { left: root.oneColumn ? parent.left : side.right; right: parent.right; top: parent.top; bottom: parent.bottom }
            visible: !root.oneColumn || !root.listShown

            Loader {
                id: shown

                anchors { fill: parent; topMargin: root.oneColumn ? Theme.row : 0; bottomMargin: foot.visible ? foot.height : 1; rightMargin: 1 }
                active: root.visible
                sourceComponent: [appearance, systemPrompt, loading, sampling, library, network, doctorPage, storagePage, aboutPage][root.page]
            }
            // What has been scrolled up goes under the buttons, not between them.
            Rectangle {
                id: head

                readonly property SettingsPage sheet: shown.item as SettingsPage

                anchors { left: parent.left; right: parent.right; top: parent.top; margins: 1 }
                height: Theme.rowBar
                visible: head.sheet !== null && head.sheet.contentY > 0
                color: Theme.color.canvas
                radius: Theme.radiusLarge

                Hairline {
                    anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
                    height: 1
                }
            }
            PioButton {
                anchors { left: parent.left; leftMargin: Theme.space24 - 4; top: parent.top; topMargin: Theme.space8 }
                visible: root.oneColumn
                quiet: true
                iconName: "left"
                text: qsTr("Back")
                onClicked: {
                    root.listShown = true
                    list.forceActiveFocus(Qt.TabFocusReason)
                }
            }
            Rectangle {
                id: foot

                anchors { left: parent.left; right: parent.right; bottom: parent.bottom; margins: 1 }
                height: 56
                visible: root.page === SettingsDialog.Model && root.load.path.length > 0 && (root.load.differs || !root.load.isLoaded)
                color: Theme.color.canvas
                radius: Theme.radiusLarge

                Hairline {
                    anchors { left: parent.left; right: parent.right; top: parent.top }
                    height: 1
                }
                RowLayout {
                    anchors { fill: parent; leftMargin: Theme.space32; rightMargin: Theme.space32 }
                    spacing: Theme.space8

                    Words {
                        Layout.fillWidth: true
                        wrapMode: Text.Wrap
                        text: root.load.isLoaded ? qsTr("What you changed takes effect the next time this model is loaded.")
                                                 : qsTr("This counts when the model is loaded.")
                        color: Theme.color.text2
                    }
                    PioButton {
                        visible: root.load.differs
                        text: qsTr("Undo")
                        onClicked: root.load.undo()
                    }
                    PioButton {
                        primary: true
                        text: root.load.isLoaded ? qsTr("Reload now") : qsTr("Load now")
                        enabled: !root.chat.busy
                        onClicked: {
                            root.close()
                            root.load.load()
                        }
                    }
                }
            }
        }
        IconButton {
            anchors { right: parent.right; top: parent.top; margins: Theme.space16; rightMargin: Theme.space24 }
            iconName: "close"
            text: qsTr("Close")
            key: "Esc"
            onClicked: root.close()
        }
    }

    Component {
        id: appearance
        AppearancePage {
            settings: root.settings
            language: root.language
        }
    }
    Component {
        id: systemPrompt
        SystemPromptPage {
            settings: root.settings
        }
    }
    Component {
        id: loading
        LoadingPage {
            load: root.load
            models: root.models
            chat: root.chat
            devices: root.devices
        }
    }
    Component {
        id: library
        LibraryPage {
            library: root.library
            models: root.models
            settings: root.settings
            session: root.chat.model
            onFolderRequested: root.modelFolderRequested()
            onTargetRequested: root.targetFolderRequested()
            onMoveRequested: index => root.moveRequested(index)
            onRemoveRequested: index => root.removeRequested(index)
            onLinkRequested: address => Qt.openUrlExternally(address)
            onStorageRequested: root.page = SettingsDialog.Storage
        }
    }
    Component {
        id: network
        NetworkPage {
            settings: root.settings
            library: root.library
            requests: root.requests
        }
    }
    Component {
        id: sampling
        SamplingPage {
            settings: root.settings
        }
    }
    Component {
        id: doctorPage
        DoctorPage {
            doctor: root.doctor
            onCopyRequested: text => root.chat.copyText(text)
            onActionTaken: button => {
                if (button === Doctor.OpenStorage) {
                    root.page = SettingsDialog.Storage
                } else if (button === Doctor.OpenModelPage) {
                    root.page = SettingsDialog.Model
                } else {
                    root.close()
                    root.modelRequested()
                }
            }
        }
    }
    Component {
        id: storagePage
        StoragePage {
            storage: root.storage
        }
    }
    Component {
        id: aboutPage
        AboutPage {
            about: root.about
        }
    }
}
