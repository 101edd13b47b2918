; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
[(string) (raw_string) (ansi_c_string) (heredoc_body)] @string
(command_substitution) @none
[(number) (file_descriptor)] @number
[(simple_expansion) (expansion)] @number
(command_name) @function
(function_definition name: (word) @function)
