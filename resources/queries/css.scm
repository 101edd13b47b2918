; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
(string_value) @string
[(integer_value) (float_value) (color_value)] @number
(property_name) @function
(function_name) @function
[(tag_name) (class_name) (id_name) (nesting_selector) (universal_selector)] @type
[(at_keyword) (important)] @keyword
