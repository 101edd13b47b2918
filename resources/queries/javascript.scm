; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
[(string) (template_string) (regex)] @string
(template_substitution) @none
[(number) (true) (false) (null) (undefined)] @number
[(this) (super)] @keyword
(call_expression function: (identifier) @function)
(call_expression function: (member_expression property: (property_identifier) @function))
(function_declaration name: (identifier) @function)
(function_expression name: (identifier) @function)
(method_definition name: (property_identifier) @function)
(variable_declarator name: (identifier) @function value: [(arrow_function) (function_expression)])
(class_declaration name: (identifier) @type)
(new_expression constructor: (identifier) @type)
(jsx_opening_element name: (identifier) @type)
(jsx_closing_element name: (identifier) @type)
(jsx_self_closing_element name: (identifier) @type)
(jsx_attribute (property_identifier) @function)
