import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! What may be asked of the network, by which way, and everything that was. */
SettingsPage {
    id: root

    required property Settings settings
    required property PublishedFiles library
    required property RequestLog requests

    title: qsTr("Network")
    hint: qsTr("The model needs none. This program asks for files of models that you download, and for nothing else.")
    Component.onCompleted: root.requests.watch(true)
    Component.onDestruction: root.requests.watch(false)

    SettingRow {
        name: qsTr("Offline")
        hint: root.library.isOfflineForced ? qsTr("It was started with --offline: every request is refused")
                                           : qsTr("Every request is refused before a connection is made; what runs is paused")

        PioSwitch {
            text: qsTr("Offline")
            enabled: !root.library.isOfflineForced
            checked: root.library.isOffline
            onToggled: root.settings.offline = checked
        }
    }
    SettingRow {
        name: qsTr("Address of the files")
        hint: base.wrong ? qsTr("It begins with https:// or http:// and names a server") : qsTr("https://huggingface.co, or a mirror of it")

        PioField {
            id: base

            width: 248
            placeholderText: qsTr("https://huggingface.co")
            wrong: base.text.length > 0 && !/^https?:\/\/[^\/\s?#@]+(\/[^\s?#]*)?$/.test(base.text)
            Accessible.name: qsTr("Address of the files")
            Component.onCompleted: base.text = root.settings.downloadBase
            onEditingFinished: {
                if (!base.wrong)
                    root.settings.downloadBase = base.text
            }
        }
    }
    SettingRow {
        name: qsTr("Proxy")
        hint: proxy.wrong ? qsTr("It begins with http:// or socks5:// and names a server") : qsTr("Empty: the one of the environment, if it has one")

        PioField {
            id: proxy

            width: 248
            placeholderText: qsTr("http://host:port")
            wrong: proxy.text.length > 0 && !/^(http|socks5):\/\/[^\/\s?#]+\/?$/.test(proxy.text)
            Accessible.name: qsTr("Proxy")
            Component.onCompleted: proxy.text = root.settings.proxy
            onEditingFinished: {
                if (!proxy.wrong)
                    root.settings.proxy = proxy.text
            }
        }
    }
    Words {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space24
        role: Theme.title
        text: qsTr("Requests")
        Accessible.role: Accessible.Heading
    }
    Words {
        Layout.fillWidth: true
        Layout.topMargin: Theme.space4
        Layout.bottomMargin: Theme.space4
        role: Theme.small
        wrapMode: Text.Wrap
        text: root.requests.count === 0 ? qsTr("None so far. Each one will stand here, with its server, its bytes and why it was made.")
                                        : qsTr("Every one that was made, the newest first; %1 in all.").arg(Figures.bytes(root.requests.bytes))
        color: Theme.color.text3
    }
    Repeater {
        model: root.requests

        RowLayout {
            id: request

            required property date at
            required property string host
            required property string what
            required property int status
            required property double bytes
            required property string proxy
            readonly property var said: [server.text, why.text, size.text, when.text]
            readonly property string answer: request.status > 0 ? request.status.toString() : qsTr("no answer")

            Layout.fillWidth: true
            Layout.preferredHeight: Theme.rowLarge
            spacing: Theme.space12
            Accessible.role: Accessible.StaticText      // it is read; nothing can be done with it
            Accessible.name: request.said.join(", ")

            ColumnLayout {
                Layout.fillWidth: true
                spacing: 0

                Words {
                    id: server

                    Layout.fillWidth: true
                    role: Theme.uiMedium
                    text: request.proxy.length > 0 ? qsTr("%1 by way of %2").arg(request.host).arg(request.proxy) : request.host
                    elide: Text.ElideRight
                    Accessible.ignored: true
                }
                Words {
                    id: why

                    Layout.fillWidth: true
                    role: Theme.small
                    text: qsTr("Download of %1").arg(request.what)
                    elide: Text.ElideRight
                    color: Theme.color.text3
                    Accessible.ignored: true
                }
            }
            ColumnLayout {
                spacing: 0

                Words {
                    id: size

                    Layout.alignment: Qt.AlignRight
                    text: qsTr("%1 · %2").arg(Figures.bytes(request.bytes)).arg(request.answer)
                    Accessible.ignored: true
                }
                Words {
                    id: when

                    Layout.alignment: Qt.AlignRight
                    role: Theme.small
                    text: request.at.toLocaleString(Qt.locale(), Locale.ShortFormat)
                    color: Theme.color.text3
                    Accessible.ignored: true
                }
            }
        }
    }
}
