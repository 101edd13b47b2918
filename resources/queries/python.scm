; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
(string) @string
(interpolation) @none
[(integer) (float) (true) (false) (none)] @number
(call function: (identifier) @function)
(call function: (attribute attribute: (identifier) @function))
(function_definition name: (identifier) @function)
(class_definition name: (identifier) @type)
(type (identifier) @type)
(decorator (identifier) @function)
