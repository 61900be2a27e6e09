import {
  DescribeTableCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  QueryCommand as LowLevelQueryCommand,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { createStore } from '../../lambda/model/store';
import { layouts } from '../support/complete';
import { aProduct, type Answer, startStore, type TestStore } from '../support/store';
import { until } from '../support/until';

type Documents = DynamoDBDocumentClient;
type Call = (client: Documents) => Promise<unknown>;
type Items = Record<string, unknown>[];

describe.each(layouts('single-table'))('a client that signed in reads DynamoDB itself, %s', (layout) => {
  const tableOf = (domain: string) => `store-dev-${layout === 'single-table' ? 'Store' : domain}`;
  const tables = { users: tableOf('Users'), products: tableOf('Products'), orders: tableOf('Orders') };
  const pkOf = (id: string) => ({ users: `$store#userId_${id}`, orders: `$store#customerId_${id}` });
  const clients: DynamoDBClient[] = [];
  let store: TestStore;
  /** The owner of this machine. */
  let owner: Documents;
  let ann: Documents;
  let credentials: Record<string, string>;

  const documents = (given: object, region = 'us-east-1'): Documents => {
    const client = new DynamoDBClient({ endpoint: store.dynamodb, region, maxAttempts: 1, credentials: given as never });
    clients.push(client);
    return DynamoDBDocumentClient.from(client);
  };
  const local = (path: string, body: object): Promise<Answer> => store.anonymous.post(`/_local/${path}`, body);
  const tokenOf = async (sub: string) => (await local('tokens', { sub })).body.token as string;
  const credentialsOf = async (sub: string): Promise<Record<string, string>> => {
    const { status, body } = await local('credentials', { token: await tokenOf(sub) });
    expect([sub, status]).toEqual([sub, 200]);
    return body;
  };
  const signIn = async (sub: string) => documents(await credentialsOf(sub));
  const done = ({ status, body }: Answer) => expect([[200, 201].includes(status), body]).toEqual([true, expect.anything()]);

  beforeAll(async () => {
    store = await startStore(layout);
    owner = documents({ accessKeyId: 'outside', secretAccessKey: 'x' });
    done(await store.admin.post('/products', aProduct({ productId: 'tea', stock: 100 })));
    // One id begins with the other.
    for (const id of ['ann', 'anna']) {
      const user = await store.user(id);
      done(await user.post('/users', { email: `${id}@example.com`, name: id }));
      done(await user.send('PUT', `/users/${id}/cart/items/tea`, { body: { quantity: 2 } }));
      done(await user.post(`/users/${id}/sessions`));
      for (const quantity of [1, 2, 3]) {
        done(await user.post('/orders', { lines: [{ productId: 'tea', quantity }] }, { 'idempotency-key': String(quantity) }));
      }
    }
    credentials = await credentialsOf('ann');
    ann = documents(credentials);
    // The streams write the events of the orders and the statistics.
    for (const id of ['ann', 'anna']) {
      await until(async () => (await sizes(owner, id))['Query by KeyConditions'], (found) => found === 6);
      await until(async () => (await sizes(owner, id))['Query of the account'], (found) => found === 4);
    }
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await store.stop();
  });

  /** The sort key of one order, by its owner. */
  const orderOf = async (id: string): Promise<{ pk: string; sk: string }> => {
    const { Items: [order] = [] } = await owner.send(
      new QueryCommand({
        TableName: tables.orders,
        KeyConditionExpression: 'pk = :pk and begins_with(sk, :order)',
        ExpressionAttributeValues: { ':pk': pkOf(id).orders, ':order': '$Order_1' },
      }),
    );
    return { pk: order!.pk as string, sk: order!.sk as string };
  };

  /** The three reads, in the ways that there are to ask for a partition: of one user, each answering some items. */
  async function reads(id: string): Promise<Record<string, (client: Documents) => Promise<Items>>> {
    const pk = pkOf(id);
    const profile = { pk: pk.users, sk: '$account#User_1' };
    const cart = { pk: pk.users, sk: '$account#CartItem_1#productId_tea' };
    const order = await orderOf(id);
    const query = (input: object) => async (client: Documents) => {
      const { Items = [] } = await client.send(new QueryCommand({ ConsistentRead: true, ...input } as never));
      return Items as Items;
    };
    const get = (TableName: string, Key: object) => async (client: Documents) => {
      const { Item } = await client.send(new GetCommand({ TableName, Key: Key as never, ConsistentRead: true }));
      return Item ? [Item] : [];
    };
    const values = (more: object = {}) => ({ ':pk': pk.orders, ...more });
    return {
      'GetItem of the profile': get(tables.users, profile),
      'GetItem of an order': get(tables.orders, order),
      'BatchGetItem': async (client) => {
        const Keys = { [tables.users]: [profile, cart], [tables.orders]: [order] };
        if (layout === 'single-table') Keys[tables.orders] = [profile, cart, order];
        const { Responses = {} } = await client.send(
          new BatchGetCommand({ RequestItems: Object.fromEntries(Object.entries(Keys).map(([table, keys]) => [table, { Keys: keys, ConsistentRead: true }])) }),
        );
        return Object.values(Responses).flat();
      },
      'TransactGetItems, which is GetItem to IAM': async (client) => {
        const { Responses = [] } = await client.send(
          new TransactGetCommand({ TransactItems: [{ Get: { TableName: tables.users, Key: profile } }, { Get: { TableName: tables.orders, Key: order } }] }),
        );
        return Responses.flatMap(({ Item }) => (Item ? [Item] : []));
      },
      'Query of the account': query({ TableName: tables.users, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': pk.users } }),
      'Query of the cart': query({
        TableName: tables.users,
        KeyConditionExpression: 'begins_with(#sk, :sk) AND (#pk = :pk)',
        ExpressionAttributeNames: { '#pk': 'pk', '#sk': 'sk' },
        ExpressionAttributeValues: { ':pk': pk.users, ':sk': '$account#CartItem_1' },
      }),
      'Query of the orders': query({
        TableName: tables.orders,
        KeyConditionExpression: '(pk = :pk) and (sk between :from and :to)',
        ExpressionAttributeValues: values({ ':from': '$Order_1', ':to': '$Order_2' }),
      }),
      'Query by amount, on lsi1': query({ TableName: tables.orders, IndexName: 'lsi1', KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: values() }),
      'Query by status, on lsi2': query({
        TableName: tables.orders,
        IndexName: 'lsi2',
        KeyConditionExpression: 'pk = :pk and begins_with(lsi2sk, :pending)',
        ExpressionAttributeValues: values({ ':pending': '$Order_1#status_Pending' }),
      }),
      'Query by KeyConditions': async (client) => {
        const KeyConditions = { pk: { ComparisonOperator: 'EQ' as const, AttributeValueList: [{ S: pk.orders }] } };
        const answer = await client.send(new LowLevelQueryCommand({ TableName: tables.orders, KeyConditions }) as never);
        const { Items = [] } = answer as { Items?: Items };
        return Items;
      },
    };
  }

  /** How many items each finds. */
  async function sizes(client: Documents, id: string): Promise<Record<string, number>> {
    const found = Object.entries(await reads(id)).map(async ([what, read]) => [what, (await read(client)).length] as const);
    return Object.fromEntries(await Promise.all(found));
  }

  const error = (promise: Promise<unknown>) => promise.then(() => 'allowed', ({ name, message }: Error) => `${name}: ${message}`);

  const ALL = {
    'GetItem of the profile': 1,
    'GetItem of an order': 1,
    'BatchGetItem': 3,
    'TransactGetItems, which is GetItem to IAM': 2,
    'Query of the account': 4,
    'Query of the cart': 1,
    'Query of the orders': 3,
    'Query by amount, on lsi1': 3,
    'Query by status, on lsi2': 3,
    'Query by KeyConditions': 6,
  };

  test('a client reads its own profile, cart, sessions and orders, in every way to ask for them', async () => {
    expect(await sizes(ann, 'ann')).toEqual(ALL);
  });

  test('a client reads no items of others, in any of these ways', async () => {
    expect(await sizes(owner, 'anna')).toEqual(ALL);
    const anna = await signIn('anna');
    for (const [client, other] of [[ann, 'anna'], [anna, 'ann']] as const) {
      for (const [what, read] of Object.entries(await reads(other))) {
        expect([what, await error(read(client))]).toEqual([what, expect.stringMatching(/^AccessDeniedException: User: \S+:assumed-role\/\S+\/CognitoIdentityCredentials is not/)]);
      }
    }
  });

  test('a client reads its orders page by page', async () => {
    const pages: Items[] = [];
    let ExclusiveStartKey: Record<string, unknown> | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await ann.send(
        new QueryCommand({
          TableName: tables.orders,
          IndexName: 'lsi1',
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': pkOf('ann').orders },
          Limit: 1,
          ...(ExclusiveStartKey && { ExclusiveStartKey }),
        }),
      );
      pages.push(Items);
      ExclusiveStartKey = LastEvaluatedKey;
    } while (ExclusiveStartKey);
    expect(pages.flat().map(({ totalMinor }) => totalMinor)).toEqual([1_800, 3_600, 5_400]);
    expect(pages.length).toBeGreaterThanOrEqual(3);
  });

  test('a client reads its own items by the model', async () => {
    const { entities, service } = createStore(tables, ann);
    const { data: orders } = await entities.Order.query.primary({ customerId: 'ann' }).go({ consistent: true, pages: 'all' });
    expect(orders.map(({ totalMinor }) => totalMinor)).toEqual([1_800, 3_600, 5_400]);
    const { data: account } = await service.collections.account({ userId: 'ann' }).go({ consistent: true, pages: 'all' });
    expect([account.User.map(({ name }) => name), account.CartItem.length, account.Session.length]).toEqual([['ann'], 1, 1]);
    await expect(entities.Order.query.primary({ customerId: 'anna' }).go()).rejects.toThrow('not authorized to perform: dynamodb:Query');
    await expect(entities.User.patch({ userId: 'ann' }).set({ name: 'Anna' }).go()).rejects.toThrow('not authorized to perform: dynamodb:UpdateItem');
  });

  test('a client reads nothing outside of its partition, uses no other operation, and writes nothing', async () => {
    const own = pkOf('ann');
    const Key = { pk: own.users, sk: '$account#CartItem_1#productId_tea' };
    const Item = { ...Key, quantity: 9 };
    const TableName = tables.users;
    const keys = { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': own.users } };
    const foreign = { pk: pkOf('anna').users, sk: '$account#User_1' };
    const idempotency = await ownItem(tables.orders, 'idempotency');
    const claim = await ownItem(tables.users, 'e-mail');
    const calls: Record<string, Call> = {
      'PutItem': (client) => client.send(new PutCommand({ TableName, Item })),
      'UpdateItem': (client) => client.send(new UpdateCommand({ TableName, Key, UpdateExpression: 'SET quantity = :q', ExpressionAttributeValues: { ':q': 9 } })),
      'DeleteItem': (client) => client.send(new DeleteCommand({ TableName, Key })),
      'BatchWriteItem': (client) => client.send(new BatchWriteCommand({ RequestItems: { [TableName]: [{ PutRequest: { Item } }] } })),
      'BatchWriteItem that deletes': (client) => client.send(new BatchWriteCommand({ RequestItems: { [TableName]: [{ DeleteRequest: { Key } }] } })),
      'TransactWriteItems': (client) => client.send(new TransactWriteCommand({ TransactItems: [{ Put: { TableName, Item } }] })),
      'TransactWriteItems that checks': (client) =>
        client.send(new TransactWriteCommand({ TransactItems: [{ ConditionCheck: { TableName, Key, ConditionExpression: 'attribute_exists(pk)' } }] })),
      'PartiQL SELECT': (client) => client.send(new ExecuteStatementCommand({ Statement: `SELECT * FROM "${TableName}" WHERE pk = ?`, Parameters: [{ S: own.users }] })),
      'PartiQL INSERT': (client) => client.send(new ExecuteStatementCommand({ Statement: `INSERT INTO "${TableName}" VALUE {'pk': '${own.users}', 'sk': 'x'}` })),
      'DescribeTable': (client) => client.send(new DescribeTableCommand({ TableName }) as never),
      'Scan of Users': (client) => client.send(new ScanCommand({ TableName })),
      'Scan of Orders': (client) => client.send(new ScanCommand({ TableName: tables.orders })),
      'Scan of a local index': (client) => client.send(new ScanCommand({ TableName: tables.orders, IndexName: 'lsi1' })),
      'Scan for its own': (client) => client.send(new ScanCommand({ TableName, FilterExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': own.users } })),
      'Query of a global index': (client) =>
        client.send(
          new QueryCommand({
            TableName: tables.orders,
            IndexName: 'gsi2',
            KeyConditionExpression: 'gsi2pk = :pk',
            ExpressionAttributeValues: { ':pk': own.orders },
          }),
        ),
      'Query of a product': (client) => client.send(new QueryCommand({ TableName: tables.products, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': '$store#productId_tea' } })),
      'GetItem of a product': (client) => client.send(new GetCommand({ TableName: tables.products, Key: { pk: '$store#productId_tea', sk: '$productFile#Product_1' } })),
      'GetItem of its e-mail\'s claim': (client) => client.send(new GetCommand({ TableName, Key: claim })),
      'GetItem of the record of its Idempotency-Key': (client) => client.send(new GetCommand({ TableName: tables.orders, Key: idempotency })),
      'BatchGetItem with one key of another': (client) => client.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys: [Key, foreign] } } })),
      'TransactGetItems with one key of another': (client) =>
        client.send(new TransactGetCommand({ TransactItems: [{ Get: { TableName, Key } }, { Get: { TableName, Key: foreign } }] })),
      'Query that names its own key and another\'s': (client) =>
        client.send(
          new QueryCommand({
            TableName,
            KeyConditionExpression: 'pk = :own AND pk = :other',
            ExpressionAttributeValues: { ':own': own.users, ':other': foreign.pk },
          }),
        ),
      'Query that is no key condition': (client) =>
        client.send(new QueryCommand({ TableName, KeyConditionExpression: 'pk = :own OR pk = :other', ExpressionAttributeValues: { ':own': own.users, ':other': foreign.pk } })),
      'Query by another\'s key that begins with its own': (client) =>
        client.send(new QueryCommand({ TableName, KeyConditionExpression: 'begins_with(pk, :pk)', ExpressionAttributeValues: { ':pk': own.users } })),
      'Query in another region': () => documents(credentials, 'eu-west-1').send(new QueryCommand({ TableName, ...keys })),
    };
    for (const [what, call] of Object.entries(calls)) expect([what, await error(call(ann))]).toEqual([what, expect.stringMatching(/^AccessDeniedException/)]);
    const { Item: cart } = await ann.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
    expect(cart?.quantity).toBe(2);
    const { items } = (await store.anonymous.get('/_local/trace')).body as { items: { function: string | null; operation: string; outcome: string }[] };
    expect(items.find(({ outcome }) => outcome === 'AccessDeniedException')).toMatchObject({ function: null, operation: 'Query', outcome: 'AccessDeniedException' });
    expect((await store.permissions()).denied).toEqual([]);
  });

  /** The key of an item that is Ann's, in a partition that is not. */
  async function ownItem(TableName: string, kind: 'idempotency' | 'e-mail'): Promise<{ pk: string; sk: string }> {
    const begin = kind === 'e-mail' ? '$store#email_ann@' : '$store#customerId_ann#keyHash_';
    const { Items = [] } = await owner.send(new ScanCommand({ TableName, FilterExpression: 'begins_with(pk, :pk)', ExpressionAttributeValues: { ':pk': begin } }));
    const [{ pk, sk } = {}] = Items as { pk?: string; sk?: string }[];
    return { pk: pk!, sk: sk! };
  }

  test.each(['Ann', 'an.', 'an_', 'a:n/n=@+-', 'ann smith', 'zoë'])('the id %j is taken as it is', async (id) => {
    const Item = { pk: pkOf(id).users, sk: 'mine' };
    await owner.send(new PutCommand({ TableName: tables.users, Item }));
    const client = await signIn(id);
    expect((await client.send(new GetCommand({ TableName: tables.users, Key: Item }))).Item).toEqual(Item);
    for (const other of ['ann', 'anna', `${id}a`, id.slice(0, -1), '*']) {
      const sibling = client.send(new GetCommand({ TableName: tables.users, Key: { pk: pkOf(other).users, sk: 'mine' } }));
      expect([other, await error(sibling)]).toEqual([other, expect.stringMatching(/^AccessDenied/)]);
    }
  });

  test.each(['*', 'an?', '${aws:PrincipalTag/userId}', '{}', 'ann#keyHash_0', '$', "ann'"])(
    'the id %j gets no credentials, as AWS takes no such tag',
    async (sub) => {
      const { status, body } = await local('credentials', { token: await tokenOf(sub) });
      expect([status, body.type]).toEqual([400, 'invalid-input']);
      expect(body.detail).toContain(`token: the session tag userId would be ${JSON.stringify(sub)}, and AWS takes up to 256 letters`);
    },
  );

  test('credentials that are changed, made up or older than an hour are refused', async () => {
    const credentials = await credentialsOf('ann');
    const { accessKeyId, secretAccessKey, sessionToken, ...rest } = credentials;
    expect([accessKeyId, secretAccessKey, sessionToken]).toEqual([expect.stringMatching(/^ASIALOCAL[0-9A-F]{11}$/), expect.stringMatching(/.{40}/), expect.stringMatching(/.{64}/)]);
    expect(rest).toEqual({ expiresAt: expect.any(Number) });
    const anna = await credentialsOf('anna');
    const read = (given: object) => error(documents(given).send(new GetCommand({ TableName: tables.users, Key: { pk: pkOf('ann').users, sk: '$account#User_1' } })));
    expect(await read(credentials)).toBe('allowed');
    const refused = 'UnrecognizedClientException: The security token included in the request is invalid.';
    expect(await read({ accessKeyId, secretAccessKey })).toBe(refused);
    expect(await read({ ...credentials, sessionToken: `${sessionToken}A` })).toBe(refused);
    expect(await read({ ...credentials, sessionToken: anna.sessionToken })).toBe(refused);
    // As one that was issued before a restart.
    expect(await read({ ...credentials, accessKeyId: `${accessKeyId!.slice(0, -1)}_` })).toBe(refused);
    const { items } = (await store.anonymous.get('/_local/trace')).body as { items: object[] };
    expect(items[0]).toMatchObject({ function: null, operation: 'GetItem', outcome: 'UnrecognizedClientException' });

    await local('clock', { advanceSeconds: 3_590 });
    expect(await read(credentials)).toBe('allowed');
    await local('clock', { advanceSeconds: 10 });
    expect(await read(credentials)).toBe('ExpiredTokenException: The security token included in the request is expired');
    expect(await read(await credentialsOf('ann'))).toBe('allowed');
  });
});
