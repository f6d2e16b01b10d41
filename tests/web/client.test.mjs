// The JavaScript client against a real server; run by test_client.py, which says where that is.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { Chiasm, ChiasmError } from '../../service/web/client.js';
import { serverSentEvents } from '../../service/web/events.js';

const { CHIASM_URL, CHIASM_KEY, CHIASM_TASKS = '' } = process.env;
const installed = new Set(CHIASM_TASKS.split(','));
const chiasm = new Chiasm(CHIASM_URL, { apiKey: CHIASM_KEY });
const sample = (name) => readFile(new URL(`../../service/web/samples/${name}`, import.meta.url));
const [cat, coffee, astronaut, changed] = await Promise.all(
  ['cat.jpg', 'coffee.jpg', 'astronaut.jpg', 'astronaut-changed.jpg'].map(sample),
);
const skip = (...tasks) => ({
  skip: tasks.every((task) => installed.has(task)) ? false : `needs ${tasks.join(', ')}`,
});

/** A server that answers what it is told, in order, and keeps what it was asked. */
async function scripted(...answers) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request);
    const { status = 200, headers = {}, body = '{}' } = answers.shift() ?? { status: 500 };
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    if (body === null) response.flushHeaders();
    else response.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    asked,
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const overloaded = (after) => ({
  status: 503,
  headers: after === undefined ? {} : { 'Retry-After': after },
  body: JSON.stringify({ code: 'overloaded', detail: 'the queue is full', request_id: 'abc' }),
});

test('classify', skip('classify'), async () => {
  const answer = await chiasm.classify(cat, { top_k: 2 });

  assert.equal(answer.predictions.length, 2);
  assert.equal(answer.predictions[0].label, 'Egyptian cat');
  assert.deepEqual(answer.image, { width: 451, height: 300 });
  assert.equal(answer.meta.provider, 'CPUExecutionProvider');
  assert.ok(answer.meta.requestId);
  assert.ok(answer.meta.elapsedMs > 0);
  const stages = answer.meta.timings.map(({ name }) => name);
  assert.deepEqual(stages, ['decode', 'preprocess', 'queue', 'infer', 'postprocess']);
});

test('several models are asked by a list', skip('classify'), async () => {
  const answer = await chiasm.classify(cat, {
    model: ['efficientnet-lite0', 'efficientnet-lite0'],
  });

  assert.equal(answer.model, 'efficientnet-lite0');
});

test('detect, from any kind of bytes', skip('detect'), async () => {
  for (const picture of [coffee, new Blob([coffee]), new Uint8Array(coffee).buffer]) {
    const { detections } = await chiasm.detect(picture, { classes: 'cup', score_threshold: 0.5 });
    assert.deepEqual(
      detections.map(({ label }) => label),
      ['cup'],
    );
  }
});

test('segment', skip('segment'), async () => {
  const { map } = await chiasm.segment(coffee, { model: 'edges', filter: 'sobel' });

  assert.equal(map.filter, 'sobel');
});

test('faces', skip('face-detect'), async () => {
  const { faces } = await chiasm.faces(astronaut, { landmarks: true });

  assert.equal(faces.length, 1);
  assert.equal(faces[0].landmarks.length, 68);
});

test('verify', skip('face-embed'), async () => {
  const { verified, faces } = await chiasm.verify(astronaut, new Blob([changed]));

  assert.equal(verified, true);
  assert.deepEqual(
    faces.map(({ picture }) => picture),
    ['image1', 'image2'],
  );
});

test('draw answers with a picture', skip('detect'), async () => {
  const drawn = await chiasm.draw('detect', coffee, {}, { accept: 'image/webp' });

  assert.equal(drawn.type, 'image/webp');
  assert.equal(Buffer.from(await drawn.arrayBuffer()).toString('latin1', 8, 12), 'WEBP');
});

test('models, one model, and whether all are ready', async () => {
  const { models } = await chiasm.models();
  const detail = await chiasm.model(models[0].name);

  assert.equal(detail.name, models[0].name);
  assert.ok(detail.manifest.sha256);
  assert.equal((await chiasm.readiness()).ready, true);
});

test('style, from the start to the end', skip('style-presets'), async () => {
  const seen = [];
  const options = { preset: '3', size: 96 };
  const started = await chiasm.startStyle({ content: cat }, options, { idempotencyKey: 'once' });
  for await (const event of chiasm.styleEvents(started.id)) seen.push(event.status);
  const again = await chiasm.startStyle({ content: cat }, options, { idempotencyKey: 'once' });
  const job = await chiasm.styleJob(started.id, { wait: 30 });
  const result = await chiasm.styleResult(started.id, { accept: 'image/jpeg' });

  assert.equal(seen.at(-1), 'succeeded');
  assert.equal(again.id, started.id);
  assert.equal(job.progress, 1);
  assert.equal(result.type, 'image/jpeg');
  assert.ok((await chiasm.stylePreview(started.id)).size > 0);
  assert.ok((await chiasm.styleJobs({ limit: 5 })).jobs.some(({ id }) => id === started.id));
  await chiasm.cancelStyle(started.id);
  await assert.rejects(chiasm.styleJob(started.id), { code: 'job_not_found', status: 404 });
});

test('style from a picture', skip('style-encode', 'style-transform'), async () => {
  const pictures = { content: cat, style: await sample('night.jpg') };
  const { id } = await chiasm.startStyle(pictures, { method: 'fast', size: 96 });
  for await (const { status } of chiasm.styleEvents(id)) assert.notEqual(status, 'failed');
  assert.equal((await chiasm.styleJob(id)).status, 'succeeded');
});

const all = [
  ...['classify', 'detect', 'segment', 'face-detect', 'face-landmarks', 'face-embed'],
  'style-presets',
];

test('every operation of the document is driven', skip(...all), async () => {
  const { paths } = await (await fetch(`${CHIASM_URL}/openapi.json`)).json();
  const known = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const asked = [];
  const recording = (url, request) => {
    asked.push(`${request.method} ${new URL(url).pathname}`);
    return fetch(url, request);
  };
  const client = new Chiasm(CHIASM_URL, { apiKey: CHIASM_KEY, fetch: recording });

  assert.equal((await client.health()).status, 'ok');
  assert.equal((await client.readiness()).ready, true);
  assert.match(await client.metrics(), /^chiasm_requests_total\{route="\/readyz"/m);
  for (const { name } of (await client.models()).models) {
    assert.ok((await client.model(name)).manifest.sha256);
  }
  assert.ok((await client.classify(cat)).predictions.length > 0);
  assert.ok((await client.detect(coffee)).detections.length > 0);
  assert.ok((await client.segment(astronaut, { mask: 'none' })).classes.length > 0);
  assert.equal((await client.faces(astronaut, { landmarks: false })).faces.length, 1);
  assert.equal((await client.verify(astronaut, changed)).verified, true);
  const { id } = await client.startStyle({ content: cat }, { preset: '3', size: 96 });
  for await (const { status } of client.styleEvents(id)) assert.notEqual(status, 'failed');
  assert.equal((await client.styleJob(id)).status, 'succeeded');
  assert.ok((await client.stylePreview(id)).size > 0);
  assert.ok((await client.styleResult(id)).size > 0);
  assert.ok((await client.styleJobs()).jobs.some((job) => job.id === id));
  await client.cancelStyle(id);

  const shape = (operation) => new RegExp(`^${operation.replace(/\{\w+\}/g, '[^/]+')}$`);
  assert.deepEqual(
    known.filter((operation) => !asked.some((one) => shape(operation).test(one))),
    [],
  );
});

test('an error has a code, a status and a sentence', async () => {
  const error = await chiasm.classify(new Uint8Array([1, 2, 3])).catch((reason) => reason);

  assert.ok(error instanceof ChiasmError);
  assert.equal(error.code, 'unsupported_format');
  assert.equal(error.status, 415);
  assert.match(error.message, /^not a JPEG/);
  assert.equal(error.retryAfter, null);
  assert.equal(error.requestId, error.problem.request_id);
  await assert.rejects(chiasm.classify(cat, { top_k: 0 }), { code: 'invalid_option' });
  await assert.rejects(chiasm.model('nobody'), { code: 'model_not_found' });
});

test('a key is sent, and only to its own server', async () => {
  const server = await scripted({}, {});
  const client = new Chiasm(server.url, { apiKey: 'secret' });
  await client.models();
  client.apiKey = 'another';
  await client.models();

  assert.deepEqual(
    server.asked.map(({ headers }) => headers['x-api-key']),
    ['secret', 'another'],
  );
  await server.close();
});

test('a deadline goes along', async () => {
  const server = await scripted({});
  await new Chiasm(`${server.url}/below`).models({ deadlineMs: 250 });

  assert.equal(server.asked[0].headers['x-deadline-ms'], '250');
  assert.equal(server.asked[0].url, '/below/models');
  await server.close();
});

test('without being asked to, nothing is tried again', async () => {
  const server = await scripted(overloaded('0'), {});
  const error = await new Chiasm(server.url).models().catch((reason) => reason);

  assert.equal(error.code, 'overloaded');
  assert.equal(error.retryAfter, 0);
  assert.equal(server.asked.length, 1);
  await server.close();
});

test('asked to, it comes back when the server says, as often as allowed', async () => {
  const soon = new Date(Date.now() - 1000).toUTCString(); // a date that has come
  const server = await scripted(
    overloaded('0'),
    overloaded(soon),
    {},
    ...Array(3).fill(overloaded('0')),
  );
  await new Chiasm(server.url, { retries: 2 }).models();
  assert.equal(server.asked.length, 3);

  await assert.rejects(new Chiasm(server.url).models({ retries: 2 }), { code: 'overloaded' });
  assert.equal(server.asked.length, 6);
  await server.close();
});

test('an error without Retry-After is not tried again', async () => {
  const server = await scripted(overloaded(undefined), {});
  await assert.rejects(new Chiasm(server.url, { retries: 5 }).models(), { retryAfter: null });

  assert.equal(server.asked.length, 1);
  await server.close();
});

test('waiting to come back can be aborted', async () => {
  const server = await scripted(overloaded('600'));
  const aborter = new AbortController();
  const asking = new Chiasm(server.url, { retries: 1 }).models({ signal: aborter.signal });
  while (server.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  setTimeout(() => aborter.abort(), 20);

  await assert.rejects(asking, { name: 'AbortError' });
  await server.close();
});

test('a request can be aborted', async () => {
  const server = await scripted({ body: null });
  const aborter = new AbortController();
  const asking = new Chiasm(server.url).classify(cat, {}, { signal: aborter.signal });
  setTimeout(() => aborter.abort(), 20);

  await assert.rejects(asking, { name: 'AbortError' });
  await server.close();
});

test('a server that is not there, or answers nonsense, is an error with a code', async () => {
  const server = await scripted({ body: '<html>' }, { status: 502, body: '<html>' });
  await assert.rejects(new Chiasm(server.url).models(), { code: 'unreachable' });
  await assert.rejects(new Chiasm(server.url).models(), { code: 'http_error', status: 502 });
  await server.close();
  await assert.rejects(new Chiasm(server.url).models(), { code: 'unreachable', status: 0 });
});

test('events go on after the last one when the connection breaks', async () => {
  const stream = { headers: { 'Content-Type': 'text/event-stream' } };
  const server = await scripted(
    { ...stream, body: 'retry: 1\n\nid: 7\ndata: {"status":"running","step":1}\n\n' },
    overloaded(undefined),
    { ...stream, body: 'id: 8\ndata: {"status":"succeeded","step":2}\n\nid: 9\ndata: {}\n\n' },
  );
  const steps = [];
  for await (const { step } of new Chiasm(server.url).styleEvents('a')) steps.push(step);

  assert.deepEqual(steps, [1, 2]);
  const last = server.asked.map(({ headers }) => headers['last-event-id']);
  assert.deepEqual(last, [undefined, '7', '7']);
  await server.close();
});

test('events of a job that is not there are an error at once', async () => {
  const body = JSON.stringify({ code: 'job_not_found', detail: 'there is no such job' });
  const server = await scripted({ status: 404, body });
  const events = new Chiasm(server.url).styleEvents('a');

  await assert.rejects(events.next(), { code: 'job_not_found' });
  assert.equal(server.asked.length, 1);
  await server.close();
});

test('server-sent events are read as the standard has it', async () => {
  const text =
    ': a comment\r\n\r\ndata: one\r\ndata:two\r\nevent: news\r\nid: 1\r\n\r\n' +
    'data\n\nid\ndata:  x: y\n\nunknown: 1\nretry: soon\n\nretry: 20\n\ndata: cut off';
  for (const size of [1, 3, 1000]) {
    const events = [];
    for await (const event of serverSentEvents(inPieces(text, size))) events.push(event);
    assert.deepEqual(events, [
      { type: 'news', data: 'one\ntwo', id: '1', retryMs: null },
      { type: 'message', data: '', id: '1', retryMs: null },
      { type: 'message', data: ' x: y', id: '', retryMs: null },
      { type: 'message', data: '', id: '', retryMs: 20 },
    ]);
  }
});

function inPieces(text, size) {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size)
        controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
}
