import { ACCOUNT_ID } from '../resolve';
import { MOST_JSON_BYTES, type Protocol, type ServiceRequest, type StandIn } from './service';

/**
 * Form input and XML output.
 * https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */
const query: Protocol = {
  error: ({ code, message, status, headers }) => ({
    status,
    headers: { 'content-type': 'text/xml', ...headers },
    body: Buffer.from(`<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message.replace(/[&<>]/g, '?')}</Message></Error></ErrorResponse>`),
  }),
  accessDenied: { code: 'AccessDenied', status: 403 },
};

export const isForm = ({ headers }: Pick<ServiceRequest, 'headers'>): boolean =>
  String(headers['content-type']).startsWith('application/x-www-form-urlencoded');

/** The operation of a request whose input is a form. */
export const formOperation = ({ body }: ServiceRequest): string | undefined => new URLSearchParams(body.toString('utf8')).get('Action') ?? undefined;

/**
 * AWS STS, as far as it says who calls: nobody needs a permission for that.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export const stsService = (): StandIn<'sts'> => ({
  maxBodyBytes: MOST_JSON_BYTES,
  protocol: query,
  operationOf: formOperation,
  operations: {
    GetCallerIdentity({ flow }) {
      const [arn, id] =
        flow === undefined
          ? [`arn:aws:iam::${ACCOUNT_ID}:root`, ACCOUNT_ID]
          : [`arn:aws:sts::${ACCOUNT_ID}:assumed-role/${flow}/${flow}`, `AROALOCAL:${flow}`];
      const result = `<Arn>${arn}</Arn><UserId>${id}</UserId><Account>${ACCOUNT_ID}</Account>`;
      return {
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: Buffer.from(
          `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>${result}</GetCallerIdentityResult></GetCallerIdentityResponse>`,
        ),
      };
    },
  },
});
