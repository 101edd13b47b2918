import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Pio.Ui

/*! Who answers; opens the chooser. */
T.AbstractButton {
    id: root

    required property string name
    required property string detail

    text: qsTr("Model")
    implicitHeight: Theme.row
    implicitWidth: nameLabel.implicitWidth + detailLabel.implicitWidth + Theme.iconSize + 2 * Theme.space6 + 2 * horizontalPadding + 2  // each part is rounded up
    horizontalPadding: Theme.space8 + Theme.space2
    verticalPadding: 0
    hoverEnabled: true
    focusPolicy: Qt.TabFocus     // a click leaves the keys where one types
    Accessible.role: Accessible.ButtonMenu
    Accessible.name: qsTr("Model: %1 %2").arg(root.name).arg(root.detail)

    Keys.onReturnPressed: root.clicked()   // Space alone presses a button of 6.4, and there is no click()
    Keys.onEnterPressed: root.clicked()

    contentItem: RowLayout {
        spacing: Theme.space6

        Words {
            id: nameLabel

            Layout.fillWidth: true
            Layout.maximumWidth: Math.ceil(implicitWidth)
            role: Theme.uiMedium
            text: root.name
        }
        Words {
            id: detailLabel

            Layout.maximumWidth: Math.ceil(implicitWidth)
            text: root.detail
            color: Theme.color.text3
        }
        Icon {
            icon: "down"
        }
    }
    background: Rectangle {
        radius: Theme.radiusBlock
        color: root.down || root.checked ? Theme.color.fill : root.hovered ? Theme.hoverOnRaised : "transparent"
        border.width: Theme.highContrast ? 1 : 0
        border.color: Theme.color.edge

        FocusRing {
            visible: root.visualFocus
            baseRadius: Theme.radiusBlock
        }
    }

    TipOf {
        control: root
        text: qsTr("Choose a model")
        key: "Ctrl+L"
    }
}
