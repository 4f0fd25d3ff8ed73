import { Linear } from "std/nm"
import { Block } from "./blocks.dlm"
