import '../../support/flow-environment';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createStore } from '../../../lambda/model/store';
import { insertProduct } from '../../../lambda/partiql/insert-product';
import { removeProduct } from '../../../lambda/partiql/remove-product';
import { setPrice } from '../../../lambda/partiql/set-price';
import { placeOrder } from '../../../lambda/orders/place-order';
import { adjustStock } from '../../../lambda/inventory/adjust-stock';
import { batchGetProducts } from '../../../lambda/products/batch-get-products';
import { createProduct } from '../../../lambda/products/create-product';
import { deleteProduct } from '../../../lambda/products/delete-product';
import { getProduct } from '../../../lambda/products/get-product';
import { getProductFile } from '../../../lambda/products/get-product-file';
import { importProducts } from '../../../lambda/products/import-products';
import { listProducts } from '../../../lambda/products/list-products';
import { productEtag } from '../../../lambda/products/product-view';
import { updateProduct } from '../../../lambda/products/update-product';
import { daxClient } from '../../../lambda/shared/dax-client';
import { Problem } from '../../../lambda/shared/errors';
import { dollarsPerMonth } from '../../../lib/dax-prices';
import { type DaxHappening, FakeDax } from '../../support/fake-dax';
import { startTables } from '../../support/engine-tables';
import { PROJECT } from '../../support/synthesize-once';

const RECORD_MS = 300_000;
const QUERY_MS = 60_000;

const DOCS = readFileSync(join(PROJECT, 'docs/dax.md'), 'utf8');

/** The rows of docs/dax.md: what was written, and what reads show for how long. */
const [, SECTION = ''] = DOCS.split('## What is stale, and for how long');
const ROWS = [...SECTION.matchAll(/^\| (?!what|---)(.+?) \|.*\|$/gm)].map(([, what = '']) => what);

describe('docs/dax.md: what is stale, and for how long', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  let ids = 0;
  beforeAll(async () => {
    tables = await startTables();
  });
  afterAll(() => tables.stop());

  const invocation = () => ({ now: Date.now(), deadline: Date.now() + 60_000 });

  /** The store as its functions see it in the home region, with a cluster; and a product that nobody has read yet. */
  async function open() {
    const shop = { happens: 'served' as DaxHappening };
    const behind = tables.store();
    const direct = tables.store();
    const dax = new FakeDax(behind.dynamodb, { recordMs: RECORD_MS, queryMs: QUERY_MS }, () => shop.happens);
    const names = { users: 'store-dev-Users', products: 'store-dev-Products', orders: 'store-dev-Orders' };
    const cache = daxClient(async () => dax.connect(), direct.client, { read: 60_000, write: 60_000 });
    const { entities, cached, writeThrough } = createStore(names, direct.client, { cache: cache as never });
    const { Stock } = entities;
    const written = { Product: writeThrough.Product, Stock };
    const productId = `p${++ids}`;
    const category = `c${ids}`;
    const input = { productId, name: 'Tea', category, priceMinor: 100, currency: 'EUR', stock: 5 };
    const create = () => createProduct(input, invocation(), written);
    const read = () => getProduct(productId, {}, { Product: cached.Product, Stock });
    const list = async (limit = 25) =>
      (await listProducts({ category, limit, cursor: undefined }, invocation(), { Product: cached.Product })).items.map(({ priceMinor }) => priceMinor);
    return {
      shop,
      dax,
      productId,
      category,
      input,
      create,
      remove: () => deleteProduct(productId, invocation(), written),
      /** Through this API, by a transaction as the price is also in Stock, or by one update. */
      change: async (change: { priceMinor?: number; name?: string }, etag?: string) =>
        updateProduct(productId, change, etag ?? productEtag(await getProduct(productId, { consistent: true }, entities)), invocation(), written),
      /** By PartiQL, which DAX has not; so are all writes of other regions and other programs. */
      around: {
        insert: () => insertProduct(input, invocation(), entities, direct.client),
        price: (priceMinor: number) => setPrice(productId, { priceMinor }, invocation(), entities, direct.client),
        remove: () => removeProduct(productId, invocation(), entities, direct.client),
      },
      read,
      price: async () => (await read()).priceMinor,
      isThere: () => read().then(() => true, (error: unknown) => (error instanceof Problem && error.status === 404 ? false : Promise.reject(error))),
      list,
      /** What is listed to the last millisecond, and from then on. */
      async untilListed(old: number[], now: number[]) {
        dax.advance(QUERY_MS - 1);
        expect(await list()).toEqual(old);
        dax.advance(1);
        expect(await list()).toEqual(now);
      },
      batch: async () => (await batchGetProducts({ productIds: [productId] }, invocation(), { Product: cached.Product })).products.map(({ priceMinor }) => priceMinor),
      file: () => getProductFile(productId, entities),
      entities,
      written,
    };
  }

  const scenarios: Record<string, () => Promise<void>> = {
    async 'a product changed through the API'() {
      const { dax, create, change, price, batch, read, list, untilListed } = await open();
      await create();
      expect([await price(), await batch(), await list()]).toEqual([100, [100], [100]]);
      await change({ priceMinor: 200 });
      await dax.settled();
      expect([await price(), await batch()]).toEqual([200, [200]]);
      await change({ name: 'Chai' });
      expect((await read()).name).toBe('Chai');
      await untilListed([100], [200]);
    },
    async 'a product imported through the API'() {
      const { create, price, batch, list, input, written, untilListed } = await open();
      await create();
      expect([await price(), await list()]).toEqual([100, [100]]);
      await importProducts([{ ...input, priceMinor: 300 }], invocation(), written);
      expect([await price(), await batch()]).toEqual([300, [300]]);
      await untilListed([100], [300]);
    },
    async 'a product deleted through the API'() {
      const { dax, create, remove, isThere, batch, list, untilListed } = await open();
      await create();
      expect([await isThere(), await list()]).toEqual([true, [100]]);
      await remove();
      await dax.settled();
      expect([await isThere(), await batch()]).toEqual([false, []]);
      await untilListed([100], []);
    },
    async 'a product that was asked for before it was made through the API'() {
      const { dax, create, isThere, batch, list, untilListed } = await open();
      expect([await isThere(), await list()]).toEqual([false, []]);
      await create();
      await dax.settled();
      expect([await isThere(), await batch()]).toEqual([true, [100]]);
      await untilListed([], [100]);
    },
    async 'the stock of a product'() {
      const { dax, create, productId, read, entities } = await open();
      await create();
      expect((await read()).stock).toBe(5);
      await adjustStock({ productId, delta: -2, reason: 'count' }, invocation(), entities);
      expect((await read()).stock).toBe(3);
      expect(JSON.stringify(dax.calls.filter(({ operation }) => operation === 'getItem'))).not.toContain('Stock');
    },
    async 'a category after any change'() {
      const { dax, create, change, list, price, untilListed } = await open();
      await create();
      expect(await list()).toEqual([100]);
      await change({ priceMinor: 200 });
      await dax.settled();
      // Another page size is another query.
      expect([await list(), await price(), await list(24)]).toEqual([[100], 200, [200]]);
      await untilListed([100], [200]);
    },
    async 'a category that was empty'() {
      const { create, list, price, untilListed } = await open();
      expect(await list()).toEqual([]);
      await create();
      expect(await price()).toBe(100);
      await untilListed([], [100]);
    },
    async 'a product changed around DAX'() {
      const { dax, create, around, price, batch, list, untilListed } = await open();
      await create();
      expect([await price(), await list()]).toEqual([100, [100]]);
      await around.price(200);
      await untilListed([100], [200]);
      dax.advance(RECORD_MS - QUERY_MS - 1);
      expect([await price(), await batch()]).toEqual([100, [100]]);
      dax.advance(1);
      expect([await price(), await batch()]).toEqual([200, [200]]);
    },
    async 'a product deleted around DAX'() {
      const { dax, create, around, isThere, list, untilListed } = await open();
      await create();
      expect([await isThere(), await list()]).toEqual([true, [100]]);
      await around.remove();
      await untilListed([100], []);
      dax.advance(RECORD_MS - QUERY_MS - 1);
      expect(await isThere()).toBe(true);
      dax.advance(1);
      expect(await isThere()).toBe(false);
    },
    async 'a product that was asked for before it was made around DAX'() {
      const { dax, around, isThere, list, untilListed } = await open();
      expect([await isThere(), await list()]).toEqual([false, []]);
      await around.insert();
      await untilListed([], [100]);
      dax.advance(RECORD_MS - QUERY_MS - 1);
      expect(await isThere()).toBe(false);
      dax.advance(1);
      expect(await isThere()).toBe(true);
    },
    async 'the ETag of a product changed around DAX'() {
      const { dax, create, around, read, change, productId, entities } = await open();
      await create();
      const old = productEtag(await read());
      await around.price(200);
      await expect(change({ name: 'Chai' }, productEtag(await read()))).rejects.toMatchObject({ type: 'precondition-failed' });
      expect(productEtag(await read())).toBe(old);
      const now = productEtag(await getProduct(productId, { consistent: true }, entities));
      // The change goes through DAX, so that is what mends it.
      await change({ name: 'Chai' }, now);
      await dax.settled();
      expect(await read()).toMatchObject({ name: 'Chai', priceMinor: 200 });
    },
    async 'the price that an order pays'() {
      const { create, around, price, productId, entities } = await open();
      await create();
      expect(await price()).toBe(100);
      await around.price(200);
      const request = { customerId: 'ann', keyHash: String(ids).padEnd(64, '0'), requestHash: 'r' };
      const { order } = await placeOrder(request, { lines: [{ productId, quantity: 1 }] }, invocation(), entities);
      expect([await price(), order.totalMinor]).toEqual([100, 200]);
    },
    async 'a read while DAX does not answer'() {
      const { shop, create, around, price } = await open();
      await create();
      expect(await price()).toBe(100);
      await around.price(200);
      shop.happens = 'no-route';
      expect(await price()).toBe(200);
      shop.happens = 'served';
      expect(await price()).toBe(100);
    },
    async 'a write that DAX did not answer'() {
      const { shop, dax, create, change, price, file } = await open();
      await create();
      expect(await price()).toBe(100);
      shop.happens = 'answer-lost';
      const sent = dax.calls.length;
      await expect(change({ priceMinor: 200 })).rejects.toMatchObject({ type: 'outcome-unknown' });
      expect(dax.calls).toHaveLength(sent + 1);
      shop.happens = 'served';
      expect((await file()).product.priceMinor).toBe(200);
      shop.happens = 'connection-lost';
      await expect(change({ priceMinor: 300 })).rejects.toMatchObject({ type: 'outcome-unknown' });
      expect((await file()).product.priceMinor).toBe(200);
    },
    async 'a product read by an admin who changes it, and its file'() {
      const { create, around, price, file, change } = await open();
      await create();
      expect(await price()).toBe(100);
      await around.price(200);
      expect((await file()).product.priceMinor).toBe(200);
      expect((await change({ name: 'Chai' })).priceMinor).toBe(200);
    },
  };

  test('each row of the document has a test, and each test a row', () => {
    expect(ROWS.toSorted()).toEqual(Object.keys(scenarios).toSorted());
  });

  test.each(Object.entries(scenarios))('%s is stale as long as the document says', async (_, holds) => {
    await expect(holds()).resolves.toBeUndefined();
  });
});

/** On demand, in us-east-1, since November 2024. https://aws.amazon.com/dynamodb/pricing/on-demand/ */
const DOLLARS_PER_MILLION_READ_UNITS = 0.125;

test('docs/dax.md: from how many reads on a node pays for itself', () => {
  const readsPerMonth = (dollarsPerMonth({ nodes: 1, nodeType: 'dax.t3.small' }) / (0.5 * DOLLARS_PER_MILLION_READ_UNITS)) * 1_000_000;
  const perSecond = readsPerMonth / (730 * 3_600);
  expect(DOCS).toContain(`from about ${Math.round(perSecond / 10) * 10} such reads per second`);
});
