import { Linear } from "std/nn

const mode = "same
