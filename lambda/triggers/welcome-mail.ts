import { SendEmailCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { effect } from './effect';
import { FinalRefusal } from './failure-class';
import { once } from './once';
import { abortAt, sdkOptions } from './sdk-options';

const ses = new SESv2Client(sdkOptions);

const NAME = 'welcome-mail';

/**
 * Letters, marks, blanks and `.'-`, at most 60, at least one of them a letter. A dot before two letters is left out: mail
 * clients make a link of `shop.example`.
 */
const QUOTABLE = /^(?=.*\p{L})(?!.*\.\p{L}\p{M}*\p{L})[\p{L}\p{M} .'-]{1,60}$/u;

/** The first line of the mail. The store puts its name to it, so it quotes a name and no other text of the user's. */
export const greeting = (name: string): string => (QUOTABLE.test(name) ? `Hello ${name},` : 'Hello,');

/** Welcomes who signed up, by e-mail; without a sender in the config nobody is sent any. */
export const welcomeMail = effect(
  { name: NAME, entity: 'User', on: ['INSERT'], view: 'NEW_IMAGE' },
  async ({ eventId, newImage: { email, name } }, invocation) => {
    const from = process.env.MAIL_FROM;
    if (!from) return;
    await once(NAME, eventId, invocation, async () => {
      const mail = new SendEmailCommand({
        FromEmailAddress: from,
        Destination: { ToAddresses: [email] },
        Content: {
          Simple: {
            Subject: { Data: 'Welcome to the store' },
            Body: { Text: { Data: `${greeting(name)}\n\nthank you for signing up. Your cart is waiting to be filled.\n` } },
          },
        },
      });
      try {
        await ses.send(mail, abortAt(invocation.deadline));
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        const isFinal = REFUSALS.has(error.name) && !isOfSetUp(error.message, from);
        // SES names the address that it refused, and what fails is logged.
        error.message = error.message.replaceAll(email, 'the recipient');
        throw isFinal ? new FinalRefusal(error) : error;
      }
    });
  },
);

/**
 * How SES refuses an address, or what a mail says.
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
 */
const REFUSALS = new Set(['MessageRejected', 'BadRequestException']);

/**
 * Whether such a refusal is about the sender or the account. In the sandbox, "The following identities failed the check"
 * names a recipient, the sender, or both: the sender by its address or as the identity of its domain.
 * https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
 */
function isOfSetUp(message: string, sender: string): boolean {
  const [, domain = ''] = sender.toLowerCase().split('@');
  const words = message.toLowerCase().split(/[\s,:<>]+|\.(?=\s|$)/);
  const isSender = (word: string) => word === sender.toLowerCase() || word === domain || (word.includes('.') && domain.endsWith(`.${word}`));
  return words.some((word) => word === 'account' || isSender(word));
}
