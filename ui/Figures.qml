pragma Singleton

import QtQuick

/*! Numbers in words: the person's digits, a no-break space before the unit. */
QtObject {
    id: figures

    readonly property string gap: "\u00a0"

    function fileName(file: url): string {
        return decodeURIComponent(String(file).replace(/^.*\//, ""))
    }
    function plain(value: real, decimals: int): string {
        return decimals === 0 ? Math.round(value).toString() : value.toFixed(decimals).replace(".", Qt.locale().decimalPoint)
    }
    // NaN when it is no number. Untyped: qmllint 6.4 crashes on a typed function that says NaN.
    function parse(text) {
        const plainText = text.trim().replace(Qt.locale().decimalPoint, ".")
        return plainText.length === 0 ? NaN : Number(plainText)
    }
    function count(value: real): string {
        return Math.round(value).toLocaleString(Qt.locale(), "f", 0)
    }
    function decimal(value: real, decimals: int): string {
        return value.toLocaleString(Qt.locale(), "f", decimals)
    }
    // 2,900 → "2.9k", 16,384 → "16k": contexts are counted in 1,024s when they are round in them.
    function thousands(value: real): string {
        if (value < 1000)
            return figures.count(value)
        const k = value % 1024 === 0 ? value / 1024 : value / 1000
        return (k < 10 && k % 1 !== 0 ? figures.decimal(k, 1) : figures.count(k)) + "k"
    }
    // Files are sold in decimal units.
    function bytes(value: real): string {
        if (value >= 1e9)
            return qsTr("%1 GB").arg(figures.decimal(value / 1e9, 1)).replace(" ", figures.gap)
        if (value > 0 && value < 1e6)
            return qsTr("%1 kB").arg(figures.count(Math.ceil(value / 1e3))).replace(" ", figures.gap)
        return qsTr("%1 MB").arg(figures.count(value / 1e6)).replace(" ", figures.gap)
    }
    function bytesOf(done: real, total: real): string {
        if (total >= 1e9)
            return qsTr("%1 of %2 GB").arg(figures.decimal(done / 1e9, 1)).arg(figures.decimal(total / 1e9, 1))
        return qsTr("%1 of %2 MB").arg(figures.count(done / 1e6)).arg(figures.count(total / 1e6))
    }
    // Memory is sold in 2^30s: a computer of 32 GB has 32 × 2^30 bytes.
    function memoryOf(used: real, total: real): string {
        const unit = 1024 * 1024 * 1024
        return qsTr("%1 of %2 GB").arg(figures.decimal(used / unit, 1)).arg(figures.count(total / unit))
    }
    function speed(tokensPerSecond: real): string {
        return qsTr("%1 tok/s").arg(figures.decimal(tokensPerSecond, tokensPerSecond < 100 ? 1 : 0)).replace(" ", figures.gap)
    }
    function rate(bytesPerSecond: real): string {
        return qsTr("%1 MB/s").arg(figures.decimal(bytesPerSecond / 1e6, bytesPerSecond < 1e7 ? 1 : 0)).replace(" ", figures.gap)
    }
    function timeLeft(value: real): string {
        if (value < 90)
            return qsTr("%1 s left").arg(figures.count(value))
        return value < 5400 ? qsTr("%1 min left").arg(figures.count(value / 60)) : qsTr("%1 h left").arg(figures.decimal(value / 3600, 1))
    }
    function seconds(value: real): string {
        return qsTr("%1 s").arg(figures.count(value)).replace(" ", figures.gap)
    }
    // Without the unit; with tenths while they say something.
    function fewSeconds(value: real): string {
        return figures.decimal(value, value < 10 ? 1 : 0)
    }
    // The direction of a text is that of its first letter, as Qt takes it.
    function isRightToLeft(html: string): bool {
        const letter = html.replace(/<[^>]*>|&[#\w]+;/g, "").match(/[A-Za-z\u00c0-\u1fff\u2c00-\ufeff]/)
        return letter !== null && /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(letter[0])
    }
    // "Ctrl+Shift+C" as it stands on the person's keyboard.
    function keys(names: string): string {
        const own = { Ctrl: qsTr("Ctrl", "a key"), Shift: qsTr("Shift", "a key"), Enter: qsTr("Enter", "a key"), Del: qsTr("Del", "a key"),
                      Left: qsTr("Left", "a key"), Right: qsTr("Right", "a key"), Up: qsTr("Up", "a key"), Down: qsTr("Down", "a key") }
        return names.replace(/\b(Ctrl|Shift|Enter|Del|Left|Right|Up|Down)\b/g, name => own[name])
    }
    function percent(part: real, whole: real): string {
        return qsTr("%1 %").arg(whole > 0 ? Math.round(100 * part / whole) : 0).replace(" ", figures.gap)
    }
}
