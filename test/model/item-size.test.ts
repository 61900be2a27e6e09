import { itemSize } from '../../lambda/model/item-size';

/** Sizes that were measured on AWS. */
test.each([
  [3.14159, 5],
  [123_456, 4],
  [1.5, 3],
  [100.5, 4],
  [-42, 3],
  [0, 1],
  ['é', 2],
  [true, 1],
  [null, 1],
  [Buffer.alloc(5), 5],
  [new Set(['ab', 'c']), 3],
  [['a', 'b'], 3 + 2 + 2],
  [{ k: 'v' }, 3 + 1 + 1 + 1],
  [[], 3],
  [undefined, 0],
])('%j has %d bytes', (value, bytes) => {
  expect(itemSize({ name: value })).toBe(4 + bytes);
});
