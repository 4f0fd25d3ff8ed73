// Static values. No import is needed.

/// (v, v) of an int, a pair as it is.
export fn pair(v: int | str | (int, int)) = if kind(v) == "tuple" { v } else { (v, v) }

/// (v, v, v) of an int, a triple as it is.
export fn triple(v: int | str | (int, int, int)) = if kind(v) == "tuple" { v } else { (v, v, v) }
