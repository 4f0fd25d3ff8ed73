fn inside(i: int, n: int) -> bool = 0 <= i < n
