import { Logger } from '@aws-lambda-powertools/logger';
import { redact } from './redact';

/**
 * The logger of every function: one JSON object a line, and no e-mail address or token in any text of it.
 *
 * It writes to the streams of the process itself, not to the console that Lambda's runtime replaces, and Lambda leaves a line
 * that is JSON as it is.
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
 */
export const logger = new Logger({ jsonReplacerFn: (_, value) => (typeof value === 'string' ? redact(value) : value) });
