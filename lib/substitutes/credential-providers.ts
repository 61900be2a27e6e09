import { fromEnv } from '@aws-sdk/credential-provider-env';

/** Stands in for the DAX client's default chain in the bundles, as `credential-provider-node` does for the SDK's. */
export const fromNodeProviderChain = () => fromEnv();
