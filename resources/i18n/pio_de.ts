<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE" sourcelanguage="en">
<context>
    <name>AboutPage</name>
    <message>
        <source>inside the program</source>
        <translation>im Programm enthalten</translation>
    </message>
    <message>
        <source>inside the module for NVIDIA&apos;s cards</source>
        <translation>im Modul für Karten von NVIDIA enthalten</translation>
    </message>
    <message>
        <source>a library of the system</source>
        <translation>eine Bibliothek des Systems</translation>
    </message>
    <message>
        <source>a font</source>
        <translation>eine Schrift</translation>
    </message>
    <message>
        <source>this program</source>
        <translation>dieses Programm</translation>
    </message>
    <message>
        <source>Inference-PIO %1</source>
        <translation>Inference-PIO %1</translation>
    </message>
    <message>
        <source>An assistant whose model runs inside the program, on this computer. Nothing you type leaves it.</source>
        <translation>Ein Assistent, dessen Modell im Programm läuft, auf diesem Computer. Nichts von dem, was Sie schreiben, verlässt ihn.</translation>
    </message>
    <message>
        <source>Parts and their licences</source>
        <translation>Bestandteile und ihre Lizenzen</translation>
    </message>
    <message>
        <source>%1; %2</source>
        <comment>a holder of rights, what the part is</comment>
        <translation>%1; %2</translation>
    </message>
    <message>
        <source>Licence of %1: %2</source>
        <translation>Lizenz von %1: %2</translation>
    </message>
</context>
<context>
    <name>AnswerFooter</name>
    <message>
        <source>%1 · first word %2 s</source>
        <translation>%1 · erstes Wort nach %2 s</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 von %2</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
    <message>
        <source>Copy the answer</source>
        <translation>Antwort kopieren</translation>
    </message>
    <message>
        <source>Answer again</source>
        <translation>Neu antworten</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
    <message>
        <source>Copy with what was thought</source>
        <translation>Mit den Gedanken kopieren</translation>
    </message>
    <message>
        <source>Edit the question…</source>
        <translation>Frage bearbeiten …</translation>
    </message>
    <message>
        <source>Delete from here</source>
        <translation>Ab hier löschen</translation>
    </message>
</context>
<context>
    <name>AppearancePage</name>
    <message>
        <source>Appearance</source>
        <translation>Darstellung</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>Farben</translation>
    </message>
    <message>
        <source>System follows the desktop&apos;s light or dark</source>
        <translation>„System“ richtet sich nach Hell oder Dunkel der Arbeitsfläche</translation>
    </message>
    <message>
        <source>System</source>
        <translation>System</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <source>Contrast</source>
        <translation>Kontrast</translation>
    </message>
    <message>
        <source>Text size</source>
        <translation>Schriftgröße</translation>
    </message>
    <message>
        <source>Of messages, code and tables. Ctrl and plus, minus or zero do the same</source>
        <translation>Von Nachrichten, Code und Tabellen. Strg mit Plus, Minus oder Null bewirkt dasselbe</translation>
    </message>
    <message>
        <source>Less motion</source>
        <translation>Weniger Bewegung</translation>
    </message>
    <message>
        <source>Nothing slides, fades or blinks</source>
        <translation>Nichts gleitet, blendet über oder blinkt</translation>
    </message>
    <message>
        <source>Enter sends</source>
        <translation>Eingabetaste sendet</translation>
    </message>
    <message>
        <source>Shift+Enter begins a new line</source>
        <translation>Umschalt+Eingabe beginnt eine neue Zeile</translation>
    </message>
    <message>
        <source>Enter begins a new line, Ctrl+Enter sends</source>
        <translation>Eingabe beginnt eine neue Zeile, Strg+Eingabe sendet</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Sprache</translation>
    </message>
    <message>
        <source>Of the window. Models answer in the language they are asked in</source>
        <translation>Des Fensters. Modelle antworten in der Sprache, in der sie gefragt werden</translation>
    </message>
</context>
<context>
    <name>BlindBanner</name>
    <message>
        <source>%1 sees with a second file, mmproj-….gguf, which does not lie beside it.</source>
        <translation>%1 sieht mit Hilfe einer zweiten Datei, mmproj-….gguf, die nicht daneben liegt.</translation>
    </message>
    <message>
        <source>%1 cannot see pictures. %2 can.</source>
        <translation>%1 kann keine Bilder sehen. %2 kann es.</translation>
    </message>
    <message>
        <source>Pictures need a model that sees: %1.</source>
        <translation>Für Bilder braucht es ein Modell, das sieht: %1.</translation>
    </message>
    <message>
        <source>There may be too little memory for it.</source>
        <translation>Der Speicher reicht dafür vielleicht nicht.</translation>
    </message>
    <message>
        <source>%1 goes for that time; its chats are kept.</source>
        <translation>%1 wird so lange entladen; was es von den Chats gelesen hat, bleibt erhalten.</translation>
    </message>
    <message>
        <source>Switch to %1, ≈ %2</source>
        <translation>Zu %1 wechseln, ≈ %2</translation>
    </message>
    <message>
        <source>Switch to %1</source>
        <translation>Zu %1 wechseln</translation>
    </message>
    <message>
        <source>Where to get it…</source>
        <translation>Wo es zu bekommen ist …</translation>
    </message>
    <message>
        <source>Get %1…</source>
        <translation>%1 holen …</translation>
    </message>
    <message>
        <source>%1 was loaded without the file that it sees with, which is here now.</source>
        <translation>%1 wurde ohne die Datei geladen, mit der es sieht; jetzt ist sie da.</translation>
    </message>
    <message>
        <source>Load it again</source>
        <translation>Neu laden</translation>
    </message>
</context>
<context>
    <name>ChangeList</name>
    <message>
        <source>No new syntax errors</source>
        <translation>Keine neuen Syntaxfehler</translation>
    </message>
    <message numerus="yes">
        <source>Would add %Ln syntax errors:</source>
        <translation>
            <numerusform>Ein Syntaxfehler käme hinzu:</numerusform>
            <numerusform>%Ln Syntaxfehler kämen hinzu:</numerusform>
        </translation>
    </message>
    <message>
        <source>Syntax not checked: no grammar for this language</source>
        <translation>Syntax nicht geprüft: keine Grammatik für diese Sprache</translation>
    </message>
    <message>
        <source>Syntax not checked: the file is too long</source>
        <translation>Syntax nicht geprüft: Die Datei ist zu lang</translation>
    </message>
    <message>
        <source>Checking the syntax</source>
        <translation>Syntax wird geprüft</translation>
    </message>
    <message>
        <source>line %1: “%2” is missing</source>
        <translation>Zeile %1: „%2“ fehlt</translation>
    </message>
    <message>
        <source>line %1: “%2”</source>
        <translation>Zeile %1: „%2“</translation>
    </message>
    <message>
        <source>line %1</source>
        <translation>Zeile %1</translation>
    </message>
    <message>
        <source>Proposed changes</source>
        <translation>Vorgeschlagene Änderungen</translation>
    </message>
    <message>
        <source>Change %1</source>
        <translation>Änderung %1</translation>
    </message>
    <message>
        <source>%1, line %2, %3 added, %4 removed, %5</source>
        <translation>%1, Zeile %2, %3 hinzugefügt, %4 entfernt, %5</translation>
    </message>
    <message>
        <source>accepted</source>
        <translation>angenommen</translation>
    </message>
    <message>
        <source>rejected</source>
        <translation>abgelehnt</translation>
    </message>
    <message>
        <source>open</source>
        <translation>offen</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Verwerfen</translation>
    </message>
    <message numerus="yes">
        <source>Accept all %Ln</source>
        <translation>
            <numerusform>Annehmen</numerusform>
            <numerusform>Alle %Ln annehmen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Accept the other %Ln</source>
        <translation>
            <numerusform>Die andere annehmen</numerusform>
            <numerusform>Die anderen %Ln annehmen</numerusform>
        </translation>
    </message>
    <message>
        <source>Apply all the same</source>
        <translation>Trotzdem anwenden</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>Anwenden</translation>
    </message>
    <message>
        <source>Write the accepted changes to the file</source>
        <translation>Angenommene Änderungen in die Datei schreiben</translation>
    </message>
</context>
<context>
    <name>ChatHeader</name>
    <message>
        <source>New chat</source>
        <translation>Neuer Chat</translation>
    </message>
    <message>
        <source>Show or hide the chats</source>
        <translation>Chats ein- oder ausblenden</translation>
    </message>
    <message>
        <source>Title of the chat</source>
        <translation>Titel des Chats</translation>
    </message>
    <message>
        <source>Find in this chat</source>
        <translation>In diesem Chat suchen</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>Umbenennen</translation>
    </message>
    <message>
        <source>System prompt…</source>
        <translation>Systemprompt …</translation>
    </message>
    <message>
        <source>Save as Markdown…</source>
        <translation>Als Markdown speichern …</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
</context>
<context>
    <name>CodeAnswers</name>
    <message>
        <source>Questions and answers about the file</source>
        <translation>Fragen und Antworten zur Datei</translation>
    </message>
</context>
<context>
    <name>CodeBlock</name>
    <message>
        <source>Places as they were written</source>
        <translation>Stellen, wie sie geschrieben wurden</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>Code</translation>
    </message>
    <message>
        <source>Show less</source>
        <translation>Weniger anzeigen</translation>
    </message>
    <message numerus="yes">
        <source>Show all %Ln lines</source>
        <translation>
            <numerusform>%Ln Zeile anzeigen</numerusform>
            <numerusform>Alle %Ln Zeilen anzeigen</numerusform>
        </translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
    <message>
        <source>Copy the code</source>
        <translation>Code kopieren</translation>
    </message>
</context>
<context>
    <name>CodeComposer</name>
    <message>
        <source>line %1</source>
        <translation>Zeile %1</translation>
    </message>
    <message>
        <source>lines %1 to %2</source>
        <translation>Zeilen %1 bis %2</translation>
    </message>
    <message>
        <source>Queued · loading</source>
        <translation>In Warteschlange · lädt</translation>
    </message>
    <message>
        <source>Queued</source>
        <translation>In Warteschlange</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Angehalten</translation>
    </message>
    <message>
        <source>Reading %1 of %2</source>
        <translation>Liest %1 von %2</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>Liest</translation>
    </message>
    <message>
        <source>Thinking · %1</source>
        <translation>Denkt nach · %1</translation>
    </message>
    <message numerus="yes">
        <source>Writing · %Ln tokens</source>
        <translation>
            <numerusform>Schreibt · %Ln Token</numerusform>
            <numerusform>Schreibt · %Ln Token</numerusform>
        </translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>Hält an</translation>
    </message>
    <message>
        <source>Comparing</source>
        <translation>Vergleicht</translation>
    </message>
    <message>
        <source>Saving</source>
        <translation>Speichert</translation>
    </message>
    <message>
        <source>Ask about %1</source>
        <translation>Frage zu: %1</translation>
    </message>
    <message>
        <source>Explain</source>
        <translation>Erklären</translation>
    </message>
    <message>
        <source>Explain %1</source>
        <translation>Erklären: %1</translation>
    </message>
    <message>
        <source>Fix</source>
        <translation>Korrigieren</translation>
    </message>
    <message>
        <source>Fix %1</source>
        <translation>Korrigieren: %1</translation>
    </message>
    <message>
        <source>Think</source>
        <translation>Nachdenken</translation>
    </message>
    <message>
        <source>Think before the answer</source>
        <translation>Vor der Antwort nachdenken</translation>
    </message>
    <message>
        <source>Think before the answer: slower, better at hard questions</source>
        <translation>Vor der Antwort nachdenken: langsamer, bei schwierigen Fragen besser</translation>
    </message>
    <message>
        <source>Write</source>
        <translation>Ändern</translation>
    </message>
    <message>
        <source>Propose a change of %1 in these words</source>
        <translation>Mit diesen Worten eine Änderung vorschlagen lassen: %1</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Ask</source>
        <translation>Fragen</translation>
    </message>
</context>
<context>
    <name>CodeLine</name>
    <message>
        <source>Added, line %1: %2</source>
        <translation>Hinzugefügt, Zeile %1: %2</translation>
    </message>
    <message>
        <source>Removed, line %1: %2</source>
        <translation>Entfernt, Zeile %1: %2</translation>
    </message>
    <message>
        <source>Line %1: %2</source>
        <translation>Zeile %1: %2</translation>
    </message>
</context>
<context>
    <name>CodePane</name>
    <message>
        <source>Show or hide the chats</source>
        <translation>Chats ein- oder ausblenden</translation>
    </message>
    <message>
        <source>%1 /</source>
        <comment>a folder before a file&apos;s name</comment>
        <translation>%1 /</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>Code</translation>
    </message>
    <message numerus="yes">
        <source>%Ln changes proposed</source>
        <translation>
            <numerusform>%Ln Änderung vorgeschlagen</numerusform>
            <numerusform>%Ln Änderungen vorgeschlagen</numerusform>
        </translation>
    </message>
    <message>
        <source>Undo what was written to the file</source>
        <translation>Rückgängig machen, was in die Datei geschrieben wurde</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>Kein Modell</translation>
    </message>
    <message>
        <source>choose one</source>
        <translation>eines wählen</translation>
    </message>
    <message>
        <source>Open a file</source>
        <translation>Datei öffnen</translation>
    </message>
    <message>
        <source>Open a file and ask about it</source>
        <translation>Eine Datei öffnen und dazu fragen</translation>
    </message>
    <message>
        <source>Select lines to explain, fix or rewrite. You see every change before it is written, and can take it back.</source>
        <translation>Zeilen markieren, um sie erklären, korrigieren oder umschreiben zu lassen. Jede Änderung ist zu sehen, bevor sie geschrieben wird, und lässt sich zurücknehmen.</translation>
    </message>
    <message>
        <source>Open a file…</source>
        <translation>Datei öffnen …</translation>
    </message>
    <message numerus="yes">
        <source>%Ln changes were written to %1</source>
        <translation>
            <numerusform>%Ln Änderung wurde in %1 geschrieben</numerusform>
            <numerusform>%Ln Änderungen wurden in %1 geschrieben</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln lines</source>
        <comment>a language</comment>
        <translation>
            <numerusform>%1, %Ln Zeile</numerusform>
            <numerusform>%1, %Ln Zeilen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln lines</source>
        <translation>
            <numerusform>%Ln Zeile</numerusform>
            <numerusform>%Ln Zeilen</numerusform>
        </translation>
    </message>
    <message>
        <source>Select lines with the mouse or with Shift and the arrow keys. Without a selection, questions are about the whole file.</source>
        <translation>Zeilen mit der Maus oder mit Umschalt und den Pfeiltasten markieren. Ohne Markierung gelten Fragen der ganzen Datei.</translation>
    </message>
    <message>
        <source>The file is long: lines %1 to %2 of %3 were shown to the model.</source>
        <translation>Die Datei ist lang: Das Modell bekam die Zeilen %1 bis %2 von %3 zu sehen.</translation>
    </message>
</context>
<context>
    <name>CodeView</name>
    <message>
        <source>%1, lines %2 to %3 selected</source>
        <translation>%1, Zeilen %2 bis %3 markiert</translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln lines</source>
        <comment>a file</comment>
        <translation>
            <numerusform>%1, %Ln Zeile</numerusform>
            <numerusform>%1, %Ln Zeilen</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Composer</name>
    <message>
        <source>Ask anything once a model is here</source>
        <translation>Fragen, sobald ein Modell da ist</translation>
    </message>
    <message>
        <source>Ask anything</source>
        <translation>Frage stellen</translation>
    </message>
    <message>
        <source>Ask anything — it stays on this computer</source>
        <translation>Frage stellen – sie bleibt auf diesem Computer</translation>
    </message>
    <message>
        <source>Your message</source>
        <translation>Ihre Nachricht</translation>
    </message>
    <message>
        <source>Choose pictures…</source>
        <translation>Bilder wählen …</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>Kein Modell</translation>
    </message>
    <message>
        <source>choose one</source>
        <translation>eines wählen</translation>
    </message>
    <message>
        <source>Think</source>
        <translation>Nachdenken</translation>
    </message>
    <message>
        <source>Think first</source>
        <translation>Nachdenken</translation>
    </message>
    <message>
        <source>Think before the answer</source>
        <translation>Vor der Antwort nachdenken</translation>
    </message>
    <message>
        <source>Think before the answer: slower, better at hard questions</source>
        <translation>Vor der Antwort nachdenken: langsamer, bei schwierigen Fragen besser</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>Senden</translation>
    </message>
</context>
<context>
    <name>DeleteModelDialog</name>
    <message>
        <source>Delete %1?</source>
        <translation>%1 löschen?</translation>
    </message>
    <message>
        <source>%1 of the disk become free. Conversations stay; the file can be fetched again.</source>
        <translation>%1 auf der Platte werden frei. Unterhaltungen bleiben; die Datei lässt sich wieder herunterladen.</translation>
    </message>
    <message>
        <source>Keep it</source>
        <translation>Behalten</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
</context>
<context>
    <name>DetailPicker</name>
    <message>
        <source>Low</source>
        <comment>detail of a picture</comment>
        <translation>Grob</translation>
    </message>
    <message>
        <source>Normal</source>
        <comment>detail of a picture</comment>
        <translation>Mittel</translation>
    </message>
    <message>
        <source>Full</source>
        <comment>detail of a picture</comment>
        <translation>Fein</translation>
    </message>
    <message numerus="yes">
        <source>≈ %Ln tokens</source>
        <translation>
            <numerusform>≈ %Ln Token</numerusform>
            <numerusform>≈ %Ln Token</numerusform>
        </translation>
    </message>
    <message>
        <source>below 1 s</source>
        <translation>unter 1 s</translation>
    </message>
    <message>
        <source>≈ %1</source>
        <translation>≈ %1</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <comment>the tokens of a detail, its seconds</comment>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>a choice, what is chosen</comment>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>Detail of the pictures</source>
        <translation>Genauigkeit der Bilder</translation>
    </message>
</context>
<context>
    <name>DeviceBar</name>
    <message>
        <source>GPU, %1</source>
        <translation>GPU, %1</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>nothing of this model</source>
        <translation>nichts von diesem Modell</translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln layers and %2 experts</source>
        <comment>memory; the last number counts experts</comment>
        <translation>
            <numerusform>%1, %Ln Schicht und %2 Experten</numerusform>
            <numerusform>%1, %Ln Schichten und %2 Experten</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln layers</source>
        <comment>memory</comment>
        <translation>
            <numerusform>%1, %Ln Schicht</numerusform>
            <numerusform>%1, %Ln Schichten</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 needed</source>
        <translation>%1 nötig</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>a device, what lies there</comment>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>DevicesNote</name>
    <message>
        <source>Looking for graphics cards…</source>
        <translation>Grafikkarten werden gesucht …</translation>
    </message>
</context>
<context>
    <name>Doctor</name>
    <message>
        <source>%1 GB/s</source>
        <translation>%1 GB/s</translation>
    </message>
    <message>
        <source>%1 tok/s</source>
        <translation>%1 Token/s</translation>
    </message>
    <message>
        <source>all of it in memory</source>
        <translation>ganz im Speicher</translation>
    </message>
    <message>
        <source>part of it read from the disk for every step</source>
        <translation>teils bei jedem Schritt von der Platte gelesen</translation>
    </message>
    <message>
        <source>some of its experts in memory, the others on the disk</source>
        <translation>einige Experten im Speicher, die anderen auf der Platte</translation>
    </message>
    <message>
        <source>The processor computes</source>
        <translation>Der Prozessor rechnet</translation>
    </message>
    <message>
        <source>No device can compute</source>
        <translation>Kein Gerät kann rechnen</translation>
    </message>
    <message>
        <source>Install the program again.</source>
        <translation>Installieren Sie das Programm neu.</translation>
    </message>
    <message>
        <source>Use a computer whose processor has AVX2: this one is computed for without its vectors.</source>
        <translation>Verwenden Sie einen Computer, dessen Prozessor AVX2 hat: Auf diesem wird ohne Vektoren gerechnet.</translation>
    </message>
    <message>
        <source>Nothing to do: no graphics card was found that it could drive.</source>
        <translation>Nichts zu tun: Es wurde keine Grafikkarte gefunden, mit der es umgehen könnte.</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>Speicher</translation>
    </message>
    <message>
        <source>%1 free of %2.</source>
        <translation>%1 von %2 frei.</translation>
    </message>
    <message>
        <source>Weights are read from it at %1.</source>
        <translation>Gewichte werden daraus mit %1 gelesen.</translation>
    </message>
    <message>
        <source>Its speed was not measured, because a model is computing.</source>
        <translation>Die Geschwindigkeit wurde nicht gemessen, weil ein Modell rechnet.</translation>
    </message>
    <message>
        <source>Little memory is free</source>
        <translation>Wenig Speicher ist frei</translation>
    </message>
    <message>
        <source>Close other programs, or choose a smaller model.</source>
        <translation>Schließen Sie andere Programme oder wählen Sie ein kleineres Modell.</translation>
    </message>
    <message>
        <source>%1 is loaded</source>
        <translation>%1 ist geladen</translation>
    </message>
    <message>
        <source>Weights %1, conversations %2.</source>
        <translation>Gewichte %1, Unterhaltungen %2.</translation>
    </message>
    <message>
        <source>Choose a smaller model or quantization: every step waits for the disk.</source>
        <translation>Wählen Sie ein kleineres Modell oder eine kleinere Quantisierung: Jeder Schritt wartet auf die Platte.</translation>
    </message>
    <message>
        <source>Ask it something, then look again: its speed is measured with an answer.</source>
        <translation>Fragen Sie es etwas und sehen Sie dann nochmals nach: Die Geschwindigkeit wird mit einer Antwort gemessen.</translation>
    </message>
    <message>
        <source>The last answer came at %1.</source>
        <translation>Die letzte Antwort kam mit %1.</translation>
    </message>
    <message>
        <source>Memory could give %1, so %2 % of it was reached.</source>
        <translation>Der Speicher gäbe %1 her, davon wurden %2 % erreicht.</translation>
    </message>
    <message>
        <source>Close programs that compute, and plug the computer in: something takes the rest.</source>
        <translation>Schließen Sie rechnende Programme und stecken Sie den Computer an: Etwas nimmt den Rest.</translation>
    </message>
    <message>
        <source>%1 fits</source>
        <translation>%1 passt</translation>
    </message>
    <message>
        <source>It takes %1 and is expected to write %2.</source>
        <translation>Es braucht %1 und schreibt voraussichtlich %2.</translation>
    </message>
    <message>
        <source>%1 cannot be loaded</source>
        <translation>%1 kann nicht geladen werden</translation>
    </message>
    <message>
        <source>Choose a shorter context or a smaller quantization.</source>
        <translation>Wählen Sie einen kürzeren Kontext oder eine kleinere Quantisierung.</translation>
    </message>
    <message>
        <source>Get the file again: it may be damaged.</source>
        <translation>Holen Sie die Datei neu: Sie ist vielleicht beschädigt.</translation>
    </message>
    <message>
        <source>There is no model yet</source>
        <translation>Es gibt noch kein Modell</translation>
    </message>
    <message>
        <source>Without one nothing is answered.</source>
        <translation>Ohne eines wird nichts beantwortet.</translation>
    </message>
    <message>
        <source>Open a model file, or get one.</source>
        <translation>Öffnen Sie die Datei eines Modells oder holen Sie eine.</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>Platte</translation>
    </message>
    <message>
        <source>%1 free of %2 (%3), for %4.</source>
        <translation>%1 von %2 frei (%3), für %4.</translation>
    </message>
    <message>
        <source>Nothing can be written</source>
        <translation>Es kann nichts geschrieben werden</translation>
    </message>
    <message>
        <source>Make the folder yours, or start the program with another one (--data).</source>
        <translation>Machen Sie den Ordner zu Ihrem oder starten Sie das Programm mit einem anderen (--data).</translation>
    </message>
    <message>
        <source>The conversations lie on a network drive</source>
        <translation>Die Unterhaltungen liegen auf einem Netzlaufwerk</translation>
    </message>
    <message>
        <source>Start the program with a folder on this computer (--data): a network drive can damage the history.</source>
        <translation>Starten Sie das Programm mit einem Ordner auf diesem Computer (--data): Ein Netzlaufwerk kann den Verlauf beschädigen.</translation>
    </message>
    <message>
        <source>The disk is nearly full</source>
        <translation>Die Platte ist fast voll</translation>
    </message>
    <message>
        <source>Make room: Storage says what can go.</source>
        <translation>Schaffen Sie Platz: Unter „Speicherplatz“ steht, was weg kann.</translation>
    </message>
    <message>
        <source>System</source>
        <translation>System</translation>
    </message>
    <message>
        <source>Kernel</source>
        <translation>Systemkern</translation>
    </message>
    <message>
        <source>The window</source>
        <translation>Das Fenster</translation>
    </message>
    <message>
        <source>It is drawn by the graphics card (%1).</source>
        <translation>Es wird von der Grafikkarte gezeichnet (%1).</translation>
    </message>
    <message>
        <source>It is drawn by the processor (%1), which costs little while nothing moves.</source>
        <translation>Es wird vom Prozessor gezeichnet (%1), was wenig kostet, solange sich nichts bewegt.</translation>
    </message>
    <message>
        <source>A font is missing</source>
        <translation>Eine Schrift fehlt</translation>
    </message>
    <message>
        <source>Not found: %1.</source>
        <translation>Nicht gefunden: %1.</translation>
    </message>
    <message>
        <source>Install the packages fonts-inter and fonts-jetbrains-mono.</source>
        <translation>Installieren Sie die Pakete fonts-inter und fonts-jetbrains-mono.</translation>
    </message>
    <message>
        <source>Code is shown without colours</source>
        <translation>Code wird ohne Farben gezeigt</translation>
    </message>
    <message>
        <source>This build has no grammars.</source>
        <translation>Dieses Programm wurde ohne Grammatiken gebaut.</translation>
    </message>
    <message>
        <source>Use a package that was built with them (installer/fetch_grammars.sh).</source>
        <translation>Verwenden Sie ein Paket, das mit ihnen gebaut wurde (installer/fetch_grammars.sh).</translation>
    </message>
    <message>
        <source>Log file</source>
        <translation>Protokolldatei</translation>
    </message>
    <message numerus="yes">
        <source>It runs on %1 with %Ln threads, %2.</source>
        <translation>
            <numerusform>Es läuft auf %1 mit %Ln Thread, %2.</numerusform>
            <numerusform>Es läuft auf %1 mit %Ln Threads, %2.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln threads.</source>
        <translation>
            <numerusform>%1, %Ln Thread.</numerusform>
            <numerusform>%1, %Ln Threads.</numerusform>
        </translation>
    </message>
    <message>
        <source>GPU, %1</source>
        <translation>GPU, %1</translation>
    </message>
    <message>
        <source>%1: %2 free of %3.</source>
        <comment>a device, bytes, bytes</comment>
        <translation>%1: %2 von %3 frei.</translation>
    </message>
    <message>
        <source>It is no card, but a program on the CPU, for tests.</source>
        <translation>Sie ist keine Karte, sondern ein Programm auf der CPU, für Tests.</translation>
    </message>
    <message>
        <source>Choose it on the page Model, to offload layers and experts to it.</source>
        <translation>Wählen Sie sie auf der Seite „Modell“, um Schichten und Experten auf sie auszulagern.</translation>
    </message>
    <message>
        <source>Nothing to do: cards of NVIDIA run through Vulkan too.</source>
        <translation>Nichts zu tun: Karten von NVIDIA laufen auch über Vulkan.</translation>
    </message>
    <message>
        <source>Install the program again: its part for graphics cards is missing.</source>
        <translation>Installieren Sie das Programm neu: Sein Teil für Grafikkarten fehlt.</translation>
    </message>
    <message>
        <source>Install the program again, so that all its parts are of one version.</source>
        <translation>Installieren Sie das Programm neu, damit alle seine Teile von einer Version sind.</translation>
    </message>
    <message>
        <source>Install the package libvulkan1.</source>
        <translation>Installieren Sie das Paket libvulkan1.</translation>
    </message>
    <message>
        <source>Install the Vulkan driver of the graphics card (mesa-vulkan-drivers, or NVIDIA&apos;s).</source>
        <translation>Installieren Sie den Vulkan-Treiber der Grafikkarte (mesa-vulkan-drivers oder den von NVIDIA).</translation>
    </message>
    <message>
        <source>Update the driver of the graphics card.</source>
        <translation>Aktualisieren Sie den Treiber der Grafikkarte.</translation>
    </message>
    <message>
        <source>Nothing to do: the CPU computes instead of it.</source>
        <translation>Nichts zu tun: An ihrer Stelle rechnet die CPU.</translation>
    </message>
    <message>
        <source>Nothing to do: it is no card, but a program on the CPU.</source>
        <translation>Nichts zu tun: Sie ist keine Karte, sondern ein Programm auf der CPU.</translation>
    </message>
    <message>
        <source>Nothing to do: the card is used under its other name.</source>
        <translation>Nichts zu tun: Die Karte wird unter ihrem anderen Namen verwendet.</translation>
    </message>
    <message>
        <source>Update the driver of the graphics card, and restart the computer.</source>
        <translation>Aktualisieren Sie den Treiber der Grafikkarte und starten Sie den Computer neu.</translation>
    </message>
    <message>
        <source>%1 is not used (%2)</source>
        <comment>a device, a code</comment>
        <translation>%1 wird nicht verwendet (%2)</translation>
    </message>
</context>
<context>
    <name>DoctorPage</name>
    <message>
        <source>This computer</source>
        <translation>Dieser Computer</translation>
    </message>
    <message>
        <source>Looking at devices, memory, disk and models…</source>
        <translation>Geräte, Speicher, Platte und Modelle werden angesehen …</translation>
    </message>
    <message>
        <source>Everything is in order.</source>
        <translation>Alles ist in Ordnung.</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>Nochmals nachsehen</translation>
    </message>
    <message>
        <source>Copy as text</source>
        <translation>Als Text kopieren</translation>
    </message>
    <message numerus="yes">
        <source>%Ln things could be better.</source>
        <translation>
            <numerusform>Eine Sache könnte besser sein.</numerusform>
            <numerusform>%Ln Dinge könnten besser sein.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>DownloadWords</name>
    <message>
        <source>Waits for its turn</source>
        <translation>Wartet, bis es an der Reihe ist</translation>
    </message>
    <message>
        <source>Paused · %1</source>
        <translation>Angehalten · %1</translation>
    </message>
    <message>
        <source>Checking what is here · %1</source>
        <translation>Prüft, was da ist · %1</translation>
    </message>
    <message>
        <source>No connection · next try in %1 · %2</source>
        <translation>Keine Verbindung · nächster Versuch in %1 · %2</translation>
    </message>
    <message>
        <source>Nothing came for 10 s · %1</source>
        <translation>Seit 10 s kam nichts · %1</translation>
    </message>
    <message>
        <source>%1 · %2 · %3</source>
        <translation>%1 · %2 · %3</translation>
    </message>
    <message>
        <source>%1 · %2</source>
        <translation>%1 · %2</translation>
    </message>
</context>
<context>
    <name>DropOverlay</name>
    <message>
        <source>Answer with this model</source>
        <translation>Mit diesem Modell antworten</translation>
    </message>
    <message>
        <source>Ask about this picture</source>
        <translation>Zu diesem Bild fragen</translation>
    </message>
    <message>
        <source>Add these chats</source>
        <translation>Diese Chats hinzufügen</translation>
    </message>
    <message>
        <source>Open in the code pane</source>
        <translation>Im Codebereich öffnen</translation>
    </message>
    <message>
        <source>This kind of file cannot be opened</source>
        <translation>Dateien dieser Art lassen sich nicht öffnen</translation>
    </message>
    <message>
        <source>%1: models end in .gguf, exported chats in .json, pictures in .png, .jpg, .webp, .bmp or .tiff, source in what its language uses</source>
        <translation>%1: Modelle enden auf .gguf, exportierte Chats auf .json, Bilder auf .png, .jpg, .webp, .bmp oder .tiff, Quelltexte auf das, was ihre Sprache verwendet</translation>
    </message>
</context>
<context>
    <name>DroppedNote</name>
    <message numerus="yes">
        <source>This chat is longer than the context. The first %Ln messages were left out.</source>
        <translation>
            <numerusform>Dieser Chat ist länger als der Kontext. Die erste Nachricht wurde weggelassen.</numerusform>
            <numerusform>Dieser Chat ist länger als der Kontext. Die ersten %Ln Nachrichten wurden weggelassen.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>EmptyChat</name>
    <message>
        <source>Explain how a heat pump works, in five sentences</source>
        <translation>Erkläre in fünf Sätzen, wie eine Wärmepumpe funktioniert</translation>
    </message>
    <message>
        <source>Write a Python function that sums a column of a CSV file</source>
        <translation>Schreibe eine Python-Funktion, die eine Spalte einer CSV-Datei summiert</translation>
    </message>
    <message>
        <source>Suggest three titles for a talk about bicycle repair</source>
        <translation>Schlage drei Titel für einen Vortrag über Fahrradreparatur vor</translation>
    </message>
    <message>
        <source>Ask anything — it stays on this computer</source>
        <translation>Frage stellen – sie bleibt auf diesem Computer</translation>
    </message>
    <message>
        <source>The model runs here. Nothing you write is sent anywhere.</source>
        <translation>Das Modell läuft hier. Nichts von dem, was Sie schreiben, wird irgendwohin gesendet.</translation>
    </message>
</context>
<context>
    <name>EmptyImage</name>
    <message>
        <source>Drop an image here</source>
        <translation>Ein Bild hierher ziehen</translation>
    </message>
    <message>
        <source>Or paste one with Ctrl+V. Ask what is in it, what is written there, or where something is: places are drawn over the picture. It stays on this computer.</source>
        <translation>Oder mit Strg+V eines einfügen. Fragen Sie, was darauf ist, was dort geschrieben steht oder wo etwas ist: Stellen werden über das Bild gezeichnet. Es bleibt auf diesem Computer.</translation>
    </message>
    <message>
        <source>Choose pictures…</source>
        <translation>Bilder wählen …</translation>
    </message>
</context>
<context>
    <name>ErrorBanner</name>
    <message>
        <source>Try again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <source>Open a model…</source>
        <translation>Modell öffnen …</translation>
    </message>
    <message>
        <source>Use a shorter context</source>
        <translation>Kürzeren Kontext verwenden</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>Neuer Chat</translation>
    </message>
    <message>
        <source>Read it again</source>
        <translation>Neu einlesen</translation>
    </message>
    <message>
        <source>Write all the same</source>
        <translation>Trotzdem schreiben</translation>
    </message>
    <message>
        <source>Show the changes</source>
        <translation>Änderungen anzeigen</translation>
    </message>
    <message>
        <source>Export the chats…</source>
        <translation>Chats exportieren …</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>Ausblenden</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Einzelheiten</translation>
    </message>
    <message>
        <source>Copy the details</source>
        <translation>Einzelheiten kopieren</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Open Storage</source>
        <translation>Speicherplatz öffnen</translation>
    </message>
</context>
<context>
    <name>ExpertStrip</name>
    <message>
        <source>Expected: %1 of those that tokens choose are there, %2 are read from the disk for each token, %3</source>
        <translation>Erwartet: %1 der gewählten Experten sind da, %2 je Token werden von der Platte gelesen, %3</translation>
    </message>
    <message>
        <source>Last answer: %1 were there, %2 for each token at %3 a second, %4, %5 of the time waiting for the disk</source>
        <translation>Letzte Antwort: %1 waren da, %2 je Token mit %3 in der Sekunde, %4, %5 der Zeit Warten auf die Platte</translation>
    </message>
    <message>
        <source>Experts in memory: %1</source>
        <translation>Experten im Speicher: %1</translation>
    </message>
    <message>
        <source>With one more GB for it: %1 would have been there, about %2</source>
        <translation>Mit einem GB mehr dafür: %1 wären da gewesen, etwa %2</translation>
    </message>
</context>
<context>
    <name>Figures</name>
    <message>
        <source>%1 GB</source>
        <translation>%1 GB</translation>
    </message>
    <message>
        <source>%1 MB</source>
        <translation>%1 MB</translation>
    </message>
    <message>
        <source>%1 of %2 GB</source>
        <translation>%1 von %2 GB</translation>
    </message>
    <message>
        <source>%1 of %2 MB</source>
        <translation>%1 von %2 MB</translation>
    </message>
    <message>
        <source>%1 tok/s</source>
        <translation>%1 Token/s</translation>
    </message>
    <message>
        <source>%1 s</source>
        <translation>%1 s</translation>
    </message>
    <message>
        <source>Ctrl</source>
        <comment>a key</comment>
        <translation>Strg</translation>
    </message>
    <message>
        <source>Shift</source>
        <comment>a key</comment>
        <translation>Umschalt</translation>
    </message>
    <message>
        <source>Enter</source>
        <comment>a key</comment>
        <translation>Eingabe</translation>
    </message>
    <message>
        <source>Del</source>
        <comment>a key</comment>
        <translation>Entf</translation>
    </message>
    <message>
        <source>Left</source>
        <comment>a key</comment>
        <translation>Links</translation>
    </message>
    <message>
        <source>Right</source>
        <comment>a key</comment>
        <translation>Rechts</translation>
    </message>
    <message>
        <source>Up</source>
        <comment>a key</comment>
        <translation>Auf</translation>
    </message>
    <message>
        <source>Down</source>
        <comment>a key</comment>
        <translation>Ab</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>%1 kB</source>
        <translation>%1 kB</translation>
    </message>
    <message>
        <source>%1 MB/s</source>
        <translation>%1 MB/s</translation>
    </message>
    <message>
        <source>%1 s left</source>
        <translation>noch %1 s</translation>
    </message>
    <message>
        <source>%1 min left</source>
        <translation>noch %1 min</translation>
    </message>
    <message>
        <source>%1 h left</source>
        <translation>noch %1 h</translation>
    </message>
</context>
<context>
    <name>FindBar</name>
    <message>
        <source>Find in this chat</source>
        <translation>In diesem Chat suchen</translation>
    </message>
    <message>
        <source>Next match</source>
        <translation>Nächster Treffer</translation>
    </message>
    <message>
        <source>Previous match</source>
        <translation>Voriger Treffer</translation>
    </message>
    <message>
        <source>No matches</source>
        <translation>Keine Treffer</translation>
    </message>
    <message>
        <source>Close the search</source>
        <translation>Suche schließen</translation>
    </message>
</context>
<context>
    <name>FindingRow</name>
    <message>
        <source>Open Storage</source>
        <translation>Speicherplatz öffnen</translation>
    </message>
    <message>
        <source>Open a model…</source>
        <translation>Modell öffnen …</translation>
    </message>
    <message>
        <source>Open Model</source>
        <translation>Modell öffnen</translation>
    </message>
    <message>
        <source>In order</source>
        <translation>In Ordnung</translation>
    </message>
    <message>
        <source>To know</source>
        <translation>Gut zu wissen</translation>
    </message>
    <message>
        <source>Could be better</source>
        <translation>Könnte besser sein</translation>
    </message>
    <message>
        <source>Problem</source>
        <translation>Fehler</translation>
    </message>
</context>
<context>
    <name>FirstModel</name>
    <message>
        <source>%1, %2 · ≈ %3 on this computer</source>
        <translation>%1, %2 · ≈ %3 auf diesem Computer</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>Continue the download</source>
        <translation>Download fortsetzen</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>%1 herunterladen</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>The offline switch is on.</source>
        <translation>Der Offline-Schalter ist an.</translation>
    </message>
    <message>
        <source>Licence %1 · from %2</source>
        <translation>Lizenz %1 · von %2</translation>
    </message>
    <message>
        <source>%1. %2</source>
        <translation>%1. %2</translation>
    </message>
    <message>
        <source>Open Storage</source>
        <translation>Speicherplatz öffnen</translation>
    </message>
</context>
<context>
    <name>GetModelDialog</name>
    <message>
        <source>Get %1</source>
        <translation>%1 holen</translation>
    </message>
    <message>
        <source>Download these files, %1 together, and put them side by side into the folder below; or choose the model&apos;s file if you have it. Other quantizations work as well.</source>
        <translation>Laden Sie diese Dateien herunter, zusammen %1, und legen Sie sie nebeneinander in den Ordner unten; oder wählen Sie die Datei des Modells, wenn Sie sie haben. Andere Quantisierungen gehen ebenso.</translation>
    </message>
    <message>
        <source>Download this file, %1, and put it into the folder below; or choose it if you have it. Other quantizations work as well.</source>
        <translation>Laden Sie diese Datei herunter, %1, und legen Sie sie in den Ordner unten; oder wählen Sie sie, wenn Sie sie haben. Andere Quantisierungen gehen ebenso.</translation>
    </message>
    <message>
        <source>Hugging Face</source>
        <translation>Hugging Face</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>File</source>
        <translation>Datei</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
    <message>
        <source>Copy: %1</source>
        <translation>Kopieren: %1</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>Nochmals nachsehen</translation>
    </message>
    <message>
        <source>Choose a file…</source>
        <translation>Datei wählen …</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Licence:</source>
        <translation>Lizenz:</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>%1 herunterladen</translation>
    </message>
    <message>
        <source>%1 come from %2 when you press Download, and go into the folder below. Or choose the model&apos;s file if you have it; other quantizations work as well.</source>
        <translation>%1 kommen von %2, wenn Sie „Herunterladen“ drücken, in den Ordner unten. Oder wählen Sie die Datei des Modells, wenn Sie sie haben; andere Quantisierungen gehen ebenso.</translation>
    </message>
    <message>
        <source>The model is here without its vision file: it reads text only. That file, %1, comes from %2 when you press Download, and goes into the folder below; the model stays where it lies.</source>
        <translation>Das Modell ist da, seine Bilddatei fehlt: es liest nur Text. Diese Datei, %1, kommt von %2, wenn Sie „Herunterladen“ drücken, in den Ordner unten; das Modell bleibt, wo es liegt.</translation>
    </message>
    <message>
        <source>The model is here without its vision file: it reads text only. Download that file, %1, and put it into the folder below.</source>
        <translation>Das Modell ist da, seine Bilddatei fehlt: es liest nur Text. Laden Sie diese Datei, %1, herunter und legen Sie sie in den Ordner unten.</translation>
    </message>
</context>
<context>
    <name>HistoryRow</name>
    <message>
        <source>%1, about a file</source>
        <translation>%1, über eine Datei</translation>
    </message>
    <message>
        <source>%1, about pictures</source>
        <translation>%1, über Bilder</translation>
    </message>
    <message>
        <source>%1, an answer is being written</source>
        <translation>%1, eine Antwort wird geschrieben</translation>
    </message>
    <message>
        <source>More about “%1”</source>
        <translation>Mehr zu „%1“</translation>
    </message>
    <message>
        <source>Title of the chat</source>
        <translation>Titel des Chats</translation>
    </message>
</context>
<context>
    <name>HunkRow</name>
    <message>
        <source>In %1</source>
        <translation>In %1</translation>
    </message>
    <message>
        <source>Line %1</source>
        <translation>Zeile %1</translation>
    </message>
    <message>
        <source>Change %1 of %2. %3</source>
        <translation>Änderung %1 von %2. %3</translation>
    </message>
    <message>
        <source>Change %1 of %2, accepted. %3</source>
        <translation>Änderung %1 von %2, angenommen. %3</translation>
    </message>
    <message>
        <source>Change %1 of %2, rejected. %3</source>
        <translation>Änderung %1 von %2, abgelehnt. %3</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 von %2</translation>
    </message>
    <message>
        <source>Accepted</source>
        <translation>Angenommen</translation>
    </message>
    <message>
        <source>Rejected</source>
        <translation>Abgelehnt</translation>
    </message>
    <message>
        <source>Reject</source>
        <translation>Ablehnen</translation>
    </message>
    <message>
        <source>Reject change %1</source>
        <translation>Änderung %1 ablehnen</translation>
    </message>
    <message>
        <source>Accept</source>
        <translation>Annehmen</translation>
    </message>
    <message>
        <source>Accept change %1</source>
        <translation>Änderung %1 annehmen</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <source>Reconsider change %1</source>
        <translation>Änderung %1 neu entscheiden</translation>
    </message>
</context>
<context>
    <name>ImagePane</name>
    <message>
        <source>New picture chat</source>
        <translation>Neuer Chat über Bilder</translation>
    </message>
    <message>
        <source>The answer does not say which of the %1 pictures its places are in. They are drawn on the one that is shown.</source>
        <translation>Die Antwort sagt nicht, in welchem der %1 Bilder ihre Stellen liegen. Sie sind auf dem gezeichnet, das zu sehen ist.</translation>
    </message>
    <message>
        <source>Ask about the picture</source>
        <translation>Zum Bild fragen</translation>
    </message>
    <message>
        <source>Ask once a picture is here</source>
        <translation>Fragen, sobald ein Bild da ist</translation>
    </message>
</context>
<context>
    <name>ImportDialog</name>
    <message>
        <source>Add the chats of “%1”?</source>
        <translation>Chats aus „%1“ hinzufügen?</translation>
    </message>
    <message>
        <source>They join the chats at the left. What is here already stays as it is.</source>
        <translation>Sie kommen zu den Chats links hinzu. Was schon da ist, bleibt, wie es ist.</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Add the chats</source>
        <translation>Chats hinzufügen</translation>
    </message>
</context>
<context>
    <name>LeaveDialog</name>
    <message>
        <source>The answer is still being compared with the file. What it changes goes when the window closes. The conversation stays.</source>
        <translation>Die Antwort wird noch mit der Datei verglichen. Was sie ändert, geht beim Schließen des Fensters verloren. Die Unterhaltung bleibt.</translation>
    </message>
    <message>
        <source>They came while another file was open, and go when the window closes. The conversation stays.</source>
        <translation>Sie kamen, während eine andere Datei offen war, und gehen beim Schließen des Fensters verloren. Die Unterhaltung bleibt.</translation>
    </message>
    <message>
        <source>The proposal goes when something else opens. The conversation stays.</source>
        <translation>Der Vorschlag geht verloren, wenn etwas anderes geöffnet wird. Die Unterhaltung bleibt.</translation>
    </message>
    <message>
        <source>The proposal goes when the window closes. The conversation stays.</source>
        <translation>Der Vorschlag geht beim Schließen des Fensters verloren. Die Unterhaltung bleibt.</translation>
    </message>
    <message>
        <source>The proposal goes when a new one is asked for. The conversation stays.</source>
        <translation>Der Vorschlag geht verloren, wenn ein neuer verlangt wird. Die Unterhaltung bleibt.</translation>
    </message>
    <message>
        <source>The proposal goes when the file is read again. The conversation stays.</source>
        <translation>Der Vorschlag geht verloren, wenn die Datei neu eingelesen wird. Die Unterhaltung bleibt.</translation>
    </message>
    <message>
        <source>The proposal goes when the file is put back. The conversation stays.</source>
        <translation>Der Vorschlag geht verloren, wenn die Datei zurückgesetzt wird. Die Unterhaltung bleibt.</translation>
    </message>
    <message numerus="yes">
        <source>%Ln changes are neither accepted nor rejected. They go when what is accepted is written.</source>
        <translation>
            <numerusform>%Ln Änderung ist weder angenommen noch abgelehnt. Sie geht verloren, wenn das Angenommene geschrieben wird.</numerusform>
            <numerusform>%Ln Änderungen sind weder angenommen noch abgelehnt. Sie gehen verloren, wenn das Angenommene geschrieben wird.</numerusform>
        </translation>
    </message>
    <message>
        <source>Changes to %1 were not looked at</source>
        <translation>Änderungen an %1 wurden nicht angesehen</translation>
    </message>
    <message>
        <source>, </source>
        <comment>between the names of files</comment>
        <translation>, </translation>
    </message>
    <message>
        <source>Not all changes to %1 are decided</source>
        <translation>Über einige Änderungen an %1 ist nicht entschieden</translation>
    </message>
    <message>
        <source>Changes to %1 are not written</source>
        <translation>Änderungen an %1 sind nicht geschrieben</translation>
    </message>
    <message>
        <source>Write what is accepted</source>
        <translation>Angenommenes schreiben</translation>
    </message>
    <message>
        <source>Write all changes</source>
        <translation>Alle Änderungen schreiben</translation>
    </message>
    <message>
        <source>Show the changes</source>
        <translation>Änderungen anzeigen</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Verwerfen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
</context>
<context>
    <name>LibraryPage</name>
    <message>
        <source>Library</source>
        <translation>Bibliothek</translation>
    </message>
    <message>
        <source>This build cannot fetch files. Those that you have are used where they lie.</source>
        <translation>Dieses Programm kann keine Dateien herunterladen. Vorhandene werden verwendet, wo sie liegen.</translation>
    </message>
    <message>
        <source>The offline switch is on: nothing is fetched. Files that you have are used where they lie.</source>
        <translation>Der Offline-Schalter ist an: Nichts wird heruntergeladen. Vorhandene Dateien werden verwendet, wo sie liegen.</translation>
    </message>
    <message>
        <source>Files come from %1 when you press Download, and at no other time.</source>
        <translation>Dateien kommen von %1, wenn Sie „Herunterladen“ drücken, und sonst nie.</translation>
    </message>
    <message>
        <source>Where files go</source>
        <translation>Wohin Dateien kommen</translation>
    </message>
    <message>
        <source>%1 · %2 free</source>
        <translation>%1 · %2 frei</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>Ändern …</translation>
    </message>
    <message>
        <source>Change where files go</source>
        <translation>Ändern, wohin Dateien kommen</translation>
    </message>
    <message>
        <source>Folders with files that you have</source>
        <translation>Ordner mit vorhandenen Dateien</translation>
    </message>
    <message>
        <source>Also those of LM Studio and Hugging Face. Nothing in them is moved or changed.</source>
        <translation>Auch die von LM Studio und Hugging Face. Nichts darin wird verschoben oder geändert.</translation>
    </message>
    <message>
        <source>Not connected. What lies there stays on the list</source>
        <translation>Nicht angeschlossen. Was dort liegt, bleibt auf der Liste</translation>
    </message>
    <message>
        <source>LM Studio</source>
        <translation>LM Studio</translation>
    </message>
    <message>
        <source>Hugging Face</source>
        <translation>Hugging Face</translation>
    </message>
    <message>
        <source>Take off the list</source>
        <translation>Von der Liste nehmen</translation>
    </message>
    <message>
        <source>Take off the list: %1</source>
        <translation>Von der Liste nehmen: %1</translation>
    </message>
    <message>
        <source>Add a folder…</source>
        <translation>Ordner hinzufügen …</translation>
    </message>
    <message>
        <source>Files on this computer</source>
        <translation>Dateien auf diesem Computer</translation>
    </message>
    <message>
        <source>Its drive is not connected: %1</source>
        <translation>Das Laufwerk ist nicht angeschlossen: %1</translation>
    </message>
    <message>
        <source>Not found in %1</source>
        <translation>In %1 nicht gefunden</translation>
    </message>
    <message>
        <source>%1 · %2</source>
        <translation>%1 · %2</translation>
    </message>
    <message>
        <source>Use it</source>
        <translation>Verwenden</translation>
    </message>
    <message>
        <source>Use it: %1</source>
        <translation>Verwenden: %1</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>Geladen</translation>
    </message>
</context>
<context>
    <name>LibraryRow</name>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>Looking whether it fits…</source>
        <translation>Wird geprüft, ob es passt …</translation>
    </message>
    <message>
        <source>Does not fit: it needs %1 of memory</source>
        <translation>Passt nicht: braucht %1 Speicher</translation>
    </message>
    <message>
        <source>Fits on this computer, computed</source>
        <translation>Passt auf diesen Computer, berechnet</translation>
    </message>
    <message>
        <source>Fits with %1 of its experts in memory · ≈ %2, computed</source>
        <translation>Passt mit %1 der Experten im Speicher · ≈ %2, berechnet</translation>
    </message>
    <message>
        <source>Fits on this computer · ≈ %1, computed</source>
        <translation>Passt auf diesen Computer · ≈ %1, berechnet</translation>
    </message>
    <message>
        <source>Here, and loaded</source>
        <translation>Da und geladen</translation>
    </message>
    <message>
        <source>Here</source>
        <translation>Da</translation>
    </message>
    <message>
        <source>Its drive is not connected: %1</source>
        <translation>Das Laufwerk ist nicht angeschlossen: %1</translation>
    </message>
    <message>
        <source>≈ %1, computed</source>
        <translation>≈ %1, berechnet</translation>
    </message>
    <message>
        <source>Licence:</source>
        <translation>Lizenz:</translation>
    </message>
    <message>
        <source>no known SHA-256: the server&apos;s own counts</source>
        <translation>keine bekannte SHA-256: Es gilt die des Servers</translation>
    </message>
    <message>
        <source>%1. %2</source>
        <translation>%1. %2</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>Herunterladen</translation>
    </message>
    <message>
        <source>%1: %2 %3</source>
        <translation>%1: %2 %3</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <source>Cancel; what came is removed</source>
        <translation>Abbrechen; was kam, wird entfernt</translation>
    </message>
    <message>
        <source>Cancel: %1 %2</source>
        <translation>Abbrechen: %1 %2</translation>
    </message>
    <message>
        <source>Use it</source>
        <translation>Verwenden</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
    <message>
        <source>More: %1 %2</source>
        <translation>Mehr: %1 %2</translation>
    </message>
    <message>
        <source>Show in its folder</source>
        <translation>Im Ordner anzeigen</translation>
    </message>
    <message>
        <source>Move to a folder…</source>
        <translation>In einen Ordner verschieben …</translation>
    </message>
    <message>
        <source>Delete the file…</source>
        <translation>Datei löschen …</translation>
    </message>
    <message>
        <source>Here, and loaded, but its vision file is missing: it reads text only</source>
        <translation>Da und geladen, aber die Bilddatei fehlt: es liest nur Text</translation>
    </message>
    <message>
        <source>Here, but its vision file is missing: it reads text only</source>
        <translation>Da, aber die Bilddatei fehlt: es liest nur Text</translation>
    </message>
    <message>
        <source>Here, but it was loaded without its vision file</source>
        <translation>Da, aber ohne die Bilddatei geladen</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>%1 herunterladen</translation>
    </message>
    <message>
        <source>Download the vision file, %1: %2 %3</source>
        <translation>Bilddatei herunterladen, %1: %2 %3</translation>
    </message>
    <message>
        <source>Load it again</source>
        <translation>Neu laden</translation>
    </message>
    <message>
        <source>Open Storage</source>
        <translation>Speicherplatz öffnen</translation>
    </message>
</context>
<context>
    <name>LinkLine</name>
    <message>
        <source>%1 %2</source>
        <translation>%1 %2</translation>
    </message>
</context>
<context>
    <name>LinkStop</name>
    <message>
        <source>%1, link to %2</source>
        <translation>%1, Verweis auf %2</translation>
    </message>
</context>
<context>
    <name>LoadingPage</name>
    <message>
        <source>32-bit</source>
        <translation>32 Bit</translation>
    </message>
    <message>
        <source>16-bit</source>
        <translation>16 Bit</translation>
    </message>
    <message>
        <source>8-bit</source>
        <translation>8 Bit</translation>
    </message>
    <message>
        <source>4-bit</source>
        <translation>4 Bit</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Choose a model that has a file: its settings are its own.</source>
        <translation>Wählen Sie ein Modell, das eine Datei hat: Jedes hat eigene Einstellungen.</translation>
    </message>
    <message>
        <source>≈ %1</source>
        <translation>≈ %1</translation>
    </message>
    <message>
        <source>writing</source>
        <translation>beim Schreiben</translation>
    </message>
    <message>
        <source>reading</source>
        <translation>beim Lesen</translation>
    </message>
    <message>
        <source>≈ %1 s</source>
        <translation>≈ %1 s</translation>
    </message>
    <message>
        <source>to load</source>
        <translation>zum Laden</translation>
    </message>
    <message>
        <source>The figures come when the model has finished what it is doing.</source>
        <translation>Die Zahlen kommen, wenn das Modell fertig ist mit dem, was es gerade tut.</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>Gewichte</translation>
    </message>
    <message>
        <source>Rounded while loading: 8-bit and 4-bit take less memory and are quicker; answers change a little</source>
        <translation>Beim Laden gerundet: 8 Bit und 4 Bit brauchen weniger Speicher und sind schneller; Antworten ändern sich ein wenig</translation>
    </message>
    <message>
        <source>The file holds them in %1: rounding them again would only lose</source>
        <translation>Die Datei enthält sie in %1: Nochmals zu runden würde nur verlieren</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>Lassen</translation>
    </message>
    <message>
        <source>INT4</source>
        <translation>INT4</translation>
    </message>
    <message>
        <source>INT8</source>
        <translation>INT8</translation>
    </message>
    <message>
        <source>FP16</source>
        <translation>FP16</translation>
    </message>
    <message>
        <source>NF4</source>
        <translation>NF4</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>Kontext</translation>
    </message>
    <message>
        <source>How many tokens of a chat the model can see: %1 fit</source>
        <translation>Wie viele Token eines Chats das Modell sehen kann: %1 passen hinein</translation>
    </message>
    <message>
        <source>How many tokens of a chat the model can see. Twice as many take twice the memory</source>
        <translation>Wie viele Token eines Chats das Modell sehen kann. Doppelt so viele brauchen doppelt so viel Speicher</translation>
    </message>
    <message>
        <source>What fits</source>
        <translation>Was passt</translation>
    </message>
    <message>
        <source>Precision of the KV cache</source>
        <translation>Genauigkeit des KV-Cache</translation>
    </message>
    <message>
        <source>8-bit takes half the memory of 16-bit, 4-bit a quarter; answers change a little</source>
        <translation>8 Bit braucht halb so viel Speicher wie 16 Bit, 4 Bit ein Viertel; Antworten ändern sich ein wenig</translation>
    </message>
    <message>
        <source>Memory to use</source>
        <translation>Nutzbarer Speicher</translation>
    </message>
    <message>
        <source>%1 of the experts have room; what is missing is read from the disk: more memory, quicker answers</source>
        <translation>%1 der Experten haben Platz; was fehlt, wird von der Platte gelesen: mehr Speicher, schnellere Antworten</translation>
    </message>
    <message>
        <source>For weights, KV cache and scratch together</source>
        <translation>Für Gewichte, KV-Cache und Arbeitspuffer zusammen</translation>
    </message>
    <message>
        <source>What is free</source>
        <translation>Was frei ist</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>Attention</translation>
    </message>
    <message>
        <source>Only the first tokens and the last %1 count: quick with long chats, what lies between is forgotten</source>
        <translation>Nur die ersten Token und die letzten %1 zählen: schnell bei langen Chats, was dazwischen liegt, wird vergessen</translation>
    </message>
    <message>
        <source>The %1 pages of the chat that promise most are read: quick with long chats, answers change a little</source>
        <translation>Die %1 Seiten des Chats, die am meisten versprechen, werden gelesen: schnell bei langen Chats, Antworten ändern sich ein wenig</translation>
    </message>
    <message>
        <source>Every token sees all before it, as the model was made</source>
        <translation>Jedes Token sieht alle vor ihm, so wie das Modell gemacht ist</translation>
    </message>
    <message>
        <source>Full</source>
        <translation>Voll</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>Fenster</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>Seiten</translation>
    </message>
    <message>
        <source>Window, in tokens</source>
        <translation>Fenster, in Token</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>Threads</translation>
    </message>
    <message>
        <source>Empty: one for each core of the processor. More than that is slower</source>
        <translation>Leer: einer je Kern des Prozessors. Mehr ist langsamer</translation>
    </message>
    <message>
        <source>One a core</source>
        <translation>Einer je Kern</translation>
    </message>
    <message>
        <source>≈ %1, first word of a question after ≈ %2 s</source>
        <translation>≈ %1, erstes Wort auf eine Frage nach ≈ %2 s</translation>
    </message>
    <message>
        <source>to the first word</source>
        <translation>bis zum ersten Wort</translation>
    </message>
    <message numerus="yes">
        <source>Measured with the last answer: %1, first word after %2 s with %Ln tokens to read</source>
        <translation>
            <numerusform>Gemessen bei der letzten Antwort: %1, erstes Wort nach %2 s mit %Ln Token zu lesen</numerusform>
            <numerusform>Gemessen bei der letzten Antwort: %1, erstes Wort nach %2 s mit %Ln Token zu lesen</numerusform>
        </translation>
    </message>
    <message>
        <source>Looking for the fastest…</source>
        <translation>Das Schnellste wird gesucht …</translation>
    </message>
    <message>
        <source>Fit to this computer</source>
        <translation>An diesen Computer anpassen</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>Layers and experts can be offloaded to the GPU; Automatic chooses one that has room for them</source>
        <translation>Schichten und Experten lassen sich auf die GPU auslagern; „Automatisch“ wählt eine, die Platz für sie hat</translation>
    </message>
    <message>
        <source>No graphics card can be used: the CPU computes</source>
        <translation>Keine Grafikkarte ist verwendbar: Die CPU rechnet</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>GPU %1</source>
        <translation>GPU %1</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>VRAM to use</source>
        <translation>VRAM, der genutzt wird</translation>
    </message>
    <message>
        <source>For weights, experts, KV cache and scratch on the GPU</source>
        <translation>Für Gewichte, Experten, KV-Cache und Arbeitspuffer auf der GPU</translation>
    </message>
</context>
<context>
    <name>Main</name>
    <message>
        <source>%1 — Inference-PIO</source>
        <translation>%1 – Inference-PIO</translation>
    </message>
    <message>
        <source>Inference-PIO</source>
        <translation>Inference-PIO</translation>
    </message>
    <message>
        <source>The chats were written to %1</source>
        <translation>Die Chats wurden in %1 geschrieben</translation>
    </message>
    <message>
        <source>The chat was written to %1</source>
        <translation>Der Chat wurde in %1 geschrieben</translation>
    </message>
    <message>
        <source>%1 is neither a model (.gguf) nor a picture nor exported chats (.json)</source>
        <translation>%1 ist weder ein Modell (.gguf) noch ein Bild noch ein Export von Chats (.json)</translation>
    </message>
</context>
<context>
    <name>MemoryBar</name>
    <message>
        <source>Weights</source>
        <translation>Gewichte</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV-Cache</translation>
    </message>
    <message>
        <source>Scratch</source>
        <translation>Arbeitspuffer</translation>
    </message>
    <message>
        <source>Other programs</source>
        <translation>Andere Programme</translation>
    </message>
    <message>
        <source>Experts</source>
        <translation>Experten</translation>
    </message>
</context>
<context>
    <name>MessageList</name>
    <message>
        <source>Conversation</source>
        <translation>Unterhaltung</translation>
    </message>
    <message>
        <source>Back to the end</source>
        <translation>Zurück zum Ende</translation>
    </message>
</context>
<context>
    <name>ModelChip</name>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Model: %1 %2</source>
        <translation>Modell: %1 %2</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>Modell wählen</translation>
    </message>
</context>
<context>
    <name>ModelPicker</name>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <source>Files stay where they are.</source>
        <translation>Dateien bleiben, wo sie sind.</translation>
    </message>
    <message>
        <source>Unload</source>
        <translation>Entladen</translation>
    </message>
    <message>
        <source>Open a file…</source>
        <translation>Datei öffnen …</translation>
    </message>
</context>
<context>
    <name>ModelRow</name>
    <message>
        <source>Reasoning</source>
        <translation>Nachdenken</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>Code</translation>
    </message>
    <message>
        <source>Images</source>
        <translation>Bilder</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>Chat</translation>
    </message>
    <message>
        <source>No file yet</source>
        <translation>Noch keine Datei</translation>
    </message>
    <message>
        <source>%1 · %2</source>
        <translation>%1 · %2</translation>
    </message>
    <message>
        <source>Not found in %1</source>
        <translation>In %1 nicht gefunden</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>Lädt</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>Geladen</translation>
    </message>
    <message>
        <source>In memory</source>
        <translation>Im Speicher</translation>
    </message>
    <message>
        <source>missing</source>
        <translation>fehlt</translation>
    </message>
    <message>
        <source>Get it…</source>
        <translation>Holen …</translation>
    </message>
    <message>
        <source>Take off the list</source>
        <translation>Von der Liste nehmen</translation>
    </message>
</context>
<context>
    <name>NetworkPage</name>
    <message>
        <source>Network</source>
        <translation>Netzwerk</translation>
    </message>
    <message>
        <source>The model needs none. This program asks for files of models that you download, and for nothing else.</source>
        <translation>Das Modell braucht keines. Dieses Programm fragt nach Dateien von Modellen, die Sie herunterladen, und nach sonst nichts.</translation>
    </message>
    <message>
        <source>Offline</source>
        <translation>Ohne Netz</translation>
    </message>
    <message>
        <source>It was started with --offline: every request is refused</source>
        <translation>Gestartet mit --offline: Jede Anfrage wird abgelehnt</translation>
    </message>
    <message>
        <source>Every request is refused before a connection is made; what runs is paused</source>
        <translation>Jede Anfrage wird abgelehnt, bevor eine Verbindung entsteht; was läuft, wird angehalten</translation>
    </message>
    <message>
        <source>Address of the files</source>
        <translation>Adresse der Dateien</translation>
    </message>
    <message>
        <source>It begins with https:// or http:// and names a server</source>
        <translation>Sie beginnt mit https:// oder http:// und nennt einen Server</translation>
    </message>
    <message>
        <source>https://huggingface.co, or a mirror of it</source>
        <translation>https://huggingface.co oder ein Spiegel davon</translation>
    </message>
    <message>
        <source>https://huggingface.co</source>
        <translation>https://huggingface.co</translation>
    </message>
    <message>
        <source>Proxy</source>
        <translation>Proxy</translation>
    </message>
    <message>
        <source>It begins with http:// or socks5:// and names a server</source>
        <translation>Er beginnt mit http:// oder socks5:// und nennt einen Server</translation>
    </message>
    <message>
        <source>Empty: the one of the environment, if it has one</source>
        <translation>Leer: der aus der Umgebung, wenn sie einen hat</translation>
    </message>
    <message>
        <source>http://host:port</source>
        <translation>http://host:port</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>Anfragen</translation>
    </message>
    <message>
        <source>None so far. Each one will stand here, with its server, its bytes and why it was made.</source>
        <translation>Bisher keine. Jede wird hier stehen, mit Server, Bytes und Grund.</translation>
    </message>
    <message>
        <source>Every one that was made, the newest first; %1 in all.</source>
        <translation>Alle, die gestellt wurden, die neueste zuerst; %1 insgesamt.</translation>
    </message>
    <message>
        <source>no answer</source>
        <translation>keine Antwort</translation>
    </message>
    <message>
        <source>%1 by way of %2</source>
        <translation>%1 über %2</translation>
    </message>
    <message>
        <source>Download of %1</source>
        <translation>Download von %1</translation>
    </message>
    <message>
        <source>%1 · %2</source>
        <translation>%1 · %2</translation>
    </message>
</context>
<context>
    <name>NoModel</name>
    <message>
        <source>A model is here</source>
        <translation>Ein Modell ist da</translation>
    </message>
    <message>
        <source>One file is missing: a model</source>
        <translation>Eine Datei fehlt: ein Modell</translation>
    </message>
    <message>
        <source>%1 lies on this computer. It is small and quick; larger models answer better. Nothing you write leaves this computer.</source>
        <translation>%1 liegt auf diesem Computer. Es ist klein und schnell; größere Modelle antworten besser. Nichts von dem, was Sie schreiben, verlässt diesen Computer.</translation>
    </message>
    <message>
        <source>Models are files of the GGUF kind; this program runs them without the network. Nothing you write leaves this computer.</source>
        <translation>Modelle sind Dateien der Art GGUF; dieses Programm führt sie ohne Netzwerk aus. Nichts von dem, was Sie schreiben, verlässt diesen Computer.</translation>
    </message>
    <message>
        <source>Use the starter model</source>
        <translation>Das Einstiegsmodell verwenden</translation>
    </message>
    <message>
        <source>Use a file I have</source>
        <translation>Eine vorhandene Datei verwenden</translation>
    </message>
    <message>
        <source>Or fetch the starter model, %1, with this command in a terminal. It needs 98 MB on disk.</source>
        <translation>Oder holen Sie das Einstiegsmodell, %1, mit diesem Befehl im Terminal. Es braucht 98 MB auf der Platte.</translation>
    </message>
    <message>
        <source>Command that fetches the starter model</source>
        <translation>Befehl, der das Einstiegsmodell holt</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
    <message>
        <source>Copy the command</source>
        <translation>Befehl kopieren</translation>
    </message>
    <message>
        <source>One click, and a model is here</source>
        <translation>Ein Klick, und ein Modell ist da</translation>
    </message>
    <message>
        <source>The smallest that fits answers here at once, and knows little; larger ones are in the library. Nothing you write leaves this computer.</source>
        <translation>Das kleinste, das passt, antwortet hier sofort und weiß wenig; größere sind in der Bibliothek. Nichts von dem, was Sie schreiben, verlässt diesen Computer.</translation>
    </message>
    <message>
        <source>All models…</source>
        <translation>Alle Modelle …</translation>
    </message>
</context>
<context>
    <name>PaneSwitcher</name>
    <message>
        <source>Code</source>
        <translation>Code</translation>
    </message>
    <message>
        <source>Image</source>
        <translation>Bild</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>Chat</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>a choice, what is chosen</comment>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>Pane</source>
        <translation>Bereich</translation>
    </message>
</context>
<context>
    <name>PaneToasts</name>
    <message>
        <source>Deleted “%1”</source>
        <translation>„%1“ gelöscht</translation>
    </message>
</context>
<context>
    <name>PartPicker</name>
    <message>
        <source>%1 × %2</source>
        <translation>%1 × %2</translation>
    </message>
    <message>
        <source>Part of the picture, %1. Arrows move it, Shift and arrows change its size, Enter takes it.</source>
        <translation>Ausschnitt des Bildes, %1. Pfeiltasten verschieben ihn, Umschalt mit Pfeiltasten ändert seine Größe, Eingabe übernimmt ihn.</translation>
    </message>
</context>
<context>
    <name>PictureWell</name>
    <message>
        <source>Picture: %1</source>
        <translation>Bild: %1</translation>
    </message>
    <message>
        <source>%1 cannot be shown: it is not there any more, or it is damaged.</source>
        <translation>%1 kann nicht angezeigt werden: nicht mehr da oder beschädigt.</translation>
    </message>
    <message>
        <source>Opening %1</source>
        <translation>%1 wird geöffnet</translation>
    </message>
    <message>
        <source>Pictures of this conversation</source>
        <translation>Bilder dieser Unterhaltung</translation>
    </message>
    <message>
        <source>Picture %1 of %2</source>
        <translation>Bild %1 von %2</translation>
    </message>
    <message>
        <source>Ask about a part</source>
        <translation>Zu einem Ausschnitt fragen</translation>
    </message>
    <message>
        <source>Drag over what you mean, or use arrows and Enter</source>
        <translation>Mit der Maus darüberziehen oder Pfeiltasten und Eingabe verwenden</translation>
    </message>
    <message>
        <source>Drag, or arrows and Enter</source>
        <translation>Ziehen, oder Pfeiltasten und Eingabe</translation>
    </message>
    <message>
        <source>Leave the picture whole</source>
        <translation>Bild ganz lassen</translation>
    </message>
    <message>
        <source>Smaller</source>
        <translation>Kleiner</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Larger</source>
        <translation>Größer</translation>
    </message>
</context>
<context>
    <name>PioScrollBar</name>
    <message>
        <source>Scroll up and down</source>
        <translation>Auf und ab rollen</translation>
    </message>
    <message>
        <source>Scroll sideways</source>
        <translation>Seitwärts rollen</translation>
    </message>
</context>
<context>
    <name>PlaceList</name>
    <message>
        <source>Places in the picture</source>
        <translation>Stellen im Bild</translation>
    </message>
    <message>
        <source>Point</source>
        <translation>Punkt</translation>
    </message>
    <message>
        <source>Box</source>
        <translation>Rahmen</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>a place&apos;s number, what it is</comment>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>PlaceMark</name>
    <message>
        <source>%1: %2</source>
        <comment>a place&apos;s number, what it is</comment>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>ProgressNote</name>
    <message>
        <source>Queued · loading</source>
        <translation>In Warteschlange · lädt</translation>
    </message>
    <message>
        <source>Loading %1</source>
        <translation>Lädt %1</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>Lädt</translation>
    </message>
    <message>
        <source>Queued</source>
        <translation>In Warteschlange</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Angehalten</translation>
    </message>
    <message>
        <source>Picture %1 of %2</source>
        <translation>Bild %1 von %2</translation>
    </message>
    <message>
        <source>Looking · picture %1 of %2</source>
        <translation>Sieht an · Bild %1 von %2</translation>
    </message>
    <message>
        <source>Reading %1 of %2</source>
        <translation>Liest %1 von %2</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>Liest</translation>
    </message>
    <message>
        <source>Thinking · %1</source>
        <translation>Denkt nach · %1</translation>
    </message>
    <message numerus="yes">
        <source>Writing · %Ln tokens</source>
        <translation>
            <numerusform>Schreibt · %Ln Token</numerusform>
            <numerusform>Schreibt · %Ln Token</numerusform>
        </translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>Hält an</translation>
    </message>
    <message numerus="yes">
        <source>%Ln tokens</source>
        <translation>
            <numerusform>%Ln Token</numerusform>
            <numerusform>%Ln Token</numerusform>
        </translation>
    </message>
    <message>
        <source>Will be sent when the model is ready</source>
        <translation>Wird gesendet, sobald das Modell bereit ist</translation>
    </message>
    <message>
        <source>Will be answered when the answer before it is finished</source>
        <translation>Wird beantwortet, sobald die Antwort davor fertig ist</translation>
    </message>
</context>
<context>
    <name>RejectedDevice</name>
    <message>
        <source>%1 is not used (%2). %3</source>
        <comment>a device, a code, why</comment>
        <translation>%1 wird nicht verwendet (%2). %3</translation>
    </message>
</context>
<context>
    <name>SamplingPage</name>
    <message>
        <source>Sampling</source>
        <translation>Sampling</translation>
    </message>
    <message>
        <source>How the next word is chosen from those the model finds likely. Changes count from the next answer.</source>
        <translation>Wie das nächste Wort aus denen gewählt wird, die das Modell für wahrscheinlich hält. Änderungen gelten ab der nächsten Antwort.</translation>
    </message>
    <message>
        <source>Use the model&apos;s own values</source>
        <translation>Werte des Modells verwenden</translation>
    </message>
    <message>
        <source>Off: the values below count for every model</source>
        <translation>Aus: Die Werte unten gelten für jedes Modell</translation>
    </message>
    <message>
        <source>The values its publisher recommends are shown below</source>
        <translation>Unten stehen die Werte, die sein Herausgeber empfiehlt</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>Temperatur</translation>
    </message>
    <message>
        <source>0 always takes the likeliest word; above 1 the answers wander</source>
        <translation>0 nimmt immer das wahrscheinlichste Wort; über 1 schweifen die Antworten ab</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Only the likeliest words that together reach this share; 1 takes all</source>
        <translation>Nur die wahrscheinlichsten Wörter, die zusammen diesen Anteil erreichen; 1 nimmt alle</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Drops words less likely than this share of the likeliest; 0 drops none</source>
        <translation>Lässt Wörter weg, die weniger wahrscheinlich sind als dieser Anteil des wahrscheinlichsten; 0 lässt keines weg</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>Only so many of the likeliest words; 0 takes all</source>
        <translation>Nur so viele der wahrscheinlichsten Wörter; 0 nimmt alle</translation>
    </message>
    <message>
        <source>Repeat penalty</source>
        <translation>Wiederholungsabzug</translation>
    </message>
    <message>
        <source>Makes words that were just used less likely; 1 does nothing</source>
        <translation>Macht eben verwendete Wörter weniger wahrscheinlich; 1 bewirkt nichts</translation>
    </message>
    <message>
        <source>Presence penalty</source>
        <translation>Vorkommensabzug</translation>
    </message>
    <message>
        <source>The same for every word used, once; 0 does nothing</source>
        <translation>Dasselbe für jedes verwendete Wort, einmal; 0 bewirkt nichts</translation>
    </message>
    <message>
        <source>Frequency penalty</source>
        <translation>Häufigkeitsabzug</translation>
    </message>
    <message>
        <source>The same, for each time a word was used; 0 does nothing</source>
        <translation>Dasselbe, für jedes Mal, da ein Wort verwendet wurde; 0 bewirkt nichts</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>Startwert</translation>
    </message>
    <message>
        <source>The same seed, question and model give the same answer. Empty: another one each time</source>
        <translation>Gleicher Startwert, gleiche Frage und gleiches Modell geben die gleiche Antwort. Leer: jedes Mal ein anderer</translation>
    </message>
    <message>
        <source>Another each time</source>
        <translation>Jedes Mal anders</translation>
    </message>
    <message>
        <source>Longest answer</source>
        <translation>Längste Antwort</translation>
    </message>
    <message>
        <source>In tokens. Empty: until the model ends it or the context is full</source>
        <translation>In Token. Leer: bis das Modell sie beendet oder der Kontext voll ist</translation>
    </message>
    <message>
        <source>No limit</source>
        <translation>Unbegrenzt</translation>
    </message>
    <message>
        <source>Back to the model&apos;s values</source>
        <translation>Zurück zu den Werten des Modells</translation>
    </message>
    <message>
        <source>Forgets what was set here</source>
        <translation>Vergisst, was hier eingestellt wurde</translation>
    </message>
    <message>
        <source>Reset</source>
        <translation>Zurücksetzen</translation>
    </message>
</context>
<context>
    <name>Segmented</name>
    <message>
        <source>%1: %2</source>
        <comment>a choice, what is chosen</comment>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>SettingRow</name>
    <message>
        <source>%1 takes %2</source>
        <translation>%1 braucht %2</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Appearance</source>
        <translation>Darstellung</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>Systemprompt</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Sampling</source>
        <translation>Sampling</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>What you changed takes effect the next time this model is loaded.</source>
        <translation>Was geändert wurde, gilt, wenn dieses Modell das nächste Mal geladen wird.</translation>
    </message>
    <message>
        <source>This counts when the model is loaded.</source>
        <translation>Dies gilt, wenn das Modell geladen wird.</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <source>Reload now</source>
        <translation>Jetzt neu laden</translation>
    </message>
    <message>
        <source>Load now</source>
        <translation>Jetzt laden</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>This computer</source>
        <translation>Dieser Computer</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>Speicherplatz</translation>
    </message>
    <message>
        <source>About</source>
        <translation>Über</translation>
    </message>
    <message>
        <source>Library</source>
        <translation>Bibliothek</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Netzwerk</translation>
    </message>
</context>
<context>
    <name>ShareBar</name>
    <message>
        <source>Free</source>
        <translation>Frei</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <comment>a figure&apos;s name, its value</comment>
        <translation>%1 %2</translation>
    </message>
</context>
<context>
    <name>ShortcutsDialog</name>
    <message>
        <source>Chat, code or image pane</source>
        <translation>Chat-, Code- oder Bildbereich</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>Neuer Chat</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>Alle Chats durchsuchen</translation>
    </message>
    <message>
        <source>Find in this chat</source>
        <translation>In diesem Chat suchen</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>Modell wählen</translation>
    </message>
    <message>
        <source>Open a file</source>
        <translation>Datei öffnen</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>Senden</translation>
    </message>
    <message>
        <source>New line</source>
        <translation>Neue Zeile</translation>
    </message>
    <message>
        <source>Stop loading, reading or writing</source>
        <translation>Laden, Lesen oder Schreiben anhalten</translation>
    </message>
    <message>
        <source>Answer again</source>
        <translation>Neu antworten</translation>
    </message>
    <message>
        <source>Continue a stopped answer</source>
        <translation>Eine angehaltene Antwort fortsetzen</translation>
    </message>
    <message>
        <source>Previous or next version</source>
        <translation>Vorige oder nächste Fassung</translation>
    </message>
    <message>
        <source>Edit the last question</source>
        <translation>Letzte Frage bearbeiten</translation>
    </message>
    <message>
        <source>Up in an empty box, Ctrl+Shift+E</source>
        <translation>Auf im leeren Feld, Strg+Umschalt+E</translation>
    </message>
    <message>
        <source>Copy the last answer</source>
        <translation>Letzte Antwort kopieren</translation>
    </message>
    <message>
        <source>Rename the chat</source>
        <translation>Chat umbenennen</translation>
    </message>
    <message>
        <source>Undo a deletion</source>
        <translation>Löschen rückgängig machen</translation>
    </message>
    <message>
        <source>Between the file and the words about it</source>
        <translation>Zwischen der Datei und den Worten dazu</translation>
    </message>
    <message>
        <source>Explain, fix the selected lines</source>
        <translation>Markierte Zeilen erklären, korrigieren</translation>
    </message>
    <message>
        <source>Propose a change in these words</source>
        <translation>Mit diesen Worten eine Änderung vorschlagen lassen</translation>
    </message>
    <message>
        <source>Accept, reject a proposed change</source>
        <translation>Vorgeschlagene Änderung annehmen, ablehnen</translation>
    </message>
    <message>
        <source>Next, previous proposed change</source>
        <translation>Nächste, vorige vorgeschlagene Änderung</translation>
    </message>
    <message>
        <source>Write the accepted changes, undo that</source>
        <translation>Angenommene Änderungen schreiben, dies rückgängig machen</translation>
    </message>
    <message>
        <source>Paste a picture in the image pane</source>
        <translation>Im Bildbereich ein Bild einfügen</translation>
    </message>
    <message>
        <source>Picture: larger, smaller, whole</source>
        <translation>Bild: größer, kleiner, ganz</translation>
    </message>
    <message>
        <source>Picture: ask about a part</source>
        <translation>Bild: zu einem Ausschnitt fragen</translation>
    </message>
    <message>
        <source>Enter, arrows, Shift+arrows, Enter</source>
        <translation>Eingabe, Pfeile, Umschalt+Pfeile, Eingabe</translation>
    </message>
    <message>
        <source>Show or hide the chats</source>
        <translation>Chats ein- oder ausblenden</translation>
    </message>
    <message>
        <source>Larger, smaller, normal text</source>
        <translation>Größerer, kleinerer, normaler Text</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Beenden</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
</context>
<context>
    <name>Sidebar</name>
    <message>
        <source>Pinned</source>
        <translation>Angeheftet</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>Heute</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>Gestern</translation>
    </message>
    <message>
        <source>Last week</source>
        <translation>Letzte Woche</translation>
    </message>
    <message>
        <source>Older</source>
        <translation>Älter</translation>
    </message>
    <message numerus="yes">
        <source>%Ln matches</source>
        <translation>
            <numerusform>%Ln Treffer</numerusform>
            <numerusform>%Ln Treffer</numerusform>
        </translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Suchen</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>Alle Chats durchsuchen</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>Suche leeren</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>Neuer Chat</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>Chats</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>Umbenennen</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>Lösen</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>Anheften</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
    <message>
        <source>The chats cannot be searched at the moment</source>
        <translation>Die Chats können gerade nicht durchsucht werden</translation>
    </message>
    <message>
        <source>No messages match “%1”</source>
        <translation>Keine Nachricht enthält „%1“</translation>
    </message>
    <message>
        <source>Your chats will be listed here. They are stored in one file on this computer.</source>
        <translation>Hier werden Ihre Chats stehen. Sie liegen in einer einzigen Datei auf diesem Computer.</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>More about all chats</source>
        <translation>Mehr zu allen Chats</translation>
    </message>
    <message>
        <source>Import chats…</source>
        <translation>Chats importieren …</translation>
    </message>
    <message>
        <source>Export all chats…</source>
        <translation>Alle Chats exportieren …</translation>
    </message>
    <message>
        <source>What was asked of the network</source>
        <translation>Was das Netzwerk gefragt wurde</translation>
    </message>
</context>
<context>
    <name>StatusLine</name>
    <message>
        <source>%1 of the chosen experts in memory, %2 from the disk for each token</source>
        <translation>%1 der gewählten Experten im Speicher, %2 je Token von der Platte</translation>
    </message>
    <message>
        <source>Not loaded</source>
        <translation>Nicht geladen</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>Lädt</translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>Hält an</translation>
    </message>
    <message>
        <source>Looking</source>
        <translation>Sieht an</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>Liest</translation>
    </message>
    <message>
        <source>Thinking</source>
        <translation>Denkt nach</translation>
    </message>
    <message>
        <source>Writing</source>
        <translation>Schreibt</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>Bereit</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>Kein Modell</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>Kontext</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 von %2</translation>
    </message>
    <message>
        <source>RAM</source>
        <translation>RAM</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <comment>a figure&apos;s name, its value</comment>
        <translation>%1 %2</translation>
    </message>
    <message>
        <source>GPU, %1</source>
        <translation>GPU, %1</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
</context>
<context>
    <name>StoppedNote</name>
    <message numerus="yes">
        <source>Interrupted after %Ln tokens</source>
        <translation>
            <numerusform>Unterbrochen nach %Ln Token</numerusform>
            <numerusform>Unterbrochen nach %Ln Token</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Stopped after %Ln tokens</source>
        <translation>
            <numerusform>Angehalten nach %Ln Token</numerusform>
            <numerusform>Angehalten nach %Ln Token</numerusform>
        </translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <source>Write on from here</source>
        <translation>Von hier weiterschreiben</translation>
    </message>
</context>
<context>
    <name>StoragePage</name>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <source>Conversations</source>
        <translation>Unterhaltungen</translation>
    </message>
    <message>
        <source>Older copies of the conversations</source>
        <translation>Ältere Kopien der Unterhaltungen</translation>
    </message>
    <message>
        <source>What models have read</source>
        <translation>Was Modelle gelesen haben</translation>
    </message>
    <message>
        <source>Cache</source>
        <translation>Zwischenspeicher</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <source>Files in the models folder; the chooser (Ctrl+L) lists them</source>
        <translation>Dateien im Ordner der Modelle; die Auswahl (Strg+L) führt sie auf</translation>
    </message>
    <message>
        <source>With the pictures and files that were sent</source>
        <translation>Mit den Bildern und Dateien, die gesendet wurden</translation>
    </message>
    <message>
        <source>From before the file was brought up to date, or as it was found damaged. Removed, they are gone</source>
        <translation>Von vor einer Aktualisierung der Datei, oder wie sie beschädigt vorgefunden wurde. Einmal entfernt, sind sie weg</translation>
    </message>
    <message>
        <source>Lets a conversation go on at once. Without it, it is read again</source>
        <translation>Lässt eine Unterhaltung sofort weitergehen. Ohne dies wird sie neu gelesen</translation>
    </message>
    <message>
        <source>Makes the next start quicker, and is made again by itself</source>
        <translation>Macht den nächsten Start schneller und entsteht von selbst neu</translation>
    </message>
    <message>
        <source>What the program did and what went wrong. Never a word of a conversation</source>
        <translation>Was das Programm getan hat und was misslang. Nie ein Wort einer Unterhaltung</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>Speicherplatz</translation>
    </message>
    <message>
        <source>The program takes %1 on this disk.</source>
        <translation>Das Programm belegt %1 auf dieser Platte.</translation>
    </message>
    <message>
        <source>Counting…</source>
        <translation>Wird gezählt …</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>Platte</translation>
    </message>
    <message>
        <source>What can go</source>
        <translation>Was weg kann</translation>
    </message>
    <message>
        <source>Everything else</source>
        <translation>Alles andere</translation>
    </message>
    <message>
        <source>Nothing</source>
        <translation>Nichts</translation>
    </message>
    <message>
        <source>Show the folder</source>
        <translation>Ordner anzeigen</translation>
    </message>
    <message>
        <source>Remove for good</source>
        <translation>Endgültig entfernen</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>what a button does, to what</comment>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>Models in other places</source>
        <translation>Modelle an anderen Orten</translation>
    </message>
    <message>
        <source>Downloads that are not whole</source>
        <translation>Unvollständige Downloads</translation>
    </message>
    <message>
        <source>Used where they lie, and not counted above: they may be other programs&apos;</source>
        <translation>Werden benutzt, wo sie liegen, und zählen oben nicht mit: sie gehören vielleicht anderen Programmen</translation>
    </message>
    <message>
        <source>What came so far; a download goes on from there. Removed, it begins anew</source>
        <translation>Was bisher kam; ein Download geht dort weiter. Nach dem Entfernen beginnt er von vorn</translation>
    </message>
    <message>
        <source>%1. %2 of it on another disk</source>
        <translation>%1. %2 davon auf einer anderen Platte</translation>
    </message>
</context>
<context>
    <name>SystemPromptDialog</name>
    <message>
        <source>System prompt of this chat</source>
        <translation>Systemprompt dieses Chats</translation>
    </message>
    <message>
        <source>Told to the model before the first message. A change counts from the next answer; the chat is then read again from its beginning.</source>
        <translation>Wird dem Modell vor der ersten Nachricht gesagt. Eine Änderung gilt ab der nächsten Antwort; der Chat wird dann von Anfang an neu gelesen.</translation>
    </message>
    <message>
        <source>No system prompt</source>
        <translation>Kein Systemprompt</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Use for this chat</source>
        <translation>Für diesen Chat verwenden</translation>
    </message>
</context>
<context>
    <name>SystemPromptPage</name>
    <message>
        <source>System prompt</source>
        <translation>Systemprompt</translation>
    </message>
    <message>
        <source>Told to the model at the beginning of every new chat. Chats that exist keep theirs.</source>
        <translation>Wird dem Modell am Anfang jedes neuen Chats gesagt. Bestehende Chats behalten ihren.</translation>
    </message>
    <message>
        <source>System prompt of new chats</source>
        <translation>Systemprompt neuer Chats</translation>
    </message>
    <message>
        <source>For example: Answer in short sentences. Say so when you are not sure.</source>
        <translation>Zum Beispiel: Antworte in kurzen Sätzen. Sag es, wenn du nicht sicher bist.</translation>
    </message>
</context>
<context>
    <name>ThinkingBlock</name>
    <message>
        <source>Thinking · %1</source>
        <translation>Denkt nach · %1</translation>
    </message>
    <message>
        <source>Thought for %1</source>
        <translation>%1 nachgedacht</translation>
    </message>
    <message>
        <source>Thought</source>
        <translation>Nachgedacht</translation>
    </message>
    <message numerus="yes">
        <source>· %Ln tokens</source>
        <translation>
            <numerusform>· %Ln Token</numerusform>
            <numerusform>· %Ln Token</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>TipOf</name>
    <message>
        <source>%1  %2</source>
        <comment>a control&apos;s name, its key</comment>
        <translation>%1  %2</translation>
    </message>
</context>
<context>
    <name>Toast</name>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
</context>
<context>
    <name>ToolCallBlock</name>
    <message>
        <source>· asked for, not run</source>
        <translation>· verlangt, nicht ausgeführt</translation>
    </message>
</context>
<context>
    <name>TranslationNote</name>
    <message>
        <source>German and Simplified Chinese: translated without a native reader.</source>
        <translation>Deutsch und vereinfachtes Chinesisch: übersetzt ohne Durchsicht durch Muttersprachler.</translation>
    </message>
</context>
<context>
    <name>TrayRow</name>
    <message>
        <source>Pictures that go with the next question</source>
        <translation>Bilder, die mit der nächsten Frage gehen</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <comment>a picture&apos;s name, its size</comment>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>%1 × %2</source>
        <translation>%1 × %2</translation>
    </message>
    <message>
        <source>Opening</source>
        <translation>Wird geöffnet</translation>
    </message>
    <message>
        <source>Take out “%1”</source>
        <translation>„%1“ herausnehmen</translation>
    </message>
</context>
<context>
    <name>UnansweredNote</name>
    <message>
        <source>Not answered</source>
        <translation>Nicht beantwortet</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>Beantworten</translation>
    </message>
    <message>
        <source>Ask the model now</source>
        <translation>Das Modell jetzt fragen</translation>
    </message>
</context>
<context>
    <name>UnsavedDialog</name>
    <message>
        <source>The chats were written to %1</source>
        <translation>Die Chats wurden in %1 geschrieben</translation>
    </message>
    <message>
        <source>Save elsewhere…</source>
        <translation>Woanders speichern …</translation>
    </message>
    <message>
        <source>Close anyway</source>
        <translation>Trotzdem schließen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
</context>
<context>
    <name>UserMessage</name>
    <message>
        <source>You: %1</source>
        <translation>Sie: %1</translation>
    </message>
    <message>
        <source>Picture %1 of %2</source>
        <translation>Bild %1 von %2</translation>
    </message>
    <message>
        <source>Copy the question</source>
        <translation>Frage kopieren</translation>
    </message>
    <message>
        <source>Edit and ask again</source>
        <translation>Bearbeiten und neu fragen</translation>
    </message>
    <message>
        <source>Your question, in other words</source>
        <translation>Ihre Frage, anders gestellt</translation>
    </message>
    <message>
        <source>The old question and its answer are kept as another version.</source>
        <translation>Die alte Frage und ihre Antwort bleiben als weitere Fassung erhalten.</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>Senden</translation>
    </message>
</context>
<context>
    <name>VersionSwitch</name>
    <message>
        <source>Version %1 of %2</source>
        <translation>Fassung %1 von %2</translation>
    </message>
    <message>
        <source>Previous version</source>
        <translation>Vorige Fassung</translation>
    </message>
    <message>
        <source>%1/%2</source>
        <comment>version, of so many</comment>
        <translation>%1/%2</translation>
    </message>
    <message>
        <source>Next version</source>
        <translation>Nächste Fassung</translation>
    </message>
</context>
<context>
    <name>WindowDialogs</name>
    <message>
        <source>chats</source>
        <translation>Chats</translation>
    </message>
    <message>
        <source>chat</source>
        <translation>Chat</translation>
    </message>
    <message>
        <source>Open a model</source>
        <translation>Modell öffnen</translation>
    </message>
    <message>
        <source>Models (*.gguf)</source>
        <translation>Modelle (*.gguf)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <source>Open a file</source>
        <translation>Datei öffnen</translation>
    </message>
    <message>
        <source>Choose pictures</source>
        <translation>Bilder wählen</translation>
    </message>
    <message>
        <source>Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff)</source>
        <translation>Bilder (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff)</translation>
    </message>
    <message>
        <source>Export all chats</source>
        <translation>Alle Chats exportieren</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>Speichern</translation>
    </message>
    <message>
        <source>Exported chats (*.json)</source>
        <translation>Exportierte Chats (*.json)</translation>
    </message>
    <message>
        <source>Import chats</source>
        <translation>Chats importieren</translation>
    </message>
    <message>
        <source>Save this chat</source>
        <translation>Diesen Chat speichern</translation>
    </message>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <source>A folder with models</source>
        <translation>Ein Ordner mit Modellen</translation>
    </message>
    <message>
        <source>Where files go</source>
        <translation>Wohin Dateien kommen</translation>
    </message>
    <message>
        <source>Move to</source>
        <translation>Verschieben nach</translation>
    </message>
</context>
<context>
    <name>pio</name>
    <message>
        <source>System prompt</source>
        <translation>Systemprompt</translation>
    </message>
    <message>
        <source>You</source>
        <translation>Sie</translation>
    </message>
    <message>
        <source>Result of a function</source>
        <translation>Ergebnis einer Funktion</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>Antwort</translation>
    </message>
    <message>
        <source>Stopped.</source>
        <translation>Angehalten.</translation>
    </message>
    <message>
        <source>Not finished.</source>
        <translation>Nicht fertig.</translation>
    </message>
    <message>
        <source>Asked for `%1`:</source>
        <translation>Verlangte `%1`:</translation>
    </message>
    <message numerus="yes">
        <source>%Ln lines</source>
        <translation>
            <numerusform>%Ln Zeile</numerusform>
            <numerusform>%Ln Zeilen</numerusform>
        </translation>
    </message>
    <message>
        <source>The file</source>
        <translation>Die Datei</translation>
    </message>
    <message>
        <source>A picture cannot be looked at</source>
        <translation>Ein Bild kann nicht angesehen werden</translation>
    </message>
    <message>
        <source>A pasted picture</source>
        <translation>Ein eingefügtes Bild</translation>
    </message>
    <message>
        <source>%1 has been moved, renamed or deleted.</source>
        <translation>%1 wurde verschoben, umbenannt oder gelöscht.</translation>
    </message>
    <message>
        <source>%1 is protected, or the device it lies on has gone.</source>
        <translation>%1 ist geschützt, oder das Gerät, auf dem es liegt, ist nicht mehr da.</translation>
    </message>
    <message>
        <source>%1 is damaged, or too large or too long to be looked at.</source>
        <translation>%1 ist beschädigt oder zu groß oder zu lang, um angesehen zu werden.</translation>
    </message>
    <message>
        <source>%1 Every question of this conversation needs it.</source>
        <translation>%1 Jede Frage dieser Unterhaltung braucht es.</translation>
    </message>
    <message>
        <source>This file cannot be used</source>
        <translation>Diese Datei kann nicht verwendet werden</translation>
    </message>
    <message>
        <source>%1 is damaged or not what its name says. If it was downloaded, download it again.</source>
        <translation>%1 ist beschädigt oder nicht das, was der Name sagt. Wurde sie heruntergeladen, laden Sie sie nochmals herunter.</translation>
    </message>
    <message>
        <source>The file is not there</source>
        <translation>Die Datei ist nicht da</translation>
    </message>
    <message>
        <source>It may have been moved, renamed or deleted.</source>
        <translation>Sie wurde vielleicht verschoben, umbenannt oder gelöscht.</translation>
    </message>
    <message>
        <source>%1 may have been moved, renamed or deleted.</source>
        <translation>%1 wurde vielleicht verschoben, umbenannt oder gelöscht.</translation>
    </message>
    <message>
        <source>The file cannot be read or written</source>
        <translation>Die Datei kann nicht gelesen oder geschrieben werden</translation>
    </message>
    <message>
        <source>%1 is protected, its disk is full, or the device it lies on has gone.</source>
        <translation>%1 ist geschützt, die Platte ist voll, oder das Gerät, auf dem sie liegt, ist nicht mehr da.</translation>
    </message>
    <message>
        <source>This model does not run here yet</source>
        <translation>Dieses Modell läuft hier noch nicht</translation>
    </message>
    <message>
        <source>%1 is a sound file, but of an architecture or format that this version does not know.</source>
        <translation>%1 ist unbeschädigt, aber von einer Architektur oder einem Format, das diese Version nicht kennt.</translation>
    </message>
    <message>
        <source>A setting cannot be used</source>
        <translation>Eine Einstellung kann nicht verwendet werden</translation>
    </message>
    <message>
        <source>%1 was asked for; %2 is the most that is possible.</source>
        <translation>Verlangt wurde %1; möglich ist höchstens %2.</translation>
    </message>
    <message>
        <source>One of the values in the settings is not possible with this model.</source>
        <translation>Einer der Werte in den Einstellungen ist mit diesem Modell nicht möglich.</translation>
    </message>
    <message>
        <source>Not enough memory</source>
        <translation>Nicht genug Speicher</translation>
    </message>
    <message>
        <source>Not enough graphics memory</source>
        <translation>Nicht genug Grafikspeicher</translation>
    </message>
    <message>
        <source>This needs %1; %2 is free. A shorter context or a smaller model needs less.</source>
        <translation>Das braucht %1; frei sind %2. Ein kürzerer Kontext oder ein kleineres Modell braucht weniger.</translation>
    </message>
    <message>
        <source>The computer has no more memory to give. A shorter context or a smaller model needs less.</source>
        <translation>Der Computer hat keinen Speicher mehr übrig. Ein kürzerer Kontext oder ein kleineres Modell braucht weniger.</translation>
    </message>
    <message>
        <source>This chat is longer than the model can read</source>
        <translation>Dieser Chat ist länger, als das Modell lesen kann</translation>
    </message>
    <message>
        <source>It takes %1 tokens; the context holds %2.</source>
        <translation>Er braucht %1 Token; der Kontext fasst %2.</translation>
    </message>
    <message>
        <source>The context is full. A new chat starts with an empty one.</source>
        <translation>Der Kontext ist voll. Ein neuer Chat beginnt mit einem leeren.</translation>
    </message>
    <message>
        <source>The model does not take this conversation</source>
        <translation>Das Modell nimmt diese Unterhaltung nicht an</translation>
    </message>
    <message>
        <source>Its chat format refuses this order of messages. Editing or deleting one of them may help.</source>
        <translation>Sein Chatformat lehnt diese Abfolge von Nachrichten ab. Eine davon zu bearbeiten oder zu löschen kann helfen.</translation>
    </message>
    <message>
        <source>The device does not answer any more</source>
        <translation>Das Gerät antwortet nicht mehr</translation>
    </message>
    <message>
        <source>%1 stopped working. Loading the model again usually helps.</source>
        <translation>%1 funktioniert nicht mehr. Meist hilft es, das Modell neu zu laden.</translation>
    </message>
    <message>
        <source>The graphics card</source>
        <translation>Die Grafikkarte</translation>
    </message>
    <message>
        <source>This is not available here</source>
        <translation>Das ist hier nicht verfügbar</translation>
    </message>
    <message>
        <source>This version, or this computer, lacks what was asked for.</source>
        <translation>Dieser Version oder diesem Computer fehlt, was verlangt wurde.</translation>
    </message>
    <message>
        <source>Something went wrong inside Inference-PIO</source>
        <translation>In Inference-PIO ist etwas schiefgegangen</translation>
    </message>
    <message>
        <source>This is a fault of the program. What was written is saved.</source>
        <translation>Das ist ein Fehler des Programms. Was geschrieben wurde, ist gespeichert.</translation>
    </message>
    <message>
        <source>The disk is full</source>
        <translation>Die Platte ist voll</translation>
    </message>
    <message>
        <source>New messages cannot be saved. They stay here until there is room again or the window is closed.</source>
        <translation>Neue Nachrichten können nicht gespeichert werden. Sie bleiben hier, bis wieder Platz ist oder das Fenster geschlossen wird.</translation>
    </message>
    <message>
        <source>Messages cannot be saved</source>
        <translation>Nachrichten können nicht gespeichert werden</translation>
    </message>
    <message>
        <source>%1 is protected against writing. New messages stay here until the window is closed.</source>
        <translation>%1 ist schreibgeschützt. Neue Nachrichten bleiben hier, bis das Fenster geschlossen wird.</translation>
    </message>
    <message>
        <source>The history was damaged</source>
        <translation>Der Verlauf war beschädigt</translation>
    </message>
    <message>
        <source>%1 cannot be read. New messages stay here until the window is closed.</source>
        <translation>%1 kann nicht gelesen werden. Neue Nachrichten bleiben hier, bis das Fenster geschlossen wird.</translation>
    </message>
    <message>
        <source>What could be read of it is here: chats: %1, messages: %2. The damaged file is kept as %3.</source>
        <translation>Was davon zu lesen war, ist hier: Chats: %1, Nachrichten: %2. Die beschädigte Datei ist als %3 aufbewahrt.</translation>
    </message>
    <message>
        <source>A new one has been begun. The damaged file is kept as %1.</source>
        <translation>Ein neuer wurde begonnen. Die beschädigte Datei ist als %1 aufbewahrt.</translation>
    </message>
    <message>
        <source>The history was written by a newer version</source>
        <translation>Der Verlauf stammt von einer neueren Version</translation>
    </message>
    <message>
        <source>%1 is left as it is. New messages stay here until the window is closed.</source>
        <translation>%1 bleibt, wie es ist. Neue Nachrichten bleiben hier, bis das Fenster geschlossen wird.</translation>
    </message>
    <message>
        <source>There is no room to bring the history up to date</source>
        <translation>Es ist kein Platz, um den Verlauf auf den neuen Stand zu bringen</translation>
    </message>
    <message>
        <source>%1 of disk space are needed. The history was not touched. New messages stay here and are added to it when there is room.</source>
        <translation>Es werden %1 Plattenplatz gebraucht. Der Verlauf wurde nicht angerührt. Neue Nachrichten bleiben hier und kommen hinzu, sobald Platz ist.</translation>
    </message>
    <message>
        <source>The history cannot be read at the moment</source>
        <translation>Der Verlauf kann gerade nicht gelesen werden</translation>
    </message>
    <message>
        <source>%1 cannot be read. What you write is saved all the same.</source>
        <translation>%1 kann nicht gelesen werden. Was Sie schreiben, wird trotzdem gespeichert.</translation>
    </message>
    <message>
        <source>The history was moved or deleted</source>
        <translation>Der Verlauf wurde verschoben oder gelöscht</translation>
    </message>
    <message>
        <source>%1 is not there any more. Put it back, or export the chats: they stay here until the window is closed.</source>
        <translation>%1 ist nicht mehr da. Legen Sie es zurück oder exportieren Sie die Chats: Sie bleiben hier, bis das Fenster geschlossen wird.</translation>
    </message>
    <message>
        <source>Messages cannot be saved at the moment</source>
        <translation>Nachrichten können gerade nicht gespeichert werden</translation>
    </message>
    <message>
        <source>Another program holds %1. New messages stay here and are saved when it lets go.</source>
        <translation>Ein anderes Programm hält %1 fest. Neue Nachrichten bleiben hier und werden gespeichert, sobald es loslässt.</translation>
    </message>
    <message>
        <source>%1 cannot be written. It is tried again every few seconds.</source>
        <translation>%1 kann nicht geschrieben werden. Es wird alle paar Sekunden wieder versucht.</translation>
    </message>
    <message>
        <source>Not everything is saved yet</source>
        <translation>Noch ist nicht alles gespeichert</translation>
    </message>
    <message numerus="yes">
        <source>%Ln messages are not saved yet</source>
        <translation>
            <numerusform>%Ln Nachricht ist noch nicht gespeichert</numerusform>
            <numerusform>%Ln Nachrichten sind noch nicht gespeichert</numerusform>
        </translation>
    </message>
    <message>
        <source>Not everything is saved</source>
        <translation>Nicht alles ist gespeichert</translation>
    </message>
    <message numerus="yes">
        <source>%Ln messages are not saved</source>
        <translation>
            <numerusform>%Ln Nachricht ist nicht gespeichert</numerusform>
            <numerusform>%Ln Nachrichten sind nicht gespeichert</numerusform>
        </translation>
    </message>
    <message>
        <source>The history is being written.</source>
        <translation>Der Verlauf wird geschrieben.</translation>
    </message>
    <message>
        <source>Another program holds the history, %1.</source>
        <translation>Ein anderes Programm hält den Verlauf fest, %1.</translation>
    </message>
    <message>
        <source>The disk is full.</source>
        <translation>Die Platte ist voll.</translation>
    </message>
    <message>
        <source>There is no room to bring the history up to date.</source>
        <translation>Es ist kein Platz, um den Verlauf auf den neuen Stand zu bringen.</translation>
    </message>
    <message>
        <source>The history, %1, is protected against writing.</source>
        <translation>Der Verlauf, %1, ist schreibgeschützt.</translation>
    </message>
    <message>
        <source>The history, %1, was written by a newer version.</source>
        <translation>Der Verlauf, %1, stammt von einer neueren Version.</translation>
    </message>
    <message>
        <source>The history, %1, is not there any more.</source>
        <translation>Der Verlauf, %1, ist nicht mehr da.</translation>
    </message>
    <message>
        <source>The history, %1, cannot be read.</source>
        <translation>Der Verlauf, %1, kann nicht gelesen werden.</translation>
    </message>
    <message>
        <source>The history, %1, cannot be written.</source>
        <translation>Der Verlauf, %1, kann nicht geschrieben werden.</translation>
    </message>
    <message>
        <source>%1 The window closes as soon as everything is saved.</source>
        <translation>%1 Das Fenster schließt, sobald alles gespeichert ist.</translation>
    </message>
    <message>
        <source>%1 What is not saved goes with the window.</source>
        <translation>%1 Was nicht gespeichert ist, geht mit dem Fenster verloren.</translation>
    </message>
    <message>
        <source>There is no model to answer yet</source>
        <translation>Noch ist kein Modell da, das antwortet</translation>
    </message>
    <message>
        <source>Your words are saved. The answer begins when a model is open.</source>
        <translation>Ihre Worte sind gespeichert. Die Antwort beginnt, sobald ein Modell geöffnet ist.</translation>
    </message>
    <message>
        <source>Choose one, then ask again.</source>
        <translation>Wählen Sie eines und fragen Sie dann erneut.</translation>
    </message>
    <message>
        <source>%1 %2 answers as before.</source>
        <translation>%1 %2 antwortet wie zuvor.</translation>
    </message>
    <message>
        <source>This is not %1</source>
        <translation>Das ist nicht %1</translation>
    </message>
    <message>
        <source>%1 holds a model of another kind (%2). It can be opened as a file of its own.</source>
        <translation>%1 enthält ein Modell anderer Art (%2). Es kann als eigene Datei geöffnet werden.</translation>
    </message>
    <message>
        <source>This does not fit</source>
        <translation>Das passt nicht</translation>
    </message>
    <message>
        <source>It needs %1; %2 is free or allowed. A shorter context, fewer bits or a smaller model needs less.</source>
        <translation>Es braucht %1; frei oder erlaubt sind %2. Ein kürzerer Kontext, weniger Bits oder ein kleineres Modell braucht weniger.</translation>
    </message>
    <message>
        <source>It needs %1; this computer has %2. A shorter context, fewer bits or a smaller model needs less.</source>
        <translation>Es braucht %1; dieser Computer hat %2. Ein kürzerer Kontext, weniger Bits oder ein kleineres Modell braucht weniger.</translation>
    </message>
    <message>
        <source>This picture cannot be used</source>
        <translation>Dieses Bild kann nicht verwendet werden</translation>
    </message>
    <message>
        <source>%1 is not there, or it is no file.</source>
        <translation>%1 ist nicht da oder ist keine Datei.</translation>
    </message>
    <message>
        <source>%1 is no PNG, JPEG, WebP, BMP or TIFF picture, whatever its name says.</source>
        <translation>%1 ist kein Bild der Art PNG, JPEG, WebP, BMP oder TIFF, was auch immer der Name sagt.</translation>
    </message>
    <message>
        <source>%1 has no pixels, or it is damaged.</source>
        <translation>%1 hat keine Pixel oder ist beschädigt.</translation>
    </message>
    <message>
        <source>%1 has %2 × %3 pixels. At most %4 million pixels can be looked at.</source>
        <translation>%1 hat %2 × %3 Pixel. Höchstens %4 Millionen Pixel können angesehen werden.</translation>
    </message>
    <message>
        <source>%1 has %2 × %3 pixels. At most %4 times as long as wide can be looked at.</source>
        <translation>%1 hat %2 × %3 Pixel. Angesehen werden kann, was höchstens %4-mal so lang wie breit ist.</translation>
    </message>
    <message>
        <source>The pasted picture cannot be saved: the disk is full or protected.</source>
        <translation>Das eingefügte Bild kann nicht gespeichert werden: Die Platte ist voll oder geschützt.</translation>
    </message>
    <message>
        <source>These are many pictures</source>
        <translation>Das sind viele Bilder</translation>
    </message>
    <message>
        <source>At most %1 can go with one question.</source>
        <translation>Höchstens %1 können mit einer Frage gehen.</translation>
    </message>
    <message>
        <source>This model cannot see pictures</source>
        <translation>Dieses Modell kann keine Bilder sehen</translation>
    </message>
    <message>
        <source>%1 is told their names, not what they show.</source>
        <translation>%1 erfährt ihre Namen, nicht, was sie zeigen.</translation>
    </message>
    <message>
        <source>Inference-PIO closed unexpectedly while loading %1</source>
        <translation>Inference-PIO wurde beim Laden von %1 unerwartet beendet</translation>
    </message>
    <message>
        <source>Your conversations are saved. The model was not loaded again by itself.</source>
        <translation>Ihre Unterhaltungen sind gespeichert. Das Modell wurde nicht von selbst wieder geladen.</translation>
    </message>
    <message>
        <source>The context is full</source>
        <translation>Der Kontext ist voll</translation>
    </message>
    <message>
        <source>The answer ended because all %1 tokens of the context are in use.</source>
        <translation>Die Antwort endete, weil alle %1 Token des Kontexts belegt sind.</translation>
    </message>
    <message>
        <source>The answer ended because all tokens of the context are in use.</source>
        <translation>Die Antwort endete, weil alle Token des Kontexts belegt sind.</translation>
    </message>
    <message>
        <source>The chats could not be exported</source>
        <translation>Die Chats konnten nicht exportiert werden</translation>
    </message>
    <message>
        <source>%1 cannot be written.</source>
        <translation>%1 kann nicht geschrieben werden.</translation>
    </message>
    <message>
        <source>Settings cannot be saved</source>
        <translation>Einstellungen können nicht gespeichert werden</translation>
    </message>
    <message>
        <source>Some settings could not be read</source>
        <translation>Einige Einstellungen konnten nicht gelesen werden</translation>
    </message>
    <message>
        <source>%1 is damaged and is begun anew. What it held is kept as %2.</source>
        <translation>%1 ist beschädigt und wird neu begonnen. Der frühere Inhalt ist als %2 aufbewahrt.</translation>
    </message>
    <message>
        <source>The chats could not be imported</source>
        <translation>Die Chats konnten nicht importiert werden</translation>
    </message>
    <message>
        <source>%1 is not there, is no file, or cannot be read.</source>
        <translation>%1 ist nicht da, ist keine Datei oder kann nicht gelesen werden.</translation>
    </message>
    <message>
        <source>%1 is damaged or is not an export of Inference-PIO.</source>
        <translation>%1 ist beschädigt oder kein Export von Inference-PIO.</translation>
    </message>
    <message>
        <source>%1 was written by another program. Only exports of Inference-PIO can be imported.</source>
        <translation>%1 stammt von einem anderen Programm. Nur Exporte von Inference-PIO können importiert werden.</translation>
    </message>
    <message>
        <source>%1 is an export of %2. Only exports of Inference-PIO can be imported.</source>
        <translation>%1 ist ein Export von %2. Nur Exporte von Inference-PIO können importiert werden.</translation>
    </message>
    <message>
        <source>%1 was exported by a newer version of Inference-PIO.</source>
        <translation>%1 wurde von einer neueren Version von Inference-PIO exportiert.</translation>
    </message>
    <message>
        <source>%1 is an export of Inference-PIO, but it was damaged or edited. Nothing was changed.</source>
        <translation>%1 ist ein Export von Inference-PIO, wurde aber beschädigt oder bearbeitet. Nichts wurde geändert.</translation>
    </message>
    <message>
        <source>The history cannot be written at the moment. Nothing was changed.</source>
        <translation>Der Verlauf kann gerade nicht geschrieben werden. Nichts wurde geändert.</translation>
    </message>
    <message numerus="yes">
        <source>%Ln chats were added.</source>
        <translation>
            <numerusform>%Ln Chat wurde hinzugefügt.</numerusform>
            <numerusform>%Ln Chats wurden hinzugefügt.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln new messages were added to chats that were already here.</source>
        <translation>
            <numerusform>%Ln neue Nachricht wurde zu einem Chat hinzugefügt, der schon da war.</numerusform>
            <numerusform>%Ln neue Nachrichten wurden zu Chats hinzugefügt, die schon da waren.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln chats were already here.</source>
        <translation>
            <numerusform>%Ln Chat war schon da.</numerusform>
            <numerusform>%Ln Chats waren schon da.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln messages that had been deleted here were left out.</source>
        <translation>
            <numerusform>%Ln Nachricht, die hier gelöscht worden war, wurde weggelassen.</numerusform>
            <numerusform>%Ln Nachrichten, die hier gelöscht worden waren, wurden weggelassen.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln pictures were left out because they are not files.</source>
        <translation>
            <numerusform>%Ln Bild wurde weggelassen, weil es keine Datei ist.</numerusform>
            <numerusform>%Ln Bilder wurden weggelassen, weil sie keine Dateien sind.</numerusform>
        </translation>
    </message>
    <message>
        <source>This cannot be opened as a file</source>
        <translation>Das kann nicht als Datei geöffnet werden</translation>
    </message>
    <message>
        <source>%1 is a folder or a device.</source>
        <translation>%1 ist ein Ordner oder ein Gerät.</translation>
    </message>
    <message>
        <source>This file is too large</source>
        <translation>Diese Datei ist zu groß</translation>
    </message>
    <message>
        <source>%1 has %2; the code pane opens files of up to %3.</source>
        <translation>%1 hat %2; der Codebereich öffnet Dateien bis %3.</translation>
    </message>
    <message>
        <source>This is not a text file</source>
        <translation>Das ist keine Textdatei</translation>
    </message>
    <message>
        <source>%1 has bytes in it that no text has.</source>
        <translation>%1 enthält Bytes, die in keinem Text vorkommen.</translation>
    </message>
    <message>
        <source>This file is not written in UTF-8</source>
        <translation>Diese Datei ist nicht in UTF-8 geschrieben</translation>
    </message>
    <message>
        <source>%1 uses another encoding. It was left alone: writing it back could damage it.</source>
        <translation>%1 verwendet eine andere Kodierung und wurde nicht angerührt: Das Zurückschreiben könnte sie beschädigen.</translation>
    </message>
    <message>
        <source>The file cannot be read</source>
        <translation>Die Datei kann nicht gelesen werden</translation>
    </message>
    <message>
        <source>The file cannot be written</source>
        <translation>Die Datei kann nicht geschrieben werden</translation>
    </message>
    <message>
        <source>%1 or its folder is protected, or the disk is full. Nothing was changed.</source>
        <translation>%1 oder der Ordner ist geschützt, oder die Platte ist voll. Nichts wurde geändert.</translation>
    </message>
    <message>
        <source>The file was changed by another program</source>
        <translation>Die Datei wurde von einem anderen Programm geändert</translation>
    </message>
    <message>
        <source>%1 is not what was opened here any more. Nothing was written.</source>
        <translation>%1 ist nicht mehr, was hier geöffnet wurde. Nichts wurde geschrieben.</translation>
    </message>
    <message>
        <source>This conversation names no file</source>
        <translation>Diese Unterhaltung nennt keine Datei</translation>
    </message>
    <message>
        <source>What was said about it is shown here, without the file.</source>
        <translation>Was dazu gesagt wurde, steht hier, ohne die Datei.</translation>
    </message>
    <message>
        <source>The answer contains no code</source>
        <translation>Die Antwort enthält keinen Code</translation>
    </message>
    <message>
        <source>Nothing is proposed. Asking again in other words, or for fewer lines, may help.</source>
        <translation>Nichts wird vorgeschlagen. Anders oder für weniger Zeilen neu zu fragen kann helfen.</translation>
    </message>
    <message>
        <source>Nothing would change</source>
        <translation>Nichts würde sich ändern</translation>
    </message>
    <message>
        <source>The answer holds the same lines as the file.</source>
        <translation>Die Antwort enthält dieselben Zeilen wie die Datei.</translation>
    </message>
    <message>
        <source>The answer is not complete</source>
        <translation>Die Antwort ist nicht vollständig</translation>
    </message>
    <message>
        <source>It ended before its last line, so nothing is proposed.</source>
        <translation>Sie endete vor ihrer letzten Zeile, darum wird nichts vorgeschlagen.</translation>
    </message>
    <message>
        <source>The answer contains several pieces of code</source>
        <translation>Die Antwort enthält mehrere Stücke Code</translation>
    </message>
    <message>
        <source>Which of them is meant for the file is not certain, so nothing is proposed.</source>
        <translation>Welches davon für die Datei gemeint ist, steht nicht fest, darum wird nichts vorgeschlagen.</translation>
    </message>
    <message>
        <source>Where the code ends is not certain</source>
        <translation>Wo der Code endet, steht nicht fest</translation>
    </message>
    <message>
        <source>The answer has code blocks within code blocks, or one that is not closed, so nothing is proposed.</source>
        <translation>Die Antwort hat Codeblöcke in Codeblöcken oder einen, der nicht geschlossen ist, darum wird nichts vorgeschlagen.</translation>
    </message>
    <message>
        <source>The code is in another language than the file</source>
        <translation>Der Code ist in einer anderen Sprache als die Datei</translation>
    </message>
    <message>
        <source>It does not seem to be meant for the file, so nothing is proposed.</source>
        <translation>Er scheint nicht für die Datei gemeint zu sein, darum wird nichts vorgeschlagen.</translation>
    </message>
    <message>
        <source>The answer leaves lines out</source>
        <translation>Die Antwort lässt Zeilen aus</translation>
    </message>
    <message>
        <source>A line in it stands for code that it does not repeat, so nothing is proposed. Selecting the lines to change may help.</source>
        <translation>Eine Zeile darin steht für Code, den sie nicht wiederholt, darum wird nichts vorgeschlagen. Es kann helfen, die zu ändernden Zeilen zu markieren.</translation>
    </message>
    <message>
        <source>The answer may be only a part of the file</source>
        <translation>Die Antwort ist vielleicht nur ein Teil der Datei</translation>
    </message>
    <message>
        <source>It does not begin and end as the file does, so nothing is proposed. Selecting the lines to change may help.</source>
        <translation>Sie beginnt und endet nicht wie die Datei, darum wird nichts vorgeschlagen. Es kann helfen, die zu ändernden Zeilen zu markieren.</translation>
    </message>
    <message>
        <source>The answer is not about the selected lines alone</source>
        <translation>Die Antwort betrifft nicht nur die markierten Zeilen</translation>
    </message>
    <message>
        <source>It begins with lines above them, so nothing is proposed. Selecting these, too, may help.</source>
        <translation>Sie beginnt mit Zeilen darüber, darum wird nichts vorgeschlagen. Es kann helfen, auch diese zu markieren.</translation>
    </message>
    <message>
        <source>The changes do not fit the file</source>
        <translation>Die Änderungen passen nicht zur Datei</translation>
    </message>
    <message>
        <source>The answer is a diff whose lines are not found exactly once in the file, so nothing is proposed.</source>
        <translation>Die Antwort ist ein Diff, dessen Zeilen nicht genau einmal in der Datei stehen, darum wird nichts vorgeschlagen.</translation>
    </message>
    <message>
        <source>The file has changed since the question</source>
        <translation>Die Datei hat sich seit der Frage geändert</translation>
    </message>
    <message>
        <source>The answer is about other lines than it has now, so nothing is proposed. Asking again is about these.</source>
        <translation>Die Antwort betrifft andere Zeilen, als sie jetzt hat, darum wird nichts vorgeschlagen. Neu gefragt, geht es um die jetzigen.</translation>
    </message>
    <message>
        <source>The answer is much shorter than what it replaces</source>
        <translation>Die Antwort ist viel kürzer als das, was sie ersetzt</translation>
    </message>
    <message>
        <source>It would put %1 in place of %2. It may be only a part.</source>
        <translation>Sie würde %2 durch %1 ersetzen. Vielleicht ist sie nur ein Teil.</translation>
    </message>
    <message>
        <source>The selection is too long for this model</source>
        <translation>Die Markierung ist zu lang für dieses Modell</translation>
    </message>
    <message>
        <source>The file is too long for this model to rewrite</source>
        <translation>Die Datei ist zu lang, als dass dieses Modell sie umschreiben könnte</translation>
    </message>
    <message>
        <source>Its lines and an answer as long do not fit into the context of %1 tokens. Select fewer lines.</source>
        <translation>Ihre Zeilen und eine ebenso lange Antwort passen nicht in den Kontext von %1 Token. Markieren Sie weniger Zeilen.</translation>
    </message>
    <message>
        <source>It and an answer as long do not fit into the context of %1 tokens. Select the lines that are meant.</source>
        <translation>Sie und eine ebenso lange Antwort passen nicht in den Kontext von %1 Token. Markieren Sie die gemeinten Zeilen.</translation>
    </message>
    <message>
        <source>The server</source>
        <translation>Der Server</translation>
    </message>
    <message>
        <source>The offline switch is on</source>
        <translation>Der Offline-Schalter ist an</translation>
    </message>
    <message>
        <source>Nothing was asked of %1. What came before is kept.</source>
        <translation>%1 wurde nichts gefragt. Was vorher kam, bleibt erhalten.</translation>
    </message>
    <message>
        <source>This build cannot fetch anything</source>
        <translation>Dieses Programm kann nichts herunterladen</translation>
    </message>
    <message>
        <source>It was made without network code. A file that you have opens as ever.</source>
        <translation>Es wurde ohne Netzwerkcode gebaut. Eine vorhandene Datei lässt sich wie immer öffnen.</translation>
    </message>
    <message>
        <source>The list of requests cannot be written</source>
        <translation>Die Liste der Anfragen kann nicht geschrieben werden</translation>
    </message>
    <message>
        <source>Without it nothing is asked of anybody. Is the disk full, or the data folder protected?</source>
        <translation>Ohne sie wird niemand etwas gefragt. Ist die Platte voll oder der Datenordner geschützt?</translation>
    </message>
    <message>
        <source>The catalogue names no file</source>
        <translation>Der Katalog nennt keine Datei</translation>
    </message>
    <message>
        <source>%1 is no name that a file could have here.</source>
        <translation>%1 ist kein Name, den eine Datei hier haben könnte.</translation>
    </message>
    <message>
        <source>The address cannot be used</source>
        <translation>Die Adresse kann nicht verwendet werden</translation>
    </message>
    <message>
        <source>The base address begins with https:// or http://, a proxy with http:// or socks5://.</source>
        <translation>Die Basisadresse beginnt mit https:// oder http://, ein Proxy mit http:// oder socks5://.</translation>
    </message>
    <message>
        <source>The file is being fetched already</source>
        <translation>Die Datei wird schon heruntergeladen</translation>
    </message>
    <message>
        <source>Another window or command of this program is fetching %1.</source>
        <translation>Ein anderes Fenster oder ein Befehl dieses Programms lädt %1 gerade herunter.</translation>
    </message>
    <message>
        <source>There is not enough room on the disk</source>
        <translation>Auf der Platte ist nicht genug Platz</translation>
    </message>
    <message>
        <source>%1 needs %2, with what the history needs; %3 is free.</source>
        <translation>%1 braucht %2, mit dem, was der Verlauf braucht; frei sind %3.</translation>
    </message>
    <message>
        <source>%1 does not fit on it. What came is kept.</source>
        <translation>%1 passt nicht darauf. Was kam, bleibt erhalten.</translation>
    </message>
    <message>
        <source>The folder of %1 is protected, or the device it lies on has gone.</source>
        <translation>Der Ordner von %1 ist geschützt, oder das Gerät, auf dem er liegt, ist nicht mehr da.</translation>
    </message>
    <message>
        <source>The download does not go on</source>
        <translation>Der Download geht nicht weiter</translation>
    </message>
    <message>
        <source>%1 did not answer, or broke off, five times in a row. What came of %2 is kept.</source>
        <translation>%1 antwortete fünfmal hintereinander nicht oder brach ab. Was von %2 kam, bleibt erhalten.</translation>
    </message>
    <message>
        <source>The connection is not safe</source>
        <translation>Die Verbindung ist nicht sicher</translation>
    </message>
    <message>
        <source>The address leads nowhere</source>
        <translation>Die Adresse führt nirgendwohin</translation>
    </message>
    <message>
        <source>%1 sends one on, again and again or to no address at all.</source>
        <translation>%1 leitet weiter, immer wieder oder auf gar keine Adresse.</translation>
    </message>
    <message>
        <source>The file is not there any more</source>
        <translation>Die Datei ist nicht mehr da</translation>
    </message>
    <message>
        <source>The server refuses the file</source>
        <translation>Der Server verweigert die Datei</translation>
    </message>
    <message>
        <source>%1 does not know %2 (404).</source>
        <translation>%1 kennt %2 nicht (404).</translation>
    </message>
    <message>
        <source>%1 answered %2 when it was asked for %3.</source>
        <translation>%1 antwortete mit %2 auf die Frage nach %3.</translation>
    </message>
    <message>
        <source>Nobody says how long the file is</source>
        <translation>Niemand sagt, wie lang die Datei ist</translation>
    </message>
    <message>
        <source>Neither the catalogue nor %1 states the length of %2, so it could not be known when it is whole.</source>
        <translation>Weder der Katalog noch %1 nennt die Länge von %2; so wäre nicht zu wissen, wann sie vollständig ist.</translation>
    </message>
    <message>
        <source>This is another file</source>
        <translation>Das ist eine andere Datei</translation>
    </message>
    <message>
        <source>%1 has %2 bytes in the catalogue and %3 bytes at %4. Nothing of it was written.</source>
        <translation>%1 hat im Katalog %2 Byte und bei %4 %3 Byte. Nichts davon wurde geschrieben.</translation>
    </message>
    <message>
        <source>The file does not end</source>
        <translation>Die Datei nimmt kein Ende</translation>
    </message>
    <message>
        <source>%1 sends more than the %2 bytes that %3 has.</source>
        <translation>%1 sendet mehr als die %2 Byte, die %3 hat.</translation>
    </message>
    <message>
        <source>The file keeps changing</source>
        <translation>Die Datei ändert sich ständig</translation>
    </message>
    <message>
        <source>%1 had another file under the same address at every look.</source>
        <translation>%1 hatte bei jedem Nachsehen eine andere Datei unter derselben Adresse.</translation>
    </message>
    <message>
        <source>The file is not the right one</source>
        <translation>Es ist nicht die richtige Datei</translation>
    </message>
    <message>
        <source>%1 came twice with the SHA-256 %3. The server states %2.</source>
        <translation>%1 kam zweimal mit der SHA-256 %3. Der Server nennt %2.</translation>
    </message>
    <message>
        <source>%1 came twice with the SHA-256 %3. The catalogue has %2.</source>
        <translation>%1 kam zweimal mit der SHA-256 %3. Im Katalog steht %2.</translation>
    </message>
    <message>
        <source>The file could not be moved</source>
        <translation>Die Datei konnte nicht verschoben werden</translation>
    </message>
    <message>
        <source>%1 lies where it was.</source>
        <translation>%1 liegt, wo es war.</translation>
    </message>
    <message>
        <source>The file could not be deleted</source>
        <translation>Die Datei konnte nicht gelöscht werden</translation>
    </message>
    <message>
        <source>Memory got short</source>
        <translation>Der Speicher wurde knapp</translation>
    </message>
    <message numerus="yes">
        <source>%Ln experts fewer are kept in memory (%1): answers are the same and take longer.</source>
        <translation>
            <numerusform>%Ln Experte weniger wird im Speicher gehalten (%1): Antworten bleiben gleich und dauern länger.</numerusform>
            <numerusform>%Ln Experten weniger werden im Speicher gehalten (%1): Antworten bleiben gleich und dauern länger.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln models that waited were unloaded.</source>
        <translation>
            <numerusform>Ein wartendes Modell wurde entladen.</numerusform>
            <numerusform>%Ln wartende Modelle wurden entladen.</numerusform>
        </translation>
    </message>
    <message>
        <source>What was kept of conversations (%1) is read again when it is wanted.</source>
        <translation>Was von Unterhaltungen aufbewahrt war (%1), wird bei Bedarf neu gelesen.</translation>
    </message>
    <message>
        <source>%1 is not asked any more. What came of %2 is kept.</source>
        <translation>%1 wird nichts mehr gefragt. Was von %2 kam, bleibt erhalten.</translation>
    </message>
    <message>
        <source>%1 shows no certificate that this computer trusts, so somebody else may answer in its name. Nothing was asked of it.</source>
        <translation>%1 zeigt kein Zertifikat, dem dieser Computer vertraut; es könnte also jemand anderes in seinem Namen antworten. Es wurde nichts gefragt.</translation>
    </message>
    <message>
        <source>%1 sends one on to an address without encryption. Nothing was asked there.</source>
        <translation>%1 leitet auf eine Adresse ohne Verschlüsselung weiter. Dort wurde nichts gefragt.</translation>
    </message>
    <message>
        <source>This version has nothing that drives it.</source>
        <translation>Diese Version hat nichts, womit sie es ansteuern könnte.</translation>
    </message>
    <message>
        <source>What drives it comes from another build of the program.</source>
        <translation>Was es ansteuert, stammt aus einem anderen Build des Programms.</translation>
    </message>
    <message>
        <source>The system has no library that finds its drivers, or one that is too old.</source>
        <translation>Das System hat keine Bibliothek, die seine Treiber findet, oder eine zu alte.</translation>
    </message>
    <message>
        <source>The system has no driver for a graphics card of this kind.</source>
        <translation>Das System hat keinen Treiber für eine Grafikkarte dieser Art.</translation>
    </message>
    <message>
        <source>Its driver is too old.</source>
        <translation>Sein Treiber ist zu alt.</translation>
    </message>
    <message>
        <source>The card cannot do what is needed.</source>
        <translation>Die Karte kann nicht, was gebraucht wird.</translation>
    </message>
    <message>
        <source>It is a renderer on the processor, slower than the program&apos;s own way there.</source>
        <translation>Es rechnet auf dem Prozessor, langsamer als das Programm selbst dort rechnet.</translation>
    </message>
    <message>
        <source>It is a card that is used already under another name.</source>
        <translation>Es ist eine Karte, die unter einem anderen Namen schon benutzt wird.</translation>
    </message>
    <message>
        <source>It failed: %1.</source>
        <translation>Es ist fehlgeschlagen: %1.</translation>
    </message>
    <message>
        <source>%1 of %2 experts have room in memory. The others are read from the disk when they are chosen.</source>
        <translation>%1 von %2 Experten haben Platz im Speicher. Die übrigen werden von der Platte gelesen, wenn sie gewählt werden.</translation>
    </message>
    <message>
        <source>%1 of the weights have no room in memory and are read again for every token. That is slow.</source>
        <translation>%1 der Gewichte haben keinen Platz im Speicher und werden für jedes Token neu gelesen. Das ist langsam.</translation>
    </message>
    <message>
        <source>The context has %1 tokens, and the model was trained for %2. What comes after those may make no sense.</source>
        <translation>Der Kontext hat %1 Token, trainiert wurde das Modell für %2. Was danach kommt, ergibt vielleicht keinen Sinn.</translation>
    </message>
    <message>
        <source>Keys and values in 4 bits: this model compresses its own already, and nobody has measured what is lost. 8 bits are nearly exact.</source>
        <translation>Keys und Values in 4 Bit: dieses Modell presst seine bereits zusammen, und was verloren geht, hat niemand gemessen. 8 Bit sind fast exakt.</translation>
    </message>
    <message>
        <source>Keys and values in 4 bits: the answers of a model this small get worse, up to nonsense in long chats. 8 bits are nearly exact.</source>
        <translation>Keys und Values in 4 Bit: die Antworten eines so kleinen Modells werden schlechter, in langen Chats bis zum Unsinn. 8 Bit sind fast exakt.</translation>
    </message>
    <message>
        <source>%1 has %2 of %3 layers</source>
        <translation>%1 hat %2 von %3 Schichten</translation>
    </message>
    <message>
        <source>%1 and %2 of %3 of experts</source>
        <comment>the first is a sentence of layers</comment>
        <translation>%1 und %2 von %3 der Experten</translation>
    </message>
    <message>
        <source>%1. The rest lies on the processor.</source>
        <comment>sentences of what graphics cards have</comment>
        <translation>%1. Der Rest liegt auf dem Prozessor.</translation>
    </message>
    <message>
        <source>All of the model lies on the processor: %1 has no room for a layer, or cannot run one.</source>
        <translation>Das ganze Modell liegt auf dem Prozessor: %1 hat für keine Schicht Platz oder kann keine rechnen.</translation>
    </message>
    <message>
        <source>%1 had no memory for %2 of the model, and holds less of it.</source>
        <translation>%1 hatte für %2 des Modells keinen Speicher und hält weniger davon.</translation>
    </message>
    <message>
        <source>%1 does not answer any more. The model lies on %2 now.</source>
        <translation>%1 antwortet nicht mehr. Das Modell liegt jetzt auf %2.</translation>
    </message>
    <message>
        <source>The vision file (mmproj) beside the model does not fit it: %1.</source>
        <comment>the engine&apos;s own message</comment>
        <translation>Die Bilddatei (mmproj) neben dem Modell passt nicht zu ihm: %1.</translation>
    </message>
    <message>
        <source>No vision file (mmproj) lies beside the model: it reads text only.</source>
        <translation>Neben dem Modell liegt keine Bilddatei (mmproj): es liest nur Text.</translation>
    </message>
    <message>
        <source>The weights were rounded to %1 while loading, which changed them by %2 (root mean square).</source>
        <translation>Die Gewichte wurden beim Laden auf %1 gerundet, was sie um %2 verändert hat (quadratisches Mittel).</translation>
    </message>
    <message numerus="yes">
        <source>The tokenizer has %Ln tokens more than the model&apos;s table of %1. They are read as text.</source>
        <translation>
            <numerusform>Der Tokenizer hat %Ln Token mehr als die Tabelle des Modells mit %1. Es wird als Text gelesen.</numerusform>
            <numerusform>Der Tokenizer hat %Ln Token mehr als die Tabelle des Modells mit %1. Sie werden als Text gelesen.</numerusform>
        </translation>
    </message>
    <message>
        <source>SHA-256 as in the catalogue</source>
        <translation>SHA-256 wie im Katalog</translation>
    </message>
    <message>
        <source>SHA-256 stated by the server</source>
        <translation>SHA-256 vom Server angegeben</translation>
    </message>
    <message>
        <source>no SHA-256 known, only its length was checked</source>
        <translation>keine SHA-256 bekannt, nur die Länge wurde geprüft</translation>
    </message>
</context>
<context>
    <name>pio::ChatController</name>
    <message>
        <source>Empty answer</source>
        <translation>Leere Antwort</translation>
    </message>
</context>
<context>
    <name>pio::CodeController</name>
    <message>
        <source>The file is as it was before.</source>
        <translation>Die Datei ist wieder, wie sie vorher war.</translation>
    </message>
    <message>
        <source>The changes were written to the file.</source>
        <translation>Die Änderungen wurden in die Datei geschrieben.</translation>
    </message>
    <message numerus="yes">
        <source>%Ln changes proposed.</source>
        <translation>
            <numerusform>%Ln Änderung vorgeschlagen.</numerusform>
            <numerusform>%Ln Änderungen vorgeschlagen.</numerusform>
        </translation>
    </message>
    <message>
        <source>line %1</source>
        <translation>Zeile %1</translation>
    </message>
    <message>
        <source>lines %1 to %2</source>
        <translation>Zeilen %1 bis %2</translation>
    </message>
    <message>
        <source>Explain the file</source>
        <translation>Datei erklären</translation>
    </message>
    <message>
        <source>Explain %1</source>
        <translation>Erklären: %1</translation>
    </message>
    <message>
        <source>Fix the file</source>
        <translation>Datei korrigieren</translation>
    </message>
    <message>
        <source>Fix %1</source>
        <translation>Korrigieren: %1</translation>
    </message>
    <message>
        <source>%1 (%2)</source>
        <comment>a question, the lines it is about</comment>
        <translation>%1 (%2)</translation>
    </message>
</context>
<context>
    <name>pio::Desktop</name>
    <message>
        <source>A model is answering</source>
        <translation>Ein Modell antwortet</translation>
    </message>
    <message>
        <source>%1 wrote %2 tokens in %3 s.</source>
        <translation>%1 schrieb %2 Token in %3 s.</translation>
    </message>
    <message>
        <source>The answer is there</source>
        <translation>Die Antwort ist da</translation>
    </message>
</context>
<context>
    <name>pio::PictureTray</name>
    <message>
        <source>Part of a picture</source>
        <translation>Ausschnitt eines Bildes</translation>
    </message>
    <message>
        <source>Pasted picture</source>
        <translation>Eingefügtes Bild</translation>
    </message>
</context>
</TS>
