import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { misuse } from '../../errors.ts';
import { http } from '../../http.ts';
import { check, ok } from './check.ts';

const user = () => new AbortController().signal;

const failing = () => Promise.reject(new TypeError('a bug'));

describe('a check', () => {
  it('tells what was found, or what failed and its mend', async () => {
    expect(await check('node', user(), () => ok('fine'))).toEqual({
      code: 'node',
      status: 'ok',
      message: 'fine',
    });
    expect(
      await check('node', user(), () => Promise.reject(misuse('broken', 'it is broken', 'Mend it.'))),
    ).toEqual({
      code: 'node',
      status: 'fail',
      message: 'it is broken',
      mend: 'Mend it.',
    });
  });

  it('ends in time at a server that says nothing, whether its work looks at the signal or not', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const asks = (signal?: AbortSignal) => async () => {
      await http(url, { ...(signal && { signal }), timeoutMs: 60_000 });
      return ok('it answered');
    };
    const late = { status: 'fail', message: 'no answer came within 0.05 s', mend: expect.any(String) };
    expect(await check('registry', user(), (signal) => asks(signal)(), 50)).toMatchObject(late);
    expect(await check('registry', user(), asks(), 50)).toMatchObject(late);
  });

  it('is cancelled by the user, and shows a bug', async () => {
    const cancelled = new AbortController();
    cancelled.abort(new Error('by the user'));
    await expect(check('git', cancelled.signal, failing)).rejects.toThrow('by the user');
    await expect(check('git', user(), failing)).rejects.toThrow('a bug');
  });
});
