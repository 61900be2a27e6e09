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
  expect(refused).toMatchObject({ name: 'UnknownOperationException', message: expect.stringContaining('There is SendEmail.') as string });
});
