import QtQuick

/*! A role of text: its font, and the height of its line where it wraps. */
QtObject {
    id: role

    property int size: 13
    property int line: 18
    property int weight: Font.Normal
    property string family: "Inter"
    readonly property var css: [role.size, role.line, role.weight]      // for rich text
    readonly property font font: Qt.font({
        family: role.family, pixelSize: role.size, weight: role.weight,
        hintingPreference: Font.PreferVerticalHinting, preferShaping: role.family === "Inter"
    })
}
