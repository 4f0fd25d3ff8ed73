import { g } from "./input.dlm"

export fn f(x: [b]) -> [b] = x
