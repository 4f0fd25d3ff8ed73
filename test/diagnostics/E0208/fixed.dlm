import { Linear } from "std/nn"
import { Block } from "./blocks.dlm"
