import { domainToASCII } from 'node:url';

/** RFC 5321, section 4.5.3.1: a path has 256 octets, two of which are its angle brackets. */
const MAX_LENGTH = 254;

/** A `Dot-string` of up to 64 characters (RFC 5321, 4.1.2), and labels of letters, digits and hyphens (RFC 1035, 2.3.1; RFC 1123, 2.1). */
const ADDRESS =
  /^(?=.{1,64}@)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@((?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+(?!\d+$)[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)$/i;

/**
 * Whether a text is an address that SES takes: ASCII, with a full domain name, whose other scripts are in Punycode. A quoted
 * local part is refused, since it can have characters that no mail client shows.
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html
 */
export function isEmailAddress(text: string): boolean {
  const domain = text.length <= MAX_LENGTH ? ADDRESS.exec(text)?.[1] : undefined;
  // Punycode that encodes no domain name comes back empty.
  return domain !== undefined && domainToASCII(domain) === domain.toLowerCase();
}
