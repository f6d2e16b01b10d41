/** Requests to one server: addresses, keys, retries, and errors with a name. */

/** @typedef {Record<string, string | number | boolean | readonly (string | number)[] | null | undefined>} Options
 *  A query; null and undefined are left out, lists are repeated. */

/**
 * How a call is made, whatever it asks.
 *
 * @typedef {object} Call
 * @property {AbortSignal} [signal] Rejects the call with the signal's reason; the server drops it.
 * @property {number} [deadlineMs] The server answers within this time or not at all.
 * @property {number} [retries] How often to ask again when the server says when to come back.
 */

/**
 * @typedef {object} Meta
 * @property {string} requestId What the server's log calls this request.
 * @property {string} provider What the network ran on, such as `CPUExecutionProvider`.
 * @property {{name: string, ms: number}[]} timings Where the server spent its time, in order.
 * @property {number} elapsedMs From the request to the last byte of its answer.
 */

/**
 * @template T
 * @typedef {T & {meta: Meta}} Answer
 */

/**
 * @typedef {object} Sent
 * @property {Options} [query]
 * @property {BodyInit} [body]
 * @property {Record<string, string>} [headers]
 * @property {Call} [call]
 */

const RETRY_AFTER = 'Retry-After';

/** An error that the server meant, or a server that cannot be reached. */
export class ChiasmError extends Error {
  /**
   * @param {number} status The HTTP status; 0 if there was no answer.
   * @param {{code: string, detail: string} & Record<string, any>} problem
   * @param {number | null} [retryAfter] Seconds after which to try again, if the server says.
   * @param {unknown} [cause]
   */
  constructor(status, problem, retryAfter = null, cause = undefined) {
    super(problem.detail, { cause });
    this.name = 'ChiasmError';
    this.status = status;
    /** The stable name of what went wrong, such as `no_face` or `overloaded`. */
    this.code = problem.code;
    this.detail = problem.detail;
    this.retryAfter = retryAfter;
    this.requestId = String(problem.request_id ?? '');
    /** The whole document (RFC 9457), with what the error tells besides. */
    this.problem = problem;
  }
}

/** How one server is spoken with. */
export class Connection {
  #base;
  #fetch;
  #retries;

  /**
   * @param {string | URL} base
   * @param {object} [settings]
   * @param {string} [settings.apiKey]
   * @param {number} [settings.retries]
   * @param {typeof globalThis.fetch} [settings.fetch]
   */
  constructor(base, { apiKey, retries = 0, fetch = globalThis.fetch } = {}) {
    this.#base = new URL(base);
    if (!this.#base.pathname.endsWith('/')) this.#base.pathname += '/';
    this.#fetch = fetch;
    this.#retries = retries;
    this.apiKey = apiKey;
  }

  /**
   * @param {string} path
   * @param {Options} [query]
   */
  address(path, query = {}) {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== null && one !== undefined) url.searchParams.append(name, String(one));
      }
    }
    return url;
  }

  /**
   * Return the answer as an object, with what its headers say as `meta`.
   *
   * @param {string} method
   * @param {string} path
   * @param {Sent} [sent]
   * @returns {Promise<any>}
   */
  async json(method, path, { headers, ...sent } = {}) {
    const wanted = { Accept: 'application/json', ...headers };
    const { response, startedAt } = await this.#retried(method, path, { ...sent, headers: wanted });
    const document = await response.json().catch((error) => {
      throw sent.call?.signal?.aborted ? error : unreachable(error);
    });
    return { ...document, meta: meta(response.headers, performance.now() - startedAt) };
  }

  /**
   * Return the answer, which is a good one.
   *
   * @param {string} method
   * @param {string} path
   * @param {Sent} [sent]
   */
  async send(method, path, sent = {}) {
    return (await this.#retried(method, path, sent)).response;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Sent} sent
   */
  async #retried(method, path, { query, body, headers, call = {} }) {
    const { signal, deadlineMs, retries = this.#retries } = call;
    const url = this.address(path, query);
    const all = new Headers(headers);
    if (this.apiKey && url.origin === this.#base.origin) all.set('X-API-Key', this.apiKey);
    if (deadlineMs !== undefined) all.set('X-Deadline-Ms', String(deadlineMs));
    const request = { method, body, headers: all, signal };
    for (let left = retries; ; left -= 1) {
      const startedAt = performance.now();
      try {
        return { response: await this.#once(url, request), startedAt };
      } catch (error) {
        if (!(error instanceof ChiasmError) || error.retryAfter === null || left <= 0) throw error;
        await pause(error.retryAfter * 1000, signal);
      }
    }
  }

  /**
   * @param {URL} url
   * @param {RequestInit} request
   */
  async #once(url, request) {
    const fetch = this.#fetch; // called as a method it would be refused in a browser
    /** @type {Response} */
    let response;
    try {
      response = await fetch(url, request);
    } catch (error) {
      throw request.signal?.aborted ? error : unreachable(error);
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

/**
 * Return the error of a server that did not answer.
 *
 * @param {unknown} cause
 */
export function unreachable(cause) {
  const detail = 'the server cannot be reached';
  return new ChiasmError(0, { code: 'unreachable', detail }, null, cause);
}

/**
 * Wait; rejects with the signal's reason when that is aborted.
 *
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * @param {Response} response
 * @returns {Promise<ChiasmError>}
 */
async function problemOf(response) {
  const nothing = { code: 'http_error', detail: `the server answered ${response.status}` };
  const document = await response.json().catch(() => ({})); // a proxy may answer with a page
  const retryAfter = secondsUntil(response.headers.get(RETRY_AFTER));
  return new ChiasmError(response.status, { ...nothing, ...document }, retryAfter);
}

/**
 * @param {string | null} value Of `Retry-After`: seconds or a date (RFC 9110, 10.2.3).
 * @returns {number | null}
 */
function secondsUntil(value) {
  if (value === null) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? null : Math.max(0, seconds);
}

/**
 * @param {Headers} headers
 * @param {number} elapsedMs
 * @returns {Meta}
 */
function meta(headers, elapsedMs) {
  const stages = (headers.get('Server-Timing') ?? '').matchAll(/([\w-]+);dur=([\d.]+)/g);
  return {
    requestId: headers.get('X-Request-ID') ?? '',
    provider: headers.get('X-Execution-Provider') ?? '',
    timings: Array.from(stages, ([, name, ms]) => ({ name, ms: Number(ms) })),
    elapsedMs,
  };
}
