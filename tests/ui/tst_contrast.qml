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
    // The page rounds its figures to one place, hence 0.05; what text (4.5) and controls (3) need at least is no figure of the page.
    function atLeast(palette: string, ink: string, ground: string, least: real): void {
        const found = test.ratio(test.palettes[palette][ink], test.palettes[palette][ground])
        verify(found >= least - (least === 4.5 || least === 3 ? 0 : 0.05), palette + ": " + ink + " on " + ground + " is " + found.toFixed(2) + ", at least " + least)
    }

    // What each colour of a palette is for. Lines and edges bound what is known by its words; what cannot be used is exempt.
    readonly property var uses: ({
        grounds: ["canvas", "side", "sunken", "raised", "fill", "hover", "press", "selected", "accentSoft", "dangerSoft", "warnSoft", "addFill", "addStrong",
                  "delFill", "delStrong", "match", "tip"],
        inks: ["text1", "text2", "text3", "accent", "danger", "warn", "good", "inkAccent", "inkSelected", "inkSelected2", "inkTip", "synKey", "synStr", "synNum",
               "synFn", "synCom"],
        controls: ["control", "accentFill", "accentHover", "memW", "memE", "memK", "memS"],
        exempt: ["line", "edge", "disabled", "veil"]
    })

    function test_everyColourHasItsUse(): void {
        const known = [].concat(test.uses.grounds, test.uses.inks, test.uses.controls, test.uses.exempt)
        const colours = Object.keys(Theme.light).filter(name => name !== "objectName" && typeof Theme.light[name] !== "function")
        verify(colours.length >= 40)
        compare(colours.filter(name => known.indexOf(name) < 0).join(" ") + known.filter(name => colours.indexOf(name) < 0).join(" "), "")
    }
    function test_controlsReachThreeOnWhatTheyStandOn(): void {
        for (const palette in test.palettes) {
            for (const ground of ["canvas", "side", "raised"])
                for (const control of ["control", "accentFill", "accentHover"])
                    test.atLeast(palette, control, ground, 3)
            for (const figure of ["memW", "memE", "memK", "memS"])
                for (const ground of ["canvas", "raised"])
                    test.atLeast(palette, figure, ground, 3)
            for (const ground of ["canvas", "side", "sunken", "raised", "fill", "hover", "press", "dangerSoft", "warnSoft"])
                test.atLeast(palette, "accent", ground, 3)      // the focus ring
        }
        for (const well of ["canvas", "sunken"])
            for (const palette in test.palettes)
                verify(Math.max(test.ratio(Theme.markInk, test.palettes[palette][well]), test.ratio(Theme.markEdge, test.palettes[palette][well])) >= 3)
        verify(test.ratio(Theme.markInk, Theme.markEdge) >= 4.5)
    }
    function test_noticesAreReadable(): void {
        for (const palette in test.palettes)
            for (const ground of ["dangerSoft", "warnSoft"])
                for (const ink of ["text1", "text2", "text3", "danger", "warn"])
                    test.atLeast(palette, ink, ground, 4.5)
    }
    function test_theTakenSegmentIsReadable(): void {
        const before = Theme.appearance
        for (const appearance of [Theme.Light, Theme.Dark, Theme.HighContrast]) {
            Theme.appearance = appearance
            verify(test.ratio(Theme.segmentInk, Theme.segmentFill) >= 4.5)
            for (const ink of [Theme.color.text1, Theme.color.text2, Theme.color.text3])
                for (const ground of [Theme.messageFill, Theme.hoverOnRaised])
                    verify(test.ratio(ink, ground) >= 4.5 - 0.05, "%1 on %2".arg(ink).arg(ground))
        }
        Theme.appearance = before
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
