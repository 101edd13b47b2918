pragma Singleton

import QtQuick
import Pio.App

/*! Every colour, size and duration of the window. Main.qml tells it what the person chose; nothing else writes to it. */
QtObject {
    id: theme

    enum Appearance { System, Light, Dark, HighContrast }  // as Settings.Appearance

    property int appearance: Theme.System
    property bool reducedMotion: false
    property real zoom: 1      // of prose, code and tables; the frame stays
    property int desktopScheme: Desktop.NoPreference    // what the desktop says beside its palette, where it says anything
    property bool desktopContrast: false
    property bool computing: false  // while a model computes on the processor no animation runs

    readonly property SystemPalette system: SystemPalette {}
    readonly property bool systemIsDark: theme.desktopScheme === Desktop.Dark
                                         || (theme.desktopScheme === Desktop.NoPreference && theme.system.window.hslLightness < 0.5)
    readonly property bool highContrast: theme.appearance === Theme.HighContrast || (theme.appearance === Theme.System && theme.desktopContrast)
    readonly property bool isDark: theme.appearance === Theme.Dark || (theme.appearance !== Theme.Light && theme.systemIsDark)
    readonly property ColorSet color: theme.highContrast ? (theme.isDark ? theme.contrastDark : theme.contrastLight)
                                                          : (theme.isDark ? theme.dark : theme.light)

    // Two fills depend on more than the palette (look.md 1).
    readonly property color messageFill: theme.isDark && !theme.highContrast ? theme.color.fill : theme.color.side
    readonly property color hoverOnRaised: theme.isDark ? theme.color.press : theme.color.hover
    readonly property color segmentFill: theme.highContrast ? theme.color.selected : theme.isDark ? theme.color.edge : theme.color.raised
    readonly property color segmentInk: theme.highContrast ? theme.color.inkSelected : theme.color.text1
    // On pictures colours do not follow the theme: white round petrol is seen on every one of them.
    readonly property color markInk: "#0B6A88"
    readonly property color markEdge: "#FFFFFF"
    // Fills vanish in high contrast; the border takes their place.
    readonly property int strongBorder: theme.highContrast ? 2 : 1
    readonly property int fillBorder: theme.highContrast ? 2 : 0

    // ---- type -----------------------------------------------------------------------------------------------------------------------
    readonly property string sans: "Inter"
    readonly property string mono: "JetBrains Mono"
    readonly property TextRole hero: TextRole { size: 22; line: 30; weight: Font.DemiBold }
    readonly property TextRole page: TextRole { size: 20; line: 28; weight: Font.DemiBold }
    readonly property TextRole section: TextRole { size: 17; line: 26; weight: Font.DemiBold }
    readonly property TextRole title: TextRole { size: 14; line: 20; weight: Font.DemiBold }
    readonly property TextRole ui: TextRole { size: 13; line: 18 }
    readonly property TextRole uiMedium: TextRole { size: 13; line: 18; weight: Font.Medium }
    readonly property TextRole uiStrong: TextRole { size: 13; line: 18; weight: Font.DemiBold }
    readonly property TextRole small: TextRole { size: 12; line: 18 }
    readonly property TextRole smallMedium: TextRole { size: 12; line: 18; weight: Font.Medium }
    readonly property TextRole smallStrong: TextRole { size: 12; line: 18; weight: Font.DemiBold }
    readonly property TextRole smallMono: TextRole { size: 12; line: 18; family: theme.mono }
    readonly property TextRole prose: TextRole { size: Math.round(15 * theme.zoom); line: Math.round(24 * theme.zoom) }
    readonly property TextRole heading1: TextRole { size: Math.round(20 * theme.zoom); line: Math.round(28 * theme.zoom); weight: Font.DemiBold }
    readonly property TextRole heading2: TextRole { size: Math.round(17 * theme.zoom); line: Math.round(26 * theme.zoom); weight: Font.DemiBold }
    readonly property TextRole heading3: TextRole { size: theme.prose.size; line: theme.prose.line; weight: Font.DemiBold }
    readonly property TextRole thought: TextRole { size: Math.round(13 * theme.zoom); line: Math.round(20 * theme.zoom) }
    readonly property TextRole code: TextRole { size: Math.round(13 * theme.zoom); line: Math.round(20 * theme.zoom); family: theme.mono }
    readonly property TextRole table: TextRole { size: Math.round(14 * theme.zoom); line: Math.round(20 * theme.zoom) }
    readonly property TextRole tableHead: TextRole { size: Math.round(12 * theme.zoom); line: Math.round(18 * theme.zoom); weight: Font.Medium }

    // What ConversationModel needs to write rich text in this theme.
    readonly property var richText: ({
        text1: theme.color.text1, text2: theme.color.text2, text3: theme.color.text3, accent: theme.color.accent, fill: theme.color.fill,
        synKey: theme.color.synKey, synStr: theme.color.synStr, synNum: theme.color.synNum, synFn: theme.color.synFn,
        synCom: theme.color.synCom, addStrong: theme.color.addStrong, delStrong: theme.color.delStrong,
        prose: theme.prose.css, heading1: theme.heading1.css, heading2: theme.heading2.css, heading3: theme.heading3.css,
        code: theme.code.css, table: theme.table.css, tableHead: theme.tableHead.css, mono: theme.mono
    })

    // ---- space and shape --------------------------------------------------------------------------------------------------------------
    readonly property int space2: 2
    readonly property int space4: 4
    readonly property int space6: 6
    readonly property int space8: 8
    readonly property int space10: 10
    readonly property int space12: 12
    readonly property int space16: 16
    readonly property int space20: 20
    readonly property int space24: 24
    readonly property int space32: 32
    readonly property int space48: 48

    readonly property int rowTiny: 24
    readonly property int rowSmall: 28
    readonly property int row: 32
    readonly property int rowLarge: 36
    readonly property int rowBar: 44
    readonly property int rowHeader: 48

    readonly property int radiusSmall: 4    // checks, bars
    readonly property int radius: 6         // buttons, fields, rows
    readonly property int radiusBlock: 8    // code block, menu, chip, segment track
    readonly property int radiusBox: 10     // message, popover, banner
    readonly property int radiusLarge: 12   // composer, dialog, drop outline

    readonly property int iconSize: 16
    readonly property int column: 656       // code, tables, banners, composer: 80 characters of 7.8 and 2 × 16
    readonly property int measure: Math.round(528 * theme.zoom)  // prose: 75 characters of 6.96
    readonly property int hang: 16          // fills reach this far beyond the text
    readonly property int narrow: 900       // below: sidebar 216, no context and RAM figures
    readonly property int tight: 640        // below: the sidebar lies over the page

    // ---- motion, in milliseconds -------------------------------------------------------------------------------------------------------
    readonly property bool still: theme.reducedMotion || theme.computing
    readonly property int hoverTime: theme.still ? 0 : 90
    readonly property int popupIn: theme.still ? 0 : 140
    readonly property int popupOut: theme.still ? 0 : 90
    readonly property int slideTime: theme.still ? 0 : 180
    readonly property int dialogTime: theme.still ? 0 : 120
    readonly property int tipDelay: 500

    // ---- palettes, look.md section 1 ---------------------------------------------------------------------------------------------------
    readonly property ColorSet light: ColorSet {
        canvas: "#FFFFFF"; side: "#F3F4F4"; sunken: "#F6F7F7"; raised: "#FFFFFF"; fill: "#ECEEEE"; hover: "#E8EAEB"; press: "#DFE2E3";
        selected: "#DFE3E4"; line: "#E2E5E6"; edge: "#C3C9CC"; control: "#858D92"; text1: "#1A1D1F"; text2: "#4A5257";
        text3: "#5D656A"; disabled: "#A3AAAE"; accent: "#0B6A88"; accentFill: "#0B6A88"; inkAccent: "#FFFFFF"; accentHover: "#095A74";
        accentSoft: "#DCEEF4"; danger: "#B3261E"; dangerSoft: "#FDF0EE"; warn: "#855300"; warnSoft: "#FBF3E2"; good: "#1B6B33";
        addFill: "#E9F6EC"; addStrong: "#CDEBD5"; delFill: "#FDEFEE"; delStrong: "#F9D8D5"; synKey: "#9A2F62"; synStr: "#2F6B23";
        synNum: "#9A4A12"; synFn: "#1B579C"; synCom: "#5A6267"; memW: "#0B6A88"; memE: "#3A8A6E"; memK: "#4596AF"; memS: "#8A9297";
        inkSelected: "#1A1D1F"; inkSelected2: "#5D656A"; match: "#FBE7A8"; tip: "#1A1D1F"; inkTip: "#FFFFFF"; veil: "#521A1D1F"
    }
    readonly property ColorSet dark: ColorSet {
        canvas: "#17191B"; side: "#111314"; sunken: "#101213"; raised: "#1F2224"; fill: "#24282A"; hover: "#1D2123"; press: "#2A2F32";
        selected: "#292F32"; line: "#2A2E31"; edge: "#3C4246"; control: "#737B80"; text1: "#E4E7E8"; text2: "#ADB4B8";
        text3: "#8F979B"; disabled: "#5B6368"; accent: "#62BAD6"; accentFill: "#177794"; inkAccent: "#FFFFFF"; accentHover: "#1A7F9D";
        accentSoft: "#173A46"; danger: "#F28B82"; dangerSoft: "#261B1B"; warn: "#E0B15C"; warnSoft: "#2A2418"; good: "#7CC58F";
        addFill: "#14261A"; addStrong: "#1A3B24"; delFill: "#2D1918"; delStrong: "#4C2321"; synKey: "#DE93B8"; synStr: "#9CC884";
        synNum: "#DFA671"; synFn: "#86B8EA"; synCom: "#9CA4A8"; memW: "#3F9DBB"; memE: "#6CBF9F"; memK: "#85CFE6"; memS: "#737B80";
        inkSelected: "#E4E7E8"; inkSelected2: "#8F979B"; match: "#4A3C12"; tip: "#E4E7E8"; inkTip: "#1A1D1F"; veil: "#8C000000"
    }
    readonly property ColorSet contrastLight: ColorSet {
        canvas: "#FFFFFF"; side: "#FFFFFF"; sunken: "#FFFFFF"; raised: "#FFFFFF"; fill: "#E0E0E0"; hover: "#E6E6E6"; press: "#CFCFCF";
        selected: "#000000"; line: "#6E6E6E"; edge: "#000000"; control: "#000000"; text1: "#000000"; text2: "#000000";
        text3: "#333333"; disabled: "#6E6E6E"; accent: "#004A61"; accentFill: "#004A61"; inkAccent: "#FFFFFF"; accentHover: "#00303F";
        accentSoft: "#CDEBF5"; danger: "#8A0F08"; dangerSoft: "#FFFFFF"; warn: "#5C3A00"; warnSoft: "#FFFFFF"; good: "#00501B";
        addFill: "#E2F7E6"; addStrong: "#A5E3B5"; delFill: "#FFE9E7"; delStrong: "#FFB9B3"; synKey: "#7A0F47"; synStr: "#114A08";
        synNum: "#6B2E00"; synFn: "#003C7A"; synCom: "#333333"; memW: "#004A61"; memE: "#1F6B50"; memK: "#4A90A8"; memS: "#6E6E6E";
        inkSelected: "#FFFFFF"; inkSelected2: "#FFFFFF"; match: "#FFE16B"; tip: "#000000"; inkTip: "#FFFFFF"; veil: "#99000000"
    }
    readonly property ColorSet contrastDark: ColorSet {
        canvas: "#000000"; side: "#000000"; sunken: "#000000"; raised: "#000000"; fill: "#2B2B2B"; hover: "#1F1F1F"; press: "#333333";
        selected: "#FFFFFF"; line: "#8C8C8C"; edge: "#FFFFFF"; control: "#FFFFFF"; text1: "#FFFFFF"; text2: "#FFFFFF";
        text3: "#D6D6D6"; disabled: "#8C8C8C"; accent: "#7FDBFF"; accentFill: "#7FDBFF"; inkAccent: "#000000"; accentHover: "#B5EBFF";
        accentSoft: "#00384A"; danger: "#FF9B93"; dangerSoft: "#000000"; warn: "#FFD166"; warnSoft: "#000000"; good: "#8CF0A4";
        addFill: "#00240C"; addStrong: "#005A20"; delFill: "#330500"; delStrong: "#7A0F08"; synKey: "#FFB3D4"; synStr: "#B6F09A";
        synNum: "#FFC891"; synFn: "#A8D4FF"; synCom: "#D6D6D6"; memW: "#7FDBFF"; memE: "#8CF0C4"; memK: "#FFFFFF"; memS: "#8C8C8C";
        inkSelected: "#000000"; inkSelected2: "#000000"; match: "#6B5200"; tip: "#FFFFFF"; inkTip: "#000000"; veil: "#CC000000"
    }
}
