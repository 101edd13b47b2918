; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
(string) @string
[(integer) (float) (boolean) (local_date) (local_time) (local_date_time) (offset_date_time)] @number
(pair (bare_key) @function)
(pair (dotted_key) @function)
(table (bare_key) @type)
(table (dotted_key) @type)
(table_array_element (bare_key) @type)
