import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The smallest model that fits, one click away; other rows of the library are not shown here. */
Column {
    id: root

    required property PublishedFiles library
    required property int index
    required property string name
    required property string quantization
    required property string licence
    required property double bytes
    required property double tokensPerSecond
    required property int state
    required property double done
    required property double total
    required property double rate
    required property double secondsLeft
    required property bool stalled
    required property int secondsToTry
    required property var problem
    property bool leads: true
    signal storageRequested()
    readonly property bool onItsWay: root.state === PublishedFiles.Running || root.state === PublishedFiles.Checking || root.state === PublishedFiles.Waiting

    visible: root.index === root.library.smallest
    spacing: Theme.space8
    bottomPadding: Theme.space8

    Words {
        width: root.width
        wrapMode: Text.Wrap
        role: Theme.uiMedium
        text: root.tokensPerSecond > 0 ? qsTr("%1, %2 · ≈ %3 on this computer").arg(root.name).arg(root.quantization).arg(Figures.speed(root.tokensPerSecond))
                                       : qsTr("%1, %2").arg(root.name).arg(root.quantization)
    }
    RowLayout {
        width: root.width
        spacing: Theme.space12

        PioButton {
            visible: !root.onItsWay
            enabled: !root.library.isOffline
            primary: root.leads
            iconName: "download"
            text: root.state === PublishedFiles.Paused ? qsTr("Continue the download") : root.state === PublishedFiles.Failed ? qsTr("Try again") : qsTr("Download %1").arg(Figures.bytes(root.bytes))
            onClicked: root.library.fetchAndLoad(root.index)
        }
        PioButton {
            visible: root.onItsWay
            text: qsTr("Pause")
            onClicked: root.library.pause(root.index)
        }
        Meter {
            visible: root.onItsWay
            value: root.total > 0 ? root.done / root.total : 0
            ink: root.stalled || root.secondsToTry > 0 ? Theme.color.text3 : Theme.color.accent
            Layout.preferredWidth: 120
        }
        DownloadWords {
            Layout.fillWidth: true
            visible: root.onItsWay
            phase: root.state
            done: root.done
            total: root.total
            rate: root.rate
            secondsLeft: root.secondsLeft
            stalled: root.stalled
            secondsToTry: root.secondsToTry
        }
        Words {
            Layout.fillWidth: true
            visible: !root.onItsWay
            role: Theme.small
            wrapMode: Text.Wrap
            text: root.library.isOffline ? qsTr("The offline switch is on.")
                : qsTr("Licence %1 · from %2").arg(root.licence).arg(root.library.host)
            color: Theme.color.text3
        }
    }
    Words {
        width: root.width
        visible: root.state === PublishedFiles.Failed
        wrapMode: Text.Wrap
        role: Theme.small
        text: root.state === PublishedFiles.Failed ? qsTr("%1. %2").arg(root.problem.title).arg(root.problem.explanation) : ""
        color: Theme.color.danger
    }
    PioButton {
        anchors.left: parent.left
        visible: root.state === PublishedFiles.Failed && root.problem.actions.indexOf(UserError.OpenStorage) >= 0
        text: qsTr("Open Storage")
        onClicked: root.storageRequested()
    }
}
