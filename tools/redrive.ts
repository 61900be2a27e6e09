import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, GetQueueUrlCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { localStore } from './local-store';
import { type Place, placeOf, readOptions } from './options';
import { redrive, type Services, type Summary } from './redrive/redrive';
import { UserError } from './user-error';

const HELP = `Processes again what a stream's consumer gave up: reads an on-failure queue, fetches the records that its
messages name while the stream has them (24 hours), and invokes the consumer with them.

  npm run redrive -- --queue NAME [options]

  --queue NAME   the queue, as store-dev-orders-trigger-failed
  --dry-run      says what would be done, and does nothing
  --url URL      the store (default: http://127.0.0.1:$PORT, else port 3000)
  --aws          a queue in AWS, with the SDK's credentials and region
  --region R     with --aws: another region
  --help         this text

A message goes when all that it names was processed; any other stays in the queue.`;

interface Settings {
  queue: string;
  isDryRun: boolean;
  place: Place;
}

/** @throws UserError naming the option that is wrong */
function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | 'help' {
  const options = {
    queue: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
    url: { type: 'string' },
    aws: { type: 'boolean', default: false },
    region: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { values, positionals } = readOptions('redrive', args, options);
  if (values.help) return 'help';
  if (!values.queue) throw new UserError('Which queue? npm run redrive -- --queue NAME. See npm run redrive -- --help');
  if (positionals.length > 0) throw new UserError(`Not known: ${positionals.join(', ')}. See npm run redrive -- --help`);
  return { queue: values.queue, isDryRun: values['dry-run'], place: placeOf(values, env) };
}

/** @throws UserError where no store runs */
async function connect({ place }: Settings): Promise<Services> {
  if (!('url' in place)) {
    const config = place.region === undefined ? {} : { region: place.region };
    return { sqs: new SQSClient(config), lambda: new LambdaClient(config), streams: new DynamoDBStreamsClient(config) };
  }
  const store = await localStore(place.url);
  const credentials = { accessKeyId: 'redrive', secretAccessKey: 'local' };
  const config = { region: store.region, credentials, endpoint: store.services };
  return {
    // A queue's URL names AWS's host, here as there.
    sqs: new SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
    lambda: new LambdaClient(config),
    streams: new DynamoDBStreamsClient({ ...config, endpoint: store.dynamodb }),
  };
}

/** @throws UserError naming the queues that there are */
async function queueUrl(sqs: SQSClient, queue: string): Promise<string> {
  try {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: queue }));
    return QueueUrl as string;
  } catch (error) {
    if (!/QueueDoesNotExist|NonExistentQueue/.test((error as Error).name)) throw error;
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
    const names = QueueUrls.map((url) => url.split('/').at(-1)).filter((name) => name?.endsWith('-trigger-failed'));
    throw new UserError(`There is no queue ${queue}. ${names.length > 0 ? `On-failure queues: ${names.join(', ')}.` : ''}`.trim());
  }
}

/**
 * Of a queue that another consumer reads, each look would count as a delivery that failed.
 * @throws UserError for one that is no on-failure queue
 */
async function requireOnFailureQueue(sqs: SQSClient, url: string, queue: string): Promise<void> {
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['RedrivePolicy'] }));
  if (Attributes?.RedrivePolicy === undefined) return;
  throw new UserError(`${queue} is no on-failure queue: it has a consumer, and a dead-letter queue of its own.`);
}

/** Messages that another redrive has received, and not released. */
async function inFlight(sqs: SQSClient, url: string): Promise<number> {
  const name = 'ApproximateNumberOfMessagesNotVisible';
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [name] }));
  return Number(Attributes?.[name] ?? 0);
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2), process.env);
  if (settings === 'help') return console.log(HELP);
  const services = await connect(settings);
  const url = await queueUrl(services.sqs, settings.queue);
  await requireOnFailureQueue(services.sqs, url, settings.queue);
  console.error(`Reading ${settings.queue} ...`);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  const summary = await redrive(services, url, settings.isDryRun, (line) => console.log(line), stop.signal);
  console.log(inWords(summary, settings, await inFlight(services.sqs, url)));
  if (summary.left + summary.pastSaving > 0) process.exitCode = 1;
}

function inWords({ redriven, left, pastSaving }: Summary, { queue, isDryRun }: Settings, inFlight: number): string {
  if (redriven + left + pastSaving === 0) {
    return inFlight > 0 ? `${queue}: ${inFlight} are in flight; they come back within minutes.` : `${queue} is empty.`;
  }
  return `${queue}: ${redriven} ${isDryRun ? 'can be redriven' : 'redriven'}, ${left} left in the queue, ${pastSaving} past saving.`;
}

// The notice would stand between what is told here.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

main().catch((error: unknown) => {
  const { name, message } = error as Error;
  console.error(error instanceof UserError ? message : `The redrive ended: ${name}: ${message}`);
  process.exitCode = 1;
});
