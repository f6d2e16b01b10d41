/** A painting from its start to its end. */

import { ChiasmError } from './connection.js';

/**
 * @typedef {object} Watch
 * @property {(event: import('./answers.js').StyleEvent) => void} progress
 * @property {(picture: ImageBitmap) => void} preview Called with the picture as it is meanwhile.
 */

/**
 * Have a picture painted.
 *
 * @param {import('./server.js').Server} server
 * @param {{content: Blob, style?: Blob}} pictures
 * @param {import('./connection.js').Options} query
 * @param {Watch} watch
 * @param {AbortSignal} signal Cancels the job, too.
 */
export async function paint(server, pictures, query, watch, signal) {
  // Not to be aborted half-way: a job whose id nobody was told could not be canceled.
  const { id } = await server.ask((client) => client.startStyle(pictures, query));
  const { client } = server;
  const look = looker(client, id, watch.preview);
  try {
    signal.throwIfAborted();
    for await (const event of client.styleEvents(id, { signal })) {
      watch.progress(event);
      if (event.status === 'running' && event.step > 0) look();
    }
    const job = await client.styleJob(id, { signal });
    if (job.status !== 'succeeded') throw failure(job);
    const result = await client.styleResult(id, { signal });
    return { job, result, picture: await createImageBitmap(result) };
  } catch (error) {
    if (signal.aborted) await client.cancelStyle(id).catch(() => {}); // it may have ended already
    throw error;
  }
}

/**
 * Return what fetches a preview, one at a time, and is content if there is none.
 *
 * @param {import('./client.js').Chiasm} client
 * @param {string} id
 * @param {(picture: ImageBitmap) => void} onpreview
 */
function looker(client, id, onpreview) {
  let looking = false;
  return async () => {
    if (looking) return;
    looking = true;
    try {
      const blob = await client.stylePreview(id, { accept: 'image/jpeg' });
      onpreview(await createImageBitmap(blob));
    } catch (error) {
      if (!(error instanceof ChiasmError)) throw error;
    } finally {
      looking = false;
    }
  };
}

/** @param {import('./answers.js').StyleJob} job */
function failure({ status, error }) {
  const canceled = { code: 'canceled', detail: 'the job was canceled' };
  return new ChiasmError(
    200,
    error ?? (status === 'canceled' ? canceled : { code: status, detail: status }),
  );
}
