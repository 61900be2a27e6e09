import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAssembly } from '../../local/assembly';
import { readFunction } from '../../local/functions/read-function';
import { notEmulated } from '../../local/inventory';
import { Resolver } from '../../local/resolve';
import { type Answer, aProduct, startStore, type TestStore } from '../support/store';
import { assemblyOf, daxAssembly } from '../support/synthesize-once';

/** The store as it is deployed with dax=true, on this machine, where no DAX runs. */
describe('an assembly with a cache', () => {
  let store: TestStore;
  beforeAll(async () => {
    store = await startStore('per-domain', { assembly: daxAssembly() });
  });
  afterAll(() => store.stop());

  const callsOf = async ({ headers }: Answer): Promise<string[]> => {
    const { body } = await store.anonymous.get(`/_local/trace?request=${headers.get('apigw-requestid')}`);
    return body.items.map(({ function: fn, operation, table, outcome }: Record<string, string>) => `${fn} ${operation} ${table} ${outcome}`).sort();
  };

  test('a store with a cache reads and writes products in DynamoDB', async () => {
    const { admin, anonymous } = store;
    const made = await admin.post('/products', aProduct({ productId: 'tea', category: 'Drinks', stock: 5 }));
    expect([made.status, await callsOf(made)]).toEqual([201, ['create-product TransactWriteItems store-dev-Products ok']]);

    const read = await anonymous.get('/products/tea');
    expect([read.status, read.body.stock]).toEqual([200, 5]);
    expect(await callsOf(read)).toEqual(['get-product GetItem store-dev-Products ok', 'get-product GetItem store-dev-Products ok']);

    const listed = await anonymous.get('/products?category=Drinks');
    expect(listed.body.items.map(({ productId }: { productId: string }) => productId)).toEqual(['tea']);
    expect(await callsOf(listed)).toEqual(['list-products Query store-dev-Products ok']);

    const several = await anonymous.post('/products/batch-get', { productIds: ['tea', 'none'] });
    expect([several.body.products.length, several.body.missing]).toEqual([1, ['none']]);
    expect(await callsOf(several)).toEqual(['batch-get-products BatchGetItem store-dev-Products ok']);

    const changed = await admin.patch('/products/tea', { priceMinor: 1_300 }, { 'if-match': made.headers.get('etag') as string });
    expect([changed.status, (await anonymous.get('/products/tea')).body.priceMinor]).toEqual([200, 1_300]);
    const imported = await admin.post('/products/batch', { products: [aProduct({ productId: 'cup' })] });
    expect(imported.body).toMatchObject({ written: 1, failed: [] });
    expect((await admin.delete('/products/tea')).status).toBe(204);
  });
});

test('functions have no endpoint of DAX here, which the template gives them', () => {
  const api = readFileSync(join(daxAssembly(), 'Api.template.json'), 'utf8');
  expect(api.match(/"DAX_ENDPOINT"/g)).toHaveLength(7);
  const assembly = readAssembly(daxAssembly());
  const resolver = new Resolver(assembly, () => 'secret');
  const functions = assembly.resources.filter(({ type, stack }) => type === 'AWS::Lambda::Function' && stack.name.endsWith('-api'));
  const read = functions.map((resource) => readFunction(resource, resolver, assembly));
  expect(read.length).toBeGreaterThan(30);
  for (const { name, variables } of read) expect([name, Object.keys(variables)]).toEqual([name, expect.not.arrayContaining(['DAX_ENDPOINT'])]);
  // What else is in the network's templates is resolved, and looks like what AWS gives.
  const [reader] = functions.filter(({ properties }) => properties.VpcConfig);
  const { VpcConfig, Environment } = resolver.properties<{ VpcConfig: Record<string, string[]>; Environment: { Variables: Record<string, string> } }>(reader!);
  expect(VpcConfig).toEqual({ SecurityGroupIds: [expect.stringMatching(/^sg-[0-9a-f]{17}$/)], SubnetIds: [expect.any(String), expect.any(String), expect.any(String)] });
  expect(Environment.Variables.DAX_ENDPOINT).toMatch(/^daxs:\/\/dax-[0-9a-f]{12}\.dax-clusters\.us-east-1\.amazonaws\.com$/);
});

test('the start says, in words, that DAX is not running, and only there', () => {
  const said = notEmulated(readAssembly(daxAssembly()).resources);
  expect(said).toContain('DAX is not running: product reads and writes go to DynamoDB');
  expect(said).toContain('VPC and its security groups');
  expect(said.filter((text) => text.startsWith('AWS::'))).toEqual([]);
  expect(notEmulated(readAssembly(assemblyOf('per-domain')).resources).join()).not.toMatch(/DAX|VPC/);
});
