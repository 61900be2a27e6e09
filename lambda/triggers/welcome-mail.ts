import { SendEmailCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { env } from '#shared/env';
import { effect } from './effect';
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

/** Welcomes who signed up, by e-mail. */
export const welcomeMail = effect(
  { name: NAME, entity: 'User', on: ['INSERT'], view: 'NEW_IMAGE' },
  async ({ eventId, newImage: { email, name } }, invocation) =>
    once(NAME, eventId, invocation, async () => {
      const mail = new SendEmailCommand({
        FromEmailAddress: env('MAIL_FROM'),
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
        // SES names the address that it refused, and what fails is logged.
        if (error instanceof Error) error.message = error.message.replaceAll(email, 'the recipient');
        throw error;
      }
    }),
);
