fn f(x: [b]) = x + "one"
