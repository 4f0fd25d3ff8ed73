// Bundles dist/ with esbuild: the CLI and the public API, each with everything it needs but prettier inside.
console.log('build: nothing to do yet');
