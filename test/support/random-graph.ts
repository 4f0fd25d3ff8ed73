// Random well-typed graphs, as `dlm/testing` publishes them.
export * from '../../src/testing/random-graph.ts';
