pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! Where the file of one of the four models comes from; it is fetched when that is asked for. */
PioDialog {
    id: root

    required property ModelLibrary models
    required property PublishedFiles library
    readonly property int row: root.known < 0 ? -1 : root.library.rowOfTask(root.source.task)
    readonly property var published: root.library.row(root.row)
    readonly property bool canFetch: root.row >= 0 && root.library.canFetch
    readonly property bool halfOnly: root.row >= 0 && root.published.halfMissing
    // What is to be fetched: all of a model, or of one that is here its vision file alone.
    readonly property var wanted: root.halfOnly ? { repository: root.published.halfRepository, files: [root.published.halfFile] } : root.source
    readonly property string folder: root.canFetch ? root.library.folder : root.models.modelsFolder
    signal libraryRequested()
    property int known: -1
    readonly property var source: root.models.source(root.known)
    signal fileRequested(known: int)
    signal copyRequested(text: string)

    function openFor(known: int): void {
        root.known = -1     // what is here may be other than the last time
        root.known = known
        root.open()
    }

    title: root.known >= 0 ? qsTr("Get %1").arg(root.source.name) : ""
    wantedWidth: 560
    wantedHeight: page.implicitHeight + 2 * Theme.space24
    fillBelow: 600
    onOpened: (fetch.visible && fetch.enabled ? fetch : choose).forceActiveFocus(Qt.TabFocusReason)

    contentItem: Item {
        ColumnLayout {
            id: page

            anchors { left: parent.left; right: parent.right; top: parent.top; margins: Theme.space24 }
            spacing: Theme.space12

            Words {
                Layout.fillWidth: true
                Layout.rightMargin: Theme.row
                role: Theme.page
                text: root.title
                Accessible.role: Accessible.Heading
            }
            Words {
                Layout.fillWidth: true
                wrapMode: Text.Wrap
                text: root.known < 0 ? ""
                    : root.halfOnly && root.canFetch ? qsTr("The model is here without its vision file: it reads text only. That file, %1, comes from %2 when you press Download, and goes into the folder below; the model stays where it lies.").arg(Figures.bytes(root.published.toFetch)).arg(root.library.host)
                    : root.halfOnly ? qsTr("The model is here without its vision file: it reads text only. Download that file, %1, and put it into the folder below.").arg(Figures.bytes(root.published.toFetch))
                    : root.canFetch ? qsTr("%1 come from %2 when you press Download, and go into the folder below. Or choose the model's file if you have it; other quantizations work as well.").arg(Figures.bytes(root.published.bytes)).arg(root.library.host)
                    : root.source.files.length > 1
                    ? qsTr("Download these files, %1 together, and put them side by side into the folder below; or choose the model's file if you have it. Other quantizations work as well.").arg(Figures.bytes(root.source.bytes))
                    : qsTr("Download this file, %1, and put it into the folder below; or choose it if you have it. Other quantizations work as well.").arg(Figures.bytes(root.source.bytes))
                color: Theme.color.text2
            }
            Repeater {
                model: root.known < 0 ? [] : [root.wanted.repository].concat(root.wanted.files, root.folder.length > 0 ? [root.folder] : [])

                Rectangle {
                    id: line

                    required property int index
                    required property string modelData
                    readonly property string label: line.index === 0 ? qsTr("Hugging Face")
                                                   : line.index === root.wanted.files.length + 1 ? qsTr("Folder") : qsTr("File")

                    Layout.fillWidth: true
                    implicitHeight: Math.max(Theme.rowBar, name.implicitHeight + 2 * Theme.space12)
                    radius: Theme.radiusBlock
                    color: Theme.color.sunken
                    border.width: 1
                    border.color: Theme.color.line

                    RowLayout {
                        anchors { fill: parent; leftMargin: Theme.space16; rightMargin: Theme.space8 }
                        spacing: Theme.space8

                        Words {
                            Layout.preferredWidth: 84
                            role: Theme.small
                            text: line.label
                            color: Theme.color.text3
                            Accessible.ignored: true
                        }
                        TextEdit {
                            id: name

                            Layout.fillWidth: true
                            readOnly: true
                            selectByMouse: true
                            wrapMode: TextEdit.WrapAnywhere
                            textFormat: TextEdit.PlainText
                            text: line.modelData
                            font: Theme.smallMono.font
                            color: Theme.color.text1
                            selectionColor: Theme.color.accentSoft
                            selectedTextColor: Theme.color.text1
                            Accessible.name: line.label
                        }
                        IconButton {
                            iconName: copied.running ? "check" : "copy"
                            text: copied.running ? qsTr("Copied") : qsTr("Copy: %1").arg(line.label)
                            onClicked: {
                                root.copyRequested(line.modelData)
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
            LinkLine {
                Layout.fillWidth: true
                visible: root.row >= 0
                before: qsTr("Licence:")
                text: root.row >= 0 ? root.published.licence : ""
                address: root.row >= 0 ? root.published.licenceUrl : ""
                onClicked: address => Qt.openUrlExternally(address)
            }
            Flow {
                Layout.fillWidth: true
                Layout.topMargin: Theme.space4
                layoutDirection: Qt.RightToLeft
                spacing: Theme.space8

                PioButton {
                    id: fetch

                    visible: root.canFetch
                    enabled: !root.library.isOffline
                    primary: true
                    iconName: "download"
                    text: root.canFetch ? qsTr("Download %1").arg(Figures.bytes(root.published.toFetch)) : ""
                    onClicked: {
                        root.library.fetch(root.row)
                        root.close()
                        root.libraryRequested()
                    }
                }
                PioButton {
                    id: choose

                    primary: !fetch.visible
                    iconName: "folder"
                    text: qsTr("Choose a file…")
                    onClicked: {
                        root.close()
                        root.fileRequested(root.known)
                    }
                }
                PioButton {
                    text: qsTr("Look again")
                    onClicked: {
                        root.models.refresh()
                        root.close()
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
}
