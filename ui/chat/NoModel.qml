pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! No model is loaded: how to get one. */
Column {
    id: root

    required property ModelLibrary models
    required property PublishedFiles library
    property bool leads: true       // its button is the primary one of the view
    signal fileRequested()
    signal starterRequested()
    signal copyRequested(text: string)
    signal libraryRequested()
    signal storageRequested()

    leftPadding: Theme.hang
    rightPadding: Theme.hang
    spacing: Theme.space8
    readonly property real room: root.width - 2 * Theme.hang
    // The smallest one that fits, where there is nothing yet.
    readonly property bool offers: !root.models.hasStarter && root.library.canFetch && root.library.smallest >= 0

    Component.onCompleted: {
        if (!root.models.hasStarter)
            root.library.look()
    }

    Words {
        width: root.room
        wrapMode: Text.Wrap
        role: Theme.hero
        text: root.models.hasStarter ? qsTr("A model is here") : root.offers ? qsTr("One click, and a model is here") : qsTr("One file is missing: a model")
        Accessible.role: Accessible.Heading
    }
    Words {
        anchors { left: parent.left; leftMargin: root.leftPadding }      // narrower than the column: it begins where a line does
        width: Math.min(560, root.room)
        wrapMode: Text.Wrap
        role: Theme.prose
        text: root.models.hasStarter
            ? qsTr("%1 lies on this computer. It is small and quick; larger models answer better. Nothing you write leaves this computer.").arg(root.models.starterName)
            : root.offers ? qsTr("The smallest that fits answers here at once, and knows little; larger ones are in the library. Nothing you write leaves this computer.")
            : qsTr("Models are files of the GGUF kind; this program runs them without the network. Nothing you write leaves this computer.")
        color: Theme.color.text2
    }
    Item {
        width: 1
        height: Theme.space8
    }
    Repeater {
        model: root.offers ? root.library : null

        FirstModel {
            width: root.room
            library: root.library
            leads: root.leads
            onStorageRequested: root.storageRequested()
        }
    }
    Flow {
        width: root.room
        spacing: Theme.space16

        PioButton {
            visible: root.models.hasStarter
            primary: root.leads
            text: qsTr("Use the starter model")
            onClicked: root.starterRequested()
        }
        PioButton {
            primary: root.leads && !root.models.hasStarter && !root.offers
            iconName: "folder"
            text: qsTr("Use a file I have")
            onClicked: root.fileRequested()
        }
        PioButton {
            visible: !root.models.hasStarter
            quiet: true
            text: qsTr("All models…")
            onClicked: root.libraryRequested()
        }
    }
    Item {
        width: 1
        height: Theme.space16
        visible: !root.models.hasStarter && !root.offers
    }
    Words {
        width: root.room
        wrapMode: Text.Wrap
        visible: !root.models.hasStarter && !root.offers
        role: Theme.small
        text: qsTr("Or fetch the starter model, %1, with this command in a terminal. It needs 98 MB on disk.").arg(root.models.starterName)
        color: Theme.color.text3
    }
    Rectangle {
        width: root.room
        visible: !root.models.hasStarter && !root.offers
        height: Theme.rowBar
        radius: Theme.radiusBlock
        color: Theme.color.sunken
        border.width: 1
        border.color: Theme.color.line

        RowLayout {
            anchors { fill: parent; leftMargin: Theme.space16; rightMargin: Theme.space8 }
            spacing: Theme.space8

            TextInput {
                Layout.fillWidth: true
                readOnly: true
                selectByMouse: true
                clip: true
                text: root.models.starterCommand
                font: Theme.smallMono.font
                color: Theme.color.text1
                selectionColor: Theme.color.accentSoft
                selectedTextColor: Theme.color.text1
                Accessible.name: qsTr("Command that fetches the starter model")
                Accessible.readOnly: true
            }
            IconButton {
                iconName: copied.running ? "check" : "copy"
                text: copied.running ? qsTr("Copied") : qsTr("Copy the command")
                onClicked: {
                    root.copyRequested(root.models.starterCommand)
                    copied.restart()
                }

                Timer {
                    id: copied
                    interval: 1500
                }
            }
        }
    }
}
