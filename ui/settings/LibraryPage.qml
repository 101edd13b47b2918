pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The published files of the known models, the folders where files lie, and what was found in them. */
SettingsPage {
    id: root

    required property PublishedFiles library
    required property ModelLibrary models
    required property Settings settings
    required property ModelSession session
    signal folderRequested()
    signal targetRequested()
    signal moveRequested(index: int)
    signal removeRequested(index: int)
    signal linkRequested(address: string)
    signal storageRequested()

    title: qsTr("Library")
    hint: !root.library.canFetch ? qsTr("This build cannot fetch files. Those that you have are used where they lie.")
        : root.library.isOffline ? qsTr("The offline switch is on: nothing is fetched. Files that you have are used where they lie.")
        : qsTr("Files come from %1 when you press Download, and at no other time.").arg(root.library.host)
    Component.onCompleted: root.library.look()

    Repeater {
        model: root.library

        LibraryRow {
            Layout.fillWidth: true
            library: root.library
            loadedBlind: root.session.state === ModelSession.Ready && !root.session.sees
            onMoveRequested: index => root.moveRequested(index)
            onRemoveRequested: index => root.removeRequested(index)
            onLinkRequested: address => root.linkRequested(address)
            onStorageRequested: root.storageRequested()
        }
    }
    SettingRow {
        name: qsTr("Where files go")
        hint: root.library.freeBytes > 0 ? qsTr("%1 · %2 free").arg(root.library.folder).arg(Figures.bytes(root.library.freeBytes)) : root.library.folder

        PioButton {
            small: true
            text: qsTr("Change…")
            Accessible.name: qsTr("Change where files go")
            onClicked: root.targetRequested()
        }
    }
    Words {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space24
        role: Theme.title
        text: qsTr("Folders with files that you have")
        Accessible.role: Accessible.Heading
    }
    Words {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space4
        Layout.bottomMargin: Theme.space4
        role: Theme.small
        wrapMode: Text.Wrap
        text: qsTr("Also those of LM Studio and Hugging Face. Nothing in them is moved or changed.")
        color: Theme.color.text3
    }
    Repeater {
        model: root.models.folders

        SettingRow {
            id: chosen

            required property var modelData

            name: chosen.modelData.path
            hint: !chosen.modelData.isThere ? qsTr("Not connected. What lies there stays on the list")
                : chosen.modelData.kind === ModelLibrary.LmStudio ? qsTr("LM Studio")
                : chosen.modelData.kind === ModelLibrary.HuggingFace ? qsTr("Hugging Face") : ""

            IconButton {
                iconName: "close"
                text: qsTr("Take off the list")
                Accessible.name: qsTr("Take off the list: %1").arg(chosen.modelData.path)
                onClicked: root.settings.removeModelFolder(chosen.modelData.path)
            }
        }
    }
    PioButton {
        Layout.topMargin: Theme.space8
        iconName: "folder"
        text: qsTr("Add a folder…")
        onClicked: root.folderRequested()
    }
    Words {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space24
        Layout.bottomMargin: Theme.space4
        visible: files.count > 0
        role: Theme.title
        text: qsTr("Files on this computer")
        Accessible.role: Accessible.Heading
    }
    Repeater {
        id: files

        model: root.models

        SettingRow {
            id: found

            required property string path
            required property string file
            required property string folder
            required property double bytes
            required property bool available
            required property bool away
            required property bool current

            visible: found.path.length > 0
            Layout.preferredHeight: found.visible ? -1 : 0
            name: found.file
            hint: found.away ? qsTr("Its drive is not connected: %1").arg(found.folder)
                : !found.available ? qsTr("Not found in %1").arg(found.folder)
                : qsTr("%1 · %2").arg(Figures.bytes(found.bytes)).arg(found.folder)

            PioButton {
                visible: found.available && !found.current
                small: true
                text: qsTr("Use it")
                Accessible.name: qsTr("Use it: %1").arg(found.file)
                onClicked: root.models.choose(found.path)
            }
            Words {
                visible: found.current
                role: Theme.small
                text: qsTr("Loaded")
                color: Theme.color.text3
            }
        }
    }
}
