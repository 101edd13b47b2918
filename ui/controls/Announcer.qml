import QtQuick

/*! Says a sentence to screen readers: Qt 6.4 has no Accessible.announce, so an alert that is not seen changes its name. */
Item {
    id: root

    property string sentence: ""

    width: 1
    height: 1
    Accessible.role: Accessible.AlertMessage
    Accessible.name: root.sentence
}
