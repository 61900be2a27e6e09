import '../support/flow-environment';
import * as fc from 'fast-check';
import * as z from 'zod/mini';
import { flow } from '../../lambda/shared/http';
import { jsonObject, text } from '../../lambda/shared/input';
import { textProblem } from '../../lambda/shared/text';
import { isEmailAddress } from '../../lambda/model/email-address';
import { category, newProduct } from '../../lambda/products/product-input';
import { email } from '../../lambda/users/user-input';
import { capturedOutput } from '../support/captured-output';

const isTaken = (schema: z.ZodMiniType) => (value: unknown) => schema.safeParse(value).success;
const basicPlane = Array.from({ length: 0x1_00_00 }, (_, code) => code);
/** The characters of the basic plane of which something is not as expected. */
const unlike = (isAsExpected: (character: string, code: number) => boolean) =>
  basicPlane.filter((code) => !isAsExpected(String.fromCharCode(code), code)).map((code) => code.toString(16));
const within = (...ranges: [number, number][]) => (code: number) => ranges.some(([first, last]) => code >= first && code <= last);

describe('an e-mail address', () => {
  const label = 'b'.repeat(63);
  test.each([
    'ann@example.com',
    'Ann.B+news@Mail.Example.co.uk',
    "!#$%&'*+/=?^_`{|}~-@x.example",
    'a@3m.example',
    'a@xn--bcher-kva.example',
    'a@XN--BCHER-KVA.xn--p1ai',
    'a@b--c.example',
    `${'a'.repeat(64)}@b.example`,
    `a@${label}.${label}.${label}.${'b'.repeat(60)}`,
  ])('%s is one', (address) => expect(email.parse(address)).toBe(address));

  test.each([
    ['nothing around the at', '@'],
    ['no local part', '@example.com'],
    ['no domain', 'ann@'],
    ['a domain of one label', 'ann@localhost'],
    ['two ats', 'ann@example.com@example.com'],
    ['two addresses', 'ann@example.com,bea@example.com'],
    ['a name before it', 'Ann <ann@example.com>'],
    ['a leading dot', '.ann@example.com'],
    ['a trailing dot', 'ann.@example.com'],
    ['a double dot', 'ann..b@example.com'],
    ['a quoted local part', '"ann b"@example.com'],
    ['a comment', 'ann(b)@example.com'],
    ['a leading dot in the domain', 'ann@.example.com'],
    ['a trailing dot in the domain', 'ann@example.com.'],
    ['a double dot in the domain', 'ann@example..com'],
    ['a leading hyphen in a label', 'ann@-example.com'],
    ['a trailing hyphen in a label', 'ann@example-.com'],
    ['an underscore in the domain', 'ann@ex_ample.com'],
    ['a number as its domain', 'ann@127.0.0.1'],
    ['a hexadecimal number as its last label', 'ann@example.0x7f'],
    ['a literal as its domain', 'ann@[127.0.0.1]'],
    ['Punycode of nothing', 'ann@xn--a.example'],
    ['a label of 64 characters', `ann@${'b'.repeat(64)}.example`],
    ['a local part of 65 characters', `${'a'.repeat(65)}@b.example`],
    ['255 characters', `a@${label}.${label}.${label}.${'b'.repeat(61)}`],
    ['letters that are not ASCII', 'zoë@example.com'],
    ['a domain that is not in Punycode', 'ann@bücher.example'],
    ['a blank before it', ' ann@example.com'],
    ['a line end behind it', 'ann@example.com\n'],
  ])('with %s is none', (_, address) => expect(isTaken(email)(address)).toBe(false));

  test('has no character but those of the two standards, wherever it is put', () => {
    const local = /[\w!#$%&'*+/=?^`{|}~.-]/;
    const domain = /[a-z\d.-]/i;
    const strays = unlike(
      (character) =>
        isEmailAddress(`an${character}n@example.com`) === local.test(character) &&
        isEmailAddress(`ann@exam${character}ple.com`) === domain.test(character) &&
        isEmailAddress(`${character}ann@example.com`) === (local.test(character) && character !== '.'),
    );
    expect(strays).toEqual([]);
  });
});

describe('text', () => {
  const surrogate = within([0xd800, 0xdfff]);
  const refusedInText = within([0x202a, 0x202e], [0x2066, 0x2069], [0xfffd, 0xfffd]);
  const control = within([0, 0x1f], [0x7f, 0x9f]);
  const lineEnd = within([0x2028, 0x2029]);

  test('holds every character but controls, overrides of its direction and what was lost', () => {
    const isRefused = (code: number) => surrogate(code) || refusedInText(code) || control(code);
    const oneLine = unlike((character, code) => (textProblem(`a${character}b`) === undefined) !== (isRefused(code) || lineEnd(code)));
    const lines = unlike((character, code) => (textProblem(`a${character}b`, { lines: true }) === undefined) !== (isRefused(code) && code !== 0x0a));
    expect([oneLine, lines]).toEqual([[], []]);
  });

  test('of several lines ends them by LF or CR LF', () => {
    const lines = text(9, { lines: true });
    expect(['a\nb', 'a\r\nb', 'a\n\n\r\nb\n', '\na'].map(isTaken(lines))).toEqual([true, true, true, true]);
    expect(['a\rb', 'a\n\rb', 'a\r\r\nb', 'a\r', '\n\r\n'].map(isTaken(lines))).toEqual([false, false, false, false, false]);
  });

  test.each([
    ['a control', 'a\u0000b', /^must be one line without control characters: it has U\+0000$/],
    ['a line end', 'a\nb', /^must be one line without control characters: it has U\+000A$/],
    ['an override', 'a\u202eb', /it has U\+202E$/],
    ['a lost character', 'caf\ufffd', /U\+FFFD/],
    ['nothing', '', /^must not be empty$/],
    ['nothing that shows', ' \u200b', /^must have a visible character$/],
    ['a lone surrogate', '\ud83d', /^must be well-formed Unicode$/],
  ])('is refused with the reason: %s', (_, value, reason) => {
    expect(text(10).safeParse(value).error?.issues.map(({ message }) => message)).toEqual([expect.stringMatching(reason)]);
  });

  // The classes of Unicode in which nothing shows, and its three signs that are blank by their picture only.
  const invisible = [...' \u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u180e\u2000\u200b\u200d\u200e\u200f\u2060\u2061\u2064\u206a\u2800\u3000\u3164\ufe0f\ufeff\uffa0\ufff9\uffff\u{16fe4}\u{1d159}\u{1d173}\u{e0020}\u{e0100}'];

  test('of invisible characters only is none, and one that shows makes it text', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...invisible), { minLength: 1, maxLength: 8 }), fc.constantFrom(...'a.٣日\u0301\ue000🦪'), (blank, sign) => {
        expect(isTaken(text(100))(blank.join(''))).toBe(false);
        expect(isTaken(text(100))(blank.join('') + sign)).toBe(true);
      }),
    );
  });

  test.each(['Zoë O’Neill', 'שלום \u200fעולם', 'مرحبا\u061c!', 'می\u200cخواهم', '👩\u200d💻', '❤\ufe0f', 'नमस्ते', '価格（税込）', '🏴\u{e0067}\u{e0062}\u{e007f}'])('%s is text', (value) =>
    expect(text(40).parse(value)).toBe(value),
  );
});

describe('a category', () => {
  const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter(isTaken(text(1_000)));

  test('is one key, however it is encoded and whatever blanks are around it', () => {
    fc.assert(
      fc.property(word, fc.constantFrom('', ' ', '\u00a0\u3000'), (name, blanks) => {
        const key = category.safeParse(name).data;
        fc.pre(key !== undefined);
        expect(category.parse(blanks + name.normalize('NFD') + blanks)).toBe(key);
        expect([key, category.parse(key)]).toEqual([key!.normalize('NFC').trim(), key]);
      }),
    );
  });

  test('has its length as a key', () => {
    expect(category.parse(` ${'e\u0301'.repeat(100)} `)).toBe('é'.repeat(100));
    // NFC takes this letter apart.
    expect(isTaken(category)('\u0958'.repeat(60))).toBe(false);
  });
});

describe('a JSON object', () => {
  const nested = (levels: number): object => (levels === 0 ? {} : { a: nested(levels - 1) });
  test.each([
    ['dimensions.a.1', { a: ['x', '\u0000'] }, /U\+0000/],
    ['dimensions.a', { a: 'x\ny' }, /U\+000A/],
    ['dimensions.a', { a: ' ' }, /visible/],
    ['dimensions.a.b', { a: { b: Number.NaN } }, /more digits than are kept exactly/],
    ['dimensions.a', { a: 2 ** 53 }, /more digits than are kept exactly/],
    ['dimensions.a', { a: 1e300 }, /outside the range of DynamoDB's numbers/],
    ['dimensions.a', { a: -1e-200 }, /outside the range of DynamoDB's numbers/],
    ['dimensions.a\u202eb', { 'a\u202eb': 1 }, /^has a name that must have no bidirectional/],
    ['dimensions.', { '': 1 }, /^has a name that must not be empty$/],
    ['dimensions.a.constructor', { a: { constructor: 1 } }, /^has a name that is reserved$/],
    ['dimensions.__proto__', JSON.parse('{"__proto__":1}'), /^has a name that is reserved$/],
    [`dimensions${'.a'.repeat(31)}`, nested(31), /^must have at most 31 levels$/],
    ['dimensions', { a: 'x'.repeat(4_096) }, /^must have at most 4096 bytes$/],
  ])('is refused where it cannot be stored (%#)', (path, dimensions, reason) => {
    const { error } = newProduct.safeParse({ name: 'N', category: 'C', priceMinor: 1, currency: 'EUR', dimensions });
    expect(error?.issues.map((issue) => [issue.path.join('.'), issue.message])).toEqual([[path, expect.stringMatching(reason)]]);
  });

  test('holds an empty text, and line ends where its text may have them', () => {
    expect(jsonObject(100).parse({ a: '', b: [null, true, -0.5] })).toEqual({ a: '', b: [null, true, -0.5] });
    expect(jsonObject(100, { lines: true }).parse({ street: 'a\r\nb' })).toEqual({ street: 'a\r\nb' });
    expect(isTaken(jsonObject(100, { lines: true }))({ 'a\nb': 1 })).toBe(false);
  });
});

describe('what reaches a flow', () => {
  capturedOutput();
  const echo = flow('echo', (request) => Promise.resolve({ status: 200, body: { body: request.body(z.unknown()) } }));
  const asks = flow(
    'asks',
    (request) => Promise.resolve({ status: 200, body: { query: request.query() } }),
    z.strictObject({ word: z.optional(z.string()) }),
  );

  const call = async (tested: typeof echo, event: object) => {
    const request = { routeKey: 'POST /x', headers: {}, requestContext: { requestId: 'r' }, ...event };
    const { statusCode, body } = await tested(request as never, { getRemainingTimeInMillis: () => 10_000 } as never);
    return { status: statusCode, body: JSON.parse(body ?? 'null') };
  };
  /** Both ways in which API Gateway hands bytes on. */
  const ways = [
    ['as base64', (bytes: Buffer) => ({ body: bytes.toString('base64'), isBase64Encoded: true })],
    ['as text', (bytes: Buffer) => ({ body: bytes.toString('utf8'), isBase64Encoded: false })],
  ] as const;
  const errorsOf = (body: { errors: { path: string; message: string }[] }) => body.errors.map(({ path, message }) => [path, message]);

  describe.each(ways)('a body %s', (_, sent) => {
    const send = (bytes: Buffer | string) => call(echo, sent(Buffer.from(bytes as string)));

    test.each([
      ['Latin-1', Buffer.from('{"name":"Zoë"}', 'latin1')],
      ['UTF-16', Buffer.from('\ufeff{"name":"Zoë"}', 'utf16le')],
      ['a character that is cut off', Buffer.from('{"name":"Zoë"}').subarray(0, 12)],
      ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
      ['an overlong form', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
      ['the replacement character', Buffer.from('"\ufffd"')],
    ])('that has %s in it is not UTF-8', async (_, bytes) => {
      const { status, body } = await send(bytes);
      expect([status, errorsOf(body)]).toEqual([400, [['', 'the body must be UTF-8, without the replacement character U+FFFD']]]);
    });

    test('is the JSON that was sent, with or without a byte order mark', async () => {
      await fc.assert(
        fc.asyncProperty(fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' }), fc.constantFrom('', '\ufeff'), async (value, mark) => {
          const json = JSON.stringify(value);
          fc.pre(!json.includes('\ufffd') && !/\d(e|\.\d{16})|\d{16}/.test(json));
          expect(await send(mark + json)).toEqual({ status: 200, body: { body: JSON.parse(json) } });
        }),
        { numRuns: 50 },
      );
    });

    test.each([
      ['', 'the body is empty'],
      ['\ufeff', 'the body is empty'],
      ['\ufeff\ufeff{}', 'the body is not JSON'],
      ['{"a":1', 'the body is not JSON'],
      ['[1,]', 'the body is not JSON'],
      ['"a\nb"', 'the body is not JSON'],
      ['['.repeat(100_000), 'the body is nested too deeply'],
    ])('that is no JSON says so (%#)', async (json, message) => {
      const { status, body } = await send(json);
      expect([status, errorsOf(body)]).toEqual([400, [['', message]]]);
    });
  });

  test.each([
    ['{"a":1,"a":2}', ['a']],
    ['{"a":1,"a":1}', ['a']],
    ['{"a":1,"\\u0061":1}', ['a']],
    ['{"a":{"b":[1,{"c":"}","c":"{"}]}}', ['a.b.1.c']],
    ['[[],{"x":"\\\\","y":"\\"","x":[]},{"x":1}]', ['1.x']],
    ['{"__proto__":1,"__proto__":1,"b":{"b":1},"b":2,"b":3}', ['__proto__', 'b']],
    [`[{"a":1},{"a":"a,\\"a\\":"},["a","a"],{"${'n'.repeat(300)}":1,"${'n'.repeat(300)}":2}]`, [`3.${'n'.repeat(198)}`]],
    [`{${Array.from({ length: 60 }, (_, index) => `"m${index % 30}":1`).join()}}`, Array.from({ length: 20 }, (_, index) => `m${index}`)],
  ])('a member that is given twice is named (%#)', async (json, paths) => {
    const { status, body } = await call(echo, { body: json });
    expect([status, errorsOf(body)]).toEqual([400, paths.map((path) => [path, 'is given twice'])]);
  });

  test('of any JSON, no member is given twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 5 }), async (json) => {
        const { body } = await call(echo, { body: json });
        expect(JSON.stringify(body)).not.toContain('is given twice');
      }),
      { numRuns: 50 },
    );
  });

  const RANGE = "is outside the range of DynamoDB's numbers, which is 1E-130 to 9.99...E+125, and the same below 0";
  const DIGITS = 'has more digits than are kept exactly: 15 to 17, and whole numbers up to 9007199254740991';
  const WHOLE = 'must be a whole number from 0 to 1000000000';
  const numbers = flow('numbers', (request) => Promise.resolve({ status: 200, body: request.body(z.partial(newProduct)) }));
  test.each([
    ['1e126', RANGE, WHOLE],
    ['-1e999', RANGE, WHOLE],
    ['1e-131', RANGE, WHOLE],
    ['-1e-999', RANGE, WHOLE],
    ['1e99999999999999999999', RANGE, WHOLE],
    ['1e100', DIGITS, WHOLE],
    ['9007199254740993', DIGITS, WHOLE],
    ['0.1234567890123456789', DIGITS, WHOLE],
    [`0.${'3'.repeat(39)}`, DIGITS, WHOLE],
    ['9'.repeat(38), DIGITS, WHOLE],
    ['1e-130', undefined, WHOLE],
    ['9007199254740991', undefined, WHOLE],
    ['-0.25', undefined, WHOLE],
    ['0e999', undefined, undefined],
    ['1.00e2', undefined, undefined],
  ])('the number %s is stored as it is, or refused with the reason', async (number, reason, whole) => {
    for (const [body, path, message] of [
      [`{"sizes":[1,${number}]}`, 'sizes.1', reason],
      [`{"dimensions":{"a":[${number}]}}`, 'dimensions.a.0', reason],
      [`{"stock":${number}}`, 'stock', whole],
      [`{"name":${number}}`, 'name', 'must be text'],
      [number, '', 'must be of type object'],
    ] as const) {
      const answer = await call(numbers, { body });
      expect([body, answer.status, answer.body.errors]).toEqual([body, ...(message === undefined ? [200, undefined] : [400, [{ path, message }]])]);
    }
  });

  test.each(['a', '__proto__', 'constructor', 'toString', ''])('the query parameter "%s" that a route does not know is refused', async (name) => {
    for (const tested of [echo, asks]) {
      const { status, body } = await call(tested, { body: '{}', queryStringParameters: JSON.parse(`{${JSON.stringify(name)}:"1"}`) });
      expect([status, errorsOf(body)]).toEqual([400, [[name, 'is not known here']]]);
    }
  });

  test('a query parameter that is given twice is not one with a comma in it', async () => {
    const once = { rawQueryString: 'word=a,b', queryStringParameters: { word: 'a,b' } };
    expect(await call(asks, once)).toEqual({ status: 200, body: { query: { word: 'a,b' } } });
    const { status, body } = await call(asks, { ...once, rawQueryString: 'word=a&wor%64=b' });
    expect([status, errorsOf(body)]).toEqual([400, [['word', 'is given twice']]]);
  });
});
