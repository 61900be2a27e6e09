import { SendEmailCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { env } from '#shared/env';
import { effect } from './effect';
import { once } from './once';
import { abortAt, sdkOptions } from './sdk-options';

const ses = new SESv2Client(sdkOptions);

const NAME = 'welcome-mail';

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
            Body: { Text: { Data: `Hello ${name},\n\nthank you for signing up. Your cart is waiting to be filled.\n` } },
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
