; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
[(line_comment) (block_comment)] @comment
[(string_literal) (character_literal)] @string
[(decimal_integer_literal) (hex_integer_literal) (decimal_floating_point_literal) (true) (false) (null_literal)] @number
[(type_identifier) (integral_type) (floating_point_type) (boolean_type) (void_type)] @type
[(this) (super)] @keyword
(method_declaration name: (identifier) @function)
(constructor_declaration name: (identifier) @function)
(method_invocation name: (identifier) @function)
(class_declaration name: (identifier) @type)
(interface_declaration name: (identifier) @type)
(enum_declaration name: (identifier) @type)
(marker_annotation name: (identifier) @function)
(annotation name: (identifier) @function)
