import { fromEnv } from '@aws-sdk/credential-provider-env';

/** Stands in for the SDK's default chain in the bundles: Lambda gives a function its role's credentials in variables. */
export const defaultProvider = () => fromEnv();
