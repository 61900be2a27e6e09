import { compilePattern, type Dialect } from '../../../local/streams/pattern';
import { UserError } from '../../../local/user-error';

/** What an attribute of an item is in a record's event: its type descriptor is part of the path. */
const ofItem = (NewImage: object) => ({ eventName: 'INSERT', dynamodb: { NewImage } });

const matches = (pattern: unknown, event: unknown, dialect: Dialect = 'lambda-filter') => compilePattern(pattern, dialect)(event);

/** What a list of alternatives says of a value. */
const tests = (alternatives: unknown[], value: unknown, dialect: Dialect = 'lambda-filter') =>
  matches({ field: alternatives }, value === undefined ? {} : { field: value }, dialect);

describe.each<Dialect>(['lambda-filter', 'event-bus'])('the operators of %s', (dialect) => {
  test.each<[operator: string, alternatives: unknown[], matching: unknown[], others: unknown[]]>([
    ['a text', ['a'], ['a'], ['A', 'ab', '', null, undefined, { a: 'a' }]],
    ['an empty text', [''], [''], [null, undefined, ' ']],
    ['a number', [5], [5, 5.0], ['5', 6, undefined]],
    ['null', [null], [null], ['null', '', 0, false, undefined]],
    ['true and false', [true], [true], ['true', 1, false, undefined]],
    ['alternatives', ['a', 5, { prefix: 'b' }], ['a', 5, 'bc'], ['c', 6]],
    ['prefix', [{ prefix: 'a' }], ['a', 'ab'], ['ba', 'Ab', 5, undefined]],
    ['suffix', [{ suffix: '.png' }], ['x.png'], ['x.png.gif', 'x.PNG', null, undefined]],
    ['equals-ignore-case', [{ 'equals-ignore-case': 'Ab' }], ['ab', 'AB'], ['abc', undefined]],
    ['anything-but, a text', [{ 'anything-but': 'a' }], ['b', 5, null], ['a', undefined]],
    ['anything-but, a number', [{ 'anything-but': 5 }], ['5', 6], [5, undefined]],
    ['anything-but, a list', [{ 'anything-but': ['a', 'b'] }], ['c'], ['a', 'b', undefined]],
    ['numeric =', [{ numeric: ['=', 5] }], [5], ['5', 6, undefined]],
    ['numeric <', [{ numeric: ['<', 5] }], [4.9], [5, '4']],
    ['numeric, a range', [{ numeric: ['>', 0, '<=', 5] }], [0.1, 5], [0, 5.1, '3', undefined]],
    ['numeric, a range with its ends', [{ numeric: ['>=', 0, '<', 5] }], [0, 4.9], [-0.1, 5]],
    ['exists: true', [{ exists: true }], ['a', null, false, ['a']], [undefined, { a: 1 }, []]],
    ['exists: false', [{ exists: false }], [undefined, { a: 1 }, []], ['a', null, false, ['a']]],
    ['exists: false or a value', [{ exists: false }, 'a'], [undefined, 'a'], ['b']],
  ])('%s', (_operator, alternatives, matching, others) => {
    expect(matching.map((value) => [value, tests(alternatives, value, dialect)])).toEqual(matching.map((value) => [value, true]));
    expect(others.map((value) => [value, tests(alternatives, value, dialect)])).toEqual(others.map((value) => [value, false]));
  });
});

test.each<[operator: string, alternatives: unknown[], matching: unknown[], others: unknown[]]>([
  ['wildcard', [{ wildcard: 'a*.p*g' }], ['a.pg', 'axx.png', 'a\n.pg'], ['b.png', 'xa.png', 'a.pngs', 'axpng', 5]],
  ['wildcard, a literal asterisk', [{ wildcard: 'a\\*b*' }], ['a*b', 'a*bc'], ['axb']],
  ['wildcard, a literal backslash', [{ wildcard: 'a\\\\*' }], ['a\\', 'a\\b'], ['a*']],
  ['wildcard, characters of expressions', [{ wildcard: '(a+)[*]' }], ['(a+)[1]'], ['aa1']],
  ['anything-but prefix', [{ 'anything-but': { prefix: 'a' } }], ['ba', 5], ['ab', undefined]],
  ['anything-but prefixes', [{ 'anything-but': { prefix: ['a', 'b'] } }], ['ca'], ['ab', 'ba']],
  ['anything-but suffix', [{ 'anything-but': { suffix: 'a' } }], ['ab'], ['ba', undefined]],
  ['anything-but suffixes', [{ 'anything-but': { suffix: ['a', 'b'] } }], ['ac'], ['ca', 'cb']],
  ['anything-but wildcard', [{ 'anything-but': { wildcard: 'a*b' } }], ['abc'], ['acb', undefined]],
])('the operators of an event bus only: %s', (_operator, alternatives, matching, others) => {
  expect(matching.filter((value) => !tests(alternatives, value, 'event-bus'))).toEqual([]);
  expect(others.filter((value) => tests(alternatives, value, 'event-bus'))).toEqual([]);
  expect(() => tests(alternatives, 'a')).toThrow(UserError);
});

describe('paths', () => {
  test('fields are AND-ed, alternatives OR-ed', () => {
    const pattern = { a: [1, 2], b: { c: ['x'] } };
    expect(matches(pattern, { a: 2, b: { c: 'x' } })).toBe(true);
    expect(matches(pattern, { a: 2, b: { c: 'y' } })).toBe(false);
    expect(matches(pattern, { a: 3, b: { c: 'x' } })).toBe(false);
    expect(matches(pattern, { a: 2, b: 'x' })).toBe(false);
    expect(matches(pattern, { a: 2 })).toBe(false);
  });

  test('a list in the event matches if any of its elements does', () => {
    expect(tests(['b'], ['a', 'b'])).toBe(true);
    expect(tests(['c'], ['a', 'b'])).toBe(false);
    expect(tests([{ 'anything-but': 'a' }], ['a', 'b'])).toBe(true);
    expect(matches({ list: { x: [1], y: [2] } }, { list: [{ x: 0 }, { x: 1, y: 2 }] })).toBe(true);
  });

  test('fields of a list of objects are of one and the same element', () => {
    expect(matches({ list: { x: [1], y: [2] } }, { list: [{ x: 1 }, { y: 2 }] })).toBe(false);
  });

  test('a field behind one that is not there does not exist', () => {
    const pattern = { a: { b: [{ exists: false }] } };
    expect([{}, { a: 'x' }, { a: [] }, { a: {} }].map((event) => matches(pattern, event))).toEqual([true, true, true, true]);
    expect(matches(pattern, { a: { b: null } })).toBe(false);
  });

  test('$or takes any of its patterns, with the fields beside it', () => {
    const pattern = { a: [1], $or: [{ b: [2] }, { c: { d: [3] } }] };
    expect(matches(pattern, { a: 1, b: 2 })).toBe(true);
    expect(matches(pattern, { a: 1, c: { d: 3 } })).toBe(true);
    expect(matches(pattern, { a: 1, b: 3, c: { d: 2 } })).toBe(false);
    expect(matches(pattern, { a: 2, b: 2 })).toBe(false);
  });

  test('names that every object has by itself are no fields', () => {
    expect(matches({ constructor: { name: ['Object'] } }, {})).toBe(false);
    expect(matches({ constructor: { name: [{ exists: false }] } }, {})).toBe(true);
  });

  test('a pattern may be JSON text', () => {
    expect(matches('{"eventName":["INSERT"]}', ofItem({}))).toBe(true);
    expect(matches('{"eventName":["REMOVE"]}', ofItem({}))).toBe(false);
  });
});

describe('attributes of items', () => {
  const inImage = (name: string, attribute: unknown) => ({ dynamodb: { NewImage: { [name]: attribute } } });

  test('the type descriptor is part of the path', () => {
    expect(matches(inImage('status', { S: ['PAID'] }), ofItem({ status: { S: 'PAID' } }))).toBe(true);
    expect(matches(inImage('status', ['PAID']), ofItem({ status: { S: 'PAID' } }))).toBe(false);
  });

  test('numeric never matches an N, which is text', () => {
    expect(matches(inImage('total', { N: [{ numeric: ['=', 5] }] }), ofItem({ total: { N: '5' } }))).toBe(false);
    expect(matches(inImage('total', { N: [{ numeric: ['>', 0] }] }), ofItem({ total: { N: '5' } }))).toBe(false);
    expect(matches(inImage('total', { N: [5] }), ofItem({ total: { N: '5' } }))).toBe(false);
    expect(matches(inImage('total', { N: ['5'] }), ofItem({ total: { N: '5' } }))).toBe(true);
  });

  test('exists: false matches an attribute that is there, because only leaves exist', () => {
    expect(matches(inImage('name', [{ exists: false }]), ofItem({ name: { S: 'x' } }))).toBe(true);
    expect(matches(inImage('name', [{ exists: true }]), ofItem({ name: { S: 'x' } }))).toBe(false);
    expect(matches(inImage('name', { S: [{ exists: false }] }), ofItem({ name: { S: 'x' } }))).toBe(false);
    expect(matches(inImage('name', { S: [{ exists: true }] }), ofItem({ name: { S: 'x' } }))).toBe(true);
  });

  test('null matches no NULL, which is true', () => {
    expect(matches(inImage('name', [null]), ofItem({ name: { NULL: true } }))).toBe(false);
    expect(matches(inImage('name', { NULL: [null] }), ofItem({ name: { NULL: true } }))).toBe(false);
    expect(matches(inImage('name', { NULL: [true] }), ofItem({ name: { NULL: true } }))).toBe(true);
  });

  test('the time of a record is a number', () => {
    const event = { dynamodb: { ApproximateCreationDateTime: 1_700_000_000 } };
    expect(matches({ dynamodb: { ApproximateCreationDateTime: [{ numeric: ['>', 1_600_000_000] }] } }, event)).toBe(true);
  });

  test('the event name can be filtered on', () => {
    expect(matches({ eventName: ['INSERT', 'REMOVE'] }, ofItem({}))).toBe(true);
    expect(matches({ eventName: ['MODIFY'] }, ofItem({}))).toBe(false);
  });
});

test.each<[what: string, pattern: unknown, message: string]>([
  ['text that is not JSON', '{"a":', 'The event pattern is not JSON: {"a":'],
  ['no object', ['a'], 'The event pattern must be an object.'],
  ['nothing', undefined, 'The event pattern must be an object.'],
  ['null', null, 'The event pattern must be an object.'],
  ['an empty object', {}, 'The event pattern must not be empty.'],
  ['an empty object within', { a: { b: {} } }, 'The event pattern at a.b must not be empty.'],
  ['a leaf that is no list', { a: { b: 'x' } }, 'The event pattern at a.b must be a list of values, or an object of further fields.'],
  ['an empty list', { a: [] }, 'The event pattern at a must not be an empty list.'],
  ['a list in a list', { a: [['x']] }, 'The event pattern at a must list values, or objects of one operator each.'],
  ['two operators in one', { a: [{ prefix: 'x', suffix: 'y' }] }, 'The event pattern at a must list values, or objects of one operator each.'],
  [
    'an unknown operator',
    { a: { b: [{ cidr: '10.0.0.0/8' }] } },
    'The event pattern at a.b has the operator "cidr"; known: prefix, suffix, equals-ignore-case, anything-but, numeric, exists.',
  ],
  ['prefix of no text', { a: [{ prefix: 5 }] }, 'The event pattern at a must have a text for "prefix".'],
  ['exists of no boolean', { a: [{ exists: 'yes' }] }, 'The event pattern at a must have true or false for "exists".'],
  ['anything-but an empty list', { a: [{ 'anything-but': [] }] }, 'The event pattern at a must not have an empty list for "anything-but".'],
  [
    'anything-but of texts and numbers',
    { a: [{ 'anything-but': ['x', 5] }] },
    'The event pattern at a must have texts only, or numbers only, for "anything-but".',
  ],
  ['an $or of one', { $or: [{ a: [1] }] }, 'The event pattern at $or must be a list of at least two patterns.'],
  ['an $or of no patterns', { a: { $or: [{ b: 1 }, { c: [1] }] } }, 'The event pattern at a.b must be a list of values'],
  ['a numeric beyond the largest', { a: [{ numeric: ['<', 6e9] }] }, 'The event pattern at a must have numbers from -5e9 to 5e9 for "numeric"'],
])('refuses %s', (_what, pattern, message) => {
  expect(() => compilePattern(pattern, 'lambda-filter')).toThrow(UserError);
  expect(() => compilePattern(pattern, 'lambda-filter')).toThrow(message);
});

test.each([[5], [[]], [['=']], [['=', '5']], [['!', 5]], [['<', 5, '>', 0]], [['=', 5, '=', 6]], [['>', 0, '<', 5, '=']], [['toString', 5]]])(
  'refuses numeric %j',
  (operand) => {
    expect(() => compilePattern({ a: [{ numeric: operand }] }, 'event-bus')).toThrow(/^The event pattern at a must have comparisons/);
  },
);

test.each([['a**b'], ['a\\b'], ['a\\']])('refuses wildcard %j', (operand) => {
  expect(() => compilePattern({ a: [{ wildcard: operand }] }, 'event-bus')).toThrow(UserError);
});
