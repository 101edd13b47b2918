; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
[(string_literal) (char_literal) (system_lib_string) (raw_string_literal)] @string
[(number_literal) (true) (false) (null)] @number
[(primitive_type) (type_identifier) (sized_type_specifier) (auto)] @type
[(this)] @keyword
(call_expression function: (identifier) @function)
(call_expression function: (field_expression field: (field_identifier) @function))
(call_expression function: (qualified_identifier name: (identifier) @function))
(template_function name: (identifier) @function)
(template_method name: (field_identifier) @function)
(function_declarator declarator: (identifier) @function)
(function_declarator declarator: (field_identifier) @function)
(function_declarator declarator: (qualified_identifier name: (identifier) @function))
(preproc_function_def name: (identifier) @function)
(preproc_def name: (identifier) @number)
(preproc_directive) @keyword
