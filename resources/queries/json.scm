; Words of the grammar itself ("if", "return") are keywords without being named here. At the same place a later pattern wins.
(comment) @comment
(string) @string
[(number) (true) (false) (null)] @number
(pair key: (string) @function)
