/** An error whose message tells a person what is wrong and what to do: printed without its stack. */
export class UserError extends Error {}
