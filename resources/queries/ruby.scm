; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
[(string) (heredoc_body) (regex) (string_array)] @string
(interpolation) @none
[(integer) (float) (true) (false) (nil) (simple_symbol) (hash_key_symbol)] @number
(constant) @type
(self) @keyword
(method name: (identifier) @function)
(singleton_method name: (identifier) @function)
(call method: (identifier) @function)
