import { type App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, NagPack, ServerlessChecks } from 'cdk-nag';
import { Stacks } from '../support/stacks';

/** What changes which resources there are, or how they are protected. */
const CONFIGS = [
  {},
  { layout: 'single-table' },
  { encryption: 'customer', kinesis: 'true' },
  { layout: 'single-table', encryption: 'aws-managed', kinesis: 'true', removal: 'destroy' },
  { removal: 'destroy' },
  { regions: 'us-east-1,eu-west-1', encryption: 'customer', capacity: 'provisioned', alarmEmail: 'ops@example.com' },
  { dax: 'true' },
  { layout: 'single-table', regions: 'eu-west-1,us-east-1', encryption: 'customer', dax: 'true', daxNodes: 3 },
];

/** What CDK acknowledges itself, in its own FlowLog. */
const BY_CDK = ['CloudFormation-Validate::F3002', 'CloudFormation-Validate::F3003'];

interface Finding {
  id: string;
  path: string;
  what: string;
}

/** What both packs find, less what is acknowledged, unless that is asked for too. */
function findings(app: App, { acknowledged }: { acknowledged: boolean }): Finding[] {
  const internal = NagPack.prototype as unknown as { isAcknowledged(): boolean };
  if (acknowledged) jest.spyOn(internal, 'isAcknowledged').mockReturnValue(false);
  const packs = [AwsSolutionsChecks, ServerlessChecks].map((Pack) => new Pack(app, { verbose: true }));
  const found = packs.flatMap((pack) => pack.validateScope(app).violations);
  jest.restoreAllMocks();
  return found.flatMap(({ ruleName, description, violatingResources }) =>
    violatingResources.map(({ constructPath = '' }) => ({ id: ruleName, path: constructPath, what: description })),
  );
}

/** What is acknowledged, where, and why. */
function acknowledgements(app: App): { id: string; path: string; reason: string }[] {
  return app.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .filter(([id]) => !BY_CDK.includes(id))
      .map(([id, reason]) => ({ id: id.replace(/^Annotation::/, ''), path: node.path, reason })),
  );
}

describe('cdk-nag, AwsSolutions and Serverless', () => {
  const synth = new Stacks();
  const apps = CONFIGS.map((config) => ({ config, app: synth.app(config) }));
  beforeAll(() => {
    // Each synth prints what a cache costs.
    const printing = jest.spyOn(console, 'error').mockImplementation(() => {});
    for (const { app } of apps) app.synth();
    printing.mockRestore();
  });
  afterAll(() => synth.remove());

  test.each(apps)('no finding that nobody acknowledged, with $config', ({ app }) => {
    const open = findings(app, { acknowledged: false }).map(({ id, path, what }) => `${id} at ${path}: ${what}`);
    // Mend what is found. Where it does not apply, say why, beside the construct: Validations.of(scope).acknowledge({ id, reason }).
    expect(open).toEqual([]);
  });

  test('an acknowledgement has a reason, and there is a finding for it', () => {
    const unused = new Set<string>();
    const used = new Set<string>();
    for (const { app } of apps) {
      const found = findings(app, { acknowledged: true });
      for (const { id, path, reason } of acknowledgements(app)) {
        expect([id, reason]).toEqual([id, expect.stringMatching(/^[A-Z].{40,}\.$/)]);
        const answered = found.some((finding) => finding.id === id && `${finding.path}/`.startsWith(`${path}/`));
        (answered ? used : unused).add(`${id} at ${path}`);
      }
    }
    expect([...unused].filter((entry) => !used.has(entry))).toEqual([]);
  });

  test('what is acknowledged is this, and no more', () => {
    const all = apps.flatMap(({ app }) => acknowledgements(app)).map(({ id, reason }) => [id, reason] as const);
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
