import { randomBytes } from 'node:crypto';

/** An X-Ray trace id for one invocation. https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids */
export const newTraceId = (): string => `Root=1-${Math.floor(Date.now() / 1_000).toString(16)}-${randomBytes(12).toString('hex')}`;
