// `stage` is a context property: tests.cpp sets it.
// qmllint disable unqualified
import QtQuick
import QtTest
import Pio.App
import Pio.Ui

/*! The library and the network's page, with a server of this computer behind them. */
WindowTestCase {
    id: test

    name: "library"
    when: windowShown
    visible: true

    property Main window: null
    property Application app: null
    readonly property int coder: 8          // Qwen2.5-Coder-1.5B: one file of 1.1 GB
    readonly property int small: 7          // SmolLM2-135M, whose length the catalogue does not know
    readonly property int unpinned: 1       // GLM-4.7-Flash Q6_K, whose SHA-256 the catalogue does not know

    Component {
        id: mainComponent
        Main {
            width: 1280
            height: 800
        }
    }

    function initTestCase(): void {
        test.app = stage.app
        test.app.settings.reducedMotion = true
        test.window = mainComponent.createObject(null, { app: test.app })
        verify(test.window !== null)
        test.window.requestActivate()
        tryVerify(() => test.window.active)
    }
    function cleanupTestCase(): void {
        test.window.destroy()
    }
    function init(): void {
        if (stage.serveModels === undefined)
            skip("this build has no network code")
        test.app.settings.language = ""     // of a test that failed
        test.window.width = 1280
        test.window.closePopups()
    }
    function find(item, accepts) {
        for (let i = 0; i < item.children.length; ++i) {
            const child = item.children[i]
            if (accepts(child))
                return child
            const found = test.find(child, accepts)
            if (found !== null)
                return found
        }
        return null
    }
    function inWindow(accepts) {
        return test.find(test.window.contentItem.parent, accepts)
    }
    function rowOf(index: int) {
        return test.inWindow(item => item instanceof LibraryRow && item.index === index)
    }
    function buttonOf(index: int, text: string) {
        return test.find(test.rowOf(index), item => item.text === text && item.visible && item.clicked !== undefined)
    }
    function state(index: int): int {
        return test.app.library.row(index).state
    }

    // Named in this order: what comes first asks nobody.
    function test_1_lookingAsksNobody(): void {
        stage.serveModels(4096, 200)
        test.window.openLibrary()
        tryVerify(() => test.rowOf(test.app.library.count - 1) !== null)
        tryVerify(() => test.app.library.row(0).isPlanned)
        compare(test.app.library.count, 9)
        verify(test.buttonOf(0, "Download") !== null)
        verify(test.inWindow(item => item.text === "Apache-2.0" && item.visible) !== null)
        test.window.openNetwork()
        tryVerify(() => test.inWindow(item => item.text === "None so far. Each one will stand here, with its server, its bytes and why it was made.") !== null)
        compare(stage.requestsServed(), 0)
    }
    function test_2_aDownloadIsPausedGoesOnAndIsCancelled(): void {
        test.window.openLibrary()
        tryVerify(() => test.rowOf(test.coder) !== null)
        compare(test.app.library.row(test.coder).name, "Qwen2.5-Coder-1.5B-Instruct")
        test.buttonOf(test.coder, "Download").clicked()
        tryVerify(() => test.app.library.row(test.coder).done > 0 && test.app.library.row(test.coder).rate > 0, 10000)
        compare(test.state(test.coder), PublishedFiles.Running)
        verify(test.rowOf(test.coder).Accessible.name.includes("MB/s"))
        test.buttonOf(test.coder, "Pause").clicked()
        tryVerify(() => test.state(test.coder) === PublishedFiles.Paused)
        const served = stage.requestsServed()
        test.buttonOf(test.coder, "Continue").clicked()
        tryVerify(() => stage.requestsServed() === served + 1)
        tryVerify(() => test.state(test.coder) === PublishedFiles.Running)
        test.buttonOf(test.coder, "Cancel; what came is removed").clicked()
        tryVerify(() => test.state(test.coder) === PublishedFiles.NotHere)
        test.window.openNetwork()
        tryCompare(test.app.requests, "count", stage.requestsServed())
        tryVerify(() => test.inWindow(item => item.text === "Download of Qwen2.5-Coder-1.5B-Instruct:Q4_K_M" && item.visible) !== null)
    }
    function test_3_theOfflineSwitchRefuses(): void {
        test.app.settings.offline = true
        const served = stage.requestsServed()
        test.window.openLibrary()
        tryVerify(() => test.rowOf(0) !== null)
        verify(!test.buttonOf(0, "Download").enabled)
        test.app.library.fetch(test.coder)
        tryVerify(() => test.state(test.coder) === PublishedFiles.Failed)
        verify(test.app.library.row(test.coder).problem.title.length > 0)
        compare(stage.requestsServed(), served)
        test.app.settings.offline = false
        test.app.library.cancel(test.coder)
        tryVerify(() => test.state(test.coder) === PublishedFiles.NotHere)
    }
    function test_4_aRefusalIsSaidInTheRow(): void {
        stage.serveModels(4096, 404)
        test.app.library.fetch(test.coder)
        tryVerify(() => test.state(test.coder) === PublishedFiles.Failed)
        test.window.openLibrary()
        tryVerify(() => test.inWindow(item => item.visible && String(item.text).startsWith("The file is not there any more")) !== null)
        verify(test.buttonOf(test.coder, "Try again") !== null)
        test.app.library.cancel(test.coder)
    }
    // Reached by keys, in the row and at the first start.
    function test_4_aFileThatTheDiskHasNoRoomForLeadsToStorage(): void {
        stage.serveModels(4096, 200, 1e15)
        const storage = () => test.inWindow(item => item.visible && item instanceof StoragePage)
        const press = button => {
            for (let i = 0; i < 120 && !button.activeFocus; ++i)
                stage.key(test.window, Qt.Key_Tab)
            verify(button.activeFocus)
            stage.key(test.window, Qt.Key_Space)
        }
        test.window.openLibrary()
        tryVerify(() => test.rowOf(test.small) !== null && test.buttonOf(test.small, "Download") !== null)
        compare(test.app.library.row(test.small).name, "SmolLM2-135M-Instruct")
        compare(test.buttonOf(test.small, "Open Storage"), null)
        test.buttonOf(test.small, "Download").clicked()
        tryVerify(() => test.state(test.small) === PublishedFiles.Failed)
        compare(test.app.library.row(test.small).problem.title, "There is not enough room on the disk")
        tryVerify(() => test.buttonOf(test.small, "Open Storage") !== null)
        verify(test.buttonOf(test.small, "Try again") !== null)
        press(test.buttonOf(test.small, "Open Storage"))
        tryVerify(() => storage() !== null)
        const show = () => test.find(storage(), item => item.visible && item.text === "Show the folder" && item.enabled)
        tryVerify(() => show() !== null)
        for (let i = 0; i < 40 && !show().activeFocus; ++i)     // the keys go on from there
            stage.key(test.window, Qt.Key_Tab)
        verify(show().activeFocus)
        test.window.closePopups()
        test.window.newChat()
        const beginning = () => test.inWindow(item => item.visible && item.text === "Open Storage" && item.clicked !== undefined)
        tryVerify(() => beginning() !== null)
        press(beginning())
        tryVerify(() => storage() !== null)
        test.window.closePopups()
        test.app.library.cancel(test.small)
        tryVerify(() => test.state(test.small) === PublishedFiles.NotHere)
        // Another refusal has nothing to do with the disk.
        stage.serveModels(4096, 404)
        test.app.library.fetch(test.small)
        tryVerify(() => test.state(test.small) === PublishedFiles.Failed)
        tryVerify(() => beginning() === null)
        test.app.library.cancel(test.small)
        tryVerify(() => test.state(test.small) === PublishedFiles.NotHere)
    }
    function test_5_aFetchedFileSaysWhoseHashItHas(): void {
        const path = stage.putModel(test.unpinned)
        test.app.library.look()
        tryVerify(() => test.state(test.unpinned) === PublishedFiles.Here)
        test.window.openLibrary()
        const row = () => test.rowOf(test.unpinned)
        const says = words => row() !== null && test.find(row(), item => item.visible && item.text === words) !== null
        tryVerify(() => says("no known SHA-256: the server's own counts"))
        stage.noteStated(test.unpinned)
        tryVerify(() => says("SHA-256 stated by the server"))
        verify(row().Accessible.name.includes("SHA-256 stated by the server"))
        test.app.settings.language = "de"
        test.window.openLibrary()       // pages are named anew, the first one comes
        tryVerify(() => says("SHA-256 vom Server angegeben"))
        // What does not fit behind the licence stands below it, and no line begins with a dot.
        const coder = 2, own = "keine bekannte SHA-256: Es gilt die des Servers"
        for (const width of [1280, 480]) {
            test.window.width = width
            const part = text => test.find(test.rowOf(coder), item => item.text === text)
            tryVerify(() => part(own) !== null && (part(own).y > 0) === (width === 480))
            compare(part("·").visible, width !== 480)
        }
        test.window.width = 1280
        test.app.settings.language = ""
        test.window.closePopups()
        stage.removeFile(path)
        test.app.library.look()
        tryVerify(() => test.state(test.unpinned) === PublishedFiles.NotHere)
    }
    function test_5_aFileIsShownInItsFolder(): void {
        const path = stage.putModel(test.coder)
        stage.catchLinks()
        test.app.library.look()
        tryVerify(() => test.state(test.coder) === PublishedFiles.Here)
        test.window.openLibrary()
        tryVerify(() => test.rowOf(test.coder) !== null && test.buttonOf(test.coder, "More") !== null)
        test.buttonOf(test.coder, "More").clicked()
        const first = () => test.inWindow(item => item.visible && item.text === "Show in its folder")
        tryVerify(() => first() !== null)
        stage.key(test.window, Qt.Key_Down)
        tryVerify(() => first().highlighted)
        stage.key(test.window, Qt.Key_Return)
        tryVerify(() => stage.lastLink() === stage.urlOf(path.slice(0, path.lastIndexOf("/"))).toString())
        test.window.closePopups()
        stage.removeFile(path)
        test.app.library.look()
        tryVerify(() => test.state(test.coder) === PublishedFiles.NotHere)
    }
    function test_5_aFileThatIsHereCanBeDeletedAfterAQuestion(): void {
        const path = stage.putModel(test.coder)
        test.app.library.look()
        tryVerify(() => test.state(test.coder) === PublishedFiles.Here)
        test.window.openLibrary()
        tryVerify(() => test.rowOf(test.coder) !== null && test.buttonOf(test.coder, "Use it") !== null)
        test.rowOf(test.coder).removeRequested(test.coder)
        const confirm = () => test.inWindow(item => item.visible && item.text === "Delete" && item.iconName === "trash")
        tryVerify(() => confirm() !== null)
        tryVerify(() => test.inWindow(item => item.visible && item.text === "Keep it").activeFocus)
        confirm().clicked()
        tryVerify(() => test.state(test.coder) === PublishedFiles.NotHere)
        compare(stage.readFile(path), "")
    }
    // Where there is no model, the smallest that fits is one click away; the window asks nobody by itself.
    function test_6_theFirstModelIsOneClickAway(): void {
        stage.serveModels(4096, 200)
        test.window.newChat()
        tryVerify(() => test.app.library.smallest >= 0)
        const first = test.app.library.row(test.app.library.smallest)
        compare(first.name, "SmolLM2-135M-Instruct")
        const download = () => test.inWindow(item => item.visible && item.primary === true && String(item.text).startsWith("Download"))
        tryVerify(() => download() !== null)
        compare(stage.requestsServed(), 0)
        download().clicked()
        tryVerify(() => stage.requestsServed() === 1)
        tryVerify(() => test.state(test.app.library.smallest) === PublishedFiles.Running)
        // What it waits for is said here as in the library.
        tryVerify(() => test.app.library.row(test.app.library.smallest).secondsLeft > 0, 10000)
        tryVerify(() => test.inWindow(item => item.visible && item instanceof DownloadWords && item.text.split(" · ").length === 3) !== null, 10000, "what came, how fast, and how long it takes")
        test.app.library.cancel(test.app.library.smallest)
        tryVerify(() => test.state(test.app.library.smallest) === PublishedFiles.NotHere)
        stage.serveModels(4096, 503)
        download().clicked()
        tryVerify(() => test.inWindow(item => item.visible && item instanceof DownloadWords && item.text.startsWith("No connection · next try in")) !== null, 10000)
        test.app.library.cancel(test.app.library.smallest)
        tryVerify(() => test.state(test.app.library.smallest) === PublishedFiles.NotHere)
    }
    // Reached by keys, said to readers, with its size and its licence before anything is fetched.
    function test_8_aModelWithoutItsVisionFileGetsThatAlone(): void {
        const eyes = 4, half = 445053056
        const model = stage.putModel(eyes)
        compare(test.app.library.row(eyes).name, "Qwen3-VL-2B-Instruct")
        stage.serveModels(4096, 200)
        test.app.library.look()
        tryVerify(() => test.app.library.row(eyes).halfMissing)
        test.window.openLibrary()
        tryVerify(() => test.rowOf(eyes) !== null && test.buttonOf(eyes, "Download 445\u00a0MB") !== null)
        verify(test.rowOf(eyes).Accessible.name.includes("Here, but its vision file is missing: it reads text only"))
        verify(test.find(test.rowOf(eyes), item => item.text === "Apache-2.0" && item.visible) !== null)
        verify(test.buttonOf(eyes, "Use it") !== null)
        const button = test.buttonOf(eyes, "Download 445\u00a0MB")
        compare(button.Accessible.name, "Download the vision file, 445\u00a0MB: Qwen3-VL-2B-Instruct Q4_K_M")
        test.app.settings.offline = true
        verify(!button.enabled)
        test.app.settings.offline = false
        for (let i = 0; i < 80 && !button.activeFocus; ++i)
            stage.key(test.window, Qt.Key_Tab)
        verify(button.activeFocus)
        compare(stage.requestsServed(), 0)
        stage.key(test.window, Qt.Key_Space)
        tryVerify(() => test.state(eyes) === PublishedFiles.Running && test.app.library.row(eyes).done > 0, 10000)
        compare(test.app.library.row(eyes).total, half)
        test.buttonOf(eyes, "Cancel; what came is removed").clicked()
        tryVerify(() => test.buttonOf(eyes, "Download 445\u00a0MB") !== null)
        test.window.closePopups()

        // It is loaded without the file, which comes then: it is loaded again by a button, here as in the image pane.
        test.app.library.load(eyes)
        tryCompare(test.app.chat.model, "state", ModelSession.Ready)
        compare(test.app.chat.model.path, model)
        const shown = text => test.inWindow(item => item.visible && item.text === text && item.clicked !== undefined)
        test.window.showPane(Application.ImagePane)
        tryVerify(() => shown("Where to get it…") !== null)
        shown("Where to get it…").clicked()
        tryVerify(() => test.inWindow(item => item.visible && String(item.text).startsWith("The model is here without its vision file")) !== null)
        verify(test.inWindow(item => item.visible && item.text === "mmproj-Qwen3-VL-2B-Instruct-Q8_0.gguf") !== null)
        verify(test.inWindow(item => item.visible && item.text === "ggml-org/Qwen3-VL-2B-Instruct-GGUF") !== null)
        verify(shown("Download 445\u00a0MB") !== null)
        test.window.closePopups()
        const other = stage.putHalf(eyes)
        test.app.library.look()
        tryVerify(() => shown("Load it again") !== null)
        test.window.openLibrary()
        tryVerify(() => test.rowOf(eyes) !== null && test.buttonOf(eyes, "Load it again") !== null)
        verify(test.rowOf(eyes).Accessible.name.includes("Here, but it was loaded without its vision file"))
        stage.setSeeing(true)
        test.buttonOf(eyes, "Load it again").clicked()
        tryVerify(() => test.app.chat.model.sees)
        tryVerify(() => test.rowOf(eyes).Accessible.name.includes("Here, and loaded"))
        verify(test.buttonOf(eyes, "Load it again") === null)
        stage.setSeeing(false)
        test.window.closePopups()
        verify(shown("Load it again") === null)
        test.app.chat.model.unload()
        stage.removeFile(model)
        stage.removeFile(other)
        test.app.library.look()
        tryVerify(() => test.state(eyes) === PublishedFiles.NotHere)
        test.window.showPane(Application.ChatPane)
    }
    // The dialog's buttons stand over the page: what was scrolled up goes under them.
    function test_9_aScrolledPageDoesNotRunIntoTheButtonsOverIt(): void {
        test.window.openLibrary()
        const page = () => test.inWindow(item => item.visible && item instanceof SettingsPage)
        tryVerify(() => page() !== null && page().contentHeight > page().height + 200)
        const close = test.inWindow(item => item.visible && item.iconName === "close" && item.text === "Close")
        const at = close.mapToItem(null, close.width / 2, close.height / 2)
        const cover = () => test.inWindow(item => item instanceof Rectangle && item.visible && item.color === Theme.color.canvas && item.height === Theme.rowBar
            && item.mapToItem(null, 0, 0).x <= at.x && item.mapToItem(null, item.width, 0).x >= at.x)
        verify(cover() === null)
        page().contentY = 200
        tryVerify(() => cover() !== null)
        verify(cover().mapToItem(null, 0, cover().height).y >= close.mapToItem(null, 0, close.height).y)
        // A control that gets the keyboard is not under it.
        let n = 0
        for (let i = 0; i < 60; ++i) {
            stage.key(test.window, i < 30 ? Qt.Key_Tab : Qt.Key_Backtab)
            const item = test.window.activeFocusItem
            if (item === null || cover() === null || test.find(page(), other => other === item) === null)
                continue
            verify(item.mapToItem(null, 0, 0).y >= cover().mapToItem(null, 0, cover().height).y, item.text)
            ++n
        }
        verify(n > 5)
        test.window.closePopups()
    }
    function test_9_aWindowThatGetsNarrowPutsControlsBelowTheirWords(): void {
        test.window.openNetwork()
        const rows = []
        tryVerify(() => {
            rows.length = 0
            test.inWindow(item => {
                if (item.visible && item instanceof SettingRow)
                    rows.push(item)
                return false
            })
            return rows.length >= 3
        })
        verify(!rows[0].stacked)
        test.window.width = 480
        tryVerify(() => rows.every(row => row.stacked))
        for (const row of rows)
            tryVerify(() => row.children[2].y >= row.children[0].y + row.children[0].height, 1000, row.name)
        test.window.closePopups()
    }
    function test_7_everyControlOfTheNewPagesHasANameAndIsReachedByTab(): void {
        for (const isLibrary of [true, false]) {
            isLibrary ? test.window.openLibrary() : test.window.openNetwork()
            const shown = () => test.inWindow(item => item.visible && item instanceof SettingsPage)
            tryVerify(() => shown() !== null)
            wait(50)
            const reached = new Set()
            for (let i = 0; i < 80; ++i) {
                stage.key(test.window, Qt.Key_Tab)
                if (test.window.activeFocusItem !== null)
                    reached.add(test.window.activeFocusItem)
            }
            let n = 0
            const visit = item => {
                for (let i = 0; i < item.children.length; ++i) {
                    const child = item.children[i]
                    if (!child.visible)
                        continue
                    if (child.clicked !== undefined && child.enabled && child.text !== undefined && child.iconName !== undefined) {
                        verify(child.Accessible.name.length > 0)
                        verify(reached.has(child), child.text)
                        ++n
                    }
                    visit(child)
                }
            }
            visit(shown())
            verify(!isLibrary || n > 8)
        }
    }
}
