// Graph convolution (Kipf & Welling 2017): every node mixes what its neighbours know. And the same network without the
// graph, to see what it is worth.
import { Dropout, Linear } from "std/nn"
import { Adam } from "std/optim"

// D^-1/2 (A + I) D^-1/2 of an adjacency matrix.
fn normalized(edges: [n, n]) -> [n, n] {
  let a = edges + f32(for i < n, j < n => i == j)
  let d = 1.0 / sqrt(sum(a, axis=1))
  reshape(d, [n, 1]) * a * d
}

layer Network(features: int, hidden: int, classes: int) {
  let fc1  = Linear(features, hidden)
  let fc2  = Linear(hidden, classes)
  let drop = Dropout(0.5)
  fn forward(x: [n, features], mix: [n, n]) -> [n, classes] = mix @ fc2(drop(relu(mix @ fc1(x))))
}

/// Classes of the nodes of a graph.
export model Gcn(features: int = 8, hidden: int = 16, classes: int = 4) {
  let net = Network(features, hidden, classes)
  fn forward(x: [n, features], edges: [n, n]) -> [n, classes] = net(x, normalized(edges))
  export fn predict(x: [n, features], edges: [n, n]) -> i32[n] = argmax(forward(x, edges), axis=-1)
}

/// Knows the node, not its neighbours.
export model Alone(features: int = 8, hidden: int = 16, classes: int = 4) {
  let net = Network(features, hidden, classes)
  fn forward(x: [n, features]) -> [n, classes] = net(x, for i < n, j < n => if i == j { 1.0 } else { 0.0 })
  export fn predict(x: [n, features]) -> i32[n] = argmax(forward(x), axis=-1)
}

/// Labels of -100 are not known.
export train FitGcn(net: Gcn, lr: f32[] = 1e-2) {
  batch x: f32[n, 8], edges: f32[n, n], labels: i32[n]
  minimize cross_entropy(net(x, edges), labels) using Adam(lr=lr)
}
export train FitAlone(net: Alone, lr: f32[] = 1e-2) {
  batch x: f32[n, 8], labels: i32[n]
  minimize cross_entropy(net(x), labels) using Adam(lr=lr)
}
