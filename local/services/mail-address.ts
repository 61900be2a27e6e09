/** https://docs.aws.amazon.com/ses/latest/dg/quotas.html */
const LONGEST = 320;

/** The address of `Name <address>`. */
export const addressOf = (text: string): string => /<([^<>]*)>\s*$/.exec(text)?.[1] ?? text.trim();

/**
 * What SES says of an address that it does not take; undefined for one that it takes. It takes 7-bit ASCII, a domain in
 * Punycode, and answers in these words.
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html
 */
export function faultOfAddress(text: string): string | undefined {
  const address = addressOf(text);
  if (address.length > LONGEST) return `Address length is more than ${LONGEST} characters long`;
  const at = address.startsWith('"') ? address.indexOf('@', address.indexOf('"', 1)) : address.indexOf('@');
  if (at === 0) return 'Missing local name';
  const fault = faultOfLocalPart(at === -1 ? address : address.slice(0, at));
  if (fault !== undefined) return fault;
  return at === -1 ? "Missing final '@domain'" : faultOfDomain(address.slice(at + 1));
}

function faultOfLocalPart(local: string): string | undefined {
  if (/^"(?:[^"\\]|\\.)+"$/.test(local) && !NOT_PRINTABLE.test(local.replaceAll(' ', ''))) return undefined;
  return faultOfDots('Local address', local) ?? (NOT_PRINTABLE.test(local) ? 'Local address contains control or whitespace' : undefined) ?? (/[()<>,;:\\"[\]]/.test(local) ? 'Local address contains illegal character' : undefined);
}

function faultOfDomain(domain: string): string | undefined {
  if (domain === '') return 'Missing domain';
  if (NOT_PRINTABLE.test(domain)) return 'Domain contains control or whitespace';
  return faultOfDots('Domain', domain) ?? (/[^A-Za-z0-9.-]/.test(domain) ? 'Domain contains illegal character' : undefined);
}

/** Also a letter beyond ASCII is one of these to SES. */
const NOT_PRINTABLE = /[^\x21-\x7e]/;

function faultOfDots(part: string, text: string): string | undefined {
  if (text.startsWith('.')) return `${part} starts with dot`;
  if (text.endsWith('.')) return `${part} ends with dot`;
  return text.includes('..') ? `${part} contains dot-dot` : undefined;
}
