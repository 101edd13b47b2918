; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
[(line_comment) (block_comment)] @comment
[(string_literal) (raw_string_literal) (char_literal)] @string
[(integer_literal) (float_literal) (boolean_literal)] @number
[(type_identifier) (primitive_type)] @type
[(self) (super) (crate) (mutable_specifier)] @keyword
(function_item name: (identifier) @function)
(function_signature_item name: (identifier) @function)
(call_expression function: (identifier) @function)
(call_expression function: (field_expression field: (field_identifier) @function))
(call_expression function: (scoped_identifier name: (identifier) @function))
(macro_invocation macro: (identifier) @function)
