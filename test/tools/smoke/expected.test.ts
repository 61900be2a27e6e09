import { anyNumber, anyText, atLeast, holds, shown } from '../../../tools/smoke/expected';

test.each<[string, unknown, unknown, boolean]>([
  ['members that are more', { a: 1 }, { a: 1, b: 2 }, true],
  ['a member that lacks', { a: 1 }, { b: 2 }, false],
  ['another value', { a: 1 }, { a: 2 }, false],
  ['another type', { a: 1 }, { a: '1' }, false],
  ['a member of null', { a: { b: 1 } }, { a: null }, false],
  ['null', { a: null }, { a: null }, true],
  ['text for an object', { a: {} }, { a: 'text' }, false],
  ['entries among others', [{ id: 1 }, { id: 2 }], [{ id: 0 }, { id: 1 }, { id: 5 }, { id: 2 }], true],
  ['entries in another order', [{ id: 2 }, { id: 1 }], [{ id: 1 }, { id: 2 }], false],
  ['an entry twice that is there once', [1, 1], [1, 2], false],
  ['an entry that lacks', [1], [], false],
  ['an object for a list', [1], { 0: 1 }, false],
  ['any text', anyText, 'text', true],
  ['any text, empty', anyText, '', false],
  ['any number', anyNumber, 0, true],
  ['any number, as text', anyNumber, '0', false],
  ['just enough', atLeast(2), 2, true],
  ['too little', atLeast(2), 1, false],
])('%s: whether the answer is as expected', (_, expected, value, result) => {
  expect(holds(expected, value)).toBe(result);
});

test('what is expected is told as JSON, with words for what is not known', () => {
  expect(shown({ status: 200, body: { stats: { orders: atLeast(2) }, items: [{ orderId: anyText }] } })).toBe(
    '200 with {"stats":{"orders":"at least 2"},"items":[{"orderId":"any text"}]}',
  );
  expect(shown({ status: 204 })).toBe('204');
});
