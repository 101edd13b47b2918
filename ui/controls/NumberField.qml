import QtQuick
import Pio.Ui

/*! A number that is typed: taken on Enter or when the field is left, put back when it is none. */
PioField {
    id: root

    required property string label
    required property real value
    required property real from
    required property real to
    property int decimals: 0
    property string automatic: ""   // shown for `automaticValue`
    property real automaticValue: NaN
    signal taken(value: real)

    function shownText(): string {
        return root.automatic.length > 0 && root.value === root.automaticValue ? "" : Figures.plain(root.value, root.decimals)
    }
    function take(): void {
        if (root.text.trim().length === 0 && root.automatic.length > 0) {
            root.taken(root.automaticValue)
        } else {
            const number = Figures.parse(root.text)
            if (!isNaN(number) && number >= root.from && number <= root.to)
                root.taken(root.decimals === 0 ? Math.round(number) : number)
        }
        root.text = root.shownText()
    }

    implicitWidth: Math.max(120, Math.ceil(metrics.advanceWidth(root.automatic)) + root.leftPadding + root.rightPadding)
    text: root.shownText()
    placeholderText: root.automatic
    inputMethodHints: Qt.ImhFormattedNumbersOnly
    wrong: {
        const number = Figures.parse(root.text)
        return root.activeFocus && root.text.trim().length > 0 && (isNaN(number) || number < root.from || number > root.to)
    }
    Accessible.name: root.label
    onEditingFinished: root.take()
    FontMetrics {
        id: metrics
        font: root.font
    }
    onValueChanged: if (!root.activeFocus) root.text = root.shownText()
}
