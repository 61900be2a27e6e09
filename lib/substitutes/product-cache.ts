/** Stands in for `lambda/shared/product-cache` in the bundles of functions that do not use DAX. */
export const productCache = () => undefined;
