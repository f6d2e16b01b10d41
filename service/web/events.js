/**
 * Server-sent events out of a stream of bytes.
 *
 * The browser's own EventSource cannot send an API key, and Node 20 has none.
 * Source: HTML Living Standard, section 9.2.6, "Interpreting an event stream".
 */

/**
 * @typedef {object} ServerSentEvent
 * @property {string} type `message` unless the server named it.
 * @property {string} data
 * @property {string} id The last one that the server gave; send it as `Last-Event-ID` to resume.
 * @property {number | null} retryMs How long the server asks to wait before connecting again.
 */

/**
 * Yield the events of a body, in order, until it ends.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<ServerSentEvent, void, void>}
 */
export async function* serverSentEvents(body) {
  let id = '';
  let fields = fresh();
  for await (const line of lines(body)) {
    if (line === '') {
      if (fields.data.length > 0 || fields.retryMs !== null) {
        yield { type: fields.type, data: fields.data.join('\n'), id, retryMs: fields.retryMs };
      }
      fields = fresh();
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') fields.data.push(value);
    else if (name === 'event') fields.type = value || 'message';
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) fields.retryMs = Number(value);
  }
}

/** @returns {{type: string, data: string[], retryMs: number | null}} */
function fresh() {
  return { type: 'message', data: [], retryMs: null };
}

/**
 * Yield the lines of a body; the last one only if it was ended.
 *
 * @param {ReadableStream<Uint8Array>} body
 */
async function* lines(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      // A carriage return at the very end may be the first half of a line end.
      const parts = text.split(/\r\n|\n|\r(?!$)/);
      text = parts.pop() ?? '';
      yield* parts;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
