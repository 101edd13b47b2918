import QtQuick
import QtTest
import Pio.Ui

/*! The pairs of look.md section 1, by WCAG 2's formula. */
TestCase {
    id: test

    name: "contrast"

    readonly property var palettes: ({ light: Theme.light, dark: Theme.dark, contrastLight: Theme.contrastLight, contrastDark: Theme.contrastDark })

    function luminance(colour: color): real {
        const linear = x => x <= 0.04045 ? x / 12.92 : Math.pow((x + 0.055) / 1.055, 2.4)
        return 0.2126 * linear(colour.r) + 0.7152 * linear(colour.g) + 0.0722 * linear(colour.b)
    }
    function ratio(a: color, b: color): real {
        const x = test.luminance(a), y = test.luminance(b)
        return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
    }
    // 0.05 of slack: the page rounds its figures to one place.
    function atLeast(palette: string, ink: string, ground: string, least: real): void {
        const found = test.ratio(test.palettes[palette][ink], test.palettes[palette][ground])
        verify(found >= least - 0.05, palette + ": " + ink + " on " + ground + " is " + found.toFixed(2) + ", at least " + least)
    }

    function test_theFormulaGivesTheKnownEnds(): void {
        compare(Math.round(test.ratio(Qt.color("#000000"), Qt.color("#FFFFFF")) * 10), 210)
        compare(test.ratio(Qt.color("#777777"), Qt.color("#777777")), 1)
    }
    function test_textReachesFourPointFiveOnEveryFill(): void {
        const inks = ["text1", "text2", "text3", "accent", "danger", "warn", "good"]
        const grounds = ["canvas", "side", "sunken", "raised", "fill", "hover", "press"]
        for (const palette in test.palettes)
            for (const ink of inks)
                for (const ground of grounds)
                    test.atLeast(palette, ink, ground, 4.5)
    }
    function test_theCurrentRowIsReadable(): void {
        for (const palette in test.palettes) {
            test.atLeast(palette, "inkSelected", "selected", 7)
            test.atLeast(palette, "inkSelected2", "selected", 4.5)
        }
    }
    function test_codeIsReadableOnItsFillAndOnEveryDiffFill(): void {
        for (const palette in test.palettes) {
            for (const ink of ["synKey", "synStr", "synNum", "synFn", "synCom"]) {
                test.atLeast(palette, ink, "sunken", 4.6)
                for (const ground of ["addFill", "addStrong", "delFill", "delStrong"])
                    test.atLeast(palette, ink, ground, 4.6)
            }
        }
    }
    function test_bordersOfControlsReachThree(): void {
        for (const palette in test.palettes)
            for (const ground of ["canvas", "side", "sunken", "raised"])
                test.atLeast(palette, "control", ground, 3.1)
    }
    function test_whatLiesOnAccentMatchAndTooltipIsReadable(): void {
        for (const palette in test.palettes) {
            test.atLeast(palette, "inkAccent", "accentFill", 4.5)
            test.atLeast(palette, "inkAccent", "accentHover", 4.5)
            test.atLeast(palette, "text1", "accentSoft", 9.8)
            test.atLeast(palette, "inkTip", "tip", 7)
            test.atLeast(palette, "text1", "match", 7)
            test.atLeast(palette, "text1", "dangerSoft", 7)
        }
    }
}
