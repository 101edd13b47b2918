import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.App
import Pio.Ui

/*! One model: what it is for, its file or that it has none yet, and how fast it was here. */
T.AbstractButton {
    id: root

    required property string name
    required property string file
    required property string folder
    required property string path
    required property double bytes
    required property bool available
    required property bool current
    required property bool waiting          // in memory: it comes at once
    required property double tokensPerSecond
    required property int known
    required property int task
    property bool focused: false
    property bool loading: false            // the current one is being loaded
    readonly property bool hasFile: root.path.length > 0
    readonly property var said: [root.name, taskText.text, where.text, cost.text]
    signal forgetRequested()

    function taskWord(): string {
        switch (root.task) {
        case ModelLibrary.Reasoning: return qsTr("Reasoning")
        case ModelLibrary.Code: return qsTr("Code")
        case ModelLibrary.Images: return qsTr("Images")
        case ModelLibrary.Chat: return qsTr("Chat")
        }
        return ""
    }

    implicitHeight: 52
    hoverEnabled: true
    focusPolicy: Qt.NoFocus
    Accessible.role: Accessible.ListItem
    Accessible.name: root.said.filter(part => part.length > 0).join(", ")
    Accessible.selected: root.current

    contentItem: RowLayout {
        spacing: 0

        Item {
            Layout.preferredWidth: Theme.rowLarge

            Icon {
                anchors.centerIn: parent
                visible: root.current
                icon: "check"
                color: Theme.color.text1
            }
        }
        ColumnLayout {
            Layout.fillWidth: true
            spacing: 0

            RowLayout {
                Layout.fillWidth: true
                spacing: Theme.space8

                Words {
                    Layout.fillWidth: root.known < 0
                    role: Theme.uiMedium
                    text: root.name
                    color: root.available || !root.hasFile ? Theme.color.text1 : Theme.color.text3
                    Accessible.ignored: true
                }
                Words {
                    id: taskText

                    Layout.fillWidth: true
                    visible: root.known >= 0
                    text: root.taskWord()
                    color: Theme.color.text3
                    Accessible.ignored: true
                }
            }
            Words {
                id: where

                Layout.fillWidth: true
                role: Theme.small
                text: !root.hasFile ? qsTr("No file yet")
                     : root.available ? qsTr("%1 · %2").arg(root.file).arg(Figures.bytes(root.bytes)) : qsTr("Not found in %1").arg(root.folder)
                elide: Text.ElideMiddle
                color: Theme.color.text3
                Accessible.ignored: true
            }
        }
        ColumnLayout {
            Layout.leftMargin: Theme.space12
            Layout.rightMargin: Theme.space12
            visible: root.available
            spacing: 0

            Words {
                Layout.alignment: Qt.AlignRight
                text: root.tokensPerSecond > 0 ? Figures.speed(root.tokensPerSecond) : ""
                Accessible.ignored: true
            }
            Words {
                id: cost

                Layout.alignment: Qt.AlignRight
                role: Theme.small
                text: root.current ? (root.loading ? qsTr("Loading") : qsTr("Loaded")) : root.waiting ? qsTr("In memory") : root.available || !root.hasFile ? "" : qsTr("missing")
                color: Theme.color.text3
                Accessible.ignored: true
            }
        }
        PioButton {
            Layout.rightMargin: Theme.space8
            visible: !root.hasFile
            small: true
            focusPolicy: Qt.NoFocus
            text: qsTr("Get it…")
            onClicked: root.clicked()
        }
        IconButton {
            Layout.rightMargin: Theme.space8
            visible: root.hasFile && !root.available
            focusPolicy: Qt.NoFocus
            iconName: "close"
            text: qsTr("Take off the list")
            key: "Del"
            onClicked: root.forgetRequested()
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: root.hovered || root.focused ? Theme.hoverOnRaised : "transparent"

        FocusRing {
            visible: root.focused && Theme.highContrast
        }
    }
}
