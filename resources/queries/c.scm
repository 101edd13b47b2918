; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
[(string_literal) (char_literal) (system_lib_string)] @string
[(number_literal) (true) (false) (null)] @number
[(primitive_type) (type_identifier) (sized_type_specifier)] @type
(call_expression function: (identifier) @function)
(call_expression function: (field_expression field: (field_identifier) @function))
(function_declarator declarator: (identifier) @function)
(preproc_function_def name: (identifier) @function)
(preproc_def name: (identifier) @number)
(preproc_directive) @keyword
