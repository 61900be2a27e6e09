import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { newProduct } from '../../../lambda/products/product-input';
import { COLUMNS } from '../../../tools/load/columns';
import { MAX_ROW_BYTES, START } from '../../../tools/load/lines';
import { openRows, type Row, stableId } from '../../../tools/load/rows';
import { openSource } from '../../../tools/load/source';
import { runs } from '../../support/complete';

const folder = mkdtempSync(join(tmpdir(), 'load-rows-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(name: string, content: string | Buffer, from = START): Promise<Row[]> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const rows: Row[] = [];
  for await (const row of await openRows(await openSource(path, undefined), from)) rows.push(row);
  return rows;
}

const csv = (content: string | Buffer, from = START) => read('rows.csv', content, from);
const jsonl = (content: string | Buffer, from = START) => read('rows.jsonl', content, from);

/** A row as a line and what is sent of it, or why nothing is. */
const short = (row: Row) => [row.line, 'fault' in row ? row.fault : JSON.parse(row.json)];

describe('CSV', () => {
  test('the columns are the fields of a product', () => {
    expect([...COLUMNS.keys()].sort()).toEqual(Object.keys(newProduct.shape).sort());
  });

  test('every cell becomes what its field holds', async () => {
    const [row] = await csv(
      `${[...COLUMNS.keys()].join(',')}\n` +
        'tea,"Thé, d’été",Drinks,1250,EUR,5,"Said ""hot""",TRUE,a | b|c,1|2.5|3,http://a/1|http://a/2,aGk=|eW8=,AAEC,"{""cm"": [1, 2]}",null,7\n',
    );
    expect(short(row!)).toEqual([
      2,
      {
        productId: 'tea',
        name: 'Thé, d’été',
        category: 'Drinks',
        priceMinor: 1250,
        currency: 'EUR',
        stock: 5,
        description: 'Said "hot"',
        active: true,
        tags: ['a', 'b', 'c'],
        sizes: [1, 2.5, 3],
        images: ['http://a/1', 'http://a/2'],
        imageDigests: ['aGk=', 'eW8='],
        thumbnail: 'AAEC',
        dimensions: { cm: [1, 2] },
        discontinuedAt: null,
        restockAt: 7,
      },
    ]);
  });

  test('a list may be JSON, an empty cell is an absent field, a number keeps its digits', async () => {
    const [row] = await csv(
      'productId,tags,sizes,stock,name,priceMinor\ntea,"[""a|b"",""c""]","[1, 2]",,Tea, 12345678901234567890.123456789 \n',
    );
    expect(row).toMatchObject({
      json: '{"productId":"tea","tags":["a|b","c"],"sizes":[1, 2],"name":"Tea","priceMinor":12345678901234567890.123456789}',
    });
  });

  test('what does not convert is sent as it is, for the store to say what is wrong', async () => {
    const [row] = await csv(
      'productId,priceMinor,active,sizes,dimensions,discontinuedAt,restockAt\ntea,12.5€,yes,1|x,{cm: 1},never,007\n',
    );
    expect(short(row!)[1]).toEqual({
      productId: 'tea',
      priceMinor: '12.5€',
      active: 'yes',
      sizes: [1, 'x'],
      dimensions: '{cm: 1}',
      discontinuedAt: 'never',
      restockAt: '007',
    });
  });

  test('byte order mark, both ends of lines, lines in cells, empty lines and a last line without end; lines are those of the file', async () => {
    const rows = await csv('\uFEFF"productId",name\r\na,"one\r\ntwo"\r\n\r\nb,"x\n\n\ny"\n,\nc,last');
    expect(rows.map(short)).toEqual([
      [2, { productId: 'a', name: 'one\r\ntwo' }],
      [5, { productId: 'b', name: 'x\n\n\ny' }],
      [10, { productId: 'c', name: 'last' }],
    ]);
    expect(rows.map(({ raw }) => raw)).toEqual(['a,"one\r\ntwo"', 'b,"x\n\n\ny"', 'c,last']);
  });

  test('a row that is wrong is reported with its line, and those that follow are read', async () => {
    const rows = await csv(
      'productId,name\na,A,too many\nb\nc,5" pipe\nd,D\ne,"not closed\nf,"F"\ng,"a "b" c"\nh,H\ni,"never closed\nj,J\nk,K\n',
    );
    expect(rows.map(short)).toEqual([
      [2, 'the row has 3 columns; the header has 2'],
      [3, 'the row has 1 columns; the header has 2'],
      [4, 'a quote stands within a cell that is not quoted'],
      [5, { productId: 'd', name: 'D' }],
      [6, 'a quote within a quoted cell is not doubled'],
      [7, { productId: 'f', name: 'F' }],
      [8, 'a quote within a quoted cell is not doubled'],
      [9, { productId: 'h', name: 'H' }],
      [10, 'a quote is not closed'],
      [11, { productId: 'j', name: 'J' }],
      [12, { productId: 'k', name: 'K' }],
    ]);
    expect(rows[4]).toMatchObject({ raw: 'e,"not closed', productId: null });
  });

  test('bytes that are no UTF-8, and a line without end, are reported and not kept', async () => {
    const long = 'x'.repeat(MAX_ROW_BYTES);
    const rows = await csv(
      Buffer.concat([
        Buffer.from('productId,name\na,A\nb,'),
        Buffer.from([0xe9, 0x0a]),
        Buffer.from(`c,${long}\nd,"open\n${'e,E\n'.repeat(20_000)}"\nf,F\n`),
      ]),
    );
    expect(rows.map(short)).toEqual([
      [2, { productId: 'a', name: 'A' }],
      [3, 'the line is not UTF-8'],
      [4, `the line is ${MAX_ROW_BYTES + 3} bytes; the limit is ${MAX_ROW_BYTES}`],
      [5, 'a quote is not closed'],
      ...Array.from({ length: 20_000 }, (_, index) => [6 + index, { productId: 'e', name: 'E' }]),
      [20_006, 'a quote is not closed'],
      [20_007, { productId: 'f', name: 'F' }],
    ]);
    expect(rows[2]!.raw.length).toBeLessThan(300);
  });

  test.each([
    ['productId,prise,name\n', "The header of rows.csv names 'prise', which no product has. A header names columns of these: productId, name,"],
    ['a,b\n1,2\n', "The header of rows.csv names 'a', 'b', which no product has."],
    ['name,stock,name\n', "The header of rows.csv names 'name' twice."],
    ['', 'rows.csv does not begin with a header.'],
    ['\n\nproductId\n', 'rows.csv does not begin with a header.'],
    ['productId,"name\n', 'The header of rows.csv cannot be read: a quote is not closed.'],
  ])('the header %j is refused', async (content, message) => {
    await expect(csv(content)).rejects.toThrow(message);
  });

  test('what a CSV writer wrote is read again, whatever the cells hold', async () => {
    // A carriage return or line feed, a quote, a comma, and text beyond the basic plane.
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', ' ', 'é', '𝒳', '|', '{'), maxLength: 12 });
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }), fc.constantFrom('\n', '\r\n'), async (cells, end) => {
        const rows = await csv(['productId,name,description', ...cells.map((pair, index) => [`p${index}`, ...pair.map(quoted)].join(','))].join(end));
        const expected = cells.map(([name, description], index) => ({
          productId: `p${index}`,
          ...(name && { name }),
          ...(description && { description }),
        }));
        expect(rows.map((row) => short(row)[1])).toEqual(expected);
        // Read from any position between rows, the rest is the same.
        for (const [index, { next }] of rows.entries()) expect(await csvAgain(next)).toEqual(rows.slice(index + 1));
      }),
      { numRuns: runs(15, 60) },
    );
  });

  const csvAgain = async (from: Row['next']) => {
    const rows: Row[] = [];
    for await (const row of await openRows(await openSource(join(folder, 'rows.csv'), undefined), from)) rows.push(row);
    return rows;
  };
});

describe('JSON Lines', () => {
  test('a line is sent as it stands, so that no number loses digits', async () => {
    const raw = '{"productId":"a", "priceMinor": 9007199254740993, "dimensions":{"x":1.0}}';
    expect(await jsonl(`\uFEFF${raw}\r\n`)).toEqual([
      { line: 1, raw, json: raw, productId: 'a', next: { offset: raw.length + 5, line: 2 } },
    ]);
  });

  test('blank lines are skipped; what is no object is reported with its line, and the rest is read', async () => {
    const rows = await jsonl('\n{"productId":"a"}\n  \n{"productId":\n[1]\n"text"\nnull\n{"productId":7}\n{"productId":"b"}');
    expect(rows.map(short)).toEqual([
      [2, { productId: 'a' }],
      [4, expect.stringMatching(/^the line is not JSON: /)],
      [5, 'the line is no JSON object'],
      [6, 'the line is no JSON object'],
      [7, 'the line is no JSON object'],
      [8, { productId: 7 }],
      [9, { productId: 'b' }],
    ]);
    expect(rows[5]).toMatchObject({ productId: null });
  });

  test('a row without an id gets one that depends on its line and text only', async () => {
    const content = '{}\n{ "name":"A","stock":1.50}\n{"name":"A"}\n{"name":"A"}\n';
    const rows = await jsonl(content);
    const ids = rows.map(({ productId }) => productId!);
    expect(rows.map((row) => 'json' in row && row.json)).toEqual([
      `{"productId":"${ids[0]}"}`,
      `{"productId":"${ids[1]}","name":"A","stock":1.50}`,
      `{"productId":"${ids[2]}","name":"A"}`,
      `{"productId":"${ids[3]}","name":"A"}`,
    ]);
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    expect((await jsonl(content.replaceAll('\n', '\r\n'))).map(({ productId }) => productId)).toEqual(ids);
    expect((await jsonl(content, rows[1]!.next)).map(({ productId }) => productId)).toEqual(ids.slice(2));
    // Golden: another one would make second products of files that were loaded before.
    expect(stableId(1, '{}')).toBe(ids[0]);
    expect(stableId(1, '{}')).toBe('JJ3CR4YN1MHZMK8NXZSXDBWZGS');
  });

  test('lines across the chunks of a large file are whole', async () => {
    const lines = Array.from({ length: 12_000 }, (_, index) => `{"productId":"p${index}","name":"${'é𝒳'.repeat(index % 17)}"}`);
    const rows = await jsonl(lines.join('\n'));
    expect(rows.map(({ raw }) => raw)).toEqual(lines);
    expect(rows.map(({ line }) => line)).toEqual(lines.map((_, index) => index + 1));
    expect(rows.at(-1)!.next.offset).toBe(Buffer.byteLength(lines.join('\n')));
    expect(await jsonl(lines.join('\n'), rows[7_000]!.next)).toEqual(rows.slice(7_001));
  });

  test('an empty file has no rows', async () => {
    expect(await jsonl('')).toEqual([]);
  });
});

describe('the file', () => {
  const at = (name: string, content: string | Buffer = '') => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  test.each([
    ['none.csv', undefined, /^There is no file \S+none\.csv\.$/],
    ['', undefined, /is a directory; give a file of products\.$/],
    ['products.txt', '', /^The name products\.txt does not tell its format; say it: --format csv or --format jsonl$/],
    ['list.json', ' [\n{}]', /list\.json is one JSON list; JSON Lines have one product per line: jq -c '\.\[\]' list\.json > products\.jsonl$/],
    ['utf16.csv', Buffer.from('\uFEFFname', 'utf16le'), /utf16\.csv is UTF-16; save it as UTF-8\.$/],
  ])('%j is refused', async (name, content, message) => {
    const path = content === undefined ? join(folder, name) : at(name, content);
    await expect(openSource(path, undefined)).rejects.toThrow(message);
  });

  test('the fingerprint differs with the content, and with how it is read', async () => {
    const path = at('p.jsonl', '{}\n');
    const first = await openSource(path, undefined);
    expect(await openSource(path, 'jsonl')).toEqual(first);
    expect((await openSource(path, 'csv')).fingerprint).not.toBe(first.fingerprint);
    writeFileSync(path, '{ }');
    expect((await openSource(path, undefined)).fingerprint).not.toBe(first.fingerprint);
  });
});
