/** ElectroDB begins every sort key with the collection, where there is one, and the entity: `$account#CartItem_1#...`. */
const SORT_KEY = /^\$(?:[a-z]\w*#)?([A-Z]\w*?)_(\d+)(?:#|$)/;

/** The entity and version that a sort key names, where there is no image to ask; undefined for a key that is none of the model's. */
export function entityInKey(sk: string): { name: string; version: string } | undefined {
  const [, name, version] = SORT_KEY.exec(sk) ?? [];
  return name === undefined || version === undefined ? undefined : { name, version };
}
