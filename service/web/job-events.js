/** The events of a style job, over as many connections as it takes. */

import { ChiasmError, pause, unreachable } from './connection.js';
import { serverSentEvents } from './events.js';

/** @typedef {import('./answers.js').StyleEvent} StyleEvent */

const RECONNECT_MS = 1000; // unless the server says otherwise
const MAX_SILENT = 5; // connections in a row that break without an event
const FINISHED = new Set(['succeeded', 'failed', 'canceled']);

/**
 * Yield what has happened each time that a job has got further; ends when the job does.
 *
 * @param {import('./connection.js').Connection} connection
 * @param {string} path Of the job.
 * @param {{signal?: AbortSignal, lastEventId?: string}} [call]
 * @returns {AsyncGenerator<StyleEvent, void, void>}
 */
export async function* jobEvents(connection, path, { signal, lastEventId = '' } = {}) {
  let waitMs = RECONNECT_MS;
  for (let silent = 0; silent < MAX_SILENT; silent += 1) {
    try {
      for await (const event of listen(connection, path, lastEventId, signal)) {
        silent = -1;
        lastEventId = event.id;
        waitMs = event.retryMs ?? waitMs;
        if (event.data === '') continue;
        const news = /** @type {StyleEvent} */ (JSON.parse(event.data));
        yield news;
        if (FINISHED.has(news.status)) return;
      }
    } catch (error) {
      if (signal?.aborted || !isBroken(error)) throw error;
    }
    await pause(waitMs, signal);
  }
  throw unreachable(undefined);
}

/**
 * @param {import('./connection.js').Connection} connection
 * @param {string} path
 * @param {string} lastEventId
 * @param {AbortSignal} [signal]
 */
async function* listen(connection, path, lastEventId, signal) {
  /** @type {Record<string, string>} */
  const headers = { Accept: 'text/event-stream' };
  if (lastEventId) headers['Last-Event-ID'] = lastEventId;
  const { body } = await connection.send('GET', `${path}/events`, { headers, call: { signal } });
  if (body !== null) yield* serverSentEvents(body);
}

/** @param {unknown} error Whether the connection broke, or the server could not answer just now. */
function isBroken(error) {
  const unavailable = error instanceof ChiasmError && (error.status === 0 || error.status >= 500);
  return unavailable || error instanceof TypeError; // as which a body ends before its time
}
