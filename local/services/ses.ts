import { randomUUID } from 'node:crypto';
import { ACCOUNT_ID } from '../resolve';
import type { Outbox } from './outbox';
import { type StandIn, jsonInput, restJson, ServiceError } from './service';
import { addressOf, faultOfAddress } from './mail-address';

/**
 * SES API v2: SendEmail, which puts the mail into the outbox.
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 */
export function sesService(options: { region: string; identities: readonly string[]; outbox: Outbox }): StandIn<'ses'> {
  const { region, identities, outbox } = options;
  return {
    maxBodyBytes: 40 * 1024 * 1024,
    protocol: restJson,
    faults: {
      name: 'ses',
      throttled: new ServiceError('TooManyRequestsException', 'Maximum sending rate exceeded.', 429),
      internalError: new ServiceError('InternalServiceErrorException', 'Internal service error.', 500),
    },
    operationOf: ({ method, path }) => (`${method} ${path}` === 'POST /v2/email/outbound-emails' ? 'SendEmail' : undefined),
    operations: {
      SendEmail(call) {
        const { FromEmailAddress = '', Destination = {}, Content, ConfigurationSetName } = jsonInput(call) as SendEmailInput;
        const from = addressOf(FromEmailAddress);
        const identity = identityOf(from, identities);
        call.authorize({ action: 'ses:SendEmail', resource: `arn:aws:ses:${region}:${ACCOUNT_ID}:identity/${identity ?? from}` });

        const { ToAddresses = [], CcAddresses = [], BccAddresses = [] } = Destination;
        const destinations = [...ToAddresses, ...CcAddresses, ...BccAddresses];
        if (destinations.length === 0) throw badRequest('Missing required destination.');
        if (destinations.length > 50) throw badRequest('Recipient count exceeds 50.');
        for (const address of [...destinations, FromEmailAddress]) {
          const fault = faultOfAddress(address);
          if (fault !== undefined) throw badRequest(fault);
        }
        const { Subject, Body } = Content?.Simple ?? {};
        const text = Body?.Text?.Data ?? Body?.Html?.Data;
        if (Subject?.Data === undefined || text === undefined) {
          throw badRequest('Here Content must be Simple, with a Subject and a Body of Text or Html.');
        }
        if (ConfigurationSetName !== undefined) {
          throw new ServiceError('NotFoundException', `Configuration set <${ConfigurationSetName}> does not exist.`, 404);
        }
        if (identity === undefined) {
          const failed = `The following identities failed the check in region ${region.toUpperCase()}: ${FromEmailAddress}`;
          throw new ServiceError('MessageRejected', `Email address is not verified. ${failed}`);
        }
        const MessageId = randomUUID();
        outbox.add({ kind: 'email', from: FromEmailAddress, to: destinations, subject: Subject.Data, text, messageId: MessageId });
        return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ MessageId })) };
      },
    },
  };
}

const badRequest = (message: string) => new ServiceError('BadRequestException', message);

/**
 * The identity that verifies an address: the address itself, else its domain or one that the domain is below.
 * https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
 */
function identityOf(address: string, identities: readonly string[]): string | undefined {
  const [, domain = ''] = address.toLowerCase().split('@');
  const isDomain = (identity: string) => domain === identity || domain.endsWith(`.${identity}`);
  return (
    identities.find((identity) => identity.toLowerCase() === address.toLowerCase()) ??
    identities.find((identity) => !identity.includes('@') && isDomain(identity.toLowerCase()))
  );
}

interface SendEmailInput {
  FromEmailAddress?: string;
  Destination?: { ToAddresses?: string[]; CcAddresses?: string[]; BccAddresses?: string[] };
  Content?: { Simple?: { Subject?: { Data?: string }; Body?: { Text?: { Data?: string }; Html?: { Data?: string } } } };
  ConfigurationSetName?: string;
}
