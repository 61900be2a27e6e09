import type { Invoked, SourceRecord } from './consumer';
import type { FunctionError } from './on-failure-record';

/** How an invocation failed. */
export interface Failure {
  /** The index of the first record that failed: those before it succeeded. */
  from: number;
  functionError: FunctionError;
}

/**
 * What the answer of a function says of a batch: undefined for success. A function that reports item failures names the
 * records that failed, of which the first counts; a response that cannot be understood fails the whole batch.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export function failureOf(invoked: Invoked, records: readonly SourceRecord[], reportsItemFailures: boolean): Failure | undefined {
  if ('error' in invoked) return { from: 0, functionError: 'Unhandled' };
  if (!reportsItemFailures) return undefined;
  const identifiers = failedIdentifiers(invoked.payload);
  if (identifiers?.length === 0) return undefined;
  const indexes = identifiers?.map((identifier) => records.findIndex(({ sequenceNumber }) => sequenceNumber === identifier));
  const isUnderstood = indexes !== undefined && !indexes.includes(-1);
  return { from: isUnderstood ? Math.min(...indexes) : 0, functionError: null };
}

/** Undefined for what is not such a response. */
function failedIdentifiers(payload: string): readonly unknown[] | undefined {
  if (payload.trim() === '') return [];
  let response: unknown;
  try {
    response = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (response === null || response === '' || (Array.isArray(response) && response.length === 0)) return [];
  if (typeof response !== 'object' || Array.isArray(response)) return undefined;
  const failures = 'batchItemFailures' in response ? response.batchItemFailures : null;
  if (failures === null) return [];
  if (!Array.isArray(failures)) return undefined;
  return failures.map((failure: { itemIdentifier?: unknown } | null) => failure?.itemIdentifier);
}
