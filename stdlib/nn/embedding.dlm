// Tables of vectors that are looked up by id.

/// Rows of a table by id: [...] -> [..., dim]. An id out of range gives zeros. The row `padding_idx` gets no
/// gradient. Given vectors load as `weight`; `@freeze` keeps them. `init` starts the table.
export layer Embedding(num_embeddings: int, embedding_dim: int, padding_idx: int? = none,
                       init: fn(list, int, int) -> [...] = normal(1.0)) {
  param weight: [num_embeddings, embedding_dim] = init
  fn forward(ids: i32[...]) -> [..., embedding_dim] {
    let y = gather(weight, ids, axis=0)
    if padding_idx == none { y } else {
      where(reshape(ids, shape(ids) + [1]) == padding_idx, stop_gradient(y), y)
    }
  }
}
