import { ArnFormat, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { makeAlarm } from '../alarms/alarm';
import { type Concern, CONCERNS, type WatchedRegion } from '../alarms/region';
import { namePrefix, type StoreConfig } from '../config';
import { dashboardRows } from '../dashboard';
import { operationsOn } from '../data-access';
import { type Flow, FLOWS } from '../flows';
import { OWN_ACCESS } from '../own-partitions';
import { EFFECTS } from '../triggers';
import type { ApiStack } from './api';
import type { CacheStack } from './cache';
import type { DataStack } from './data';
import type { EventsStack } from './events';

export interface ObservabilityProps {
  readonly config: StoreConfig;
  readonly data: DataStack;
  /** That of the region. */
  readonly api: ApiStack;
  /** In the home region. */
  readonly events?: EventsStack;
  /** The region's DAX cluster. */
  readonly cache?: Pick<CacheStack, 'clusterName'>;
}

/**
 * The alarms and the dashboard of a region. Nothing depends on this stack, so it can be left out of a deployment; and it names
 * what it watches without references, but for the API's generated id.
 */
export class ObservabilityStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps & ObservabilityProps) {
    super(scope, id, props);
    const { config } = props;
    const region = this.watchedRegion(props);
    const action = config.alarmEmail === undefined ? undefined : new SnsAction(this.alarmTopic(config, config.alarmEmail));
    const concerns = (Object.keys(CONCERNS) as Concern[])
      .map((concern) => ({ concern, watched: CONCERNS[concern](region).filter(({ alarms }) => alarms.length > 0) }))
      .filter(({ watched }) => watched.length > 0)
      .map(({ concern, watched }) => ({ concern, watched, alarms: watched.flatMap(({ alarms }) => alarms.map((row) => makeAlarm(this, row, action))) }));

    const dashboard = new cloudwatch.Dashboard(this, 'Dashboard', {
      // Dashboards are the account's, not the region's: two of one name would be one. No stage has an underscore.
      // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
      dashboardName: `store-${config.stage}_${this.region}`,
    });
    for (const { title, widgets } of dashboardRows(region, concerns, this.region)) {
      dashboard.addWidgets(new cloudwatch.TextWidget({ markdown: `## ${title}`, width: 24, height: 1 }));
      dashboard.addWidgets(...widgets);
    }
  }

  private watchedRegion({ config, data, api, events, cache }: ObservabilityProps): WatchedRegion {
    const isHome = this.region === config.regions[0];
    const flows = FLOWS as readonly Flow[];
    // The home region is called from all of them, and by clients that signed in.
    const atHome = isHome ? [...[...flows, ...EFFECTS].map(({ access }) => access), OWN_ACCESS] : [];
    const access = [...atHome, ...flows.map(({ replica = {} }) => replica)];
    return {
      prefix: namePrefix(config),
      apiId: api.apiId,
      flows: api.flows,
      consumers: events?.consumers ?? [],
      queues: events?.queues ?? [],
      tables: [...data.tables].map(([tableName, { globalIndexes }]) => ({
        tableName,
        globalIndexes,
        capacity: config.capacity,
        operations: operationsOn(tableName, access, data.binding),
        otherRegions: config.regions.filter((region) => region !== this.region),
      })),
      ...(cache && { cache: { name: `${namePrefix(config)}cache`, clusterName: cache.clusterName, nodeType: config.dax.nodeType, flows: flows.flatMap(({ name, dax }) => (dax ? [name] : [])) } }),
    };
  }

  /** An alarm tells a topic of its own region only. */
  private alarmTopic(config: StoreConfig, alarmEmail: string): sns.ITopic {
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
    return topic;
  }
}
