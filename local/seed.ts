import { base, en, Faker } from '@faker-js/faker';
import type { Platform } from './platform';
import { UserError } from './user-error';

const USERS = 24;
const PRODUCTS = 60;
const ORDERS = 120;
const PARALLEL = 8;

/** What the seeder needs of the platform: it goes through the HTTP API, as every other client. */
type Target = Pick<Platform, 'url' | 'token'>;

/**
 * Loads the sample store: the same users, products and orders each time, since the generator's seed is fixed. What is
 * there already stays, so it may be run again.
 */
export async function seed({ url, token }: Target, print: (text: string) => void): Promise<void> {
  const faker = new Faker({ locale: [en, base], seed: 2026 });
  const admin = await token({ sub: 'seed-admin', groups: ['admin'] });

  const categories = Array.from({ length: 6 }, () => faker.commerce.department());
  const products = Array.from({ length: PRODUCTS }, (_, index) => ({
    productId: `sample-${String(index + 1).padStart(3, '0')}`,
    name: faker.commerce.productName(),
    category: faker.helpers.arrayElement(categories),
    priceMinor: faker.number.int({ min: 99, max: 49_999 }),
    currency: 'EUR',
    description: faker.commerce.productDescription(),
    stock: faker.number.int({ min: 200, max: 500 }),
    restockAt: 50,
    tags: faker.helpers.uniqueArray(() => faker.commerce.productAdjective().toLowerCase(), 3),
  }));
  const users = Array.from({ length: USERS }, (_, index) => {
    const name = faker.person.fullName();
    return {
      sub: `sample-user-${String(index + 1).padStart(2, '0')}`,
      profile: { name, email: `${name.toLowerCase().split(/[^a-z]+/).filter(Boolean).join('.')}.${index + 1}@example.com` },
    };
  });
  const orders = Array.from({ length: ORDERS }, (_, index) => ({
    key: `sample-order-${index + 1}`,
    sub: faker.helpers.arrayElement(users).sub,
    lines: faker.helpers
      .arrayElements(products, { min: 1, max: 5 })
      .map(({ productId }) => ({ productId, quantity: faker.number.int({ min: 1, max: 3 }) })),
  }));

  const post = async (path: string, bearer: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 409) throw new UserError(`The seeder got ${response.status} from POST ${path}: ${text}`);
    return response.status;
  };
  // The Idempotency-Keys of the orders are forgotten after a day, so the orders themselves tell whether they were placed.
  const placed = async (sub: string): Promise<number> => {
    const headers = { authorization: `Bearer ${await token({ sub })}` };
    const response = await fetch(`${url}/customers/${sub}/orders?limit=100`, { headers });
    return ((await response.json()) as { items: unknown[] }).items.length;
  };
  const counts = {
    products: await inParallel(products, (product) => post('/products', admin, product)),
    users: await inParallel(users, async ({ sub, profile }) => post('/users', await token({ sub, email: profile.email }), profile)),
    orders: await inParallel((await placedByAll(users, placed)) >= ORDERS ? [] : orders, async ({ key, sub, lines }) =>
      post('/orders', await token({ sub }), { lines }, { 'idempotency-key': key }),
    ),
  };
  print(`Seeded: ${Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(', ')}`);
}

async function placedByAll(users: { sub: string }[], placed: (sub: string) => Promise<number>): Promise<number> {
  let sum = 0;
  for (const { sub } of users) sum += await placed(sub);
  return sum;
}

/** Does the work a few at a time, and counts what was created. */
async function inParallel<Item>(items: Item[], create: (item: Item) => Promise<number>): Promise<number> {
  let created = 0;
  const queue = [...items];
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let item = queue.shift(); item; item = queue.shift()) if ((await create(item)) === 201) created++;
    }),
  );
  return created;
}
