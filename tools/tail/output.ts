import { UserError } from '../user-error';

/** Nobody reads the output any more, as after `| head`. */
export class OutputClosed extends Error {}

/**
 * Writes to stdout. Resolves when the system has taken the text over, so that a checkpoint never counts a record that
 * was still in this process.
 * @throws OutputClosed
 * @throws UserError as when a disk is full
 */
export function toStdout(): (text: string) => Promise<void> {
  // Each failure reaches its caller through the callback; without a listener it would end the process as well.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  return (text) =>
    new Promise((done, fail) => {
      process.stdout.write(text, (error) => {
        if (!error) return done();
        const { code } = error as NodeJS.ErrnoException;
        const isClosed = code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_DESTROYED';
        return fail(isClosed ? new OutputClosed() : new UserError(`The output cannot be written: ${error.message}`));
      });
    });
}
