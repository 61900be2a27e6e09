import { createHash, randomUUID } from 'node:crypto';
import { JsonLines } from './json-lines';

/** A queue of the templates. */
export interface QueueDefinition {
  name: string;
  arn: string;
  visibilityTimeoutSeconds: number;
  retentionSeconds: number;
  maximumMessageBytes: number;
  /** How long a receive waits for a message on AWS; here it answers at once. */
  waitSeconds: number;
  /** Where a message goes that was received so often, and was not deleted. */
  redrive?: { deadLetterTargetArn: string; maxReceiveCount: number };
}

/** A message in a queue; times are epoch milliseconds. */
export interface Message {
  id: string;
  body: string;
  sentAt: number;
  /** When it can be received: in the future while it is delayed or in flight. */
  visibleAt: number;
  receiveCount: number;
  firstReceivedAt?: number;
  /** Of the last receive. */
  receiptHandle?: string;
}

/** A message as it is now, or that it is gone. */
type Line = { queue: string; message: Message } | { queue: string; gone: string };

/** Standard queues, kept in a file. Messages past the retention of their queue are gone. */
export class Queues {
  private readonly lines: JsonLines<Line>;
  private readonly messages = new Map<string, Map<string, Message>>();
  private readonly byName: ReadonlyMap<string, QueueDefinition>;
  private written = 0;

  /** @param now epoch milliseconds */
  constructor(
    file: string,
    readonly definitions: readonly QueueDefinition[],
    readonly now: () => number,
  ) {
    this.byName = new Map(definitions.map((queue) => [queue.name, queue]));
    this.lines = new JsonLines(file);
    for (const queue of definitions) this.messages.set(queue.name, new Map());
    for (const line of this.lines.read()) {
      const messages = this.messages.get(line.queue);
      if ('gone' in line) messages?.delete(line.gone);
      else messages?.set(line.message.id, line.message);
    }
    this.compact();
  }

  named(name: string): QueueDefinition | undefined {
    return this.byName.get(name);
  }

  /**
   * Sends a message, as a service does whose target or destination the queue is.
   * @returns its id
   */
  send(queueArn: string, body: string, delaySeconds = 0): string {
    const queue = this.definitions.find(({ arn }) => arn === queueArn);
    if (!queue) throw new Error(`There is no queue ${queueArn}.`);
    const sentAt = this.now();
    const message: Message = { id: randomUUID(), body, sentAt, visibleAt: sentAt + delaySeconds * 1_000, receiveCount: 0 };
    this.put(queue, message);
    return message.id;
  }

  /** Takes messages in flight, oldest first. */
  receive(queue: QueueDefinition, most: number, visibilityTimeoutSeconds: number): Message[] {
    const now = this.now();
    const { redrive } = queue;
    for (const message of redrive ? this.live(queue) : []) {
      if (message.visibleAt > now || message.receiveCount < Number(redrive?.maxReceiveCount)) continue;
      this.delete(queue, message);
      this.send(String(redrive?.deadLetterTargetArn), message.body);
    }
    const visible = this.live(queue).filter(({ visibleAt }) => visibleAt <= now);
    return visible.slice(0, most).map((message) => {
      const received: Message = {
        ...message,
        visibleAt: now + visibilityTimeoutSeconds * 1_000,
        receiveCount: message.receiveCount + 1,
        firstReceivedAt: message.firstReceivedAt ?? now,
        receiptHandle: newHandle(queue),
      };
      this.put(queue, received);
      return received;
    });
  }

  /** Whether a receipt handle is one of this queue's, of whatever message. */
  gave(queue: QueueDefinition, receiptHandle: string): boolean {
    const [, id = '', check] = /^([0-9a-f-]{36})\.([0-9a-f]{16})$/.exec(receiptHandle) ?? [];
    return check === checkOf(queue, id);
  }

  /** The message that a receipt handle is of; undefined when it is gone, or was received again since. */
  received(queue: QueueDefinition, receiptHandle: string): Message | undefined {
    return this.live(queue).find((message) => message.receiptHandle === receiptHandle);
  }

  delete(queue: QueueDefinition, { id }: Message): void {
    this.of(queue).delete(id);
    this.write({ queue: queue.name, gone: id });
  }

  setVisibleAt(queue: QueueDefinition, message: Message, visibleAt: number): void {
    this.put(queue, { ...message, visibleAt });
  }

  purge(queue: QueueDefinition): void {
    this.of(queue).clear();
    this.compact();
  }

  /** How many messages can be received, are in flight, and are delayed. */
  count(queue: QueueDefinition): { visible: number; inFlight: number; delayed: number } {
    const live = this.live(queue);
    const hidden = live.filter(({ visibleAt }) => visibleAt > this.now());
    const inFlight = hidden.filter(({ receiveCount }) => receiveCount > 0).length;
    return { visible: live.length - hidden.length, inFlight, delayed: hidden.length - inFlight };
  }

  private live(queue: QueueDefinition): Message[] {
    const oldest = this.now() - queue.retentionSeconds * 1_000;
    const messages = this.of(queue);
    for (const message of messages.values()) if (message.sentAt <= oldest) this.delete(queue, message);
    return [...messages.values()];
  }

  private put(queue: QueueDefinition, message: Message): void {
    this.of(queue).set(message.id, message);
    this.write({ queue: queue.name, message });
  }

  private of(queue: QueueDefinition): Map<string, Message> {
    return this.messages.get(queue.name) as Map<string, Message>;
  }

  private write(line: Line): void {
    this.lines.append(line);
    this.written++;
    const messages = [...this.messages.values()].reduce((sum, { size }) => sum + size, 0);
    if (this.written > 2 * messages + 1_000) this.compact();
  }

  /** Drops the lines that later ones have replaced. */
  private compact(): void {
    const lines = [...this.messages].flatMap(([queue, messages]) => [...messages.values()].map((message) => ({ queue, message })));
    this.lines.rewrite(lines);
    this.written = lines.length;
  }
}

/** A receipt handle. The queue can tell it from a forged one, or another queue's, even after its message is deleted. */
function newHandle(queue: QueueDefinition): string {
  const id = randomUUID();
  return `${id}.${checkOf(queue, id)}`;
}

const checkOf = ({ arn }: QueueDefinition, id: string): string => createHash('sha256').update(`${arn} ${id}`).digest('hex').slice(0, 16);
