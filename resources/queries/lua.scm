; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
(string) @string
[(number) (true) (false) (nil)] @number
(function_call name: (identifier) @function)
(function_call name: (dot_index_expression field: (identifier) @function))
(function_call name: (method_index_expression method: (identifier) @function))
(function_declaration name: (identifier) @function)
(function_declaration name: (dot_index_expression field: (identifier) @function))
