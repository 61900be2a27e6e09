import { compilePattern } from '../streams/pattern';
import { UserError } from '../user-error';

/** An event as its targets get it. https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html */
export interface Envelope {
  version: '0';
  id: string;
  'detail-type': string;
  source: string;
  account: string;
  /** ISO time without fractions of a second. */
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, unknown>;
}

/** A rule of an event bus that is enabled. */
export interface Rule {
  name: string;
  /** The bus's name. */
  bus: string;
  /** As JSON. */
  pattern: string;
  matches(event: Envelope): boolean;
  targets: readonly Target[];
}

/** Where a rule sends events. */
export interface Target {
  kind: 'queue' | 'function' | 'log-group';
  arn: string;
  /** What it gets of an event, as JSON. */
  input(event: Envelope): string;
}

/** The resolved properties of an `AWS::Events::Rule`, as far as they are read. */
export interface RuleProperties {
  EventBusName?: string;
  EventPattern?: unknown;
  ScheduleExpression?: unknown;
  State?: string;
  Targets?: TargetProperties[];
}

interface TargetProperties {
  Id: string;
  Arn: string;
  Input?: string;
  InputPath?: string;
}

/** Nothing fails here for which RetryPolicy and DeadLetterConfig are, and RoleArn is for targets that do not run here. */
const KNOWN_TARGET_PROPERTIES = ['Id', 'Arn', 'Input', 'InputPath', 'RetryPolicy', 'DeadLetterConfig', 'RoleArn'];

/**
 * Reads a rule.
 * @param buses their names
 * @param arns of the queues and functions that can be targets
 * @returns undefined for a rule that is disabled
 * @throws UserError for what does not run here, naming the rule and the target
 */
export function readRule(
  name: string,
  { EventBusName = 'default', EventPattern, ScheduleExpression, State = 'ENABLED', Targets = [] }: RuleProperties,
  buses: readonly string[],
  arns: { queues: readonly string[]; functions: readonly string[] },
): Rule | undefined {
  if (State === 'DISABLED') return undefined;
  const refuse = (what: string): never => {
    throw new UserError(`The rule ${name} has ${what}`);
  };
  if (ScheduleExpression !== undefined) refuse('a ScheduleExpression; only rules with an EventPattern run here.');
  if (EventPattern === undefined) refuse('no EventPattern.');
  const bus = busName(EventBusName);
  if (!buses.includes(bus)) refuse(`the event bus ${bus}, which is in no template.`);
  return {
    name,
    bus,
    pattern: JSON.stringify(EventPattern),
    matches: compile(name, EventPattern),
    targets: Targets.map((target) => readTarget(target, arns, (what) => refuse(`the target ${target.Id} with ${what}`))),
  };
}

/** The name of a bus that is given by its name or its ARN. */
export const busName = (nameOrArn: string): string => nameOrArn.replace(/^arn:.*:event-bus\//, '');

function compile(name: string, pattern: unknown): (event: unknown) => boolean {
  try {
    return compilePattern(pattern, 'event-bus');
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`The rule ${name}: ${error.message}`);
    throw error;
  }
}

function readTarget(
  target: TargetProperties,
  { queues, functions }: { queues: readonly string[]; functions: readonly string[] },
  refuse: (what: string) => never,
): Target {
  const { Arn: arn, Input, InputPath } = target;
  const unknown = Object.keys(target).find((property) => !KNOWN_TARGET_PROPERTIES.includes(property));
  if (unknown) refuse(`${unknown}, which does not run here; known: ${KNOWN_TARGET_PROPERTIES.join(', ')}.`);
  const input = InputPath === undefined ? (event: Envelope) => Input ?? JSON.stringify(event) : readInputPath(InputPath, refuse);
  if (queues.includes(arn)) return { kind: 'queue', arn, input };
  if (functions.includes(arn)) return { kind: 'function', arn, input };
  if (/^arn:aws:logs:[^:]*:[^:]*:log-group:/.test(arn)) return { kind: 'log-group', arn, input };
  return refuse(`the ARN ${arn}; the queues and functions of the templates run here, and log groups take events.`);
}

function readInputPath(path: string, refuse: (what: string) => never): (event: Envelope) => string {
  if (!/^\$(\.[\w-]+)*$/.test(path)) refuse(`the InputPath ${path}; only names and dots run here.`);
  const names = path.split('.').slice(1);
  return (event) => {
    const part = names.reduce<unknown>((value, name) => (value as Record<string, unknown> | null | undefined)?.[name], event);
    return JSON.stringify(part ?? null);
  };
}
