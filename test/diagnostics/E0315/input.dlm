fn f(x: [b, n]) = rearrange[b n -> b](x)
