import { runs } from '../support/complete';
import { NAGGED } from '../support/contexts';
import { naggedOf } from '../support/stacks';
import { synthesizeAll } from '../support/synthesize-once';

const CONFIGS = NAGGED.slice(0, runs(2, NAGGED.length));

describe('cdk-nag, AwsSolutions and Serverless', () => {
  beforeAll(() => synthesizeAll(CONFIGS), 120_000);

  test.each(CONFIGS)('no finding that nobody acknowledged, with %j', (config) => {
    const open = naggedOf(config).open.map(({ id, path, what }) => `${id} at ${path}: ${what}`);
    // Repair what is found. Where it does not apply, say why, beside the construct: Validations.of(scope).acknowledge({ id, reason }).
    expect(open).toEqual([]);
  });

  test('an acknowledgement has a reason, and there is a finding for it', () => {
    const unused = new Set<string>();
    const used = new Set<string>();
    for (const { all, acknowledgements } of CONFIGS.map(naggedOf)) {
      expect(all.length).toBeGreaterThan(50);
      for (const { id, path, reason } of acknowledgements) {
        expect([id, reason]).toEqual([id, expect.stringMatching(/^[A-Z].{40,}\.$/)]);
        const answered = all.some((finding) => finding.id === id && `${finding.path}/`.startsWith(`${path}/`));
        (answered ? used : unused).add(`${id} at ${path}`);
      }
    }
    expect([...unused].filter((entry) => !used.has(entry))).toEqual([]);
  });

  test('what is acknowledged is this, and no more', () => {
    const all = CONFIGS.flatMap((config) => naggedOf(config).acknowledgements).map(({ id, reason }) => [id, reason] as const);
    const byId = Object.fromEntries([...new Set(all.map(([id]) => id))].sort().map((id) => [id, [...new Set(all.filter(([other]) => other === id).map(([, reason]) => reason))]]));
    expect(byId).toMatchInlineSnapshot(`
{
  "AwsSolutions-APIG4": [
    "The catalogue of flows makes this route public: whoever comes to a store may look at its products.",
  ],
  "AwsSolutions-COG2": [
    "A second factor is offered and not demanded: the users are the customers of a store.",
  ],
  "AwsSolutions-COG8": [
    "The Plus plan costs for each active user; compromised passwords and risky sign-ins are for who runs a real store to pay.",
  ],
  "AwsSolutions-IAM5[Resource::*]": [
    "X-Ray has no resources to name: xray:PutTraceSegments and xray:PutTelemetryRecords work on * only, and so does what describes network interfaces, of a function in a VPC. Tests hold that no other statement does.",
  ],
  "AwsSolutions-IAM5[Resource::<ArchiveBucket9DECBF5D.Arn>/users/*]": [
    "Each archived user is an object of its own: its key is known when the user is deleted, and the prefix is as narrow as it gets.",
  ],
  "AwsSolutions-IAM5[Resource::arn:aws:ec2:eu-west-1:<AWS::AccountId>:*/*]": [
    "Lambda makes the interfaces, so nobody knows their ids before; they are made in the named subnets only, and not by the code.",
  ],
  "AwsSolutions-IAM5[Resource::arn:aws:ec2:eu-west-1:<AWS::AccountId>:network-interface/*]": [
    "Lambda makes the interfaces, so nobody knows their ids before; they are made in the named subnets only, and not by the code.",
  ],
  "AwsSolutions-IAM5[Resource::arn:aws:ec2:us-east-1:<AWS::AccountId>:*/*]": [
    "Lambda makes the interfaces, so nobody knows their ids before; they are made in the named subnets only, and not by the code.",
  ],
  "AwsSolutions-IAM5[Resource::arn:aws:ec2:us-east-1:<AWS::AccountId>:network-interface/*]": [
    "Lambda makes the interfaces, so nobody knows their ids before; they are made in the named subnets only, and not by the code.",
  ],
  "AwsSolutions-S1": [
    "Only a trial has no access logs (removal=destroy): they come hours later, and would keep their bucket from being deleted.",
  ],
  "AwsSolutions-SMG4": [
    "The functions have it in a variable that changes with a deployment, so a rotation between two deployments would break the cursors that are out; docs/decisions/0003 says how it is rotated.",
  ],
  "AwsSolutions-SQS3": [
    "It is where records end that were given up: \`npm run redrive\` takes them from here, and there is nowhere further to send them.",
  ],
  "Serverless-LambdaDLQ": [
    "A dead-letter queue takes asynchronous invocations, and there are none: API Gateway waits for the answer, and a stream is read by an event source mapping, which has its own on-failure queue.",
  ],
  "Serverless-SNSRedrivePolicy": [
    "SNS hands a mail to SES and is done with it; an alarm whose mail is lost is still in the state ALARM.",
  ],
  "Serverless-SQSRedrivePolicy": [
    "It is the dead-letter queue of the others: what nobody could take stays here for a person to look at.",
    "It is where records end that were given up: \`npm run redrive\` takes them from here, and there is nowhere further to send them.",
  ],
}
`);
  });
});
