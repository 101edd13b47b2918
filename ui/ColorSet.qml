import QtQuick

/*! The shape of a palette: one colour a role. Theme.qml holds four of them. */
QtObject {
    required property color canvas  // page, message list, dialog page
    required property color side  // sidebar, status line; user message (light)
    required property color sunken  // code, file view, picture well
    required property color raised  // composer, popover, menu, toast, plain button
    required property color fill  // user message (dark), inline code, thumbnails, disabled primary
    required property color hover  // under the pointer, on canvas/side (on raised in dark use press)
    required property color press  // pressed; track of a segmented control or meter
    required property color selected  // current row of a list
    required property color line  // hairline between regions and rows (decoration)
    required property color edge  // border of plain buttons, popovers; header rule of a table
    required property color control  // border of fields, check boxes, switches; focused composer
    required property color text1  // text, icons of primary actions
    required property color text2  // secondary text, icons at rest (on side)
    required property color text3  // captions, numbers, placeholders, group labels (on side)
    required property color disabled  // text of what cannot be used (exempt)
    required property color accent  // links, focus ring, caret, live dot
    required property color accentFill  // the primary button, switch on, slider
    required property color inkAccent  // on accentFill
    required property color accentHover  // primary under the pointer
    required property color accentSoft  // text selection (with text1: ≥ 9.8)
    required property color danger  // error icon, − sign, failed state
    required property color dangerSoft  // error banner (border: danger at 35 %)
    required property color warn  // warning icon and words
    required property color warnSoft  // warning banner
    required property color good  // + sign, accepted
    required property color addFill  // added line
    required property color addStrong  // added words
    required property color delFill  // removed line
    required property color delStrong  // removed words
    required property color synKey  // keyword (on sunken)
    required property color synStr  // string (on sunken)
    required property color synNum  // number, constant (on sunken)
    required property color synFn  // function, type (on sunken)
    required property color synCom  // comment (on sunken)
    required property color memW  // memory bar: weights (on raised)
    required property color memE  // memory bar: experts (on raised)
    required property color memK  // memory bar: KV cache (on raised)
    required property color memS  // memory bar: scratch (on raised)
    required property color inkSelected  // text on selected
    required property color inkSelected2  // icon, caption on selected
    required property color match  // search match, under text1
    required property color tip  // tooltip
    required property color inkTip  // text of a tooltip
    required property color veil  // behind dialogs: 32 % and 55 %
}
