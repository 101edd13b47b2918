import QtQuick
import Pio.App
import Pio.Ui

/*! How far a published file is on its way here, how fast it comes, and what it waits for. */
Words {
    id: root

    required property int phase     // PublishedFiles.State
    required property double done
    required property double total
    required property double rate
    required property double secondsLeft
    required property bool stalled
    required property int secondsToTry

    function say(): string {
        const came = Figures.bytesOf(root.done, root.total)
        if (root.phase === PublishedFiles.Waiting)
            return qsTr("Waits for its turn")
        if (root.phase === PublishedFiles.Paused)
            return qsTr("Paused · %1").arg(came)
        if (root.phase === PublishedFiles.Checking)
            return qsTr("Checking what is here · %1").arg(came)
        if (root.secondsToTry > 0)
            return qsTr("No connection · next try in %1 · %2").arg(Figures.seconds(root.secondsToTry)).arg(came)
        if (root.stalled)
            return qsTr("Nothing came for 10 s · %1").arg(came)
        if (root.rate <= 0)
            return came
        return root.secondsLeft > 0 ? qsTr("%1 · %2 · %3").arg(came).arg(Figures.rate(root.rate)).arg(Figures.timeLeft(root.secondsLeft))
                                    : qsTr("%1 · %2").arg(came).arg(Figures.rate(root.rate))
    }

    role: Theme.small
    wrapMode: Text.Wrap
    text: root.say()
    color: root.stalled || root.secondsToTry > 0 ? Theme.color.warn : Theme.color.text2
}
