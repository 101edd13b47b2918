<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>AboutPage</name>
    <message>
        <source>inside the program</source>
        <translation>包含在程序中</translation>
    </message>
    <message>
        <source>inside the module for NVIDIA&apos;s cards</source>
        <translation>包含在 NVIDIA 显卡模块中</translation>
    </message>
    <message>
        <source>a library of the system</source>
        <translation>系统库</translation>
    </message>
    <message>
        <source>a font</source>
        <translation>字体</translation>
    </message>
    <message>
        <source>this program</source>
        <translation>本程序</translation>
    </message>
    <message>
        <source>Inference-PIO %1</source>
        <translation>Inference-PIO %1</translation>
    </message>
    <message>
        <source>An assistant whose model runs inside the program, on this computer. Nothing you type leaves it.</source>
        <translation>模型在程序内部、在这台电脑上运行的助手。您输入的内容不会离开这台电脑。</translation>
    </message>
    <message>
        <source>Parts and their licences</source>
        <translation>组成部分及其许可证</translation>
    </message>
    <message>
        <source>%1; %2</source>
        <comment>a holder of rights, what the part is</comment>
        <translation>%1；%2</translation>
    </message>
    <message>
        <source>Licence of %1: %2</source>
        <translation>%1 的许可证：%2</translation>
    </message>
</context>
<context>
    <name>AnswerFooter</name>
    <message>
        <source>%1 · first word %2 s</source>
        <translation>%1 · 首字 %2 秒</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <source>Copy the answer</source>
        <translation>复制回答</translation>
    </message>
    <message>
        <source>Answer again</source>
        <translation>重新回答</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>Copy with what was thought</source>
        <translation>连同思考过程一起复制</translation>
    </message>
    <message>
        <source>Edit the question…</source>
        <translation>编辑问题…</translation>
    </message>
    <message>
        <source>Delete from here</source>
        <translation>从此处开始删除</translation>
    </message>
</context>
<context>
    <name>AppearancePage</name>
    <message>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>System follows the desktop&apos;s light or dark</source>
        <translation>“跟随系统”采用桌面的浅色或深色</translation>
    </message>
    <message>
        <source>System</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Contrast</source>
        <translation>高对比度</translation>
    </message>
    <message>
        <source>Text size</source>
        <translation>文字大小</translation>
    </message>
    <message>
        <source>Of messages, code and tables. Ctrl and plus, minus or zero do the same</source>
        <translation>消息、代码和表格的文字大小。也可用 Ctrl 加上加号、减号或 0 调整</translation>
    </message>
    <message>
        <source>Less motion</source>
        <translation>减少动态效果</translation>
    </message>
    <message>
        <source>Nothing slides, fades or blinks</source>
        <translation>没有滑动、渐变或闪烁</translation>
    </message>
    <message>
        <source>Enter sends</source>
        <translation>按 Enter 发送</translation>
    </message>
    <message>
        <source>Shift+Enter begins a new line</source>
        <translation>按 Shift+Enter 换行</translation>
    </message>
    <message>
        <source>Enter begins a new line, Ctrl+Enter sends</source>
        <translation>按 Enter 换行，按 Ctrl+Enter 发送</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Of the window. Models answer in the language they are asked in</source>
        <translation>窗口的语言。模型用提问所用的语言回答</translation>
    </message>
</context>
<context>
    <name>BlindBanner</name>
    <message>
        <source>%1 sees with a second file, mmproj-….gguf, which does not lie beside it.</source>
        <translation>%1 需要第二个文件 mmproj-….gguf 才能看图，但它旁边没有这个文件。</translation>
    </message>
    <message>
        <source>%1 cannot see pictures. %2 can.</source>
        <translation>%1 看不了图片，%2 可以。</translation>
    </message>
    <message>
        <source>Pictures need a model that sees: %1.</source>
        <translation>图片需要能看图的模型：%1。</translation>
    </message>
    <message>
        <source>There may be too little memory for it.</source>
        <translation>内存可能不够它使用。</translation>
    </message>
    <message>
        <source>%1 goes for that time; its chats are kept.</source>
        <translation>%1 会在此期间卸载，它的对话会保留。</translation>
    </message>
    <message>
        <source>Switch to %1, ≈ %2</source>
        <translation>切换到 %1，约 %2</translation>
    </message>
    <message>
        <source>Switch to %1</source>
        <translation>切换到 %1</translation>
    </message>
    <message>
        <source>Where to get it…</source>
        <translation>从哪里获取…</translation>
    </message>
    <message>
        <source>Get %1…</source>
        <translation>获取 %1…</translation>
    </message>
    <message>
        <source>%1 was loaded without the file that it sees with, which is here now.</source>
        <translation>%1 加载时没有用来看图的文件，现在该文件已经有了。</translation>
    </message>
    <message>
        <source>Load it again</source>
        <translation>重新加载</translation>
    </message>
</context>
<context>
    <name>ChangeList</name>
    <message>
        <source>No new syntax errors</source>
        <translation>没有新的语法错误</translation>
    </message>
    <message numerus="yes">
        <source>Would add %Ln syntax errors:</source>
        <translation>
            <numerusform>会新增 %Ln 个语法错误：</numerusform>
        </translation>
    </message>
    <message>
        <source>Syntax not checked: no grammar for this language</source>
        <translation>未检查语法：没有该语言的语法规则</translation>
    </message>
    <message>
        <source>Syntax not checked: the file is too long</source>
        <translation>未检查语法：文件太长</translation>
    </message>
    <message>
        <source>Checking the syntax</source>
        <translation>正在检查语法</translation>
    </message>
    <message>
        <source>line %1: “%2” is missing</source>
        <translation>第 %1 行：缺少“%2”</translation>
    </message>
    <message>
        <source>line %1: “%2”</source>
        <translation>第 %1 行：“%2”</translation>
    </message>
    <message>
        <source>line %1</source>
        <translation>第 %1 行</translation>
    </message>
    <message>
        <source>Proposed changes</source>
        <translation>建议的更改</translation>
    </message>
    <message>
        <source>Change %1</source>
        <translation>更改 %1</translation>
    </message>
    <message>
        <source>%1, line %2, %3 added, %4 removed, %5</source>
        <translation>%1，第 %2 行，新增 %3 行，删除 %4 行，%5</translation>
    </message>
    <message>
        <source>accepted</source>
        <translation>已接受</translation>
    </message>
    <message>
        <source>rejected</source>
        <translation>已拒绝</translation>
    </message>
    <message>
        <source>open</source>
        <translation>待定</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>放弃</translation>
    </message>
    <message numerus="yes">
        <source>Accept all %Ln</source>
        <translation>
            <numerusform>全部接受（%Ln 处）</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Accept the other %Ln</source>
        <translation>
            <numerusform>接受其余 %Ln 处</numerusform>
        </translation>
    </message>
    <message>
        <source>Apply all the same</source>
        <translation>仍然应用</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Write the accepted changes to the file</source>
        <translation>将已接受的更改写入文件</translation>
    </message>
</context>
<context>
    <name>ChatHeader</name>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Show or hide the chats</source>
        <translation>显示或隐藏对话列表</translation>
    </message>
    <message>
        <source>Title of the chat</source>
        <translation>对话标题</translation>
    </message>
    <message>
        <source>Find in this chat</source>
        <translation>在此对话中查找</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>System prompt…</source>
        <translation>系统提示词…</translation>
    </message>
    <message>
        <source>Save as Markdown…</source>
        <translation>另存为 Markdown…</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
</context>
<context>
    <name>CodeAnswers</name>
    <message>
        <source>Questions and answers about the file</source>
        <translation>关于此文件的问答</translation>
    </message>
</context>
<context>
    <name>CodeBlock</name>
    <message>
        <source>Places as they were written</source>
        <translation>位置的原始写法</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>Show less</source>
        <translation>收起</translation>
    </message>
    <message numerus="yes">
        <source>Show all %Ln lines</source>
        <translation>
            <numerusform>显示全部 %Ln 行</numerusform>
        </translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <source>Copy the code</source>
        <translation>复制代码</translation>
    </message>
</context>
<context>
    <name>CodeComposer</name>
    <message>
        <source>line %1</source>
        <translation>第 %1 行</translation>
    </message>
    <message>
        <source>lines %1 to %2</source>
        <translation>第 %1 至 %2 行</translation>
    </message>
    <message>
        <source>Queued · loading</source>
        <translation>排队中 · 正在加载</translation>
    </message>
    <message>
        <source>Queued</source>
        <translation>排队中</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>Reading %1 of %2</source>
        <translation>正在读取 %1 / %2</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>正在读取</translation>
    </message>
    <message>
        <source>Thinking · %1</source>
        <translation>正在思考 · %1</translation>
    </message>
    <message numerus="yes">
        <source>Writing · %Ln tokens</source>
        <translation>
            <numerusform>正在书写 · %Ln 个词元</numerusform>
        </translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>正在停止</translation>
    </message>
    <message>
        <source>Comparing</source>
        <translation>正在比较</translation>
    </message>
    <message>
        <source>Saving</source>
        <translation>正在保存</translation>
    </message>
    <message>
        <source>Ask about %1</source>
        <translation>询问：%1</translation>
    </message>
    <message>
        <source>Explain</source>
        <translation>解释</translation>
    </message>
    <message>
        <source>Explain %1</source>
        <translation>解释：%1</translation>
    </message>
    <message>
        <source>Fix</source>
        <translation>修复</translation>
    </message>
    <message>
        <source>Fix %1</source>
        <translation>修复：%1</translation>
    </message>
    <message>
        <source>Think</source>
        <translation>思考</translation>
    </message>
    <message>
        <source>Think before the answer</source>
        <translation>回答前先思考</translation>
    </message>
    <message>
        <source>Think before the answer: slower, better at hard questions</source>
        <translation>回答前先思考：较慢，但更擅长难题</translation>
    </message>
    <message>
        <source>Write</source>
        <translation>改写</translation>
    </message>
    <message>
        <source>Propose a change of %1 in these words</source>
        <translation>按这段描述建议更改：%1</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Ask</source>
        <translation>提问</translation>
    </message>
</context>
<context>
    <name>CodeLine</name>
    <message>
        <source>Added, line %1: %2</source>
        <translation>新增，第 %1 行：%2</translation>
    </message>
    <message>
        <source>Removed, line %1: %2</source>
        <translation>删除，第 %1 行：%2</translation>
    </message>
    <message>
        <source>Line %1: %2</source>
        <translation>第 %1 行：%2</translation>
    </message>
</context>
<context>
    <name>CodePane</name>
    <message>
        <source>Show or hide the chats</source>
        <translation>显示或隐藏对话列表</translation>
    </message>
    <message>
        <source>%1 /</source>
        <comment>a folder before a file&apos;s name</comment>
        <translation>%1 /</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message numerus="yes">
        <source>%Ln changes proposed</source>
        <translation>
            <numerusform>建议了 %Ln 处更改</numerusform>
        </translation>
    </message>
    <message>
        <source>Undo what was written to the file</source>
        <translation>撤销写入文件的内容</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>没有模型</translation>
    </message>
    <message>
        <source>choose one</source>
        <translation>请选择</translation>
    </message>
    <message>
        <source>Open a file</source>
        <translation>打开文件</translation>
    </message>
    <message>
        <source>Open a file and ask about it</source>
        <translation>打开文件并提问</translation>
    </message>
    <message>
        <source>Select lines to explain, fix or rewrite. You see every change before it is written, and can take it back.</source>
        <translation>选中若干行，即可解释、修复或改写。每处更改在写入前都能看到，也可以撤销。</translation>
    </message>
    <message>
        <source>Open a file…</source>
        <translation>打开文件…</translation>
    </message>
    <message numerus="yes">
        <source>%Ln changes were written to %1</source>
        <translation>
            <numerusform>已将 %Ln 处更改写入 %1</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln lines</source>
        <comment>a language</comment>
        <translation>
            <numerusform>%1，%Ln 行</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln lines</source>
        <translation>
            <numerusform>%Ln 行</numerusform>
        </translation>
    </message>
    <message>
        <source>Select lines with the mouse or with Shift and the arrow keys. Without a selection, questions are about the whole file.</source>
        <translation>用鼠标或 Shift 加方向键选中若干行。没有选中时，问题针对整个文件。</translation>
    </message>
    <message>
        <source>The file is long: lines %1 to %2 of %3 were shown to the model.</source>
        <translation>文件较长：模型看到的是第 %1 至 %2 行，共 %3 行。</translation>
    </message>
</context>
<context>
    <name>CodeView</name>
    <message>
        <source>%1, lines %2 to %3 selected</source>
        <translation>%1，已选中第 %2 至 %3 行</translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln lines</source>
        <comment>a file</comment>
        <translation>
            <numerusform>%1，%Ln 行</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Composer</name>
    <message>
        <source>Ask anything once a model is here</source>
        <translation>有了模型即可提问</translation>
    </message>
    <message>
        <source>Ask anything</source>
        <translation>随便问</translation>
    </message>
    <message>
        <source>Ask anything — it stays on this computer</source>
        <translation>随便问——内容不会离开这台电脑</translation>
    </message>
    <message>
        <source>Your message</source>
        <translation>您的消息</translation>
    </message>
    <message>
        <source>Choose pictures…</source>
        <translation>选择图片…</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>没有模型</translation>
    </message>
    <message>
        <source>choose one</source>
        <translation>请选择</translation>
    </message>
    <message>
        <source>Think</source>
        <translation>思考</translation>
    </message>
    <message>
        <source>Think first</source>
        <translation>先思考</translation>
    </message>
    <message>
        <source>Think before the answer</source>
        <translation>回答前先思考</translation>
    </message>
    <message>
        <source>Think before the answer: slower, better at hard questions</source>
        <translation>回答前先思考：较慢，但更擅长难题</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
</context>
<context>
    <name>DeleteModelDialog</name>
    <message>
        <source>Delete %1?</source>
        <translation>要删除 %1 吗？</translation>
    </message>
    <message>
        <source>%1 of the disk become free. Conversations stay; the file can be fetched again.</source>
        <translation>将释放 %1 磁盘空间。对话会保留，文件可以重新下载。</translation>
    </message>
    <message>
        <source>Keep it</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
</context>
<context>
    <name>DetailPicker</name>
    <message>
        <source>Low</source>
        <comment>detail of a picture</comment>
        <translation>低</translation>
    </message>
    <message>
        <source>Normal</source>
        <comment>detail of a picture</comment>
        <translation>标准</translation>
    </message>
    <message>
        <source>Full</source>
        <comment>detail of a picture</comment>
        <translation>完整</translation>
    </message>
    <message numerus="yes">
        <source>≈ %Ln tokens</source>
        <translation>
            <numerusform>约 %Ln 个词元</numerusform>
        </translation>
    </message>
    <message>
        <source>below 1 s</source>
        <translation>不到 1 秒</translation>
    </message>
    <message>
        <source>≈ %1</source>
        <translation>约 %1</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <comment>the tokens of a detail, its seconds</comment>
        <translation>%1，%2</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>a choice, what is chosen</comment>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Detail of the pictures</source>
        <translation>图片细节</translation>
    </message>
</context>
<context>
    <name>DeviceBar</name>
    <message>
        <source>GPU, %1</source>
        <translation>GPU，%1</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>nothing of this model</source>
        <translation>没有此模型的内容</translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln layers and %2 experts</source>
        <comment>memory; the last number counts experts</comment>
        <translation>
            <numerusform>%1，%Ln 层和 %2 个专家</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln layers</source>
        <comment>memory</comment>
        <translation>
            <numerusform>%1，%Ln 层</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 needed</source>
        <translation>需要 %1</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>a device, what lies there</comment>
        <translation>%1：%2</translation>
    </message>
</context>
<context>
    <name>DevicesNote</name>
    <message>
        <source>Looking for graphics cards…</source>
        <translation>正在查找显卡…</translation>
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
        <translation>%1 词元/秒</translation>
    </message>
    <message>
        <source>all of it in memory</source>
        <translation>全部在内存中</translation>
    </message>
    <message>
        <source>part of it read from the disk for every step</source>
        <translation>每一步都有一部分从磁盘读取</translation>
    </message>
    <message>
        <source>some of its experts in memory, the others on the disk</source>
        <translation>部分专家在内存中，其余在磁盘上</translation>
    </message>
    <message>
        <source>The processor computes</source>
        <translation>由处理器计算</translation>
    </message>
    <message>
        <source>No device can compute</source>
        <translation>没有可用于计算的设备</translation>
    </message>
    <message>
        <source>Install the program again.</source>
        <translation>请重新安装程序。</translation>
    </message>
    <message>
        <source>Use a computer whose processor has AVX2: this one is computed for without its vectors.</source>
        <translation>请使用处理器支持 AVX2 的电脑：在这台电脑上只能不用向量指令计算。</translation>
    </message>
    <message>
        <source>Nothing to do: no graphics card was found that it could drive.</source>
        <translation>无需处理：没有找到它能驱动的显卡。</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>%1 free of %2.</source>
        <translation>空闲 %1，共 %2。</translation>
    </message>
    <message>
        <source>Weights are read from it at %1.</source>
        <translation>读取权重的速度为 %1。</translation>
    </message>
    <message>
        <source>Its speed was not measured, because a model is computing.</source>
        <translation>因为有模型正在计算，没有测量速度。</translation>
    </message>
    <message>
        <source>Little memory is free</source>
        <translation>空闲内存很少</translation>
    </message>
    <message>
        <source>Close other programs, or choose a smaller model.</source>
        <translation>请关闭其他程序，或选择较小的模型。</translation>
    </message>
    <message>
        <source>%1 is loaded</source>
        <translation>已加载 %1</translation>
    </message>
    <message>
        <source>Weights %1, conversations %2.</source>
        <translation>权重 %1，对话 %2。</translation>
    </message>
    <message>
        <source>Choose a smaller model or quantization: every step waits for the disk.</source>
        <translation>请选择较小的模型或量化版本：每一步都在等待磁盘。</translation>
    </message>
    <message>
        <source>Ask it something, then look again: its speed is measured with an answer.</source>
        <translation>请先提一个问题，然后再看：速度是在回答时测量的。</translation>
    </message>
    <message>
        <source>The last answer came at %1.</source>
        <translation>上次回答的速度为 %1。</translation>
    </message>
    <message>
        <source>Memory could give %1, so %2 % of it was reached.</source>
        <translation>内存最高可达 %1，实际达到其中的 %2%。</translation>
    </message>
    <message>
        <source>Close programs that compute, and plug the computer in: something takes the rest.</source>
        <translation>请关闭正在计算的程序，并给电脑接通电源：剩余的能力被占用了。</translation>
    </message>
    <message>
        <source>%1 fits</source>
        <translation>可容纳 %1</translation>
    </message>
    <message>
        <source>It takes %1 and is expected to write %2.</source>
        <translation>它占用 %1，预计书写速度为 %2。</translation>
    </message>
    <message>
        <source>%1 cannot be loaded</source>
        <translation>无法加载 %1</translation>
    </message>
    <message>
        <source>Choose a shorter context or a smaller quantization.</source>
        <translation>请选择较短的上下文或较小的量化版本。</translation>
    </message>
    <message>
        <source>Get the file again: it may be damaged.</source>
        <translation>请重新获取文件：它可能已损坏。</translation>
    </message>
    <message>
        <source>There is no model yet</source>
        <translation>还没有模型</translation>
    </message>
    <message>
        <source>Without one nothing is answered.</source>
        <translation>没有模型就无法回答。</translation>
    </message>
    <message>
        <source>Open a model file, or get one.</source>
        <translation>请打开模型文件，或获取一个。</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>磁盘</translation>
    </message>
    <message>
        <source>%1 free of %2 (%3), for %4.</source>
        <translation>空闲 %1，共 %2（%3），用于 %4。</translation>
    </message>
    <message>
        <source>Nothing can be written</source>
        <translation>无法写入任何内容</translation>
    </message>
    <message>
        <source>Make the folder yours, or start the program with another one (--data).</source>
        <translation>请取得该文件夹的所有权，或用另一个文件夹启动程序（--data）。</translation>
    </message>
    <message>
        <source>The conversations lie on a network drive</source>
        <translation>对话保存在网络驱动器上</translation>
    </message>
    <message>
        <source>Start the program with a folder on this computer (--data): a network drive can damage the history.</source>
        <translation>请用这台电脑上的文件夹启动程序（--data）：网络驱动器可能损坏历史记录。</translation>
    </message>
    <message>
        <source>The disk is nearly full</source>
        <translation>磁盘快满了</translation>
    </message>
    <message>
        <source>Make room: Storage says what can go.</source>
        <translation>请腾出空间：“存储空间”中列出了可以删除的内容。</translation>
    </message>
    <message>
        <source>System</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Kernel</source>
        <translation>内核</translation>
    </message>
    <message>
        <source>The window</source>
        <translation>窗口</translation>
    </message>
    <message>
        <source>It is drawn by the graphics card (%1).</source>
        <translation>由显卡绘制（%1）。</translation>
    </message>
    <message>
        <source>It is drawn by the processor (%1), which costs little while nothing moves.</source>
        <translation>由处理器绘制（%1），画面静止时开销很小。</translation>
    </message>
    <message>
        <source>A font is missing</source>
        <translation>缺少字体</translation>
    </message>
    <message>
        <source>Not found: %1.</source>
        <translation>未找到：%1。</translation>
    </message>
    <message>
        <source>Install the packages fonts-inter and fonts-jetbrains-mono.</source>
        <translation>请安装软件包 fonts-inter 和 fonts-jetbrains-mono。</translation>
    </message>
    <message>
        <source>Code is shown without colours</source>
        <translation>代码没有着色</translation>
    </message>
    <message>
        <source>This build has no grammars.</source>
        <translation>此版本没有语法规则。</translation>
    </message>
    <message>
        <source>Use a package that was built with them (installer/fetch_grammars.sh).</source>
        <translation>请使用带有语法规则的软件包（installer/fetch_grammars.sh）。</translation>
    </message>
    <message>
        <source>Log file</source>
        <translation>日志文件</translation>
    </message>
    <message numerus="yes">
        <source>It runs on %1 with %Ln threads, %2.</source>
        <translation>
            <numerusform>它在 %1 上以 %Ln 个线程运行，%2。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, %Ln threads.</source>
        <translation>
            <numerusform>%1，%Ln 个线程。</numerusform>
        </translation>
    </message>
    <message>
        <source>GPU, %1</source>
        <translation>GPU，%1</translation>
    </message>
    <message>
        <source>%1: %2 free of %3.</source>
        <comment>a device, bytes, bytes</comment>
        <translation>%1：%3 中 %2 空闲。</translation>
    </message>
    <message>
        <source>It is no card, but a program on the CPU, for tests.</source>
        <translation>它不是显卡，而是在 CPU 上运行的测试用程序。</translation>
    </message>
    <message>
        <source>Choose it on the page Model, to offload layers and experts to it.</source>
        <translation>在“模型”页面选择它，把层和专家卸载到它上面。</translation>
    </message>
    <message>
        <source>Nothing to do: cards of NVIDIA run through Vulkan too.</source>
        <translation>无需操作：NVIDIA 显卡也可以通过 Vulkan 使用。</translation>
    </message>
    <message>
        <source>Install the program again: its part for graphics cards is missing.</source>
        <translation>请重新安装本程序：缺少用于显卡的部分。</translation>
    </message>
    <message>
        <source>Install the program again, so that all its parts are of one version.</source>
        <translation>请重新安装本程序，使其所有部分属于同一版本。</translation>
    </message>
    <message>
        <source>Install the package libvulkan1.</source>
        <translation>请安装软件包 libvulkan1。</translation>
    </message>
    <message>
        <source>Install the Vulkan driver of the graphics card (mesa-vulkan-drivers, or NVIDIA&apos;s).</source>
        <translation>请安装显卡的 Vulkan 驱动程序（mesa-vulkan-drivers，或 NVIDIA 的驱动）。</translation>
    </message>
    <message>
        <source>Update the driver of the graphics card.</source>
        <translation>请更新显卡驱动程序。</translation>
    </message>
    <message>
        <source>Nothing to do: the CPU computes instead of it.</source>
        <translation>无需操作：由 CPU 代替它计算。</translation>
    </message>
    <message>
        <source>Nothing to do: it is no card, but a program on the CPU.</source>
        <translation>无需操作：它不是显卡，而是在 CPU 上运行的程序。</translation>
    </message>
    <message>
        <source>Nothing to do: the card is used under its other name.</source>
        <translation>无需操作：此显卡以另一个名称使用。</translation>
    </message>
    <message>
        <source>Update the driver of the graphics card, and restart the computer.</source>
        <translation>请更新显卡驱动程序并重新启动计算机。</translation>
    </message>
    <message>
        <source>%1 is not used (%2)</source>
        <comment>a device, a code</comment>
        <translation>未使用 %1（%2）</translation>
    </message>
</context>
<context>
    <name>DoctorPage</name>
    <message>
        <source>This computer</source>
        <translation>这台电脑</translation>
    </message>
    <message>
        <source>Looking at devices, memory, disk and models…</source>
        <translation>正在查看设备、内存、磁盘和模型…</translation>
    </message>
    <message>
        <source>Everything is in order.</source>
        <translation>一切正常。</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>重新检查</translation>
    </message>
    <message>
        <source>Copy as text</source>
        <translation>复制为文本</translation>
    </message>
    <message numerus="yes">
        <source>%Ln things could be better.</source>
        <translation>
            <numerusform>有 %Ln 处可以改进。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>DownloadWords</name>
    <message>
        <source>Waits for its turn</source>
        <translation>排队等待</translation>
    </message>
    <message>
        <source>Paused · %1</source>
        <translation>已暂停 · %1</translation>
    </message>
    <message>
        <source>Checking what is here · %1</source>
        <translation>正在检查已有内容 · %1</translation>
    </message>
    <message>
        <source>No connection · next try in %1 · %2</source>
        <translation>没有连接 · %1后重试 · %2</translation>
    </message>
    <message>
        <source>Nothing came for 10 s · %1</source>
        <translation>10 秒没有收到内容 · %1</translation>
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
        <translation>用此模型回答</translation>
    </message>
    <message>
        <source>Ask about this picture</source>
        <translation>就此图片提问</translation>
    </message>
    <message>
        <source>Add these chats</source>
        <translation>添加这些对话</translation>
    </message>
    <message>
        <source>Open in the code pane</source>
        <translation>在代码面板中打开</translation>
    </message>
    <message>
        <source>This kind of file cannot be opened</source>
        <translation>无法打开此类文件</translation>
    </message>
    <message>
        <source>%1: models end in .gguf, exported chats in .json, pictures in .png, .jpg, .webp, .bmp or .tiff, source in what its language uses</source>
        <translation>%1：模型以 .gguf 结尾，导出的对话以 .json 结尾，图片以 .png、.jpg、.webp、.bmp 或 .tiff 结尾，源代码以其语言的后缀结尾</translation>
    </message>
</context>
<context>
    <name>DroppedNote</name>
    <message numerus="yes">
        <source>This chat is longer than the context. The first %Ln messages were left out.</source>
        <translation>
            <numerusform>此对话超出了上下文长度，最前面的 %Ln 条消息已略去。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>EmptyChat</name>
    <message>
        <source>Explain how a heat pump works, in five sentences</source>
        <translation>用五句话解释热泵的工作原理</translation>
    </message>
    <message>
        <source>Write a Python function that sums a column of a CSV file</source>
        <translation>写一个 Python 函数，对 CSV 文件的某一列求和</translation>
    </message>
    <message>
        <source>Suggest three titles for a talk about bicycle repair</source>
        <translation>为一场关于自行车维修的讲座拟三个标题</translation>
    </message>
    <message>
        <source>Ask anything — it stays on this computer</source>
        <translation>随便问——内容不会离开这台电脑</translation>
    </message>
    <message>
        <source>The model runs here. Nothing you write is sent anywhere.</source>
        <translation>模型在本机运行。您写的内容不会发送到任何地方。</translation>
    </message>
</context>
<context>
    <name>EmptyImage</name>
    <message>
        <source>Drop an image here</source>
        <translation>将图片拖到此处</translation>
    </message>
    <message>
        <source>Or paste one with Ctrl+V. Ask what is in it, what is written there, or where something is: places are drawn over the picture. It stays on this computer.</source>
        <translation>也可以按 Ctrl+V 粘贴。问问图里有什么、写了什么、某样东西在哪里：位置会画在图片上。图片不会离开这台电脑。</translation>
    </message>
    <message>
        <source>Choose pictures…</source>
        <translation>选择图片…</translation>
    </message>
</context>
<context>
    <name>ErrorBanner</name>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Open a model…</source>
        <translation>打开模型…</translation>
    </message>
    <message>
        <source>Use a shorter context</source>
        <translation>使用较短的上下文</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Read it again</source>
        <translation>重新读取</translation>
    </message>
    <message>
        <source>Write all the same</source>
        <translation>仍然写入</translation>
    </message>
    <message>
        <source>Show the changes</source>
        <translation>显示更改</translation>
    </message>
    <message>
        <source>Export the chats…</source>
        <translation>导出对话…</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详细信息</translation>
    </message>
    <message>
        <source>Copy the details</source>
        <translation>复制详细信息</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Open Storage</source>
        <translation>打开存储空间</translation>
    </message>
</context>
<context>
    <name>ExpertStrip</name>
    <message>
        <source>Expected: %1 of those that tokens choose are there, %2 are read from the disk for each token, %3</source>
        <translation>预计：词元所选专家的 %1 已在内存中，每个词元从磁盘读取 %2，%3</translation>
    </message>
    <message>
        <source>Last answer: %1 were there, %2 for each token at %3 a second, %4, %5 of the time waiting for the disk</source>
        <translation>上次回答：%1 已在内存中，每个词元读取 %2，每秒 %3，%4，%5 的时间在等待磁盘</translation>
    </message>
    <message>
        <source>Experts in memory: %1</source>
        <translation>内存中的专家：%1</translation>
    </message>
    <message>
        <source>With one more GB for it: %1 would have been there, about %2</source>
        <translation>如果再多 1 GB：%1 会在内存中，约 %2</translation>
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
        <translation>%1 / %2 GB</translation>
    </message>
    <message>
        <source>%1 of %2 MB</source>
        <translation>%1 / %2 MB</translation>
    </message>
    <message>
        <source>%1 tok/s</source>
        <translation>%1 词元/秒</translation>
    </message>
    <message>
        <source>%1 s</source>
        <translation>%1 秒</translation>
    </message>
    <message>
        <source>Ctrl</source>
        <comment>a key</comment>
        <translation>Ctrl</translation>
    </message>
    <message>
        <source>Shift</source>
        <comment>a key</comment>
        <translation>Shift</translation>
    </message>
    <message>
        <source>Enter</source>
        <comment>a key</comment>
        <translation>Enter</translation>
    </message>
    <message>
        <source>Del</source>
        <comment>a key</comment>
        <translation>Delete</translation>
    </message>
    <message>
        <source>Left</source>
        <comment>a key</comment>
        <translation>←</translation>
    </message>
    <message>
        <source>Right</source>
        <comment>a key</comment>
        <translation>→</translation>
    </message>
    <message>
        <source>Up</source>
        <comment>a key</comment>
        <translation>↑</translation>
    </message>
    <message>
        <source>Down</source>
        <comment>a key</comment>
        <translation>↓</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1%</translation>
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
        <translation>剩余 %1 秒</translation>
    </message>
    <message>
        <source>%1 min left</source>
        <translation>剩余 %1 分钟</translation>
    </message>
    <message>
        <source>%1 h left</source>
        <translation>剩余 %1 小时</translation>
    </message>
</context>
<context>
    <name>FindBar</name>
    <message>
        <source>Find in this chat</source>
        <translation>在此对话中查找</translation>
    </message>
    <message>
        <source>Next match</source>
        <translation>下一个匹配项</translation>
    </message>
    <message>
        <source>Previous match</source>
        <translation>上一个匹配项</translation>
    </message>
    <message>
        <source>No matches</source>
        <translation>没有匹配项</translation>
    </message>
    <message>
        <source>Close the search</source>
        <translation>关闭搜索</translation>
    </message>
</context>
<context>
    <name>FindingRow</name>
    <message>
        <source>Open Storage</source>
        <translation>打开存储空间</translation>
    </message>
    <message>
        <source>Open a model…</source>
        <translation>打开模型…</translation>
    </message>
    <message>
        <source>Open Model</source>
        <translation>打开模型</translation>
    </message>
    <message>
        <source>In order</source>
        <translation>正常</translation>
    </message>
    <message>
        <source>To know</source>
        <translation>须知</translation>
    </message>
    <message>
        <source>Could be better</source>
        <translation>可以改进</translation>
    </message>
    <message>
        <source>Problem</source>
        <translation>问题</translation>
    </message>
</context>
<context>
    <name>FirstModel</name>
    <message>
        <source>%1, %2 · ≈ %3 on this computer</source>
        <translation>%1，%2 · 在这台电脑上约 %3</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1，%2</translation>
    </message>
    <message>
        <source>Continue the download</source>
        <translation>继续下载</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>下载 %1</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>The offline switch is on.</source>
        <translation>离线开关已打开。</translation>
    </message>
    <message>
        <source>Licence %1 · from %2</source>
        <translation>许可证 %1 · 来自 %2</translation>
    </message>
    <message>
        <source>%1. %2</source>
        <translation>%1。%2</translation>
    </message>
    <message>
        <source>Open Storage</source>
        <translation>打开存储空间</translation>
    </message>
</context>
<context>
    <name>GetModelDialog</name>
    <message>
        <source>Get %1</source>
        <translation>获取 %1</translation>
    </message>
    <message>
        <source>Download these files, %1 together, and put them side by side into the folder below; or choose the model&apos;s file if you have it. Other quantizations work as well.</source>
        <translation>下载这些文件（共 %1），一起放入下面的文件夹；如果已有模型文件，也可以直接选择。其他量化版本同样可用。</translation>
    </message>
    <message>
        <source>Download this file, %1, and put it into the folder below; or choose it if you have it. Other quantizations work as well.</source>
        <translation>下载此文件（%1），放入下面的文件夹；如果已有，也可以直接选择。其他量化版本同样可用。</translation>
    </message>
    <message>
        <source>Hugging Face</source>
        <translation>Hugging Face</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <source>Copy: %1</source>
        <translation>复制：%1</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>重新查找</translation>
    </message>
    <message>
        <source>Choose a file…</source>
        <translation>选择文件…</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Licence:</source>
        <translation>许可证：</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>下载 %1</translation>
    </message>
    <message>
        <source>%1 come from %2 when you press Download, and go into the folder below. Or choose the model&apos;s file if you have it; other quantizations work as well.</source>
        <translation>按下“下载”后，将从 %2 获取 %1 并放入下面的文件夹。如果已有模型文件，也可以直接选择；其他量化版本同样可用。</translation>
    </message>
    <message>
        <source>The model is here without its vision file: it reads text only. That file, %1, comes from %2 when you press Download, and goes into the folder below; the model stays where it lies.</source>
        <translation>模型已经有了，但缺少视觉文件：只能读取文本。按“下载”后，该文件（%1）会从 %2 下载到下面的文件夹；模型留在原处。</translation>
    </message>
    <message>
        <source>The model is here without its vision file: it reads text only. Download that file, %1, and put it into the folder below.</source>
        <translation>模型已经有了，但缺少视觉文件：只能读取文本。请下载该文件（%1），放到下面的文件夹中。</translation>
    </message>
</context>
<context>
    <name>HistoryRow</name>
    <message>
        <source>%1, about a file</source>
        <translation>%1，关于文件</translation>
    </message>
    <message>
        <source>%1, about pictures</source>
        <translation>%1，关于图片</translation>
    </message>
    <message>
        <source>%1, an answer is being written</source>
        <translation>%1，正在书写回答</translation>
    </message>
    <message>
        <source>More about “%1”</source>
        <translation>“%1”的更多操作</translation>
    </message>
    <message>
        <source>Title of the chat</source>
        <translation>对话标题</translation>
    </message>
</context>
<context>
    <name>HunkRow</name>
    <message>
        <source>In %1</source>
        <translation>位于 %1</translation>
    </message>
    <message>
        <source>Line %1</source>
        <translation>第 %1 行</translation>
    </message>
    <message>
        <source>Change %1 of %2. %3</source>
        <translation>更改 %1 / %2。%3</translation>
    </message>
    <message>
        <source>Change %1 of %2, accepted. %3</source>
        <translation>更改 %1 / %2，已接受。%3</translation>
    </message>
    <message>
        <source>Change %1 of %2, rejected. %3</source>
        <translation>更改 %1 / %2，已拒绝。%3</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>Accepted</source>
        <translation>已接受</translation>
    </message>
    <message>
        <source>Rejected</source>
        <translation>已拒绝</translation>
    </message>
    <message>
        <source>Reject</source>
        <translation>拒绝</translation>
    </message>
    <message>
        <source>Reject change %1</source>
        <translation>拒绝更改 %1</translation>
    </message>
    <message>
        <source>Accept</source>
        <translation>接受</translation>
    </message>
    <message>
        <source>Accept change %1</source>
        <translation>接受更改 %1</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Reconsider change %1</source>
        <translation>重新考虑更改 %1</translation>
    </message>
</context>
<context>
    <name>ImagePane</name>
    <message>
        <source>New picture chat</source>
        <translation>新的图片对话</translation>
    </message>
    <message>
        <source>The answer does not say which of the %1 pictures its places are in. They are drawn on the one that is shown.</source>
        <translation>回答没有说明这些位置在 %1 张图片中的哪一张上，因此画在当前显示的图片上。</translation>
    </message>
    <message>
        <source>Ask about the picture</source>
        <translation>就图片提问</translation>
    </message>
    <message>
        <source>Ask once a picture is here</source>
        <translation>有了图片即可提问</translation>
    </message>
</context>
<context>
    <name>ImportDialog</name>
    <message>
        <source>Add the chats of “%1”?</source>
        <translation>要添加“%1”中的对话吗？</translation>
    </message>
    <message>
        <source>They join the chats at the left. What is here already stays as it is.</source>
        <translation>它们会加入左侧的对话列表。已有的内容保持不变。</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Add the chats</source>
        <translation>添加对话</translation>
    </message>
</context>
<context>
    <name>LeaveDialog</name>
    <message>
        <source>The answer is still being compared with the file. What it changes goes when the window closes. The conversation stays.</source>
        <translation>回答仍在与文件比较。关闭窗口后，其中的更改会丢失，对话会保留。</translation>
    </message>
    <message>
        <source>They came while another file was open, and go when the window closes. The conversation stays.</source>
        <translation>这些更改是在打开另一个文件时得到的，关闭窗口后会丢失，对话会保留。</translation>
    </message>
    <message>
        <source>The proposal goes when something else opens. The conversation stays.</source>
        <translation>打开其他内容后，此建议会丢失，对话会保留。</translation>
    </message>
    <message>
        <source>The proposal goes when the window closes. The conversation stays.</source>
        <translation>关闭窗口后，此建议会丢失，对话会保留。</translation>
    </message>
    <message>
        <source>The proposal goes when a new one is asked for. The conversation stays.</source>
        <translation>请求新的建议后，此建议会丢失，对话会保留。</translation>
    </message>
    <message>
        <source>The proposal goes when the file is read again. The conversation stays.</source>
        <translation>重新读取文件后，此建议会丢失，对话会保留。</translation>
    </message>
    <message>
        <source>The proposal goes when the file is put back. The conversation stays.</source>
        <translation>恢复文件后，此建议会丢失，对话会保留。</translation>
    </message>
    <message numerus="yes">
        <source>%Ln changes are neither accepted nor rejected. They go when what is accepted is written.</source>
        <translation>
            <numerusform>有 %Ln 处更改既未接受也未拒绝。写入已接受的更改后，它们会丢失。</numerusform>
        </translation>
    </message>
    <message>
        <source>Changes to %1 were not looked at</source>
        <translation>对 %1 的更改尚未查看</translation>
    </message>
    <message>
        <source>, </source>
        <comment>between the names of files</comment>
        <translation>、</translation>
    </message>
    <message>
        <source>Not all changes to %1 are decided</source>
        <translation>对 %1 的更改尚未全部决定</translation>
    </message>
    <message>
        <source>Changes to %1 are not written</source>
        <translation>对 %1 的更改尚未写入</translation>
    </message>
    <message>
        <source>Write what is accepted</source>
        <translation>写入已接受的更改</translation>
    </message>
    <message>
        <source>Write all changes</source>
        <translation>写入全部更改</translation>
    </message>
    <message>
        <source>Show the changes</source>
        <translation>显示更改</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>放弃</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>LibraryPage</name>
    <message>
        <source>Library</source>
        <translation>模型库</translation>
    </message>
    <message>
        <source>This build cannot fetch files. Those that you have are used where they lie.</source>
        <translation>此版本无法下载文件。已有的文件会在原处使用。</translation>
    </message>
    <message>
        <source>The offline switch is on: nothing is fetched. Files that you have are used where they lie.</source>
        <translation>离线开关已打开：不会下载任何内容。已有的文件会在原处使用。</translation>
    </message>
    <message>
        <source>Files come from %1 when you press Download, and at no other time.</source>
        <translation>只有按下“下载”时，才会从 %1 获取文件。</translation>
    </message>
    <message>
        <source>Where files go</source>
        <translation>文件存放位置</translation>
    </message>
    <message>
        <source>%1 · %2 free</source>
        <translation>%1 · 空闲 %2</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>更改…</translation>
    </message>
    <message>
        <source>Change where files go</source>
        <translation>更改文件存放位置</translation>
    </message>
    <message>
        <source>Folders with files that you have</source>
        <translation>已有文件的文件夹</translation>
    </message>
    <message>
        <source>Also those of LM Studio and Hugging Face. Nothing in them is moved or changed.</source>
        <translation>也包括 LM Studio 和 Hugging Face 的文件夹。其中的内容不会被移动或更改。</translation>
    </message>
    <message>
        <source>Not connected. What lies there stays on the list</source>
        <translation>未连接。其中的内容会保留在列表中</translation>
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
        <translation>从列表中移除</translation>
    </message>
    <message>
        <source>Take off the list: %1</source>
        <translation>从列表中移除：%1</translation>
    </message>
    <message>
        <source>Add a folder…</source>
        <translation>添加文件夹…</translation>
    </message>
    <message>
        <source>Files on this computer</source>
        <translation>这台电脑上的文件</translation>
    </message>
    <message>
        <source>Its drive is not connected: %1</source>
        <translation>所在的驱动器未连接：%1</translation>
    </message>
    <message>
        <source>Not found in %1</source>
        <translation>在 %1 中未找到</translation>
    </message>
    <message>
        <source>%1 · %2</source>
        <translation>%1 · %2</translation>
    </message>
    <message>
        <source>Use it</source>
        <translation>使用</translation>
    </message>
    <message>
        <source>Use it: %1</source>
        <translation>使用：%1</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>已加载</translation>
    </message>
</context>
<context>
    <name>LibraryRow</name>
    <message>
        <source>%1, %2</source>
        <translation>%1，%2</translation>
    </message>
    <message>
        <source>Looking whether it fits…</source>
        <translation>正在查看能否容纳…</translation>
    </message>
    <message>
        <source>Does not fit: it needs %1 of memory</source>
        <translation>无法容纳：需要 %1 内存</translation>
    </message>
    <message>
        <source>Fits on this computer, computed</source>
        <translation>这台电脑可以容纳（估算）</translation>
    </message>
    <message>
        <source>Fits with %1 of its experts in memory · ≈ %2, computed</source>
        <translation>可容纳，%1 的专家在内存中 · 约 %2（估算）</translation>
    </message>
    <message>
        <source>Fits on this computer · ≈ %1, computed</source>
        <translation>这台电脑可以容纳 · 约 %1（估算）</translation>
    </message>
    <message>
        <source>Here, and loaded</source>
        <translation>已有，并已加载</translation>
    </message>
    <message>
        <source>Here</source>
        <translation>已有</translation>
    </message>
    <message>
        <source>Its drive is not connected: %1</source>
        <translation>所在的驱动器未连接：%1</translation>
    </message>
    <message>
        <source>≈ %1, computed</source>
        <translation>约 %1（估算）</translation>
    </message>
    <message>
        <source>Licence:</source>
        <translation>许可证：</translation>
    </message>
    <message>
        <source>no known SHA-256: the server&apos;s own counts</source>
        <translation>没有已知的 SHA-256：以服务器给出的为准</translation>
    </message>
    <message>
        <source>%1. %2</source>
        <translation>%1。%2</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>下载</translation>
    </message>
    <message>
        <source>%1: %2 %3</source>
        <translation>%1：%2 %3</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Cancel; what came is removed</source>
        <translation>取消；已收到的内容会删除</translation>
    </message>
    <message>
        <source>Cancel: %1 %2</source>
        <translation>取消：%1 %2</translation>
    </message>
    <message>
        <source>Use it</source>
        <translation>使用</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>More: %1 %2</source>
        <translation>更多：%1 %2</translation>
    </message>
    <message>
        <source>Show in its folder</source>
        <translation>在文件夹中显示</translation>
    </message>
    <message>
        <source>Move to a folder…</source>
        <translation>移动到文件夹…</translation>
    </message>
    <message>
        <source>Delete the file…</source>
        <translation>删除文件…</translation>
    </message>
    <message>
        <source>Here, and loaded, but its vision file is missing: it reads text only</source>
        <translation>已有，已加载，但缺少视觉文件：只能读取文本</translation>
    </message>
    <message>
        <source>Here, but its vision file is missing: it reads text only</source>
        <translation>已有，但缺少视觉文件：只能读取文本</translation>
    </message>
    <message>
        <source>Here, but it was loaded without its vision file</source>
        <translation>已有，但加载时没有视觉文件</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>下载 %1</translation>
    </message>
    <message>
        <source>Download the vision file, %1: %2 %3</source>
        <translation>下载视觉文件，%1：%2 %3</translation>
    </message>
    <message>
        <source>Load it again</source>
        <translation>重新加载</translation>
    </message>
    <message>
        <source>Open Storage</source>
        <translation>打开存储空间</translation>
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
        <translation>%1，链接到 %2</translation>
    </message>
</context>
<context>
    <name>LoadingPage</name>
    <message>
        <source>32-bit</source>
        <translation>32 位</translation>
    </message>
    <message>
        <source>16-bit</source>
        <translation>16 位</translation>
    </message>
    <message>
        <source>8-bit</source>
        <translation>8 位</translation>
    </message>
    <message>
        <source>4-bit</source>
        <translation>4 位</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Choose a model that has a file: its settings are its own.</source>
        <translation>请选择一个已有文件的模型：每个模型有各自的设置。</translation>
    </message>
    <message>
        <source>≈ %1</source>
        <translation>约 %1</translation>
    </message>
    <message>
        <source>writing</source>
        <translation>书写</translation>
    </message>
    <message>
        <source>reading</source>
        <translation>读取</translation>
    </message>
    <message>
        <source>≈ %1 s</source>
        <translation>约 %1 秒</translation>
    </message>
    <message>
        <source>to load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>The figures come when the model has finished what it is doing.</source>
        <translation>模型完成手头的工作后会给出数字。</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Rounded while loading: 8-bit and 4-bit take less memory and are quicker; answers change a little</source>
        <translation>加载时取整：8 位和 4 位占用内存更少、速度更快，回答会略有变化</translation>
    </message>
    <message>
        <source>The file holds them in %1: rounding them again would only lose</source>
        <translation>文件中的权重为 %1：再次取整只会有损失</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保持原样</translation>
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
        <translation>上下文</translation>
    </message>
    <message>
        <source>How many tokens of a chat the model can see: %1 fit</source>
        <translation>模型能看到对话中的多少词元：可容纳 %1</translation>
    </message>
    <message>
        <source>How many tokens of a chat the model can see. Twice as many take twice the memory</source>
        <translation>模型能看到对话中的多少词元。数量加倍，占用内存也加倍</translation>
    </message>
    <message>
        <source>What fits</source>
        <translation>尽量多</translation>
    </message>
    <message>
        <source>Precision of the KV cache</source>
        <translation>KV 缓存精度</translation>
    </message>
    <message>
        <source>8-bit takes half the memory of 16-bit, 4-bit a quarter; answers change a little</source>
        <translation>8 位占用的内存是 16 位的一半，4 位是四分之一；回答会略有变化</translation>
    </message>
    <message>
        <source>Memory to use</source>
        <translation>可用内存</translation>
    </message>
    <message>
        <source>%1 of the experts have room; what is missing is read from the disk: more memory, quicker answers</source>
        <translation>可容纳 %1 的专家，其余从磁盘读取：内存越多，回答越快</translation>
    </message>
    <message>
        <source>For weights, KV cache and scratch together</source>
        <translation>权重、KV 缓存和临时空间合计</translation>
    </message>
    <message>
        <source>What is free</source>
        <translation>全部空闲内存</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>注意力</translation>
    </message>
    <message>
        <source>Only the first tokens and the last %1 count: quick with long chats, what lies between is forgotten</source>
        <translation>只看最前面的词元和最后 %1 个词元：长对话时很快，但中间的内容会被遗忘</translation>
    </message>
    <message>
        <source>The %1 pages of the chat that promise most are read: quick with long chats, answers change a little</source>
        <translation>只读取对话中最有价值的 %1 页：长对话时很快，回答会略有变化</translation>
    </message>
    <message>
        <source>Every token sees all before it, as the model was made</source>
        <translation>每个词元都能看到之前的所有词元，与模型的设计一致</translation>
    </message>
    <message>
        <source>Full</source>
        <translation>完整</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>窗口</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>分页</translation>
    </message>
    <message>
        <source>Window, in tokens</source>
        <translation>窗口（词元数）</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程</translation>
    </message>
    <message>
        <source>Empty: one for each core of the processor. More than that is slower</source>
        <translation>留空：每个处理器核心一个。更多反而更慢</translation>
    </message>
    <message>
        <source>One a core</source>
        <translation>每核心一个</translation>
    </message>
    <message>
        <source>≈ %1, first word of a question after ≈ %2 s</source>
        <translation>≈ %1，提问后 ≈ %2 秒出现第一个词</translation>
    </message>
    <message>
        <source>to the first word</source>
        <translation>到第一个词</translation>
    </message>
    <message numerus="yes">
        <source>Measured with the last answer: %1, first word after %2 s with %Ln tokens to read</source>
        <translation>
            <numerusform>上一次回答的实测值：%1，读取 %Ln 个词元，%2 秒后出现第一个词</numerusform>
        </translation>
    </message>
    <message>
        <source>Looking for the fastest…</source>
        <translation>正在寻找最快的方案…</translation>
    </message>
    <message>
        <source>Fit to this computer</source>
        <translation>适配这台计算机</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Layers and experts can be offloaded to the GPU; Automatic chooses one that has room for them</source>
        <translation>层和专家可以卸载到 GPU；“自动”会选择有足够空间的 GPU</translation>
    </message>
    <message>
        <source>No graphics card can be used: the CPU computes</source>
        <translation>没有可用的显卡：由 CPU 计算</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自动</translation>
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
        <translation>使用的显存</translation>
    </message>
    <message>
        <source>For weights, experts, KV cache and scratch on the GPU</source>
        <translation>用于 GPU 上的权重、专家、KV 缓存和临时空间</translation>
    </message>
</context>
<context>
    <name>Main</name>
    <message>
        <source>%1 — Inference-PIO</source>
        <translation>%1 - Inference-PIO</translation>
    </message>
    <message>
        <source>Inference-PIO</source>
        <translation>Inference-PIO</translation>
    </message>
    <message>
        <source>The chats were written to %1</source>
        <translation>对话已写入 %1</translation>
    </message>
    <message>
        <source>The chat was written to %1</source>
        <translation>对话已写入 %1</translation>
    </message>
    <message>
        <source>%1 is neither a model (.gguf) nor a picture nor exported chats (.json)</source>
        <translation>%1 既不是模型（.gguf），也不是图片或导出的对话（.json）</translation>
    </message>
</context>
<context>
    <name>MemoryBar</name>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <source>Scratch</source>
        <translation>临时空间</translation>
    </message>
    <message>
        <source>Other programs</source>
        <translation>其他程序</translation>
    </message>
    <message>
        <source>Experts</source>
        <translation>专家</translation>
    </message>
</context>
<context>
    <name>MessageList</name>
    <message>
        <source>Conversation</source>
        <translation>对话内容</translation>
    </message>
    <message>
        <source>Back to the end</source>
        <translation>回到末尾</translation>
    </message>
</context>
<context>
    <name>ModelChip</name>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Model: %1 %2</source>
        <translation>模型：%1 %2</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>选择模型</translation>
    </message>
</context>
<context>
    <name>ModelPicker</name>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Files stay where they are.</source>
        <translation>文件会留在原处。</translation>
    </message>
    <message>
        <source>Unload</source>
        <translation>卸载</translation>
    </message>
    <message>
        <source>Open a file…</source>
        <translation>打开文件…</translation>
    </message>
</context>
<context>
    <name>ModelRow</name>
    <message>
        <source>Reasoning</source>
        <translation>推理</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>Images</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>No file yet</source>
        <translation>尚无文件</translation>
    </message>
    <message>
        <source>%1 · %2</source>
        <translation>%1 · %2</translation>
    </message>
    <message>
        <source>Not found in %1</source>
        <translation>在 %1 中未找到</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>正在加载</translation>
    </message>
    <message>
        <source>Loaded</source>
        <translation>已加载</translation>
    </message>
    <message>
        <source>In memory</source>
        <translation>在内存中</translation>
    </message>
    <message>
        <source>missing</source>
        <translation>缺失</translation>
    </message>
    <message>
        <source>Get it…</source>
        <translation>获取…</translation>
    </message>
    <message>
        <source>Take off the list</source>
        <translation>从列表中移除</translation>
    </message>
</context>
<context>
    <name>NetworkPage</name>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <source>The model needs none. This program asks for files of models that you download, and for nothing else.</source>
        <translation>模型不需要网络。本程序只请求您要下载的模型文件，此外不请求任何内容。</translation>
    </message>
    <message>
        <source>Offline</source>
        <translation>离线</translation>
    </message>
    <message>
        <source>It was started with --offline: every request is refused</source>
        <translation>以 --offline 启动：拒绝所有请求</translation>
    </message>
    <message>
        <source>Every request is refused before a connection is made; what runs is paused</source>
        <translation>在建立连接之前拒绝所有请求；正在进行的会暂停</translation>
    </message>
    <message>
        <source>Address of the files</source>
        <translation>文件地址</translation>
    </message>
    <message>
        <source>It begins with https:// or http:// and names a server</source>
        <translation>以 https:// 或 http:// 开头，并指明服务器</translation>
    </message>
    <message>
        <source>https://huggingface.co, or a mirror of it</source>
        <translation>https://huggingface.co 或其镜像</translation>
    </message>
    <message>
        <source>https://huggingface.co</source>
        <translation>https://huggingface.co</translation>
    </message>
    <message>
        <source>Proxy</source>
        <translation>代理</translation>
    </message>
    <message>
        <source>It begins with http:// or socks5:// and names a server</source>
        <translation>以 http:// 或 socks5:// 开头，并指明服务器</translation>
    </message>
    <message>
        <source>Empty: the one of the environment, if it has one</source>
        <translation>留空：使用环境变量中的代理（如果有）</translation>
    </message>
    <message>
        <source>http://host:port</source>
        <translation>http://host:port</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>None so far. Each one will stand here, with its server, its bytes and why it was made.</source>
        <translation>目前没有。每个请求都会列在这里，包括服务器、字节数和原因。</translation>
    </message>
    <message>
        <source>Every one that was made, the newest first; %1 in all.</source>
        <translation>发出过的所有请求，最新的在前；共 %1 个。</translation>
    </message>
    <message>
        <source>no answer</source>
        <translation>没有响应</translation>
    </message>
    <message>
        <source>%1 by way of %2</source>
        <translation>%1，经由 %2</translation>
    </message>
    <message>
        <source>Download of %1</source>
        <translation>下载 %1</translation>
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
        <translation>已有一个模型</translation>
    </message>
    <message>
        <source>One file is missing: a model</source>
        <translation>还缺一个文件：模型</translation>
    </message>
    <message>
        <source>%1 lies on this computer. It is small and quick; larger models answer better. Nothing you write leaves this computer.</source>
        <translation>%1 就在这台电脑上。它小而快，更大的模型回答得更好。您写的内容不会离开这台电脑。</translation>
    </message>
    <message>
        <source>Models are files of the GGUF kind; this program runs them without the network. Nothing you write leaves this computer.</source>
        <translation>模型是 GGUF 格式的文件，本程序无需网络即可运行。您写的内容不会离开这台电脑。</translation>
    </message>
    <message>
        <source>Use the starter model</source>
        <translation>使用入门模型</translation>
    </message>
    <message>
        <source>Use a file I have</source>
        <translation>使用已有的文件</translation>
    </message>
    <message>
        <source>Or fetch the starter model, %1, with this command in a terminal. It needs 98 MB on disk.</source>
        <translation>或者在终端中用此命令获取入门模型 %1。它需要 98 MB 磁盘空间。</translation>
    </message>
    <message>
        <source>Command that fetches the starter model</source>
        <translation>获取入门模型的命令</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <source>Copy the command</source>
        <translation>复制命令</translation>
    </message>
    <message>
        <source>One click, and a model is here</source>
        <translation>点击一下，即可获得模型</translation>
    </message>
    <message>
        <source>The smallest that fits answers here at once, and knows little; larger ones are in the library. Nothing you write leaves this computer.</source>
        <translation>能容纳的最小模型可以立即回答，但所知有限；更大的模型在模型库中。您写的内容不会离开这台电脑。</translation>
    </message>
    <message>
        <source>All models…</source>
        <translation>所有模型…</translation>
    </message>
</context>
<context>
    <name>PaneSwitcher</name>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>Image</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>a choice, what is chosen</comment>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Pane</source>
        <translation>面板</translation>
    </message>
</context>
<context>
    <name>PaneToasts</name>
    <message>
        <source>Deleted “%1”</source>
        <translation>已删除“%1”</translation>
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
        <translation>图片局部，%1。方向键移动，Shift 加方向键改变大小，Enter 确认。</translation>
    </message>
</context>
<context>
    <name>PictureWell</name>
    <message>
        <source>Picture: %1</source>
        <translation>图片：%1</translation>
    </message>
    <message>
        <source>%1 cannot be shown: it is not there any more, or it is damaged.</source>
        <translation>无法显示 %1：它已不存在或已损坏。</translation>
    </message>
    <message>
        <source>Opening %1</source>
        <translation>正在打开 %1</translation>
    </message>
    <message>
        <source>Pictures of this conversation</source>
        <translation>此对话的图片</translation>
    </message>
    <message>
        <source>Picture %1 of %2</source>
        <translation>图片 %1 / %2</translation>
    </message>
    <message>
        <source>Ask about a part</source>
        <translation>就局部提问</translation>
    </message>
    <message>
        <source>Drag over what you mean, or use arrows and Enter</source>
        <translation>拖动框选要问的部分，或使用方向键和 Enter</translation>
    </message>
    <message>
        <source>Drag, or arrows and Enter</source>
        <translation>拖动，或用方向键和 Enter</translation>
    </message>
    <message>
        <source>Leave the picture whole</source>
        <translation>保留整张图片</translation>
    </message>
    <message>
        <source>Smaller</source>
        <translation>缩小</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1%</translation>
    </message>
    <message>
        <source>Larger</source>
        <translation>放大</translation>
    </message>
</context>
<context>
    <name>PioScrollBar</name>
    <message>
        <source>Scroll up and down</source>
        <translation>上下滚动</translation>
    </message>
    <message>
        <source>Scroll sideways</source>
        <translation>左右滚动</translation>
    </message>
</context>
<context>
    <name>PlaceList</name>
    <message>
        <source>Places in the picture</source>
        <translation>图片中的位置</translation>
    </message>
    <message>
        <source>Point</source>
        <translation>点</translation>
    </message>
    <message>
        <source>Box</source>
        <translation>方框</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>a place&apos;s number, what it is</comment>
        <translation>%1：%2</translation>
    </message>
</context>
<context>
    <name>PlaceMark</name>
    <message>
        <source>%1: %2</source>
        <comment>a place&apos;s number, what it is</comment>
        <translation>%1：%2</translation>
    </message>
</context>
<context>
    <name>ProgressNote</name>
    <message>
        <source>Queued · loading</source>
        <translation>排队中 · 正在加载</translation>
    </message>
    <message>
        <source>Loading %1</source>
        <translation>正在加载 %1</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>正在加载</translation>
    </message>
    <message>
        <source>Queued</source>
        <translation>排队中</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>Picture %1 of %2</source>
        <translation>图片 %1 / %2</translation>
    </message>
    <message>
        <source>Looking · picture %1 of %2</source>
        <translation>正在看图 · 图片 %1 / %2</translation>
    </message>
    <message>
        <source>Reading %1 of %2</source>
        <translation>正在读取 %1 / %2</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>正在读取</translation>
    </message>
    <message>
        <source>Thinking · %1</source>
        <translation>正在思考 · %1</translation>
    </message>
    <message numerus="yes">
        <source>Writing · %Ln tokens</source>
        <translation>
            <numerusform>正在书写 · %Ln 个词元</numerusform>
        </translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>正在停止</translation>
    </message>
    <message numerus="yes">
        <source>%Ln tokens</source>
        <translation>
            <numerusform>%Ln 个词元</numerusform>
        </translation>
    </message>
    <message>
        <source>Will be sent when the model is ready</source>
        <translation>模型就绪后发送</translation>
    </message>
    <message>
        <source>Will be answered when the answer before it is finished</source>
        <translation>前一个回答完成后再回答</translation>
    </message>
</context>
<context>
    <name>RejectedDevice</name>
    <message>
        <source>%1 is not used (%2). %3</source>
        <comment>a device, a code, why</comment>
        <translation>未使用 %1（%2）。%3</translation>
    </message>
</context>
<context>
    <name>SamplingPage</name>
    <message>
        <source>Sampling</source>
        <translation>采样</translation>
    </message>
    <message>
        <source>How the next word is chosen from those the model finds likely. Changes count from the next answer.</source>
        <translation>如何从模型认为可能的词中选出下一个词。更改从下一次回答开始生效。</translation>
    </message>
    <message>
        <source>Use the model&apos;s own values</source>
        <translation>使用模型自带的值</translation>
    </message>
    <message>
        <source>Off: the values below count for every model</source>
        <translation>关闭：下面的值适用于所有模型</translation>
    </message>
    <message>
        <source>The values its publisher recommends are shown below</source>
        <translation>下面是发布者推荐的值</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>0 always takes the likeliest word; above 1 the answers wander</source>
        <translation>0 总是选最可能的词；大于 1 时回答会发散</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Only the likeliest words that together reach this share; 1 takes all</source>
        <translation>只取累计概率达到此比例的最可能的词；1 表示全部</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Drops words less likely than this share of the likeliest; 0 drops none</source>
        <translation>去掉概率低于最可能词的此比例的词；0 表示不去掉</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>Only so many of the likeliest words; 0 takes all</source>
        <translation>只取这么多个最可能的词；0 表示全部</translation>
    </message>
    <message>
        <source>Repeat penalty</source>
        <translation>重复惩罚</translation>
    </message>
    <message>
        <source>Makes words that were just used less likely; 1 does nothing</source>
        <translation>降低刚用过的词的概率；1 表示不起作用</translation>
    </message>
    <message>
        <source>Presence penalty</source>
        <translation>存在惩罚</translation>
    </message>
    <message>
        <source>The same for every word used, once; 0 does nothing</source>
        <translation>对每个用过的词同样处理一次；0 表示不起作用</translation>
    </message>
    <message>
        <source>Frequency penalty</source>
        <translation>频率惩罚</translation>
    </message>
    <message>
        <source>The same, for each time a word was used; 0 does nothing</source>
        <translation>按词被使用的次数累计处理；0 表示不起作用</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>随机种子</translation>
    </message>
    <message>
        <source>The same seed, question and model give the same answer. Empty: another one each time</source>
        <translation>随机种子、问题和模型都相同时，回答也相同。留空：每次都不同</translation>
    </message>
    <message>
        <source>Another each time</source>
        <translation>每次不同</translation>
    </message>
    <message>
        <source>Longest answer</source>
        <translation>最长回答</translation>
    </message>
    <message>
        <source>In tokens. Empty: until the model ends it or the context is full</source>
        <translation>以词元计。留空：直到模型结束或上下文用满</translation>
    </message>
    <message>
        <source>No limit</source>
        <translation>不限</translation>
    </message>
    <message>
        <source>Back to the model&apos;s values</source>
        <translation>恢复模型自带的值</translation>
    </message>
    <message>
        <source>Forgets what was set here</source>
        <translation>清除此处的设置</translation>
    </message>
    <message>
        <source>Reset</source>
        <translation>重置</translation>
    </message>
</context>
<context>
    <name>Segmented</name>
    <message>
        <source>%1: %2</source>
        <comment>a choice, what is chosen</comment>
        <translation>%1：%2</translation>
    </message>
</context>
<context>
    <name>SettingRow</name>
    <message>
        <source>%1 takes %2</source>
        <translation>%1 占用 %2</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Sampling</source>
        <translation>采样</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>返回</translation>
    </message>
    <message>
        <source>What you changed takes effect the next time this model is loaded.</source>
        <translation>所做的更改在下次加载此模型时生效。</translation>
    </message>
    <message>
        <source>This counts when the model is loaded.</source>
        <translation>加载模型时生效。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Reload now</source>
        <translation>立即重新加载</translation>
    </message>
    <message>
        <source>Load now</source>
        <translation>立即加载</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>This computer</source>
        <translation>这台电脑</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>存储空间</translation>
    </message>
    <message>
        <source>About</source>
        <translation>关于</translation>
    </message>
    <message>
        <source>Library</source>
        <translation>模型库</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
</context>
<context>
    <name>ShareBar</name>
    <message>
        <source>Free</source>
        <translation>空闲</translation>
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
        <translation>对话、代码或图片面板</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>搜索所有对话</translation>
    </message>
    <message>
        <source>Find in this chat</source>
        <translation>在此对话中查找</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>选择模型</translation>
    </message>
    <message>
        <source>Open a file</source>
        <translation>打开文件</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>New line</source>
        <translation>换行</translation>
    </message>
    <message>
        <source>Stop loading, reading or writing</source>
        <translation>停止加载、读取或书写</translation>
    </message>
    <message>
        <source>Answer again</source>
        <translation>重新回答</translation>
    </message>
    <message>
        <source>Continue a stopped answer</source>
        <translation>继续已停止的回答</translation>
    </message>
    <message>
        <source>Previous or next version</source>
        <translation>上一个或下一个版本</translation>
    </message>
    <message>
        <source>Edit the last question</source>
        <translation>编辑上一个问题</translation>
    </message>
    <message>
        <source>Up in an empty box, Ctrl+Shift+E</source>
        <translation>在空输入框中按 ↑，Ctrl+Shift+E</translation>
    </message>
    <message>
        <source>Copy the last answer</source>
        <translation>复制上一个回答</translation>
    </message>
    <message>
        <source>Rename the chat</source>
        <translation>重命名对话</translation>
    </message>
    <message>
        <source>Undo a deletion</source>
        <translation>撤销删除</translation>
    </message>
    <message>
        <source>Between the file and the words about it</source>
        <translation>在文件与对话之间切换</translation>
    </message>
    <message>
        <source>Explain, fix the selected lines</source>
        <translation>解释、修复选中的行</translation>
    </message>
    <message>
        <source>Propose a change in these words</source>
        <translation>按描述建议更改</translation>
    </message>
    <message>
        <source>Accept, reject a proposed change</source>
        <translation>接受、拒绝建议的更改</translation>
    </message>
    <message>
        <source>Next, previous proposed change</source>
        <translation>下一处、上一处建议的更改</translation>
    </message>
    <message>
        <source>Write the accepted changes, undo that</source>
        <translation>写入已接受的更改、撤销写入</translation>
    </message>
    <message>
        <source>Paste a picture in the image pane</source>
        <translation>在图片面板中粘贴图片</translation>
    </message>
    <message>
        <source>Picture: larger, smaller, whole</source>
        <translation>图片：放大、缩小、整张</translation>
    </message>
    <message>
        <source>Picture: ask about a part</source>
        <translation>图片：就局部提问</translation>
    </message>
    <message>
        <source>Enter, arrows, Shift+arrows, Enter</source>
        <translation>Enter、方向键、Shift+方向键、Enter</translation>
    </message>
    <message>
        <source>Show or hide the chats</source>
        <translation>显示或隐藏对话列表</translation>
    </message>
    <message>
        <source>Larger, smaller, normal text</source>
        <translation>放大、缩小、恢复文字大小</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>Sidebar</name>
    <message>
        <source>Pinned</source>
        <translation>已置顶</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <source>Last week</source>
        <translation>最近一周</translation>
    </message>
    <message>
        <source>Older</source>
        <translation>更早</translation>
    </message>
    <message numerus="yes">
        <source>%Ln matches</source>
        <translation>
            <numerusform>%Ln 个匹配项</numerusform>
        </translation>
    </message>
    <message>
        <source>Search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>搜索所有对话</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>清除搜索</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>取消置顶</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>置顶</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>The chats cannot be searched at the moment</source>
        <translation>目前无法搜索对话</translation>
    </message>
    <message>
        <source>No messages match “%1”</source>
        <translation>没有消息匹配“%1”</translation>
    </message>
    <message>
        <source>Your chats will be listed here. They are stored in one file on this computer.</source>
        <translation>您的对话会列在这里，保存在这台电脑上的一个文件中。</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>More about all chats</source>
        <translation>所有对话的更多操作</translation>
    </message>
    <message>
        <source>Import chats…</source>
        <translation>导入对话…</translation>
    </message>
    <message>
        <source>Export all chats…</source>
        <translation>导出所有对话…</translation>
    </message>
    <message>
        <source>What was asked of the network</source>
        <translation>发出过的网络请求</translation>
    </message>
</context>
<context>
    <name>StatusLine</name>
    <message>
        <source>%1 of the chosen experts in memory, %2 from the disk for each token</source>
        <translation>所选专家的 %1 在内存中，每个词元从磁盘读取 %2</translation>
    </message>
    <message>
        <source>Not loaded</source>
        <translation>未加载</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>正在加载</translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>正在停止</translation>
    </message>
    <message>
        <source>Looking</source>
        <translation>正在看图</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>正在读取</translation>
    </message>
    <message>
        <source>Thinking</source>
        <translation>正在思考</translation>
    </message>
    <message>
        <source>Writing</source>
        <translation>正在书写</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>就绪</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>没有模型</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>RAM</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <comment>a figure&apos;s name, its value</comment>
        <translation>%1 %2</translation>
    </message>
    <message>
        <source>GPU, %1</source>
        <translation>GPU，%1</translation>
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
            <numerusform>在 %Ln 个词元后中断</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Stopped after %Ln tokens</source>
        <translation>
            <numerusform>在 %Ln 个词元后停止</numerusform>
        </translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Write on from here</source>
        <translation>从此处继续书写</translation>
    </message>
</context>
<context>
    <name>StoragePage</name>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Conversations</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Older copies of the conversations</source>
        <translation>对话的旧副本</translation>
    </message>
    <message>
        <source>What models have read</source>
        <translation>模型已读取的内容</translation>
    </message>
    <message>
        <source>Cache</source>
        <translation>缓存</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>日志</translation>
    </message>
    <message>
        <source>Files in the models folder; the chooser (Ctrl+L) lists them</source>
        <translation>模型文件夹中的文件；选择器（Ctrl+L）中会列出</translation>
    </message>
    <message>
        <source>With the pictures and files that were sent</source>
        <translation>包括发送过的图片和文件</translation>
    </message>
    <message>
        <source>From before the file was brought up to date, or as it was found damaged. Removed, they are gone</source>
        <translation>升级文件之前的副本，或发现损坏时的副本。删除后无法恢复</translation>
    </message>
    <message>
        <source>Lets a conversation go on at once. Without it, it is read again</source>
        <translation>让对话可以立即继续。没有它就要重新读取</translation>
    </message>
    <message>
        <source>Makes the next start quicker, and is made again by itself</source>
        <translation>使下次启动更快，会自动重新生成</translation>
    </message>
    <message>
        <source>What the program did and what went wrong. Never a word of a conversation</source>
        <translation>程序做了什么、出了什么错。绝不包含对话内容</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>存储空间</translation>
    </message>
    <message>
        <source>The program takes %1 on this disk.</source>
        <translation>程序在此磁盘上占用 %1。</translation>
    </message>
    <message>
        <source>Counting…</source>
        <translation>正在统计…</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>磁盘</translation>
    </message>
    <message>
        <source>What can go</source>
        <translation>可以删除的内容</translation>
    </message>
    <message>
        <source>Everything else</source>
        <translation>其他内容</translation>
    </message>
    <message>
        <source>Nothing</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Show the folder</source>
        <translation>显示文件夹</translation>
    </message>
    <message>
        <source>Remove for good</source>
        <translation>永久删除</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>what a button does, to what</comment>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Models in other places</source>
        <translation>其他位置的模型</translation>
    </message>
    <message>
        <source>Downloads that are not whole</source>
        <translation>未完成的下载</translation>
    </message>
    <message>
        <source>Used where they lie, and not counted above: they may be other programs&apos;</source>
        <translation>在原处使用，不计入上面的总数：它们可能属于其他程序</translation>
    </message>
    <message>
        <source>What came so far; a download goes on from there. Removed, it begins anew</source>
        <translation>目前已收到的部分；下载会从那里继续。删除后将重新开始</translation>
    </message>
    <message>
        <source>%1. %2 of it on another disk</source>
        <translation>%1。其中 %2 在另一块磁盘上</translation>
    </message>
</context>
<context>
    <name>SystemPromptDialog</name>
    <message>
        <source>System prompt of this chat</source>
        <translation>此对话的系统提示词</translation>
    </message>
    <message>
        <source>Told to the model before the first message. A change counts from the next answer; the chat is then read again from its beginning.</source>
        <translation>在第一条消息之前告诉模型。更改从下一次回答开始生效，届时会从头重新读取对话。</translation>
    </message>
    <message>
        <source>No system prompt</source>
        <translation>没有系统提示词</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Use for this chat</source>
        <translation>用于此对话</translation>
    </message>
</context>
<context>
    <name>SystemPromptPage</name>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>Told to the model at the beginning of every new chat. Chats that exist keep theirs.</source>
        <translation>在每个新对话开始时告诉模型。已有的对话保持不变。</translation>
    </message>
    <message>
        <source>System prompt of new chats</source>
        <translation>新对话的系统提示词</translation>
    </message>
    <message>
        <source>For example: Answer in short sentences. Say so when you are not sure.</source>
        <translation>例如：请用短句回答。不确定时请说明。</translation>
    </message>
</context>
<context>
    <name>ThinkingBlock</name>
    <message>
        <source>Thinking · %1</source>
        <translation>正在思考 · %1</translation>
    </message>
    <message>
        <source>Thought for %1</source>
        <translation>思考了 %1</translation>
    </message>
    <message>
        <source>Thought</source>
        <translation>思考过程</translation>
    </message>
    <message numerus="yes">
        <source>· %Ln tokens</source>
        <translation>
            <numerusform>· %Ln 个词元</numerusform>
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
        <translation>撤销</translation>
    </message>
</context>
<context>
    <name>ToolCallBlock</name>
    <message>
        <source>· asked for, not run</source>
        <translation>· 已请求，未运行</translation>
    </message>
</context>
<context>
    <name>TranslationNote</name>
    <message>
        <source>German and Simplified Chinese: translated without a native reader.</source>
        <translation>德语和简体中文：译文未经母语者审校。</translation>
    </message>
</context>
<context>
    <name>TrayRow</name>
    <message>
        <source>Pictures that go with the next question</source>
        <translation>随下一个问题发送的图片</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <comment>a picture&apos;s name, its size</comment>
        <translation>%1，%2</translation>
    </message>
    <message>
        <source>%1 × %2</source>
        <translation>%1 × %2</translation>
    </message>
    <message>
        <source>Opening</source>
        <translation>正在打开</translation>
    </message>
    <message>
        <source>Take out “%1”</source>
        <translation>移除“%1”</translation>
    </message>
</context>
<context>
    <name>UnansweredNote</name>
    <message>
        <source>Not answered</source>
        <translation>未回答</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Ask the model now</source>
        <translation>现在询问模型</translation>
    </message>
</context>
<context>
    <name>UnsavedDialog</name>
    <message>
        <source>The chats were written to %1</source>
        <translation>对话已写入 %1</translation>
    </message>
    <message>
        <source>Save elsewhere…</source>
        <translation>另存到别处…</translation>
    </message>
    <message>
        <source>Close anyway</source>
        <translation>仍然关闭</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>UserMessage</name>
    <message>
        <source>You: %1</source>
        <translation>您：%1</translation>
    </message>
    <message>
        <source>Picture %1 of %2</source>
        <translation>图片 %1 / %2</translation>
    </message>
    <message>
        <source>Copy the question</source>
        <translation>复制问题</translation>
    </message>
    <message>
        <source>Edit and ask again</source>
        <translation>编辑后重新提问</translation>
    </message>
    <message>
        <source>Your question, in other words</source>
        <translation>换个说法提问</translation>
    </message>
    <message>
        <source>The old question and its answer are kept as another version.</source>
        <translation>原来的问题和回答会保留为另一个版本。</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
</context>
<context>
    <name>VersionSwitch</name>
    <message>
        <source>Version %1 of %2</source>
        <translation>版本 %1 / %2</translation>
    </message>
    <message>
        <source>Previous version</source>
        <translation>上一个版本</translation>
    </message>
    <message>
        <source>%1/%2</source>
        <comment>version, of so many</comment>
        <translation>%1/%2</translation>
    </message>
    <message>
        <source>Next version</source>
        <translation>下一个版本</translation>
    </message>
</context>
<context>
    <name>WindowDialogs</name>
    <message>
        <source>chats</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Open a model</source>
        <translation>打开模型</translation>
    </message>
    <message>
        <source>Models (*.gguf)</source>
        <translation>模型 (*.gguf)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>所有文件 (*)</translation>
    </message>
    <message>
        <source>Open a file</source>
        <translation>打开文件</translation>
    </message>
    <message>
        <source>Choose pictures</source>
        <translation>选择图片</translation>
    </message>
    <message>
        <source>Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff)</source>
        <translation>图片 (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff)</translation>
    </message>
    <message>
        <source>Export all chats</source>
        <translation>导出所有对话</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Exported chats (*.json)</source>
        <translation>导出的对话 (*.json)</translation>
    </message>
    <message>
        <source>Import chats</source>
        <translation>导入对话</translation>
    </message>
    <message>
        <source>Save this chat</source>
        <translation>保存此对话</translation>
    </message>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown 文件 (*.md)</translation>
    </message>
    <message>
        <source>A folder with models</source>
        <translation>存放模型的文件夹</translation>
    </message>
    <message>
        <source>Where files go</source>
        <translation>文件存放位置</translation>
    </message>
    <message>
        <source>Move to</source>
        <translation>移动到</translation>
    </message>
</context>
<context>
    <name>pio</name>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>You</source>
        <translation>您</translation>
    </message>
    <message>
        <source>Result of a function</source>
        <translation>函数的结果</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Stopped.</source>
        <translation>已停止。</translation>
    </message>
    <message>
        <source>Not finished.</source>
        <translation>未完成。</translation>
    </message>
    <message>
        <source>Asked for `%1`:</source>
        <translation>请求调用 `%1`：</translation>
    </message>
    <message numerus="yes">
        <source>%Ln lines</source>
        <translation>
            <numerusform>%Ln 行</numerusform>
        </translation>
    </message>
    <message>
        <source>The file</source>
        <translation>该文件</translation>
    </message>
    <message>
        <source>A picture cannot be looked at</source>
        <translation>有一张图片无法查看</translation>
    </message>
    <message>
        <source>A pasted picture</source>
        <translation>一张粘贴的图片</translation>
    </message>
    <message>
        <source>%1 has been moved, renamed or deleted.</source>
        <translation>%1 已被移动、重命名或删除。</translation>
    </message>
    <message>
        <source>%1 is protected, or the device it lies on has gone.</source>
        <translation>%1 受保护，或者它所在的设备已断开。</translation>
    </message>
    <message>
        <source>%1 is damaged, or too large or too long to be looked at.</source>
        <translation>%1 已损坏，或者太大、太长，无法查看。</translation>
    </message>
    <message>
        <source>%1 Every question of this conversation needs it.</source>
        <translation>%1此对话的每个问题都需要它。</translation>
    </message>
    <message>
        <source>This file cannot be used</source>
        <translation>无法使用此文件</translation>
    </message>
    <message>
        <source>%1 is damaged or not what its name says. If it was downloaded, download it again.</source>
        <translation>%1 已损坏，或者与其名称不符。如果是下载的，请重新下载。</translation>
    </message>
    <message>
        <source>The file is not there</source>
        <translation>文件不存在</translation>
    </message>
    <message>
        <source>It may have been moved, renamed or deleted.</source>
        <translation>它可能已被移动、重命名或删除。</translation>
    </message>
    <message>
        <source>%1 may have been moved, renamed or deleted.</source>
        <translation>%1 可能已被移动、重命名或删除。</translation>
    </message>
    <message>
        <source>The file cannot be read or written</source>
        <translation>无法读取或写入文件</translation>
    </message>
    <message>
        <source>%1 is protected, its disk is full, or the device it lies on has gone.</source>
        <translation>%1 受保护，或者磁盘已满，或者它所在的设备已断开。</translation>
    </message>
    <message>
        <source>This model does not run here yet</source>
        <translation>目前还不能运行此模型</translation>
    </message>
    <message>
        <source>%1 is a sound file, but of an architecture or format that this version does not know.</source>
        <translation>%1 完好无损，但此版本不认识它的架构或格式。</translation>
    </message>
    <message>
        <source>A setting cannot be used</source>
        <translation>有一项设置无法使用</translation>
    </message>
    <message>
        <source>%1 was asked for; %2 is the most that is possible.</source>
        <translation>要求的是 %1，最多只能是 %2。</translation>
    </message>
    <message>
        <source>One of the values in the settings is not possible with this model.</source>
        <translation>设置中有一个值不适用于此模型。</translation>
    </message>
    <message>
        <source>Not enough memory</source>
        <translation>内存不足</translation>
    </message>
    <message>
        <source>Not enough graphics memory</source>
        <translation>显存不足</translation>
    </message>
    <message>
        <source>This needs %1; %2 is free. A shorter context or a smaller model needs less.</source>
        <translation>需要 %1，空闲 %2。较短的上下文或较小的模型需要得更少。</translation>
    </message>
    <message>
        <source>The computer has no more memory to give. A shorter context or a smaller model needs less.</source>
        <translation>电脑已没有更多内存。较短的上下文或较小的模型需要得更少。</translation>
    </message>
    <message>
        <source>This chat is longer than the model can read</source>
        <translation>此对话超出了模型能读取的长度</translation>
    </message>
    <message>
        <source>It takes %1 tokens; the context holds %2.</source>
        <translation>它需要 %1 个词元，上下文只能容纳 %2 个。</translation>
    </message>
    <message>
        <source>The context is full. A new chat starts with an empty one.</source>
        <translation>上下文已满。新对话会从空的上下文开始。</translation>
    </message>
    <message>
        <source>The model does not take this conversation</source>
        <translation>模型不接受此对话</translation>
    </message>
    <message>
        <source>Its chat format refuses this order of messages. Editing or deleting one of them may help.</source>
        <translation>它的对话格式不接受这样的消息顺序。编辑或删除其中一条或许有用。</translation>
    </message>
    <message>
        <source>The device does not answer any more</source>
        <translation>设备不再响应</translation>
    </message>
    <message>
        <source>%1 stopped working. Loading the model again usually helps.</source>
        <translation>%1 停止工作。重新加载模型通常有用。</translation>
    </message>
    <message>
        <source>The graphics card</source>
        <translation>显卡</translation>
    </message>
    <message>
        <source>This is not available here</source>
        <translation>此功能在这里不可用</translation>
    </message>
    <message>
        <source>This version, or this computer, lacks what was asked for.</source>
        <translation>此版本或这台电脑缺少所需的功能。</translation>
    </message>
    <message>
        <source>Something went wrong inside Inference-PIO</source>
        <translation>Inference-PIO 内部出了问题</translation>
    </message>
    <message>
        <source>This is a fault of the program. What was written is saved.</source>
        <translation>这是程序的错误。已写的内容都已保存。</translation>
    </message>
    <message>
        <source>The disk is full</source>
        <translation>磁盘已满</translation>
    </message>
    <message>
        <source>New messages cannot be saved. They stay here until there is room again or the window is closed.</source>
        <translation>无法保存新消息。它们会留在这里，直到有空间或窗口关闭。</translation>
    </message>
    <message>
        <source>Messages cannot be saved</source>
        <translation>无法保存消息</translation>
    </message>
    <message>
        <source>%1 is protected against writing. New messages stay here until the window is closed.</source>
        <translation>%1 有写保护。新消息会留在这里，直到窗口关闭。</translation>
    </message>
    <message>
        <source>The history was damaged</source>
        <translation>历史记录已损坏</translation>
    </message>
    <message>
        <source>%1 cannot be read. New messages stay here until the window is closed.</source>
        <translation>无法读取 %1。新消息会留在这里，直到窗口关闭。</translation>
    </message>
    <message>
        <source>What could be read of it is here: chats: %1, messages: %2. The damaged file is kept as %3.</source>
        <translation>其中能读取的内容已在这里：对话 %1 个，消息 %2 条。损坏的文件保存为 %3。</translation>
    </message>
    <message>
        <source>A new one has been begun. The damaged file is kept as %1.</source>
        <translation>已开始新的历史记录。损坏的文件保存为 %1。</translation>
    </message>
    <message>
        <source>The history was written by a newer version</source>
        <translation>历史记录由更新的版本写入</translation>
    </message>
    <message>
        <source>%1 is left as it is. New messages stay here until the window is closed.</source>
        <translation>%1 保持原样。新消息会留在这里，直到窗口关闭。</translation>
    </message>
    <message>
        <source>There is no room to bring the history up to date</source>
        <translation>没有空间来升级历史记录</translation>
    </message>
    <message>
        <source>%1 of disk space are needed. The history was not touched. New messages stay here and are added to it when there is room.</source>
        <translation>需要 %1 磁盘空间。历史记录未作改动。新消息会留在这里，有空间后再写入。</translation>
    </message>
    <message>
        <source>The history cannot be read at the moment</source>
        <translation>目前无法读取历史记录</translation>
    </message>
    <message>
        <source>%1 cannot be read. What you write is saved all the same.</source>
        <translation>无法读取 %1。您写的内容仍会保存。</translation>
    </message>
    <message>
        <source>The history was moved or deleted</source>
        <translation>历史记录已被移动或删除</translation>
    </message>
    <message>
        <source>%1 is not there any more. Put it back, or export the chats: they stay here until the window is closed.</source>
        <translation>%1 已不存在。请放回原处或导出对话：它们会留在这里，直到窗口关闭。</translation>
    </message>
    <message>
        <source>Messages cannot be saved at the moment</source>
        <translation>目前无法保存消息</translation>
    </message>
    <message>
        <source>Another program holds %1. New messages stay here and are saved when it lets go.</source>
        <translation>另一个程序占用了 %1。新消息会留在这里，等它释放后保存。</translation>
    </message>
    <message>
        <source>%1 cannot be written. It is tried again every few seconds.</source>
        <translation>无法写入 %1。每隔几秒会重试。</translation>
    </message>
    <message>
        <source>Not everything is saved yet</source>
        <translation>还有内容未保存</translation>
    </message>
    <message numerus="yes">
        <source>%Ln messages are not saved yet</source>
        <translation>
            <numerusform>还有 %Ln 条消息未保存</numerusform>
        </translation>
    </message>
    <message>
        <source>Not everything is saved</source>
        <translation>有内容未保存</translation>
    </message>
    <message numerus="yes">
        <source>%Ln messages are not saved</source>
        <translation>
            <numerusform>有 %Ln 条消息未保存</numerusform>
        </translation>
    </message>
    <message>
        <source>The history is being written.</source>
        <translation>正在写入历史记录。</translation>
    </message>
    <message>
        <source>Another program holds the history, %1.</source>
        <translation>另一个程序占用了历史记录 %1。</translation>
    </message>
    <message>
        <source>The disk is full.</source>
        <translation>磁盘已满。</translation>
    </message>
    <message>
        <source>There is no room to bring the history up to date.</source>
        <translation>没有空间来升级历史记录。</translation>
    </message>
    <message>
        <source>The history, %1, is protected against writing.</source>
        <translation>历史记录 %1 有写保护。</translation>
    </message>
    <message>
        <source>The history, %1, was written by a newer version.</source>
        <translation>历史记录 %1 由更新的版本写入。</translation>
    </message>
    <message>
        <source>The history, %1, is not there any more.</source>
        <translation>历史记录 %1 已不存在。</translation>
    </message>
    <message>
        <source>The history, %1, cannot be read.</source>
        <translation>无法读取历史记录 %1。</translation>
    </message>
    <message>
        <source>The history, %1, cannot be written.</source>
        <translation>无法写入历史记录 %1。</translation>
    </message>
    <message>
        <source>%1 The window closes as soon as everything is saved.</source>
        <translation>%1全部保存后窗口会自动关闭。</translation>
    </message>
    <message>
        <source>%1 What is not saved goes with the window.</source>
        <translation>%1未保存的内容会随窗口关闭而丢失。</translation>
    </message>
    <message>
        <source>There is no model to answer yet</source>
        <translation>还没有可以回答的模型</translation>
    </message>
    <message>
        <source>Your words are saved. The answer begins when a model is open.</source>
        <translation>您的内容已保存。打开模型后就会开始回答。</translation>
    </message>
    <message>
        <source>Choose one, then ask again.</source>
        <translation>请选择一个模型，然后重新提问。</translation>
    </message>
    <message>
        <source>%1 %2 answers as before.</source>
        <translation>%1%2 仍照常回答。</translation>
    </message>
    <message>
        <source>This is not %1</source>
        <translation>这不是 %1</translation>
    </message>
    <message>
        <source>%1 holds a model of another kind (%2). It can be opened as a file of its own.</source>
        <translation>%1 中是另一种模型（%2）。可以将它作为单独的文件打开。</translation>
    </message>
    <message>
        <source>This does not fit</source>
        <translation>内存容纳不下</translation>
    </message>
    <message>
        <source>It needs %1; %2 is free or allowed. A shorter context, fewer bits or a smaller model needs less.</source>
        <translation>需要 %1，空闲或允许使用的有 %2。较短的上下文、更少的位数或较小的模型需要得更少。</translation>
    </message>
    <message>
        <source>It needs %1; this computer has %2. A shorter context, fewer bits or a smaller model needs less.</source>
        <translation>需要 %1，这台电脑有 %2。较短的上下文、更少的位数或较小的模型需要得更少。</translation>
    </message>
    <message>
        <source>This picture cannot be used</source>
        <translation>无法使用此图片</translation>
    </message>
    <message>
        <source>%1 is not there, or it is no file.</source>
        <translation>%1 不存在，或者不是文件。</translation>
    </message>
    <message>
        <source>%1 is no PNG, JPEG, WebP, BMP or TIFF picture, whatever its name says.</source>
        <translation>%1 不是 PNG、JPEG、WebP、BMP 或 TIFF 图片，无论其名称如何。</translation>
    </message>
    <message>
        <source>%1 has no pixels, or it is damaged.</source>
        <translation>%1 没有像素，或者已损坏。</translation>
    </message>
    <message>
        <source>%1 has %2 × %3 pixels. At most %4 million pixels can be looked at.</source>
        <translation>%1 有 %2 × %3 像素。最多能查看 %4 百万像素。</translation>
    </message>
    <message>
        <source>%1 has %2 × %3 pixels. At most %4 times as long as wide can be looked at.</source>
        <translation>%1 有 %2 × %3 像素。长边最多只能是短边的 %4 倍。</translation>
    </message>
    <message>
        <source>The pasted picture cannot be saved: the disk is full or protected.</source>
        <translation>无法保存粘贴的图片：磁盘已满或受保护。</translation>
    </message>
    <message>
        <source>These are many pictures</source>
        <translation>图片太多</translation>
    </message>
    <message>
        <source>At most %1 can go with one question.</source>
        <translation>一个问题最多附带 %1 张。</translation>
    </message>
    <message>
        <source>This model cannot see pictures</source>
        <translation>此模型看不了图片</translation>
    </message>
    <message>
        <source>%1 is told their names, not what they show.</source>
        <translation>%1 只会得知图片的名称，而不知道其内容。</translation>
    </message>
    <message>
        <source>Inference-PIO closed unexpectedly while loading %1</source>
        <translation>Inference-PIO 在加载 %1 时意外关闭</translation>
    </message>
    <message>
        <source>Your conversations are saved. The model was not loaded again by itself.</source>
        <translation>您的对话已保存。模型没有自动重新加载。</translation>
    </message>
    <message>
        <source>The context is full</source>
        <translation>上下文已满</translation>
    </message>
    <message>
        <source>The answer ended because all %1 tokens of the context are in use.</source>
        <translation>上下文的全部 %1 个词元都已用完，回答因此结束。</translation>
    </message>
    <message>
        <source>The answer ended because all tokens of the context are in use.</source>
        <translation>上下文的词元都已用完，回答因此结束。</translation>
    </message>
    <message>
        <source>The chats could not be exported</source>
        <translation>无法导出对话</translation>
    </message>
    <message>
        <source>%1 cannot be written.</source>
        <translation>无法写入 %1。</translation>
    </message>
    <message>
        <source>Settings cannot be saved</source>
        <translation>无法保存设置</translation>
    </message>
    <message>
        <source>Some settings could not be read</source>
        <translation>有些设置无法读取</translation>
    </message>
    <message>
        <source>%1 is damaged and is begun anew. What it held is kept as %2.</source>
        <translation>%1 已损坏，将重新开始。原来的内容保存为 %2。</translation>
    </message>
    <message>
        <source>The chats could not be imported</source>
        <translation>无法导入对话</translation>
    </message>
    <message>
        <source>%1 is not there, is no file, or cannot be read.</source>
        <translation>%1 不存在、不是文件，或者无法读取。</translation>
    </message>
    <message>
        <source>%1 is damaged or is not an export of Inference-PIO.</source>
        <translation>%1 已损坏，或者不是 Inference-PIO 导出的文件。</translation>
    </message>
    <message>
        <source>%1 was written by another program. Only exports of Inference-PIO can be imported.</source>
        <translation>%1 由其他程序写入。只能导入 Inference-PIO 导出的文件。</translation>
    </message>
    <message>
        <source>%1 is an export of %2. Only exports of Inference-PIO can be imported.</source>
        <translation>%1 是 %2 导出的文件。只能导入 Inference-PIO 导出的文件。</translation>
    </message>
    <message>
        <source>%1 was exported by a newer version of Inference-PIO.</source>
        <translation>%1 由更新版本的 Inference-PIO 导出。</translation>
    </message>
    <message>
        <source>%1 is an export of Inference-PIO, but it was damaged or edited. Nothing was changed.</source>
        <translation>%1 是 Inference-PIO 导出的文件，但已损坏或被编辑过。没有做任何更改。</translation>
    </message>
    <message>
        <source>The history cannot be written at the moment. Nothing was changed.</source>
        <translation>目前无法写入历史记录。没有做任何更改。</translation>
    </message>
    <message numerus="yes">
        <source>%Ln chats were added.</source>
        <translation>
            <numerusform>已添加 %Ln 个对话。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln new messages were added to chats that were already here.</source>
        <translation>
            <numerusform>已向已有的对话添加 %Ln 条新消息。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln chats were already here.</source>
        <translation>
            <numerusform>%Ln 个对话原已存在。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln messages that had been deleted here were left out.</source>
        <translation>
            <numerusform>略去了 %Ln 条已在这里删除的消息。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln pictures were left out because they are not files.</source>
        <translation>
            <numerusform>略去了 %Ln 张不是文件的图片。</numerusform>
        </translation>
    </message>
    <message>
        <source>This cannot be opened as a file</source>
        <translation>无法作为文件打开</translation>
    </message>
    <message>
        <source>%1 is a folder or a device.</source>
        <translation>%1 是文件夹或设备。</translation>
    </message>
    <message>
        <source>This file is too large</source>
        <translation>此文件太大</translation>
    </message>
    <message>
        <source>%1 has %2; the code pane opens files of up to %3.</source>
        <translation>%1 有 %2，代码面板最大只能打开 %3 的文件。</translation>
    </message>
    <message>
        <source>This is not a text file</source>
        <translation>这不是文本文件</translation>
    </message>
    <message>
        <source>%1 has bytes in it that no text has.</source>
        <translation>%1 中含有文本里不会出现的字节。</translation>
    </message>
    <message>
        <source>This file is not written in UTF-8</source>
        <translation>此文件不是 UTF-8 编码</translation>
    </message>
    <message>
        <source>%1 uses another encoding. It was left alone: writing it back could damage it.</source>
        <translation>%1 使用其他编码，因此未作改动：写回可能会损坏它。</translation>
    </message>
    <message>
        <source>The file cannot be read</source>
        <translation>无法读取文件</translation>
    </message>
    <message>
        <source>The file cannot be written</source>
        <translation>无法写入文件</translation>
    </message>
    <message>
        <source>%1 or its folder is protected, or the disk is full. Nothing was changed.</source>
        <translation>%1 或其文件夹受保护，或者磁盘已满。没有做任何更改。</translation>
    </message>
    <message>
        <source>The file was changed by another program</source>
        <translation>文件已被其他程序更改</translation>
    </message>
    <message>
        <source>%1 is not what was opened here any more. Nothing was written.</source>
        <translation>%1 已不是在这里打开时的内容。没有写入任何内容。</translation>
    </message>
    <message>
        <source>This conversation names no file</source>
        <translation>此对话没有对应的文件</translation>
    </message>
    <message>
        <source>What was said about it is shown here, without the file.</source>
        <translation>这里只显示关于它的对话，没有文件。</translation>
    </message>
    <message>
        <source>The answer contains no code</source>
        <translation>回答中没有代码</translation>
    </message>
    <message>
        <source>Nothing is proposed. Asking again in other words, or for fewer lines, may help.</source>
        <translation>没有提出建议。换个说法或减少行数重新提问或许有用。</translation>
    </message>
    <message>
        <source>Nothing would change</source>
        <translation>没有变化</translation>
    </message>
    <message>
        <source>The answer holds the same lines as the file.</source>
        <translation>回答中的内容与文件相同。</translation>
    </message>
    <message>
        <source>The answer is not complete</source>
        <translation>回答不完整</translation>
    </message>
    <message>
        <source>It ended before its last line, so nothing is proposed.</source>
        <translation>它在最后一行之前就结束了，因此没有提出建议。</translation>
    </message>
    <message>
        <source>The answer contains several pieces of code</source>
        <translation>回答中有多段代码</translation>
    </message>
    <message>
        <source>Which of them is meant for the file is not certain, so nothing is proposed.</source>
        <translation>无法确定哪一段是给文件的，因此没有提出建议。</translation>
    </message>
    <message>
        <source>Where the code ends is not certain</source>
        <translation>无法确定代码在哪里结束</translation>
    </message>
    <message>
        <source>The answer has code blocks within code blocks, or one that is not closed, so nothing is proposed.</source>
        <translation>回答中有嵌套的或未结束的代码块，因此没有提出建议。</translation>
    </message>
    <message>
        <source>The code is in another language than the file</source>
        <translation>代码的语言与文件不同</translation>
    </message>
    <message>
        <source>It does not seem to be meant for the file, so nothing is proposed.</source>
        <translation>它似乎不是给此文件的，因此没有提出建议。</translation>
    </message>
    <message>
        <source>The answer leaves lines out</source>
        <translation>回答略去了一些行</translation>
    </message>
    <message>
        <source>A line in it stands for code that it does not repeat, so nothing is proposed. Selecting the lines to change may help.</source>
        <translation>其中有一行代替了未重复的代码，因此没有提出建议。选中要更改的行或许有用。</translation>
    </message>
    <message>
        <source>The answer may be only a part of the file</source>
        <translation>回答可能只是文件的一部分</translation>
    </message>
    <message>
        <source>It does not begin and end as the file does, so nothing is proposed. Selecting the lines to change may help.</source>
        <translation>它的开头和结尾与文件不同，因此没有提出建议。选中要更改的行或许有用。</translation>
    </message>
    <message>
        <source>The answer is not about the selected lines alone</source>
        <translation>回答不只涉及选中的行</translation>
    </message>
    <message>
        <source>It begins with lines above them, so nothing is proposed. Selecting these, too, may help.</source>
        <translation>它从选中行上方开始，因此没有提出建议。把那些行也选中或许有用。</translation>
    </message>
    <message>
        <source>The changes do not fit the file</source>
        <translation>更改与文件不符</translation>
    </message>
    <message>
        <source>The answer is a diff whose lines are not found exactly once in the file, so nothing is proposed.</source>
        <translation>回答是一份差异，其中的行在文件里并非恰好出现一次，因此没有提出建议。</translation>
    </message>
    <message>
        <source>The file has changed since the question</source>
        <translation>提问后文件已有变化</translation>
    </message>
    <message>
        <source>The answer is about other lines than it has now, so nothing is proposed. Asking again is about these.</source>
        <translation>回答针对的行与现在的不同，因此没有提出建议。重新提问将针对现在的行。</translation>
    </message>
    <message>
        <source>The answer is much shorter than what it replaces</source>
        <translation>回答比它要替换的内容短得多</translation>
    </message>
    <message>
        <source>It would put %1 in place of %2. It may be only a part.</source>
        <translation>它会用 %1 替换 %2，可能只是一部分。</translation>
    </message>
    <message>
        <source>The selection is too long for this model</source>
        <translation>选中的内容对此模型来说太长</translation>
    </message>
    <message>
        <source>The file is too long for this model to rewrite</source>
        <translation>文件太长，此模型无法改写</translation>
    </message>
    <message>
        <source>Its lines and an answer as long do not fit into the context of %1 tokens. Select fewer lines.</source>
        <translation>选中的行加上同样长的回答，超出了 %1 个词元的上下文。请少选几行。</translation>
    </message>
    <message>
        <source>It and an answer as long do not fit into the context of %1 tokens. Select the lines that are meant.</source>
        <translation>文件加上同样长的回答，超出了 %1 个词元的上下文。请选中相关的行。</translation>
    </message>
    <message>
        <source>The server</source>
        <translation>服务器</translation>
    </message>
    <message>
        <source>The offline switch is on</source>
        <translation>离线开关已打开</translation>
    </message>
    <message>
        <source>Nothing was asked of %1. What came before is kept.</source>
        <translation>没有向 %1 发出任何请求。之前收到的内容会保留。</translation>
    </message>
    <message>
        <source>This build cannot fetch anything</source>
        <translation>此版本无法下载任何内容</translation>
    </message>
    <message>
        <source>It was made without network code. A file that you have opens as ever.</source>
        <translation>它不含网络代码。已有的文件仍可照常打开。</translation>
    </message>
    <message>
        <source>The list of requests cannot be written</source>
        <translation>无法写入请求列表</translation>
    </message>
    <message>
        <source>Without it nothing is asked of anybody. Is the disk full, or the data folder protected?</source>
        <translation>没有它就不会发出任何请求。是磁盘已满，还是数据文件夹受保护？</translation>
    </message>
    <message>
        <source>The catalogue names no file</source>
        <translation>目录中没有文件</translation>
    </message>
    <message>
        <source>%1 is no name that a file could have here.</source>
        <translation>%1 不能作为这里的文件名。</translation>
    </message>
    <message>
        <source>The address cannot be used</source>
        <translation>地址无法使用</translation>
    </message>
    <message>
        <source>The base address begins with https:// or http://, a proxy with http:// or socks5://.</source>
        <translation>基础地址以 https:// 或 http:// 开头，代理以 http:// 或 socks5:// 开头。</translation>
    </message>
    <message>
        <source>The file is being fetched already</source>
        <translation>文件已在下载</translation>
    </message>
    <message>
        <source>Another window or command of this program is fetching %1.</source>
        <translation>本程序的另一个窗口或命令正在下载 %1。</translation>
    </message>
    <message>
        <source>There is not enough room on the disk</source>
        <translation>磁盘空间不足</translation>
    </message>
    <message>
        <source>%1 needs %2, with what the history needs; %3 is free.</source>
        <translation>%1 需要 %2（包括历史记录所需），空闲 %3。</translation>
    </message>
    <message>
        <source>%1 does not fit on it. What came is kept.</source>
        <translation>%1 放不下。已收到的内容会保留。</translation>
    </message>
    <message>
        <source>The folder of %1 is protected, or the device it lies on has gone.</source>
        <translation>%1 所在的文件夹受保护，或者它所在的设备已断开。</translation>
    </message>
    <message>
        <source>The download does not go on</source>
        <translation>下载没有进展</translation>
    </message>
    <message>
        <source>%1 did not answer, or broke off, five times in a row. What came of %2 is kept.</source>
        <translation>%1 连续五次没有响应或中断。已收到的 %2 的内容会保留。</translation>
    </message>
    <message>
        <source>The connection is not safe</source>
        <translation>连接不安全</translation>
    </message>
    <message>
        <source>The address leads nowhere</source>
        <translation>地址无效</translation>
    </message>
    <message>
        <source>%1 sends one on, again and again or to no address at all.</source>
        <translation>%1 不断重定向，或者没有给出重定向地址。</translation>
    </message>
    <message>
        <source>The file is not there any more</source>
        <translation>文件已不存在</translation>
    </message>
    <message>
        <source>The server refuses the file</source>
        <translation>服务器拒绝提供文件</translation>
    </message>
    <message>
        <source>%1 does not know %2 (404).</source>
        <translation>%1 上没有 %2（404）。</translation>
    </message>
    <message>
        <source>%1 answered %2 when it was asked for %3.</source>
        <translation>向 %1 请求 %3 时，返回 %2。</translation>
    </message>
    <message>
        <source>Nobody says how long the file is</source>
        <translation>没有给出文件长度</translation>
    </message>
    <message>
        <source>Neither the catalogue nor %1 states the length of %2, so it could not be known when it is whole.</source>
        <translation>目录和 %1 都没有给出 %2 的长度，因此无法知道何时完整。</translation>
    </message>
    <message>
        <source>This is another file</source>
        <translation>这是另一个文件</translation>
    </message>
    <message>
        <source>%1 has %2 bytes in the catalogue and %3 bytes at %4. Nothing of it was written.</source>
        <translation>%1 在目录中是 %2 字节，在 %4 上是 %3 字节。没有写入任何内容。</translation>
    </message>
    <message>
        <source>The file does not end</source>
        <translation>文件没有结尾</translation>
    </message>
    <message>
        <source>%1 sends more than the %2 bytes that %3 has.</source>
        <translation>%1 发送的内容超过了 %3 的 %2 字节。</translation>
    </message>
    <message>
        <source>The file keeps changing</source>
        <translation>文件不断变化</translation>
    </message>
    <message>
        <source>%1 had another file under the same address at every look.</source>
        <translation>每次查看时，%1 在同一地址上的文件都不同。</translation>
    </message>
    <message>
        <source>The file is not the right one</source>
        <translation>文件不正确</translation>
    </message>
    <message>
        <source>%1 came twice with the SHA-256 %3. The server states %2.</source>
        <translation>%1 两次得到的 SHA-256 都是 %3，而服务器给出的是 %2。</translation>
    </message>
    <message>
        <source>%1 came twice with the SHA-256 %3. The catalogue has %2.</source>
        <translation>%1 两次得到的 SHA-256 都是 %3，而目录中的是 %2。</translation>
    </message>
    <message>
        <source>The file could not be moved</source>
        <translation>无法移动文件</translation>
    </message>
    <message>
        <source>%1 lies where it was.</source>
        <translation>%1 仍在原处。</translation>
    </message>
    <message>
        <source>The file could not be deleted</source>
        <translation>无法删除文件</translation>
    </message>
    <message>
        <source>Memory got short</source>
        <translation>内存不足</translation>
    </message>
    <message numerus="yes">
        <source>%Ln experts fewer are kept in memory (%1): answers are the same and take longer.</source>
        <translation>
            <numerusform>内存中少保留 %Ln 个专家（%1）：回答不变，但会更慢。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln models that waited were unloaded.</source>
        <translation>
            <numerusform>已卸载 %Ln 个等待中的模型。</numerusform>
        </translation>
    </message>
    <message>
        <source>What was kept of conversations (%1) is read again when it is wanted.</source>
        <translation>对话的保留内容（%1）会在需要时重新读取。</translation>
    </message>
    <message>
        <source>%1 is not asked any more. What came of %2 is kept.</source>
        <translation>不再向 %1 请求任何内容。%2 已收到的部分会保留。</translation>
    </message>
    <message>
        <source>%1 shows no certificate that this computer trusts, so somebody else may answer in its name. Nothing was asked of it.</source>
        <translation>%1 没有出示本机信任的证书，因此可能是他人冒用其名义应答。没有向它请求任何内容。</translation>
    </message>
    <message>
        <source>%1 sends one on to an address without encryption. Nothing was asked there.</source>
        <translation>%1 转到了未加密的地址。没有向该地址请求任何内容。</translation>
    </message>
    <message>
        <source>This version has nothing that drives it.</source>
        <translation>此版本没有可驱动它的部件。</translation>
    </message>
    <message>
        <source>What drives it comes from another build of the program.</source>
        <translation>驱动它的部件来自程序的另一个构建。</translation>
    </message>
    <message>
        <source>The system has no library that finds its drivers, or one that is too old.</source>
        <translation>系统没有查找其驱动程序的库，或者该库太旧。</translation>
    </message>
    <message>
        <source>The system has no driver for a graphics card of this kind.</source>
        <translation>系统没有这类显卡的驱动程序。</translation>
    </message>
    <message>
        <source>Its driver is too old.</source>
        <translation>其驱动程序太旧。</translation>
    </message>
    <message>
        <source>The card cannot do what is needed.</source>
        <translation>该显卡不具备所需的功能。</translation>
    </message>
    <message>
        <source>It is a renderer on the processor, slower than the program&apos;s own way there.</source>
        <translation>它是在处理器上运行的渲染器，比程序自身在处理器上的方式更慢。</translation>
    </message>
    <message>
        <source>It is a card that is used already under another name.</source>
        <translation>这块显卡已经以另一个名称在使用。</translation>
    </message>
    <message>
        <source>It failed: %1.</source>
        <translation>它失败了：%1。</translation>
    </message>
    <message>
        <source>%1 of %2 experts have room in memory. The others are read from the disk when they are chosen.</source>
        <translation>%2 个专家中有 %1 个可放入内存，其余在被选中时从磁盘读取。</translation>
    </message>
    <message>
        <source>%1 of the weights have no room in memory and are read again for every token. That is slow.</source>
        <translation>有 %1 的权重放不进内存，每个词元都要重新读取。这很慢。</translation>
    </message>
    <message>
        <source>The context has %1 tokens, and the model was trained for %2. What comes after those may make no sense.</source>
        <translation>上下文有 %1 个词元，而模型只针对 %2 个训练过。超出部分可能没有意义。</translation>
    </message>
    <message>
        <source>Keys and values in 4 bits: this model compresses its own already, and nobody has measured what is lost. 8 bits are nearly exact.</source>
        <translation>4 位的键和值：此模型本身已压缩它们，损失多少没有人测量过。8 位几乎精确。</translation>
    </message>
    <message>
        <source>Keys and values in 4 bits: the answers of a model this small get worse, up to nonsense in long chats. 8 bits are nearly exact.</source>
        <translation>4 位的键和值：这么小的模型回答会变差，长对话中甚至会胡言乱语。8 位几乎精确。</translation>
    </message>
    <message>
        <source>%1 has %2 of %3 layers</source>
        <translation>%1 有 %3 层中的 %2 层</translation>
    </message>
    <message>
        <source>%1 and %2 of %3 of experts</source>
        <comment>the first is a sentence of layers</comment>
        <translation>%1，以及 %3 专家中的 %2</translation>
    </message>
    <message>
        <source>%1. The rest lies on the processor.</source>
        <comment>sentences of what graphics cards have</comment>
        <translation>%1。其余在处理器上。</translation>
    </message>
    <message>
        <source>All of the model lies on the processor: %1 has no room for a layer, or cannot run one.</source>
        <translation>整个模型都在处理器上：%1 放不下一层，或无法计算。</translation>
    </message>
    <message>
        <source>%1 had no memory for %2 of the model, and holds less of it.</source>
        <translation>%1 没有足够内存容纳 %2 的模型，因此只保存了较少部分。</translation>
    </message>
    <message>
        <source>%1 does not answer any more. The model lies on %2 now.</source>
        <translation>%1 不再响应。模型现在位于 %2。</translation>
    </message>
    <message>
        <source>The vision file (mmproj) beside the model does not fit it: %1.</source>
        <comment>the engine&apos;s own message</comment>
        <translation>模型旁边的视觉文件（mmproj）与它不匹配：%1。</translation>
    </message>
    <message>
        <source>No vision file (mmproj) lies beside the model: it reads text only.</source>
        <translation>模型旁边没有视觉文件（mmproj）：它只能读取文本。</translation>
    </message>
    <message>
        <source>The weights were rounded to %1 while loading, which changed them by %2 (root mean square).</source>
        <translation>加载时权重被舍入为 %1，变化为 %2（均方根）。</translation>
    </message>
    <message numerus="yes">
        <source>The tokenizer has %Ln tokens more than the model&apos;s table of %1. They are read as text.</source>
        <translation>
            <numerusform>分词器比模型的词表（%1）多 %Ln 个词元，它们会被当作文本读取。</numerusform>
        </translation>
    </message>
    <message>
        <source>SHA-256 as in the catalogue</source>
        <translation>SHA-256 与目录中的一致</translation>
    </message>
    <message>
        <source>SHA-256 stated by the server</source>
        <translation>SHA-256 由服务器给出</translation>
    </message>
    <message>
        <source>no SHA-256 known, only its length was checked</source>
        <translation>没有已知的 SHA-256，只核对了长度</translation>
    </message>
</context>
<context>
    <name>pio::ChatController</name>
    <message>
        <source>Empty answer</source>
        <translation>空回答</translation>
    </message>
</context>
<context>
    <name>pio::CodeController</name>
    <message>
        <source>The file is as it was before.</source>
        <translation>文件已恢复原样。</translation>
    </message>
    <message>
        <source>The changes were written to the file.</source>
        <translation>更改已写入文件。</translation>
    </message>
    <message numerus="yes">
        <source>%Ln changes proposed.</source>
        <translation>
            <numerusform>建议了 %Ln 处更改。</numerusform>
        </translation>
    </message>
    <message>
        <source>line %1</source>
        <translation>第 %1 行</translation>
    </message>
    <message>
        <source>lines %1 to %2</source>
        <translation>第 %1 至 %2 行</translation>
    </message>
    <message>
        <source>Explain the file</source>
        <translation>解释此文件</translation>
    </message>
    <message>
        <source>Explain %1</source>
        <translation>解释：%1</translation>
    </message>
    <message>
        <source>Fix the file</source>
        <translation>修复此文件</translation>
    </message>
    <message>
        <source>Fix %1</source>
        <translation>修复：%1</translation>
    </message>
    <message>
        <source>%1 (%2)</source>
        <comment>a question, the lines it is about</comment>
        <translation>%1（%2）</translation>
    </message>
</context>
<context>
    <name>pio::Desktop</name>
    <message>
        <source>A model is answering</source>
        <translation>模型正在回答</translation>
    </message>
    <message>
        <source>%1 wrote %2 tokens in %3 s.</source>
        <translation>%1 在 %3 秒内写了 %2 个词元。</translation>
    </message>
    <message>
        <source>The answer is there</source>
        <translation>回答已完成</translation>
    </message>
</context>
<context>
    <name>pio::PictureTray</name>
    <message>
        <source>Part of a picture</source>
        <translation>图片局部</translation>
    </message>
    <message>
        <source>Pasted picture</source>
        <translation>粘贴的图片</translation>
    </message>
</context>
</TS>
