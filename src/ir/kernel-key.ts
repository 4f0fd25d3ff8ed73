// Text by which equal kernel structures are recognised. JSON alone would write -0 as 0 and both infinities
// and NaN as null, and so make different constants equal.

const exact = (_: string, value: unknown): unknown =>
  typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value))
    ? { number: Object.is(value, -0) ? '-0' : String(value) }
    : value;

/** A text that two expressions, statements or kernels share exactly when they are equal. */
export const structureKey = (structure: unknown): string => JSON.stringify(structure, exact);
