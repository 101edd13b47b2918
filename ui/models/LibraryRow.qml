import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! One published file: what it takes, its licence, how far it is on its way here, and what can be done with it. */
Item {
    id: root

    required property PublishedFiles library
    required property int index
    required property string name
    required property string quantization
    required property string file
    required property string repository
    required property string licence
    required property string licenceUrl
    required property bool sees
    required property bool halfMissing
    required property double toFetch
    required property double bytes
    required property bool isComputed
    required property bool hasHash
    required property string check
    required property bool isPlanned
    required property bool fits
    required property double needs
    required property double share
    required property double tokensPerSecond
    required property int state
    required property double done
    required property double total
    required property double rate
    required property double secondsLeft
    required property bool stalled
    required property int secondsToTry
    required property var problem
    required property string path
    required property bool current
    property bool loadedBlind: false    // the loaded model reads no pictures
    signal moveRequested(index: int)
    signal removeRequested(index: int)
    signal linkRequested(address: string)
    signal storageRequested()

    readonly property bool onItsWay: root.state === PublishedFiles.Waiting || root.state === PublishedFiles.Running
                                     || root.state === PublishedFiles.Checking || root.state === PublishedFiles.Paused
    // Its vision file came after it was loaded.
    readonly property bool wantsReload: root.current && root.loadedBlind && root.sees && !root.halfMissing
    readonly property bool stacked: root.width < 440
    readonly property var said: [qsTr("%1, %2").arg(root.name).arg(root.quantization), root.stateText(), root.onItsWay ? progress.text : "", root.check, costs.text]

    function costText(): string {
        if (!root.isPlanned)
            return root.library.planning ? qsTr("Looking whether it fits…") : ""
        if (!root.fits)
            return qsTr("Does not fit: it needs %1 of memory").arg(Figures.bytes(root.needs))
        if (root.tokensPerSecond <= 0)
            return qsTr("Fits on this computer, computed")
        if (root.share < 1)
            return qsTr("Fits with %1 of its experts in memory · ≈ %2, computed").arg(Figures.percent(root.share, 1)).arg(Figures.speed(root.tokensPerSecond))
        return qsTr("Fits on this computer · ≈ %1, computed").arg(Figures.speed(root.tokensPerSecond))
    }
    function stateText(): string {
        if (root.state === PublishedFiles.Here && root.halfMissing)
            return root.current ? qsTr("Here, and loaded, but its vision file is missing: it reads text only")
                                : qsTr("Here, but its vision file is missing: it reads text only")
        if (root.state === PublishedFiles.Here && root.wantsReload)
            return qsTr("Here, but it was loaded without its vision file")
        if (root.state === PublishedFiles.Here)
            return root.current ? qsTr("Here, and loaded") : qsTr("Here")
        if (root.state === PublishedFiles.Away)
            return qsTr("Its drive is not connected: %1").arg(root.path)
        return ""
    }

    implicitHeight: Math.max(Theme.row, words.implicitHeight + (root.stacked ? buttons.implicitHeight + Theme.space8 : 0)) + 2 * Theme.space8
    Accessible.role: Accessible.ListItem
    Accessible.name: root.said.filter(part => part.length > 0).join(", ")

    ColumnLayout {
        id: words

        x: root.LayoutMirroring.enabled ? root.width - width : 0
        y: Theme.space8
        width: root.stacked ? root.width : root.width - buttons.width - Theme.space16
        spacing: 0

        RowLayout {
            Layout.fillWidth: true
            spacing: Theme.space8

            Words {
                Layout.maximumWidth: words.width - kind.implicitWidth - Theme.space8
                role: Theme.uiMedium
                text: root.name
                elide: Text.ElideRight
                Accessible.ignored: true
            }
            Words {
                id: kind

                Layout.fillWidth: true
                text: root.quantization
                color: Theme.color.text3
                Accessible.ignored: true
            }
        }
        Words {
            Layout.fillWidth: true
            role: Theme.small
            wrapMode: Text.Wrap
            text: (root.isComputed ? qsTr("≈ %1, computed").arg(Figures.bytes(root.bytes)) : Figures.bytes(root.bytes)) + " · " + root.repository
            color: Theme.color.text3
            Accessible.ignored: true
        }
        LinkLine {
            Layout.fillWidth: true
            before: qsTr("Licence:")
            text: root.licence
            address: root.licenceUrl
            after: root.check.length > 0 ? root.check : root.hasHash ? "" : qsTr("no known SHA-256: the server's own counts")
            onClicked: address => root.linkRequested(address)
        }
        Words {
            id: costs

            Layout.fillWidth: true
            role: Theme.small
            wrapMode: Text.Wrap
            visible: text.length > 0
            text: root.costText()
            color: root.isPlanned && !root.fits ? Theme.color.warn : Theme.color.text2
            Accessible.ignored: true
        }
        RowLayout {
            Layout.fillWidth: true
            Layout.topMargin: Theme.space4
            visible: root.onItsWay
            spacing: Theme.space12

            Meter {
                Layout.preferredWidth: root.stacked ? 72 : 120
                value: root.total > 0 ? root.done / root.total : 0
                ink: root.state === PublishedFiles.Running && !root.stalled ? Theme.color.accent : Theme.color.text3
            }
            DownloadWords {
                id: progress

                Layout.fillWidth: true
                phase: root.state
                done: root.done
                total: root.total
                rate: root.rate
                secondsLeft: root.secondsLeft
                stalled: root.stalled
                secondsToTry: root.secondsToTry
                Accessible.ignored: true
            }
        }
        Words {
            Layout.fillWidth: true
            role: Theme.small
            wrapMode: Text.Wrap
            visible: text.length > 0
            text: root.stateText()
            color: root.state === PublishedFiles.Away || (root.state === PublishedFiles.Here && (root.halfMissing || root.wantsReload)) ? Theme.color.warn : Theme.color.text2
            Accessible.ignored: true
        }
        RowLayout {
            Layout.fillWidth: true
            Layout.topMargin: Theme.space4
            visible: root.state === PublishedFiles.Failed
            spacing: Theme.space8

            Icon {
                Layout.alignment: Qt.AlignTop
                icon: "warning"
                color: Theme.color.danger
            }
            Words {
                Layout.fillWidth: true
                role: Theme.small
                wrapMode: Text.WrapAtWordBoundaryOrAnywhere
                text: root.state === PublishedFiles.Failed ? qsTr("%1. %2").arg(root.problem.title).arg(root.problem.explanation) : ""
                color: Theme.color.text1
            }
        }
        PioButton {
            Layout.topMargin: Theme.space4
            visible: root.state === PublishedFiles.Failed && root.problem.actions.indexOf(UserError.OpenStorage) >= 0
            small: true
            text: qsTr("Open Storage")
            onClicked: root.storageRequested()
        }
    }

    Row {
        id: buttons

        x: root.stacked === root.LayoutMirroring.enabled ? root.width - width : 0
        y: root.stacked ? words.y + words.implicitHeight + Theme.space8 : Theme.space8
        spacing: Theme.space4

        PioButton {
            visible: root.library.canFetch && (root.state === PublishedFiles.NotHere || root.state === PublishedFiles.Failed || root.state === PublishedFiles.Away)
            enabled: !root.library.isOffline
            small: true
            iconName: root.state === PublishedFiles.Failed ? "retry" : "download"
            text: root.state === PublishedFiles.Failed ? qsTr("Try again") : qsTr("Download")
            Accessible.name: qsTr("%1: %2 %3").arg(text).arg(root.name).arg(root.quantization)
            onClicked: root.library.fetch(root.index)
        }
        PioButton {
            visible: root.library.canFetch && root.state === PublishedFiles.Here && root.halfMissing
            enabled: !root.library.isOffline
            small: true
            iconName: "download"
            text: qsTr("Download %1").arg(Figures.bytes(root.toFetch))
            Accessible.name: qsTr("Download the vision file, %1: %2 %3").arg(Figures.bytes(root.toFetch)).arg(root.name).arg(root.quantization)
            onClicked: root.library.fetch(root.index)
        }
        PioButton {
            visible: root.state === PublishedFiles.Running || root.state === PublishedFiles.Checking || root.state === PublishedFiles.Waiting
            small: true
            text: qsTr("Pause")
            Accessible.name: qsTr("%1: %2 %3").arg(text).arg(root.name).arg(root.quantization)
            onClicked: root.library.pause(root.index)
        }
        PioButton {
            visible: root.state === PublishedFiles.Paused
            enabled: !root.library.isOffline
            small: true
            iconName: "download"
            text: qsTr("Continue")
            Accessible.name: qsTr("%1: %2 %3").arg(text).arg(root.name).arg(root.quantization)
            onClicked: root.library.fetch(root.index)
        }
        IconButton {
            visible: root.onItsWay || root.state === PublishedFiles.Failed
            iconName: "close"
            text: qsTr("Cancel; what came is removed")
            Accessible.name: qsTr("Cancel: %1 %2").arg(root.name).arg(root.quantization)
            onClicked: root.library.cancel(root.index)
        }
        PioButton {
            visible: root.state === PublishedFiles.Here && (!root.current || root.wantsReload)
            small: true
            text: root.current ? qsTr("Load it again") : qsTr("Use it")
            Accessible.name: qsTr("%1: %2 %3").arg(text).arg(root.name).arg(root.quantization)
            onClicked: root.library.load(root.index)
        }
        IconButton {
            id: more

            visible: root.state === PublishedFiles.Here
            iconName: "more"
            text: qsTr("More")
            Accessible.name: qsTr("More: %1 %2").arg(root.name).arg(root.quantization)
            checked: menu.visible
            onClicked: menu.visible ? menu.close() : menu.popup(more, more.width - menu.implicitWidth, more.height + Theme.space4)

            PioMenu {
                id: menu

                PioMenuItem {
                    text: qsTr("Show in its folder")
                    onTriggered: root.library.showInFolder(root.index)
                }
                PioMenuItem {
                    text: qsTr("Move to a folder…")
                    enabled: !root.current
                    onTriggered: root.moveRequested(root.index)
                }
                PioMenuItem {
                    text: qsTr("Delete the file…")
                    enabled: !root.current
                    onTriggered: root.removeRequested(root.index)
                }
            }
        }
    }
    Hairline {
        anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
        height: 1
    }
}
