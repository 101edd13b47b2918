import QtQuick
import Pio.Ui

/*! What a reader of the translations is to know of them. */
Words {
    wrapMode: Text.Wrap
    role: Theme.small
    text: qsTr("German and Simplified Chinese: translated without a native reader.")
    color: Theme.color.text3
}
