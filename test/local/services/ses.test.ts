import { ListEmailIdentitiesCommand, SendEmailCommand, type SendEmailCommandInput, SESv2Client } from '@aws-sdk/client-sesv2';
import { allow, failure, startServices, type StartedServices } from './start-services';

let services: StartedServices;
beforeAll(async () => {
  services = await startServices(
    {
      Sender: ['AWS::SES::EmailIdentity', { EmailIdentity: 'shop@example.com' }],
      Domain: ['AWS::SES::EmailIdentity', { EmailIdentity: 'example.org' }],
    },
    [allow('ses:SendEmail', 'arn:aws:ses:eu-west-1:000000000000:identity/shop@example.com')],
  );
});
afterAll(() => services.stop());

const send = (change: Partial<SendEmailCommandInput> = {}, client = services.owner) =>
  new SESv2Client(client).send(
    new SendEmailCommand({
      FromEmailAddress: 'shop@example.com',
      Destination: { ToAddresses: ['ann@example.net'], CcAddresses: ['Bea <bea@example.net>'] },
      Content: { Simple: { Subject: { Data: 'Your order' }, Body: { Text: { Data: 'Thank you, Ann – see you.' } } } },
      ...change,
    }),
  );

test('a mail goes to the outbox', async () => {
  const { MessageId } = await send();
  expect(MessageId).toMatch(/^[\da-f-]{36}$/);
  expect(services.outbox.list('email')[0]).toEqual({
    kind: 'email',
    at: '2026-05-01T10:00:00.250Z',
    from: 'shop@example.com',
    to: ['ann@example.net', 'Bea <bea@example.net>'],
    subject: 'Your order',
    text: 'Thank you, Ann – see you.',
    messageId: MessageId,
  });
});

test.each(['Shop <Shop@Example.com>', 'any@example.org', 'any@mail.example.org'])('mail may come from %s', async (FromEmailAddress) => {
  await expect(send({ FromEmailAddress })).resolves.toMatchObject({ MessageId: expect.any(String) as string });
});

test.each<[Partial<SendEmailCommandInput>, string, string]>([
  [{ Destination: {} }, 'BadRequestException', 'Missing required destination.'],
  [{ Destination: { ToAddresses: ['ann'] } }, 'BadRequestException', "Missing final '@domain'"],
  [{ Destination: { ToAddresses: Array<string>(51).fill('a@b') } }, 'BadRequestException', 'Recipient count exceeds 50.'],
  [{ FromEmailAddress: 'example.org' }, 'BadRequestException', "Missing final '@domain'"],
  [
    { FromEmailAddress: 'me@notexample.org' },
    'MessageRejected',
    'Email address is not verified. The following identities failed the check in region EU-WEST-1: me@notexample.org',
  ],
  [{ Content: { Raw: { Data: Buffer.from('x') } } }, 'BadRequestException', 'Here Content must be Simple, with a Subject and a Body of Text or Html.'],
  [{ ConfigurationSetName: 'set' }, 'NotFoundException', 'Configuration set <set> does not exist.'],
])('%j is refused with %s', async (change, name, message) => {
  const before = services.outbox.list().length;
  expect(await failure(send(change))).toMatchObject({ name, message });
  expect(services.outbox.list()).toHaveLength(before);
});

test.each([
  ['ann', "Missing final '@domain'"],
  ['', "Missing final '@domain'"],
  ['@example.net', 'Missing local name'],
  ['ann@', 'Missing domain'],
  ['änn@example.net', 'Local address contains control or whitespace'],
  ['a\u202enn@example.net', 'Local address contains control or whitespace'],
  ['a\u200bnn@example.net', 'Local address contains control or whitespace'],
  ['a\0nn@example.net', 'Local address contains control or whitespace'],
  ['a nn@example.net', 'Local address contains control or whitespace'],
  ['a\nnn@example.net', 'Local address contains control or whitespace'],
  ['.ann@example.net', 'Local address starts with dot'],
  ['ann.@example.net', 'Local address ends with dot'],
  ['a..nn@example.net', 'Local address contains dot-dot'],
  ['a,nn@example.net', 'Local address contains illegal character'],
  ['a(n)n@example.net', 'Local address contains illegal character'],
  ['a"nn@example.net', 'Local address contains illegal character'],
  ['"änn"@example.net', 'Local address contains control or whitespace'],
  ['ann@exämple.net', 'Domain contains control or whitespace'],
  ['ann@exam ple.net', 'Domain contains control or whitespace'],
  ['ann@.example.net', 'Domain starts with dot'],
  ['ann@example.net.', 'Domain ends with dot'],
  ['ann@example..net', 'Domain contains dot-dot'],
  ['ann@exa_mple.net', 'Domain contains illegal character'],
  ['ann@ben@example.net', 'Domain contains illegal character'],
  [`${'a'.repeat(309)}@example.net`, 'Address length is more than 320 characters long'],
  ['Änn <änn@example.net>', 'Local address contains control or whitespace'],
])('the recipient %j is refused: %s', async (address, message) => {
  const before = services.outbox.list().length;
  expect(await failure(send({ Destination: { ToAddresses: ['ann@example.net', address] } }))).toMatchObject({ name: 'BadRequestException', message, status: 400 });
  expect(services.outbox.list()).toHaveLength(before);
});

test.each(['ann+tag@example.net', "o'ann@xn--exmple-cua.net", '"an n"@example.net', 'Änn <ann@example.net>', `${'a'.repeat(308)}@example.net`])(
  'mail may go to %s',
  async (address) => {
    await expect(send({ Destination: { ToAddresses: [address] } })).resolves.toMatchObject({ MessageId: expect.any(String) as string });
  },
);

test('a function needs ses:SendEmail on the identity', async () => {
  await send({}, services.flow);
  expect(await failure(send({ FromEmailAddress: 'any@example.org' }, services.flow))).toMatchObject({ name: 'AccessDeniedException', status: 403 });
  expect(services.permissions.list()).toMatchObject({
    items: [{ action: 'ses:SendEmail', used: 1 }],
    denied: [{ action: 'ses:SendEmail', resource: 'arn:aws:ses:eu-west-1:000000000000:identity/example.org', times: 1 }],
  });
});

test('an operation of SES that does not run here is refused by name', async () => {
  const refused = await failure(new SESv2Client(services.owner).send(new ListEmailIdentitiesCommand({})));
  expect(refused).toMatchObject({ name: 'UnknownOperationException', message: expect.stringContaining('Of this service there is SendEmail.') as string });
});
