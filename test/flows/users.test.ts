import { layouts } from '../support/complete';
import { allPages, type Answer, type Client, startStore, type TestStore } from '../support/store';

describe.each(layouts('per-domain'))('users, %s', (layout) => {
  let store: TestStore;
  let admin: Client;

  beforeAll(async () => {
    store = await startStore(layout);
    admin = store.admin;
  });
  afterAll(() => store.stop());

  const signUp = async (sub: string, email = `${sub}@example.com`, more: object = {}) => {
    const caller = await store.user(sub, email);
    return { caller, answer: await caller.post('/users', { email, name: `Name of ${sub}`, ...more }) };
  };

  /** Moves a profile to an e-mail that the user has proved since. */
  const move = async (sub: string, email: string, headers: Record<string, string>, more: object = {}) =>
    (await store.user(sub, email)).patch(`/users/${sub}`, { email, ...more }, headers);

  test('a profile is made, read by its user and by an admin, and by nobody else', async () => {
    const preferences = { news: true, sizes: [38, 40.5], nested: { empty: {}, none: null } };
    const { caller, answer } = await signUp('ann', 'Ann.Odegard+1@Example.com', { phone: '+47 22', preferences });

    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe('/users/ann');
    expect(answer.body).toEqual({
      userId: 'ann',
      email: 'Ann.Odegard+1@Example.com',
      name: 'Name of ann',
      phone: '+47 22',
      preferences,
      signedUpAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updatedAt: answer.body.signedUpAt,
      version: 1,
    });
    for (const reader of [caller, admin]) {
      const read = await reader.get('/users/ann');
      expect([read.status, read.body, read.headers.get('etag')]).toEqual([200, answer.body, answer.headers.get('etag')]);
    }
    const stranger = await store.user('stranger');
    const refused = await stranger.get('/users/ann');
    expect([refused.status, refused.body.type]).toEqual([404, 'not-found']);
    expect((await stranger.delete('/users/ann')).status).toBe(404);
    expect((await admin.patch('/users/ann', { name: 'x' }, { 'if-match': '*' })).status).toBe(404);
  });

  test('an e-mail belongs to one user, compared in lower case', async () => {
    await signUp('zoe', 'Zoe@Example.com');
    for (const email of ['zoe@example.com', 'ZOE@EXAMPLE.COM']) {
      const { answer } = await signUp('other', email);
      expect([answer.status, answer.body.type]).toEqual([409, 'email-taken']);
    }
    const { answer: again } = await signUp('zoe', 'zoe@example.com');
    expect([again.status, again.body.type]).toEqual([409, 'user-exists']);

    expect((await admin.get('/users?email=ZOE@example.com')).body).toEqual({
      items: [expect.objectContaining({ userId: 'zoe' })],
      cursor: null,
    });
    expect((await admin.get('/users?email=nobody@example.com')).body).toEqual({ items: [], cursor: null });
  });

  test('a profile takes only the e-mail that the token proves, whatever else is wrong', async () => {
    const token = async (claims: object) => store.withToken((await store.anonymous.post('/_local/tokens', { sub: 'ed', ...claims })).body.token);
    const strangers = [await token({}), await token({ email: 'ed@example.com' }), await token({ email: 'real@example.com', emailVerified: false })];
    const refusals = (call: (caller: Client) => Promise<Answer>) =>
      Promise.all(strangers.map(async (caller) => {
        const { status, body } = await call(caller);
        return [status, body.type];
      }));
    const all = strangers.map(() => [403, 'email-not-verified']);
    const create = (caller: Client) => caller.post('/users', { email: 'real@example.com', name: 'Ed' });
    const change = (caller: Client) => caller.patch('/users/ed', { email: 'real@example.com' }, { 'if-match': '"1-stale"' });

    // Without a profile, with one, and with the address in another's.
    expect([await refusals(create), await refusals(change)]).toEqual([all, all]);
    const { caller, answer } = await signUp('ed');
    expect(answer.status).toBe(201);
    expect((await signUp('real', 'Real@Example.com')).answer.status).toBe(201);
    expect([await refusals(create), await refusals(change)]).toEqual([all, all]);
    const refused = await create(caller);
    expect([refused.status, refused.headers.get('content-type'), refused.body.detail]).toEqual([403, 'application/problem+json', expect.stringContaining('Only an ID token has these claims')]);

    // What leaves the address alone needs no proof, and what is wrong with the input comes first.
    const etag = { 'if-match': answer.headers.get('etag') as string };
    expect((await (await token({})).patch('/users/ed', { name: 'Edna' }, etag)).status).toBe(200);
    expect((await (await token({})).post('/users', { email: 'real@', name: 'Ed' })).status).toBe(400);
    expect((await caller.get('/users/ed')).body).toMatchObject({ email: 'ed@example.com', name: 'Edna', version: 2 });
  });

  test('of 20 users who want one e-mail at once, one has it', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => signUp(`racer-${index}`, 'race@example.com')),
    );
    expect(answers.filter(({ answer }) => answer.status === 201)).toHaveLength(1);
    expect(answers.filter(({ answer }) => answer.body.type === 'email-taken')).toHaveLength(19);
  });

  test('a change needs the ETag of what was read, moves the e-mail, and frees the old one', async () => {
    const { caller, answer } = await signUp('bea', 'bea@example.com', { phone: '1' });
    const etag = answer.headers.get('etag') as string;
    expect((await caller.patch('/users/bea', { name: 'B' })).status).toBe(428);
    await signUp('taken', 'taken@example.com');

    const changed = await move('bea', 'bea@new.example', { 'if-match': etag }, { phone: null });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({ email: 'bea@new.example', version: 2 });
    expect(changed.body).not.toHaveProperty('phone');
    expect((await signUp('heir', 'bea@example.com')).answer.status).toBe(201);

    const stale = await move('bea', 'taken@example.com', { 'if-match': etag });
    expect([stale.status, stale.body.type]).toEqual([412, 'precondition-failed']);
    const next = { 'if-match': changed.headers.get('etag') as string };
    const taken = await move('bea', 'taken@example.com', next);
    expect([taken.status, taken.body.type]).toEqual([409, 'email-taken']);
    const recased = await move('bea', 'BEA@new.example', next);
    expect([recased.status, recased.body.email, recased.body.version]).toEqual([200, 'BEA@new.example', 3]);
  });

  test('of two changes of what was read once, one wins', async () => {
    const { caller, answer } = await signUp('cora');
    const header = { 'if-match': answer.headers.get('etag') as string };
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        index % 2 ? caller.patch('/users/cora', { name: `N${index}` }, header) : move('cora', `cora-${index}@example.com`, header),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(9);
  });

  test('a deleted profile frees its e-mail at once, and its ETag is not that of the next', async () => {
    const { caller, answer } = await signUp('dina', 'dina@example.com');
    const removed = await caller.delete('/users/dina');
    expect([removed.status, removed.body]).toEqual([204, undefined]);
    expect((await caller.delete('/users/dina')).status).toBe(404);
    expect((await signUp('dina-2', 'dina@example.com')).answer.status).toBe(201);

    const { answer: back } = await signUp('dina', 'dina@again.example');
    expect(back.body.version).toBe(1);
    const stale = { 'if-match': answer.headers.get('etag') as string };
    expect((await caller.patch('/users/dina', { name: 'x' }, stale)).status).toBe(412);
    expect((await admin.delete('/users/dina')).status).toBe(204);
  });

  test('the sign-ups of a month, newest first, each once', async () => {
    const signedUp = await Promise.all(Array.from({ length: 8 }, (_, index) => signUp(`Month#${index}_ü$`, `month-${index}@example.com`)));

    // Should a month end just now, the list is of the new one.
    const month = signedUp.map(({ answer }) => answer.body.signedUpAt as string).sort().at(-1)!.slice(0, 7);
    const inMonth = signedUp.filter(({ answer }) => answer.body.signedUpAt.startsWith(month));

    const everyone = await allPages(admin, `/users?signupMonth=${month}`, 100);
    const ids = everyone.items.map(({ userId }) => userId);
    expect(ids.filter((id) => id.startsWith('Month#'))).toHaveLength(inMonth.length);
    expect(new Set(ids).size).toBe(ids.length);
    const times = everyone.items.map(({ signedUpAt }) => signedUpAt);
    expect(times).toEqual([...times].sort().reverse());
    for (const limit of [2, 7]) {
      const paged = await allPages(admin, `/users?signupMonth=${month}`, limit);
      expect(paged.items).toEqual(everyone.items);
    }
    expect((await admin.get('/users?signupMonth=1999-12')).body).toEqual({ items: [], cursor: null });
    for (const query of ['', '?signupMonth=2026-13', `?signupMonth=${month}&email=a@b`]) {
      expect((await admin.get(`/users${query}`)).status).toBe(400);
    }
    expect((await (await store.user('ann')).get(`/users?signupMonth=${month}`)).status).toBe(403);
  });
});
