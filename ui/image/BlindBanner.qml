import QtQuick
import QtQuick.Layouts
import Pio.App
import Pio.Ui

/*! The loaded model cannot see: one click to the one that can, or to where its file comes from. */
Rectangle {
    id: root

    property bool leads: true       // its button is the primary one of the view
    required property string modelName      // "" none is loaded
    required property string seeingName      // the one that sees
    required property bool hasFile          // the model that sees is on this computer
    property bool towerMissing: false       // it is the one that is loaded, without the file that it sees with
    property bool towerHere: false          // that file came after it was loaded
    property bool usable: true
    required property SwitchCost cost       // of the switch to it
    signal switchRequested()
    signal sourceRequested()

    implicitHeight: layout.implicitHeight + 28
    radius: Theme.radiusBox
    color: Theme.color.warnSoft
    border.width: Theme.strongBorder
    border.color: Theme.highContrast ? Theme.color.edge : Qt.alpha(Theme.color.warn, 0.35)
    Accessible.role: Accessible.AlertMessage
    Accessible.name: words.text

    ColumnLayout {
        id: layout

        anchors { left: parent.left; right: parent.right; top: parent.top; margins: 14; leftMargin: Theme.space16 }
        spacing: Theme.space12

        RowLayout {
            Layout.fillWidth: true
            spacing: Theme.space8

            Icon {
                Layout.alignment: Qt.AlignTop
                icon: "info"
                color: Theme.color.warn
            }
            Words {
                id: words

                Layout.fillWidth: true
                wrapMode: Text.Wrap
                text: (root.towerMissing && root.towerHere ? qsTr("%1 was loaded without the file that it sees with, which is here now.").arg(root.modelName)
                    : root.towerMissing ? qsTr("%1 sees with a second file, mmproj-….gguf, which does not lie beside it.").arg(root.modelName)
                    : root.modelName.length > 0 ? qsTr("%1 cannot see pictures. %2 can.").arg(root.modelName).arg(root.seeingName)
                    : qsTr("Pictures need a model that sees: %1.").arg(root.seeingName))
                    + (root.hasFile && !root.cost.fits ? " " + qsTr("There may be too little memory for it.")
                       : root.hasFile && root.modelName.length > 0 ? " " + qsTr("%1 goes for that time; its chats are kept.").arg(root.modelName) : "")
                Accessible.ignored: true
            }
        }
        PioButton {
            Layout.leftMargin: Theme.iconSize + Theme.space8
            primary: root.leads
            enabled: root.usable
            text: root.hasFile ? (root.cost.seconds > 0 ? qsTr("Switch to %1, ≈ %2").arg(root.seeingName).arg(Figures.seconds(Math.max(1, root.cost.seconds)))
                                                        : qsTr("Switch to %1").arg(root.seeingName)) : root.towerMissing && root.towerHere ? qsTr("Load it again") : root.towerMissing ? qsTr("Where to get it…") : qsTr("Get %1…").arg(root.seeingName)
            onClicked: root.hasFile || (root.towerMissing && root.towerHere) ? root.switchRequested() : root.sourceRequested()
        }
    }
}
