import '../support/flow-environment';
import { DISPATCHERS, EFFECTS, type Effect, effectsOf, filtersOf, STREAMS } from '../../lib/triggers';
import { ORDERS_EFFECTS } from '../../lambda/triggers/orders';
import { PRODUCTS_EFFECTS } from '../../lambda/triggers/products';
import { USERS_EFFECTS } from '../../lambda/triggers/users';
import { compilePattern } from '../../local/streams/pattern';
import { ENTITY_NAMES, entity, type EntityName } from '../support/samples';

const MAIL = { mailFrom: 'store@example.com' };
const effects = EFFECTS as readonly Effect[];
const CODE = { users: USERS_EFFECTS, products: PRODUCTS_EFFECTS, orders: ORDERS_EFFECTS };

describe('the catalogue', () => {
  test.each(STREAMS)('says of the effects of %s what their own files say', (stream) => {
    const rows = effects.filter((row) => row.stream === stream);
    expect(CODE[stream].map(({ name, entity, on, view }) => ({ name, entity, on, view }))).toEqual(
      rows.map(({ name, entity, on, view }) => ({ name, entity, on, view })),
    );
  });

  test('an effect reads the stream of the table that its entity is in', () => {
    const table = { users: 'Users', products: 'Products', orders: 'Orders' };
    expect(effects.map(({ name, stream }) => [name, table[stream]])).toEqual(
      effects.map((row) => [row.name, entity(row.entity as EntityName).getTableName()]),
    );
  });
});

describe('the filters', () => {
  const dispatcher = DISPATCHERS['single-table'][0]!;
  const filters = filtersOf(effectsOf(dispatcher, MAIL), ENTITY_NAMES, '1').map((pattern) => compilePattern(pattern, 'lambda-filter'));
  const passes = (record: object) => filters.some((matches) => matches(record));
  const image = (name: string, version = '1') => ({ __edb_e__: { S: name }, __edb_v__: { S: version } });
  const change = (eventName: string, name: string, version?: string) => ({
    eventName,
    dynamodb: {
      Keys: {},
      ...(eventName !== 'REMOVE' && { NewImage: image(name, version) }),
      ...(eventName !== 'INSERT' && { OldImage: image(name, version) }),
    },
  });
  const ttl = { userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } };

  test.each(ENTITY_NAMES)('let a change of %s through when an effect concerns it', (name) => {
    for (const event of ['INSERT', 'MODIFY', 'REMOVE'] as const) {
      const concerned = effectsOf(dispatcher, MAIL).some((effect) => effect.entity === name && effect.on.includes(event) && !effect.onlyExpiry);
      // Lambda cannot tell an INSERT from a MODIFY of an entity in fewer filters than it takes; the dispatcher can.
      const ofEntity = event !== 'REMOVE' && effectsOf(dispatcher, MAIL).some((effect) => effect.entity === name && effect.on.some((on) => on !== 'REMOVE'));
      expect([name, event, passes(change(event, name))]).toEqual([name, event, concerned || ofEntity]);
    }
  });

  test('of the removals of cart items those by TTL only', () => {
    expect(passes(change('REMOVE', 'CartItem'))).toBe(false);
    expect(passes({ ...change('REMOVE', 'CartItem'), ...ttl })).toBe(true);
    expect(passes({ ...change('REMOVE', 'Session'), ...ttl })).toBe(false);
  });

  test('let through what no code here knows: another entity, another version, no entity at all', () => {
    expect(passes(change('INSERT', 'Invoice'))).toBe(true);
    expect(passes(change('REMOVE', 'Invoice'))).toBe(true);
    expect(passes(change('MODIFY', 'CartItem', '2'))).toBe(true);
    expect(passes({ eventName: 'INSERT', dynamodb: { Keys: {}, NewImage: { pk: { S: 'x' } } } })).toBe(true);
  });
});
