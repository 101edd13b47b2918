<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en_US" sourcelanguage="en">
<context>
    <name>ChangeList</name>
    <message numerus="yes">
        <source>Would add %Ln syntax errors:</source>
        <translation>
            <numerusform>Would add a syntax error:</numerusform>
            <numerusform>Would add %Ln syntax errors:</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Accept all %Ln</source>
        <translation>
            <numerusform>Accept it</numerusform>
            <numerusform>Accept all %Ln</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Accept the other %Ln</source>
        <translation>
            <numerusform>Accept the other</numerusform>
            <numerusform>Accept the other %Ln</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>CodeBlock</name>
    <message numerus="yes">
        <source>Show all %Ln lines</source>
        <translation>
            <numerusform>Show %Ln line</numerusform>
            <numerusform>Show all %Ln lines</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>CodeComposer</name>
    <message numerus="yes">
        <source>Writing · %Ln tokens</source>
        <translation>
            <numerusform>Writing · %Ln token</numerusform>
            <numerusform>Writing · %Ln tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>CodePane</name>
    <message numerus="yes">
        <source>%Ln changes proposed</source>
        <translation>
            <numerusform>%Ln change proposed</numerusform>
            <numerusform>%Ln changes proposed</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln changes were written to %1</source>
        <translation>
            <numerusform>%Ln change was written to %1</numerusform>
            <numerusform>%Ln changes were written to %1</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln lines</source>
        <comment>a language</comment>
        <translation>
            <numerusform>%1, %Ln line</numerusform>
            <numerusform>%1, %Ln lines</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln lines</source>
        <translation>
            <numerusform>%Ln line</numerusform>
            <numerusform>%Ln lines</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>CodeView</name>
    <message numerus="yes">
        <source>%1, %Ln lines</source>
        <comment>a file</comment>
        <translation>
            <numerusform>%1, %Ln line</numerusform>
            <numerusform>%1, %Ln lines</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>DetailPicker</name>
    <message numerus="yes">
        <source>≈ %Ln tokens</source>
        <translation>
            <numerusform>≈ %Ln token</numerusform>
            <numerusform>≈ %Ln tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>DeviceBar</name>
    <message numerus="yes">
        <source>%1, %Ln layers and %2 experts</source>
        <comment>memory; the last number counts experts</comment>
        <translation>
            <numerusform>%1, %Ln layer and %2 experts</numerusform>
            <numerusform>%1, %Ln layers and %2 experts</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln layers</source>
        <comment>memory</comment>
        <translation>
            <numerusform>%1, %Ln layer</numerusform>
            <numerusform>%1, %Ln layers</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Doctor</name>
    <message numerus="yes">
        <source>It runs on %1 with %Ln threads, %2.</source>
        <translation>
            <numerusform>It runs on %1 with %Ln thread, %2.</numerusform>
            <numerusform>It runs on %1 with %Ln threads, %2.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln threads.</source>
        <translation>
            <numerusform>%1, %Ln thread.</numerusform>
            <numerusform>%1, %Ln threads.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>DoctorPage</name>
    <message numerus="yes">
        <source>%Ln things could be better.</source>
        <translation>
            <numerusform>%Ln thing could be better.</numerusform>
            <numerusform>%Ln things could be better.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>DroppedNote</name>
    <message numerus="yes">
        <source>This chat is longer than the context. The first %Ln messages were left out.</source>
        <translation>
            <numerusform>This chat is longer than the context. The first message was left out.</numerusform>
            <numerusform>This chat is longer than the context. The first %Ln messages were left out.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>LeaveDialog</name>
    <message numerus="yes">
        <source>%Ln changes are neither accepted nor rejected. They go when what is accepted is written.</source>
        <translation>
            <numerusform>%Ln change is neither accepted nor rejected. It goes when what is accepted is written.</numerusform>
            <numerusform>%Ln changes are neither accepted nor rejected. They go when what is accepted is written.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>LoadingPage</name>
    <message numerus="yes">
        <source>Measured with the last answer: %1, first word after %2 s with %Ln tokens to read</source>
        <translation>
            <numerusform>Measured with the last answer: %1, first word after %2 s with %Ln token to read</numerusform>
            <numerusform>Measured with the last answer: %1, first word after %2 s with %Ln tokens to read</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ProgressNote</name>
    <message numerus="yes">
        <source>Writing · %Ln tokens</source>
        <translation>
            <numerusform>Writing · %Ln token</numerusform>
            <numerusform>Writing · %Ln tokens</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln tokens</source>
        <translation>
            <numerusform>%Ln token</numerusform>
            <numerusform>%Ln tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Sidebar</name>
    <message numerus="yes">
        <source>%Ln matches</source>
        <translation>
            <numerusform>%Ln match</numerusform>
            <numerusform>%Ln matches</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>StoppedNote</name>
    <message numerus="yes">
        <source>Interrupted after %Ln tokens</source>
        <translation>
            <numerusform>Interrupted after %Ln token</numerusform>
            <numerusform>Interrupted after %Ln tokens</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Stopped after %Ln tokens</source>
        <translation>
            <numerusform>Stopped after %Ln token</numerusform>
            <numerusform>Stopped after %Ln tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ThinkingBlock</name>
    <message numerus="yes">
        <source>· %Ln tokens</source>
        <translation>
            <numerusform>· %Ln token</numerusform>
            <numerusform>· %Ln tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>pio</name>
    <message numerus="yes">
        <source>%Ln lines</source>
        <translation>
            <numerusform>%Ln line</numerusform>
            <numerusform>%Ln lines</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln messages are not saved yet</source>
        <translation>
            <numerusform>%Ln message is not saved yet</numerusform>
            <numerusform>%Ln messages are not saved yet</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln messages are not saved</source>
        <translation>
            <numerusform>%Ln message is not saved</numerusform>
            <numerusform>%Ln messages are not saved</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln chats were added.</source>
        <translation>
            <numerusform>%Ln chat was added.</numerusform>
            <numerusform>%Ln chats were added.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln new messages were added to chats that were already here.</source>
        <translation>
            <numerusform>%Ln new message was added to a chat that was already here.</numerusform>
            <numerusform>%Ln new messages were added to chats that were already here.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln chats were already here.</source>
        <translation>
            <numerusform>%Ln chat was already here.</numerusform>
            <numerusform>%Ln chats were already here.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln messages that had been deleted here were left out.</source>
        <translation>
            <numerusform>%Ln message that had been deleted here was left out.</numerusform>
            <numerusform>%Ln messages that had been deleted here were left out.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln pictures were left out because they are not files.</source>
        <translation>
            <numerusform>%Ln picture was left out because it is not a file.</numerusform>
            <numerusform>%Ln pictures were left out because they are not files.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln experts fewer are kept in memory (%1): answers are the same and take longer.</source>
        <translation>
            <numerusform>%Ln expert fewer is kept in memory (%1): answers are the same and take longer.</numerusform>
            <numerusform>%Ln experts fewer are kept in memory (%1): answers are the same and take longer.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln models that waited were unloaded.</source>
        <translation>
            <numerusform>A model that waited was unloaded.</numerusform>
            <numerusform>%Ln models that waited were unloaded.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The tokenizer has %Ln tokens more than the model&apos;s table of %1. They are read as text.</source>
        <translation>
            <numerusform>The tokenizer has %Ln token more than the model&apos;s table of %1. It is read as text.</numerusform>
            <numerusform>The tokenizer has %Ln tokens more than the model&apos;s table of %1. They are read as text.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>pio::CodeController</name>
    <message numerus="yes">
        <source>%Ln changes proposed.</source>
        <translation>
            <numerusform>%Ln change proposed.</numerusform>
            <numerusform>%Ln changes proposed.</numerusform>
        </translation>
    </message>
</context>
</TS>
