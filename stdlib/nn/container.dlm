// Layers made of layers.

/// Layers one after the other: `Sequential([Linear(4, 8), ReLU(), Linear(8, 3)])`; paths are `0`, `1`, … below it.
export layer Sequential(layers: list) {
  @name("{index}.{path}") let layers = layers
  fn forward(x: [...]) = fold x = x over f in layers => f(x)
}
