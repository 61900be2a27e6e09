import { startServices, type StartedServices } from './start-services';

let services: StartedServices;
beforeAll(async () => {
  services = await startServices({});
});
afterAll(() => services.stop());

/** As the AWS CLI asks, in the protocol that has no client among the dependencies. */
async function ask(body: string, key: string, service: string) {
  const authorization = `AWS4-HMAC-SHA256 Credential=${key}/20260501/eu-west-1/${service}/aws4_request, SignedHeaders=host, Signature=x`;
  const answer = await fetch(services.url, { method: 'POST', headers: { authorization, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }, body });
  return { status: answer.status, text: await answer.text() };
}

test.each([
  ['AKIAOWNER', 'arn:aws:iam::000000000000:root'],
  ['ASIAFLOW', 'arn:aws:sts::000000000000:assumed-role/flow/flow'],
])('%s is told who it is: %s', async (key, arn) => {
  const { status, text } = await ask('Action=GetCallerIdentity&Version=2011-06-15', key, 'sts');
  expect([status, /<Arn>(.*)<\/Arn>/.exec(text)?.[1], /<Account>(.*)<\/Account>/.exec(text)?.[1]]).toEqual([200, arn, '000000000000']);
});

test.each([
  ['Action=AssumeRole&Version=2011-06-15', 'sts', 'AssumeRole does not run here. Of this service there is GetCallerIdentity.'],
  ['Action=ListTopics&Version=2010-03-31', 'sns', 'ListTopics of sns does not run here. There are EventBridge, Lambda, S3, SES, SQS and STS; DynamoDB has an endpoint of its own.'],
])('%s of %s is refused in one sentence', async (body, service, message) => {
  const { status, text } = await ask(body, 'AKIAOWNER', service);
  expect([status, /<Code>(.*)<\/Code><Message>(.*)<\/Message>/.exec(text)?.slice(1)]).toEqual([400, ['UnknownOperationException', message]]);
});
