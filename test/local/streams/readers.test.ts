import { keepReading, Readers } from '../../../local/streams/readers';

test('what all readers of a stream have read is behind the last of them; one that has not begun needs all', () => {
  const positions: Record<string, string> = { mapping: '105', kinesis: '103', other: '107' };
  const readers = new Readers({ get: (reader) => positions[reader] });
  readers.add('Orders', 'mapping');
  readers.add('Orders', 'kinesis');
  readers.add('Users', 'other');
  readers.add('Products', 'other');
  readers.add('Products', 'new');
  expect([...readers.behind()]).toEqual([['Orders', '103'], ['Users', '107']]);
});

test('a reader that fails begins again, and ends when it is told', async () => {
  const stopping = new AbortController();
  const problems: string[] = [];
  let begun = 0;
  const read = async () => {
    if (++begun === 1) throw new Error('no space left');
    stopping.abort();
  };
  const waits: number[] = [];
  await keepReading(read, stopping.signal, (text) => problems.push(text), async (ms) => void waits.push(ms));
  expect([begun, waits, problems]).toEqual([2, [1_000], ['A reader of a stream begins again: Error: no space left']]);
});
