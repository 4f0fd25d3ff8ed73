// exec:
import { constant, xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, lecun_uniform, lecun_normal, truncated_normal, orthogonal, identity, dirac } from "std/init"

export model Drawn() {
  param a: [3, 4] = constant(0.5)
  param b: [3, 4] = xavier_uniform(2.0)
  param c: [3, 4] = xavier_normal()
  param d: [3, 4] = kaiming_uniform(mode="fan_out")
  param e: [3, 4] = kaiming_normal(nonlinearity="relu")
  param f: [3, 4] = lecun_uniform()
  param g: [3, 4] = lecun_normal()
  param h: [3, 4] = truncated_normal()
  param i: [4, 3] = orthogonal()
  param j: [3, 2, 4] = orthogonal(0.5)
  param k: [3, 4] = identity()
  param l: [3, 2, 3, 3] = dirac()
  param m: [3, 4] = uniform(low=-1.0, high=2.0)
  param n: [3, 4] = normal(0.02)
  export fn forward() = (a, b, c, d, e, f, g, h, i, j, k, l, m, n)
}
