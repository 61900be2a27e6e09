import { Problem } from './errors';

/**
 * The ETag of an item: its version, and when it was made, so that an item that was deleted and made anew never has the
 * ETag of its predecessor.
 */
export function etagOf(version: number, madeAt: string): string {
  return `"${version}-${Date.parse(madeAt).toString(36)}"`;
}

/**
 * Checks the header If-Match against the item's ETag.
 * @throws Problem `precondition-required` without the header, `precondition-failed` when it names another version
 */
export function requireMatch(ifMatch: string, etag: string): void {
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (!tags.includes(etag) && !tags.includes('*')) throw changedSinceRead();
}

/** The header If-Match, which a change must carry. */
export function ifMatchOf(request: { header(name: string): string | undefined }): string {
  const ifMatch = request.header('if-match');
  if (!ifMatch) throw new Problem('precondition-required', 'Send the ETag of what you read as If-Match.');
  return ifMatch;
}

export const changedSinceRead = () =>
  new Problem('precondition-failed', 'It was changed since it was read: read it again and apply your change to that.');
