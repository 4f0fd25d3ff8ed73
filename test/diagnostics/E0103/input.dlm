const a = 3x
const b = 1. + 2
const c = 1.2.3
