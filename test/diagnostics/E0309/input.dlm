fn f(x: [b, n]) = rearrange[b c h w -> b (c h w)](x)
