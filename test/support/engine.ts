import type { EngineName } from '../../local/engine/find-engine';

/** The engine that `npm run test:engines` asks for; undefined in `npm test`, which takes the default one. */
export const engineUnderTest = () => process.env.STORE_ENGINE as EngineName | undefined;
