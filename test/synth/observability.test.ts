import { Stacks } from '../support/stacks';
import type { Template } from '../support/templates';

describe('with alarmEmail', () => {
  const synth = new Stacks();
  afterAll(() => synth.remove());
  const of = ({ Resources }: Template, type: string) => Object.values(Resources).filter(({ Type }) => Type === type).map(({ Properties }) => Properties);

  test.each(['per-domain', 'single-table'])('every queue of what was given up has an alarm that sends mail, %s', (layout) => {
    const { Events, Observability } = synth.of({ alarmEmail: 'ops@example.org', layout, kinesis: true });
    expect(of(Observability, 'AWS::SNS::Subscription')).toEqual([expect.objectContaining({ Protocol: 'email', Endpoint: 'ops@example.org' })]);
    const queues = of(Events, 'AWS::SQS::Queue').map(({ QueueName }) => QueueName as string).filter((name) => /failed$|undelivered$/.test(name));
    expect(queues.length).toBeGreaterThanOrEqual(3);
    const alarms = of(Observability, 'AWS::CloudWatch::Alarm');
    expect(alarms.map(({ AlarmName }) => AlarmName).sort()).toEqual(queues.sort());
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({ Threshold: 1, MetricName: 'ApproximateNumberOfMessagesVisible', AlarmActions: [{ Ref: expect.stringMatching(/^Alarms/) }] });
    }
  });

  test('the alarms may publish, and nobody without TLS', () => {
    const [policy] = of(synth.of({ alarmEmail: 'ops@example.org' }).Observability, 'AWS::SNS::TopicPolicy');
    const { Statement } = policy!.PolicyDocument as { Statement: { Effect: string; Action: string; Principal: object; Condition: object }[] };
    expect(Statement.map(({ Effect, Action, Principal }) => [Effect, Action, Principal])).toEqual([
      ['Deny', 'sns:Publish', '*'],
      ['Allow', 'sns:Publish', { Service: 'cloudwatch.amazonaws.com' }],
    ]);
    expect(JSON.stringify(Statement[1]!.Condition)).toMatch(/aws:SourceAccount.*arn:aws:cloudwatch:us-east-1:.*:alarm:store-dev-\*/);
  });

  test('without it there is no such stack', () => {
    expect(synth.of({})).not.toHaveProperty('Observability');
  });
});
