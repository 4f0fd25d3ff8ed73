// Results that are kept as long as what they are of.

/** `find`, asked once for each object that `of` gives (the argument itself, if not told): other arguments follow from it. */
export const memoize = <K extends object, V>(
  find: (key: K) => V,
  of: (key: K) => object = (key) => key,
): ((key: K) => V) => {
  const known = new WeakMap<object, { readonly value: V }>();
  return (key) => {
    const owner = of(key);
    let found = known.get(owner);
    if (!found) known.set(owner, (found = { value: find(key) }));
    return found.value;
  };
};
