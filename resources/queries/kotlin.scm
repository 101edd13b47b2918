; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
[(line_comment) (block_comment)] @comment
[(string_literal) (multiline_string_literal) (character_literal)] @string
(interpolation) @none
[(number_literal) (float_literal)] @number
(user_type (identifier) @type)
(function_declaration name: (identifier) @function)
(class_declaration name: (identifier) @type)
(object_declaration name: (identifier) @type)
(call_expression (identifier) @function)
(call_expression (navigation_expression (identifier) @function .))
(annotation) @function
