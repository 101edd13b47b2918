import QtQuick
import QtQuick.Layouts
import Pio.Ui

/*! What an answer measured, and what can be done with it. Its place is kept from the first token on. */
BlockItem {
    id: root

    required property string text
    required property string state
    required property bool hasThought
    required property bool isLast
    required property int version
    required property int versionCount
    required property int tokens
    required property double tokensPerSecond
    required property double firstTokenSeconds
    required property double contextUsed
    required property double contextLength
    property bool hovered: false
    property bool usable: true      // nothing is being written
    property bool figuresOnly: false
    readonly property bool finished: root.state !== "streaming"
    readonly property real share: root.contextLength > 0 ? root.contextUsed / root.contextLength : 0
    readonly property bool shown: root.finished && (root.isLast || root.hovered || actions.activeFocus || menu.visible)
    readonly property bool isNarrow: root.columnWidth < 560
    signal copyRequested(text: string)
    signal copyAllRequested()
    signal regenerateRequested()
    signal versionChosen(version: int)
    signal editRequested()
    signal deleteRequested()

    bodyHeight: Theme.rowSmall

    RowLayout {
        anchors { left: parent.left; right: parent.right; leftMargin: Theme.hang; rightMargin: Theme.hang - 6 }
        height: Theme.rowSmall
        spacing: Theme.space12

        Words {
            visible: root.finished && root.tokensPerSecond > 0
            role: Theme.small
            color: Theme.color.text3
            text: root.isNarrow || root.firstTokenSeconds <= 0 ? Figures.speed(root.tokensPerSecond)
                 : qsTr("%1 · first word %2 s").arg(Figures.speed(root.tokensPerSecond)).arg(Figures.decimal(root.firstTokenSeconds, 1))
        }
        Row {
            visible: root.finished && root.contextLength > 0 && !root.figuresOnly
            spacing: Theme.space6

            Meter {
                anchors.verticalCenter: parent.verticalCenter
                visible: !root.isNarrow || root.versionCount < 2    // the versions take its place
                width: 40
                value: root.share
                ink: root.share >= 0.9 ? Theme.color.danger : root.share >= 0.75 ? Theme.color.warn : Theme.color.control
            }
            Words {
                role: Theme.small
                color: root.share >= 0.9 ? Theme.color.danger : root.share >= 0.75 ? Theme.color.warn : Theme.color.text3
                text: root.isNarrow ? Figures.percent(root.contextUsed, root.contextLength)
                                    : qsTr("%1 of %2").arg(Figures.percent(root.contextUsed, root.contextLength)).arg(Figures.thousands(root.contextLength))
            }
        }
        Item {
            Layout.fillWidth: true
        }
        FocusScope {
            id: actions

            implicitWidth: buttons.implicitWidth
            implicitHeight: Theme.rowSmall
            visible: !root.figuresOnly
            opacity: root.shown ? 1 : 0

            Behavior on opacity {
                enabled: Theme.hoverTime > 0
                NumberAnimation { duration: Theme.hoverTime; easing.type: Easing.OutQuad }
            }

            Row {
                id: buttons

                spacing: Theme.space2

                VersionSwitch {
                    anchors.verticalCenter: parent.verticalCenter
                    version: root.version
                    count: root.versionCount
                    usable: root.usable
                    onChosen: version => root.versionChosen(version)
                }
                Item {
                    width: root.versionCount > 1 ? Theme.space12 : 0
                    height: 1
                }
                IconButton {
                    iconName: copied.running ? "check" : "copy"
                    text: copied.running ? qsTr("Copied") : qsTr("Copy the answer")
                    key: root.isLast && !copied.running ? "Ctrl+Shift+C" : ""
                    enabled: root.finished
                    onClicked: {
                        root.copyRequested(root.text)
                        copied.restart()
                    }

                    Timer {
                        id: copied
                        interval: 1500
                    }
                }
                IconButton {
                    iconName: "retry"
                    text: qsTr("Answer again")
                    key: root.isLast ? "Ctrl+Enter" : ""
                    enabled: root.usable
                    onClicked: root.regenerateRequested()
                }
                IconButton {
                    id: more

                    iconName: "more"
                    text: qsTr("More")
                    enabled: root.finished
                    checked: menu.visible
                    onClicked: menu.visible ? menu.close() : menu.popup(more, 0, more.height + Theme.space4)

                    PioMenu {
                        id: menu

                        PioMenuItem {
                            visible: root.hasThought
                            height: visible ? implicitHeight : 0
                            text: qsTr("Copy with what was thought")
                            onTriggered: root.copyAllRequested()
                        }
                        PioMenuItem {
                            text: qsTr("Edit the question…")
                            key: root.isLast ? "Ctrl+Shift+E" : ""
                            enabled: root.usable
                            onTriggered: root.editRequested()
                        }
                        PioMenuItem {
                            text: qsTr("Delete from here")
                            enabled: root.usable
                            onTriggered: root.deleteRequested()
                        }
                    }
                }
            }
        }
    }
}
