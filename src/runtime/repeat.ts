// Lists that say the same for each turn of a loop: the steps of a loop on the GPU, the layers of a deep model.

/** The items of all turns, the last turn first where `reverse`. A function statement: programs stand before it. */
export function repeat<T>(count: number, body: (turn: number) => readonly T[], reverse = false): T[] {
  return Array.from({ length: count }, (_, turn) => turn).flatMap((turn) => body(reverse ? count - 1 - turn : turn));
}
