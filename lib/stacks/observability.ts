import { ArnFormat, Duration, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { namePrefix, type StoreConfig } from '../config';
import type { EventsStack } from './events';

/** Who is told, and of what: with `alarmEmail`, whenever something waits in a queue of what was given up. */
export class ObservabilityStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps & { config: StoreConfig; alarmEmail: string; events: EventsStack }) {
    super(scope, id, props);
    const { config, alarmEmail, events } = props;
    const topic = new sns.Topic(this, 'Alarms', { topicName: `${namePrefix(config)}alarms`, enforceSSL: true });
    // A topic with a policy of its own has no longer the one that lets the account's alarms publish.
    topic.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': this.account },
          ArnLike: { 'aws:SourceArn': this.formatArn({ service: 'cloudwatch', resource: 'alarm', resourceName: `${namePrefix(config)}*`, arnFormat: ArnFormat.COLON_RESOURCE_NAME }) },
        },
      }),
    );
    const mail = topic.addSubscription(new EmailSubscription(alarmEmail));
    Validations.of(mail).acknowledge({
      id: 'Serverless-SNSRedrivePolicy',
      reason: 'SNS hands a mail to SES and is done with it; an alarm whose mail is lost is still in the state ALARM.',
    });
    for (const [name, queue] of events.givenUp) {
      const alarm = new cloudwatch.Alarm(this, `${name}-alarm`, {
        alarmName: `${namePrefix(config)}${name}`,
        alarmDescription: `Something was given up: npm run redrive -- --aws --queue ${namePrefix(config)}${name} --dry-run says what.`,
        metric: queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1), statistic: cloudwatch.Stats.MAXIMUM }),
        threshold: 1,
        evaluationPeriods: 1,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        // A queue that nobody uses has no metric.
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      });
      alarm.addAlarmAction(new SnsAction(topic));
    }
  }
}
