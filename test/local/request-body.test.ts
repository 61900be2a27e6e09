import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { BodyTooLarge, IncompleteRequest, readBody } from '../../local/request-body';

/** What each server of the platform does with a request that is cut, by the one function that reads bodies. */
describe('the body of a request', () => {
  let server: Server;
  let outcome: (what: unknown) => void;
  beforeAll(async () => {
    server = createServer((request, response) => {
      readBody(request, 100).then(
        (body) => (response.end(), outcome(body.toString())),
        (error: unknown) => (response.writeHead(413).end(), outcome(error)),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  /** Sends a text, then half closes or resets the connection. @returns the body as read, or the error */
  function send(text: string, end: 'half-close' | 'reset' | 'keep'): Promise<unknown> {
    return new Promise((done) => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      outcome = (what) => {
        socket.destroy();
        done(what);
      };
      socket.on('error', () => {});
      socket.write(text, () => {
        if (end === 'half-close') socket.end();
        // A reset may overtake what it follows, so the request must have arrived.
        if (end === 'reset') server.once('request', () => socket.resetAndDestroy());
      });
    });
  }

  const JSON_TEXT = '{"TableName":"Things"}';
  const HEAD = 'POST / HTTP/1.1\r\nHost: localhost\r\n';
  const sized = `${HEAD}Content-Length: ${JSON_TEXT.length}\r\n\r\n`;
  const chunked = `${HEAD}Transfer-Encoding: chunked\r\n\r\n${JSON_TEXT.length.toString(16)}\r\n${JSON_TEXT}\r\n0\r\n\r\n`;

  test('is whole where nothing is cut', async () => {
    expect(await send(sized + JSON_TEXT, 'keep')).toBe(JSON_TEXT);
    expect(await send(chunked, 'half-close')).toBe(JSON_TEXT);
  });

  test.each(Array.from(JSON_TEXT, (_, at) => at))('cut after %d bytes is incomplete', async (at) => {
    expect(await send(sized + JSON_TEXT.slice(0, at), 'half-close')).toBeInstanceOf(IncompleteRequest);
  });

  test('that is whole JSON but shorter than its Content-Length is incomplete', async () => {
    expect(await send(`${HEAD}Content-Length: 500\r\n\r\n${JSON_TEXT}`, 'half-close')).toBeInstanceOf(IncompleteRequest);
  });

  test.each([1, 2, 3, 5, 7])('in chunks, without its last %d bytes, is incomplete', async (missing) => {
    expect(await send(chunked.slice(0, -missing), 'half-close')).toBeInstanceOf(IncompleteRequest);
  });

  test('of a client that resets its connection is incomplete', async () => {
    expect(await send(sized + JSON_TEXT.slice(0, 5), 'reset')).toBeInstanceOf(IncompleteRequest);
  });

  test('over the limit is too large', async () => {
    expect(await send(`${HEAD}Content-Length: 101\r\n\r\n${'x'.repeat(101)}`, 'keep')).toEqual(new BodyTooLarge('The body has 101 bytes; the limit is 100.'));
  });
});
