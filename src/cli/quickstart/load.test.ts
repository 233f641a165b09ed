import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { summarise } from './figures.ts';
import { startLoad } from './load.ts';

/** A server that answers as told; rows 0 and 1 have the probabilities 0.25 and 0.75. */
async function loadAgainst(answer: (response: ServerResponse, row: number) => void, ms = 300) {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(response, Number(JSON.parse(body).row)));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close().closeAllConnections());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;
  const expected = new Map([['1.0.0', Float64Array.of(0.25, 0.75)]]);
  const load = startLoad(url, ['{"row":0}', '{"row":1}'], 200, expected);
  await sleep(ms);
  await load.stop();
  return load.samples;
}

function answerOf(version: string, probability: number): string {
  const outputs = [
    { name: 'probabilities', datatype: 'FP32', shape: [1, 2], data: [1 - probability, probability] },
  ];
  return JSON.stringify({ model_name: 'churn', model_version: version, outputs });
}

const right = (response: ServerResponse, row: number) =>
  void response.end(answerOf('1.0.0', row === 0 ? 0.25 : 0.75));

describe('startLoad', () => {
  it('sends at its rate whether or not answers come, and finds nothing wrong with right answers', async () => {
    const samples = await loadAgainst((response, row) => void setTimeout(() => right(response, row), 150));
    expect(samples.length).toBeGreaterThan(40);
    expect(samples.filter(({ failure }) => failure !== undefined)).toEqual([]);
    expect(Math.min(...samples.map(({ latency }) => latency))).toBeGreaterThan(140);
  });

  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    [
      'a status',
      (response) => void response.writeHead(503).end('{"error":"full"}'),
      /^status 503: \{"error":"full"\}/,
    ],
    [
      'a version that was never rolled out',
      (response) => void response.end(answerOf('9.9.9', 0.25)),
      /version 9\.9\.9 answered, which was never/,
    ],
    [
      'a probability of another model',
      (response) => void response.end(answerOf('1.0.0', 0.3)),
      /1\.0\.0 answered 0\.3, its model says 0\.[27]5/,
    ],
    ['something else', (response) => void response.end('{}'), /^not an answer/],
    ['no JSON', (response) => void response.end('<html>'), /./],
    ['a connection that is cut', (response) => void response.destroy(), /./],
  ])('counts %s as a failure', async (_, answer, failure) => {
    const samples = await loadAgainst(answer, 60);
    expect(samples.length).toBeGreaterThan(0);
    for (const sample of samples) expect(sample.failure).toMatch(failure);
  });

  it('tells when a version has answered', async () => {
    const server = createServer((request, response) => {
      request.resume();
      request.on('end', () => response.end(answerOf('1.0.0', 0.25)));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close().closeAllConnections());
    const address = server.address();
    const load = startLoad(
      `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`,
      ['{}'],
      200,
      new Map([['1.0.0', Float64Array.of(0.25)]]),
    );
    expect(await load.seen('1.0.0', AbortSignal.timeout(5000))).toMatchObject({ version: '1.0.0' });
    const cancelled = AbortSignal.abort(new Error('cancelled'));
    await expect(load.seen('2.0.0', cancelled)).rejects.toThrow('cancelled');
    await load.stop();
  });
});

describe('summarise', () => {
  it('counts, and takes percentiles of the spans that it is given', () => {
    const samples = Array.from({ length: 200 }, (_, index) => ({ due: index, latency: index < 100 ? 1 : 5 }));
    const failed = [{ due: 300, latency: 9, failure: 'status 500' }];
    expect(summarise([...samples, ...failed], [{ from: 0, to: 99 }], [{ from: 100, to: 199 }])).toEqual({
      requests: 201,
      failed: 1,
      p50Ms: 5,
      p99SteadyMs: 1,
      p99SwapMs: 5,
    });
  });
});
