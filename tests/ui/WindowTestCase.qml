import QtTest

/*! A TestCase that looks every 5 ms whether what it waits for has come, and lets a frame be drawn with it: Qt's looks every 50. */
TestCase {
    id: root

    // "function@file:line" of who called the function that calls this.
    function caller(): var {
        const [, file, line] = new Error().stack.split("\n")[2].match(/@(.*):(\d+)$/)
        return { file: file, line: Number(line) }
    }
    function waitUntil(isSo, timeout: int): void {
        if (isSo())
            return
        for (const end = Date.now() + timeout; !isSo() && Date.now() < end;)
            root.wait(5)
        root.wait(15)
    }
    function tryVerify(isSo, timeout = 5000, words = "function returned false"): void {
        const from = root.caller()
        root.waitUntil(isSo, timeout)
        if (!root.qtest_results.verify(isSo(), words, from.file, from.line))
            throw new Error("QtQuickTest::fail")
    }
    function tryCompare(object, property, value, timeout = 5000): void {
        const from = root.caller()
        const isSo = () => root.qtest_compareInternal(object[property], value)
        root.waitUntil(isSo, timeout)
        const found = root.qtest_results.stringify(object[property])
        if (!root.qtest_results.compare(isSo(), "property " + property, found, root.qtest_results.stringify(value), from.file, from.line))
            throw new Error("QtQuickTest::fail")
    }
}
