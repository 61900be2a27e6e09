import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Received {
  method: string;
  path: string;
  type: string | undefined;
  /** `AmazonSQS.SendMessage`; undefined for SES and S3. */
  target: string | undefined;
  body: string;
}

type ScriptedAnswer = { status: number; body: object } | 'none';

/** Stands for SES, EventBridge, S3 and SQS: keeps what it is sent, and answers what the service would, or what a test says. */
export class ScriptedServices {
  readonly received: Received[] = [];
  /** What the next requests are answered, in their order. */
  answers: ScriptedAnswer[] = [];
  private server: Server | undefined;

  /** Starts it, and points every client of the SDK at it that has not sent yet. */
  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      void this.answer(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
        response.end(request.method === 'PUT' ? undefined : JSON.stringify(body));
      });
    });
    await new Promise<void>((done) => this.server!.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    for (const service of ['SESV2', 'EVENTBRIDGE', 'S3', 'SQS']) process.env[`AWS_ENDPOINT_URL_${service}`] = url;
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      MAIL_FROM: 'shop@example.com',
      EVENT_BUS: 'store',
      ARCHIVE_BUCKET: 'archive',
      ON_FAILURE_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/000000000000/failed',
    });
  }

  /** The messages that the on-failure queue was sent. */
  messages(): { QueueUrl: string; message: Record<string, unknown> }[] {
    return this.received
      .filter(({ target }) => target === 'AmazonSQS.SendMessage')
      .map(({ body }) => JSON.parse(body) as { QueueUrl: string; MessageBody: string })
      .map(({ QueueUrl, MessageBody }) => ({ QueueUrl, message: JSON.parse(MessageBody) as Record<string, unknown> }));
  }

  forget(): void {
    this.received.length = 0;
    this.answers = [];
  }

  private async answer(request: IncomingMessage) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const target = request.headers['x-amz-target']?.toString();
    this.received.push({ method: request.method!, path: request.url!, type: request.headers['content-type'], target, body });
    const answer = this.answers.shift() ?? { status: 200, body: usual(target, body) };
    return answer === 'none' ? new Promise<never>(() => {}) : answer;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((done) => this.server?.close(done));
  }
}

function usual(target: string | undefined, body: string): object {
  if (target === undefined) return { MessageId: 'id' };
  if (!target.startsWith('AmazonSQS')) return { FailedEntryCount: 0, Entries: [{ EventId: 'id' }] };
  const { MessageBody } = JSON.parse(body) as { MessageBody: string };
  return { MessageId: 'id', MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex') };
}
