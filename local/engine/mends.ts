import { isWord, PartiqlError, tokenize } from '../partiql/tokens';

/** Rewrites the statements of a PartiQL request; other requests, and what is not JSON, stay as they are. */
export function mendStatements(operation: string, body: Buffer, mend: (statement: string) => string): Buffer {
  if (!PARTIQL.has(operation)) return body;
  const request = JSON.parse(body.toString('utf8')) as StatementRequest & Partial<Record<'Statements' | 'TransactStatements', StatementRequest[]>>;
  for (const entry of [request, ...(request.Statements ?? []), ...(request.TransactStatements ?? [])]) {
    if (typeof entry.Statement === 'string') entry.Statement = mend(entry.Statement);
  }
  return Buffer.from(JSON.stringify(request));
}

interface StatementRequest {
  Statement?: string;
}

const PARTIQL = new Set(['ExecuteStatement', 'BatchExecuteStatement', 'ExecuteTransaction']);

/**
 * Joins the clauses of an UPDATE: AWS documents `SET a = 1 SET b = 2`, and an engine may take `SET a = 1, b = 2` only.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
 */
export function joinClauses(statement: string): string {
  try {
    const tokens = tokenize(statement);
    if (!isWord(tokens[0], 'UPDATE')) return statement;
    let joined = '';
    let written = 0;
    let clause = '';
    for (const token of tokens) {
      if (!isWord(token, 'SET', 'REMOVE')) continue;
      if (token.text.toUpperCase() === clause) {
        joined += `${statement.slice(written, token.start)},`;
        written = token.end;
      }
      clause = token.text.toUpperCase();
    }
    return joined + statement.slice(written);
  } catch (error) {
    // The engine says itself what is wrong with it.
    if (error instanceof PartiqlError) return statement;
    throw error;
  }
}

/** An error as it goes over the wire, as far as engines name it otherwise. */
export interface WireError {
  __type?: string;
  Message?: string;
  CancellationReasons?: { Code: string; Message?: string }[];
}

/** Rewrites the body of an error; one that is not JSON stays as it is. */
export function mendErrorBody(body: Buffer, mend: (error: WireError) => WireError): Buffer {
  let error: WireError;
  try {
    error = JSON.parse(body.toString('utf8')) as WireError;
  } catch {
    return body;
  }
  return Buffer.from(JSON.stringify(mend(error)));
}

/** Gives a PartiQL INSERT of what is there the names that it has in DynamoDB. */
export function nameDuplicates(error: WireError): WireError {
  const { __type, Message, CancellationReasons } = error;
  if (!CancellationReasons) return { ...error, __type: __type?.replace(/#DuplicateItem$/, '#DuplicateItemException') };
  const reasons = CancellationReasons.map((reason) =>
    reason.Code === 'ValidationError' && reason.Message === 'Duplicate primary key exists in table' ? { ...reason, Code: 'DuplicateItem' } : reason,
  );
  const codes = reasons.map(({ Code }) => Code).join(', ');
  return { ...error, CancellationReasons: reasons, Message: Message?.replace(/\[.*\]$/, `[${codes}]`) };
}
