/**
 * Money is an integer in minor units (cents). In a sort key numbers are text, where "9" would follow "10":
 * zero-padded to 16 digits they sort as numbers, and 16 digits hold every integer that JavaScript holds exactly.
 */
export const MINOR_UNITS = { padding: { length: 16, char: '0' } } as const;
