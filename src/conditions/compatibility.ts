/**
 * `standard`: the language as documented in `deviations.ts`; `azure`: also where Azure IoT Edge has
 * plain defects, for deployments that have come to rely on them.
 */
export type Compatibility = 'standard' | 'azure';
