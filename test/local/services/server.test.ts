import { request } from 'node:http';
import type { PolicyStatement } from '../../../local/iam/policy';
import { allow, queueArn, startServices, type StartedServices } from './start-services';

let services: StartedServices;
beforeAll(async () => {
  services = await startServices({ Queue: ['AWS::SQS::Queue', { QueueName: 'dead' }] }, [allow('sqs:ListQueues', '*')]);
});
afterAll(() => services.stop());

const SIGNED = { authorization: 'AWS4-HMAC-SHA256 Credential=ASIAFLOW/20260501/eu-west-1/any/aws4_request, SignedHeaders=host, Signature=x' };

interface Answer {
  status: number | undefined;
  code: string | undefined;
  body: string;
  date: string | undefined;
}

function ask(method: string, path: string, headers: Record<string, string>, body = '{}'): Promise<Answer> {
  return new Promise((done, fail) => {
    const outgoing = request(`${services.url}${path}`, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        const [, json, xml] = /"__type":"[^"]*#(\w+)"|<Code>(\w+)<\/Code>/.exec(text) ?? [];
        const { statusCode, headers: answered } = response;
        done({ status: statusCode, code: json ?? xml ?? answered['x-amzn-errortype']?.toString(), body: text, date: answered.date });
      });
    });
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

/** A request to each service, which speak three protocols. */
const REQUESTS: [string, string, Record<string, string>, string][] = [
  ['POST', '/', { 'x-amz-target': 'AWSEvents.PutEvents' }, 'AccessDeniedException'],
  ['POST', '/', { 'x-amz-target': 'AmazonSQS.ListQueues' }, 'AccessDeniedException'],
  ['POST', '/', { 'x-amz-target': 'Kinesis_20131202.PutRecord' }, 'AccessDeniedException'],
  ['POST', '/v2/email/outbound-emails', {}, 'AccessDeniedException'],
  ['POST', '/2015-03-31/functions/x/invocations', {}, 'AccessDeniedException'],
  ['PUT', '/bucket/key', {}, 'AccessDenied'],
];

test.each(REQUESTS)('%s %s %j without a signature is refused in its protocol', async (method, path, headers) => {
  expect(await ask(method, path, headers)).toMatchObject({ status: 403, code: 'MissingAuthenticationToken' });
});

test.each(REQUESTS)('%s %s %j of a page of another site is refused', async (method, path, headers, code) => {
  const signed = { ...headers, ...SIGNED };
  expect(await ask(method, path, { ...signed, origin: 'https://example.com' })).toMatchObject({ code });
  expect(await ask(method, path, { ...signed, host: 'example.com' })).toMatchObject({ code });
});

test('an unknown service or operation is refused by its name', async () => {
  const code = 'UnknownOperationException';
  expect(await ask('POST', '/', { ...SIGNED, 'x-amz-target': 'Kinesis_20131202.PutRecord' })).toMatchObject({ status: 400, code });
  expect(await ask('POST', '/', { ...SIGNED, 'x-amz-target': 'AmazonSQS.toString' })).toMatchObject({ status: 400, code });
  expect(await ask('POST', '/', { ...SIGNED, 'x-amz-target': 'AmazonSQS' })).toMatchObject({ status: 400, code });
  expect(await ask('PUT', '/', SIGNED)).toMatchObject({ status: 400, code });
});

test.each(['{', '[]', 'null', ''])('the body %j is refused', async (body) => {
  const sqs = { ...SIGNED, 'x-amz-target': 'AmazonSQS.ListQueues' };
  expect(await ask('POST', '/', sqs, body)).toMatchObject({ status: 400, code: 'SerializationException' });
});

test('a signed request of this machine is answered', async () => {
  const { status, body } = await ask('POST', '/', { ...SIGNED, 'x-amz-target': 'AmazonSQS.GetQueueUrl' }, '{"QueueName":"dead"}');
  // The flow may only list.
  expect([status, body]).toEqual([400, expect.stringContaining(`sqs:GetQueueUrl on resource: ${queueArn('dead')}`)]);
  const listed = await ask('POST', '/', { ...SIGNED, 'x-amz-target': 'AmazonSQS.ListQueues' });
  expect(JSON.parse(listed.body)).toEqual({ QueueUrls: [`${services.url}/000000000000/dead`] });
});

describe('a signed-in client', () => {
  const signedBy = (accessKeyId: string, sessionToken?: string) => ({
    authorization: SIGNED.authorization.replace('ASIAFLOW', accessKeyId),
    'x-amz-target': 'AmazonSQS.ListQueues',
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  });
  const issue = (...statements: PolicyStatement[]) => services.sessions.issue({ role: { name: 'store-Clients', statements }, tags: {} }, {});

  test('a signed-in client may do what its role allows, and is no owner of this machine', async () => {
    const [reader, lister] = [issue(allow('dynamodb:GetItem', '*')), issue(allow('sqs:ListQueues', '*'))];
    const denied = await ask('POST', '/', signedBy(reader.accessKeyId, reader.sessionToken));
    expect(denied).toMatchObject({ code: 'AccessDeniedException', body: expect.stringContaining('assumed-role/store-Clients/CognitoIdentityCredentials is not') });
    expect(await ask('POST', '/', signedBy(lister.accessKeyId, lister.sessionToken))).toMatchObject({ status: 200 });
    expect(services.permissions.list().denied).not.toContainEqual(expect.objectContaining({ action: 'sqs:ListQueues' }));
  });

  test('a signed-in client is refused with another token, with an unknown key, and after an hour', async () => {
    const { accessKeyId, sessionToken } = issue(allow('sqs:*', '*'));
    const refused = { status: 403, code: 'UnrecognizedClientException' };
    expect(await ask('POST', '/', signedBy(accessKeyId))).toMatchObject(refused);
    expect(await ask('POST', '/', signedBy(accessKeyId, `${sessionToken}x`))).toMatchObject(refused);
    expect(await ask('POST', '/', signedBy(`${accessKeyId.slice(0, -2)}ZZ`, sessionToken))).toMatchObject(refused);
    services.clock.ms += 3_600_000;
    expect(await ask('POST', '/', signedBy(accessKeyId, sessionToken))).toMatchObject({ status: 403, code: 'ExpiredTokenException' });
  });
});

test('a function is answered in its time, the owner of the machine in the time of the machine', async () => {
  const dateFor = async (signer: string) => {
    const authorization = SIGNED.authorization.replace('ASIAFLOW', signer);
    return (await ask('POST', '/', { authorization, 'x-amz-target': 'AmazonSQS.ListQueues' })).date;
  };
  const functionTime = new Date(services.clock.ms).toUTCString();
  expect([await dateFor('ASIAFLOW'), await dateFor('AKIAOWNER')]).toEqual([functionTime, expect.not.stringMatching(functionTime)]);
});
