/**
 * A client of Chiasm for browsers and for Node 20 or newer: no dependencies, no build step.
 *
 *     import { Chiasm } from 'http://127.0.0.1:8000/web/client.js';
 *
 *     const chiasm = new Chiasm();
 *     const { detections } = await chiasm.detect(file, { score_threshold: 0.5 });
 *
 * One method an endpoint, most of its lines a type. Options have the names that the HTTP interface
 * gives them. Every call can be aborted, and every
 * error that the server means is a `ChiasmError` with its stable `code`.
 */

import { ChiasmError, Connection } from './connection.js';
import { jobEvents } from './job-events.js';

export { ChiasmError };

/** @typedef {Blob | BufferSource} Picture The bytes of a picture file, such as a `File`. */
/** @typedef {import('./connection.js').Options} Options */
/** @typedef {import('./connection.js').Call} Call */
/**
 * @template T
 * @typedef {import('./connection.js').Answer<T>} Answer
 */
/** @typedef {import('./answers.js').ClassifyAnswer} ClassifyAnswer */
/** @typedef {import('./answers.js').DetectAnswer} DetectAnswer */
/** @typedef {import('./answers.js').SegmentAnswer} SegmentAnswer */
/** @typedef {import('./answers.js').FacesAnswer} FacesAnswer */
/** @typedef {import('./answers.js').VerifyAnswer} VerifyAnswer */
/** @typedef {import('./answers.js').ModelList} ModelList */
/** @typedef {import('./answers.js').ModelDetail} ModelDetail */
/** @typedef {import('./answers.js').Readiness} Readiness */
/** @typedef {import('./answers.js').StyleJob} StyleJob */
/** @typedef {import('./answers.js').StyleJobs} StyleJobs */
/** @typedef {import('./answers.js').StyleEvent} StyleEvent */

/** One server. */
export class Chiasm {
  #connection;

  /**
   * @param {string | URL} [base] Default: the server that this module came from.
   * @param {object} [settings]
   * @param {string} [settings.apiKey] Sent with every request.
   * @param {number} [settings.retries] Default of every call's `retries`; 0 asks once.
   * @param {typeof globalThis.fetch} [settings.fetch]
   */
  constructor(base = new URL('..', import.meta.url), settings = {}) {
    this.#connection = new Connection(base, settings);
  }

  /** @param {string} key */
  set apiKey(key) {
    this.#connection.apiKey = key;
  }

  /**
   * Return the address of a path of this server.
   *
   * @param {string} path Without a slash in front.
   * @param {Options} [query]
   */
  address(path, query) {
    return this.#connection.address(path, query);
  }

  /**
   * Name what a picture shows.
   *
   * @param {Picture} picture
   * @param {Options} [options] model, top_k, min_score, crops
   * @param {Call} [call]
   * @returns {Promise<Answer<ClassifyAnswer>>}
   */
  classify(picture, options, call) {
    return this.#ask('classify', picture, options, call);
  }

  /**
   * Find things in a picture.
   *
   * @param {Picture} picture
   * @param {Options} [options] model, score_threshold, iou_threshold, max_detections, classes,
   *   class_agnostic
   * @param {Call} [call]
   * @returns {Promise<Answer<DetectAnswer>>}
   */
  detect(picture, options, call) {
    return this.#ask('detect', picture, options, call);
  }

  /**
   * Say of every pixel what it belongs to.
   *
   * @param {Picture} picture
   * @param {Options} [options] model, mask, instances, filter
   * @param {Call} [call]
   * @returns {Promise<Answer<SegmentAnswer>>}
   */
  segment(picture, options, call) {
    return this.#ask('segment', picture, options, call);
  }

  /**
   * Find faces, their landmarks and their encodings.
   *
   * @param {Picture} picture
   * @param {Options} [options] model, landmarks, embed, accuracy, score_threshold, max_faces
   * @param {Call} [call]
   * @returns {Promise<Answer<FacesAnswer>>}
   */
  faces(picture, options, call) {
    return this.#ask('faces', picture, options, call);
  }

  /**
   * Say whether two pictures show one person.
   *
   * @param {Picture} one
   * @param {Picture} other
   * @param {Options} [options] model, threshold, max_false_match_rate, faces, accuracy
   * @param {Call} [call]
   * @returns {Promise<Answer<VerifyAnswer>>}
   */
  verify(one, other, options, call) {
    return this.#ask('verify', parts({ image1: one, image2: other }), options, call);
  }

  /**
   * Answer with a picture: what was found drawn on it, or a mask of /segment.
   *
   * @param {'detect' | 'faces' | 'segment'} task
   * @param {Picture} picture
   * @param {Options} [options] Of the task, and `render`.
   * @param {Call & {accept?: string}} [call] The media type that is wanted.
   */
  async draw(task, picture, options, { accept = 'image/png', ...call } = {}) {
    const sent = { query: options, body: picture, headers: { Accept: accept }, call };
    return (await this.#connection.send('POST', task, sent)).blob();
  }

  /**
   * List the models that are loaded.
   *
   * @param {Call} [call]
   * @returns {Promise<Answer<ModelList>>}
   */
  models(call) {
    return this.#connection.json('GET', 'models', { call });
  }

  /**
   * Describe one model, layer by layer.
   *
   * @param {string} name
   * @param {Call} [call]
   * @returns {Promise<Answer<ModelDetail>>}
   */
  model(name, call) {
    return this.#connection.json('GET', `models/${encodeURIComponent(name)}`, { call });
  }

  /**
   * Say whether the server is ready, and of each model why not.
   *
   * @param {Call} [call]
   * @returns {Promise<Readiness>}
   */
  async readiness(call) {
    try {
      return await this.#connection.json('GET', 'readyz', { call });
    } catch (error) {
      if (error instanceof ChiasmError && 'ready' in error.problem) {
        return /** @type {any} */ (error.problem); // 503, and not a problem document
      }
      throw error;
    }
  }

  /**
   * Say that the server's event loop turns; rejects where it does not.
   *
   * @param {Call} [call]
   * @returns {Promise<Answer<{status: string}>>}
   */
  health(call) {
    return this.#connection.json('GET', 'healthz', { call });
  }

  /**
   * Return the metrics in Prometheus' text format.
   *
   * @param {Call} [call]
   * @returns {Promise<string>}
   */
  async metrics(call) {
    return (await this.#connection.send('GET', 'metrics', { call })).text();
  }

  /**
   * Return the OpenAPI document: every endpoint, for machines.
   *
   * @param {Call} [call]
   * @returns {Promise<Answer<Record<string, any>>>}
   */
  openapi(call) {
    return this.#connection.json('GET', 'openapi.json', { call });
  }

  /**
   * Start to paint a picture in a style; the job goes on whether anybody watches or not.
   *
   * @param {{content: Picture, style?: Picture}} pictures
   * @param {Options} [options] method, preset, strength, preserve_color, content_weight,
   *   style_weight, tv_weight, init, steps, size, seed
   * @param {Call & {idempotencyKey?: string}} [call] With a key, the same request twice is one job.
   * @returns {Promise<Answer<StyleJob>>}
   */
  startStyle(pictures, options, { idempotencyKey, ...call } = {}) {
    /** @type {Record<string, string>} */
    const headers = idempotencyKey ? { 'Idempotency-Key': idempotencyKey } : {};
    const sent = { query: options, body: parts(pictures), headers, call };
    return this.#connection.json('POST', 'style', sent);
  }

  /**
   * Tell how a job is doing.
   *
   * @param {string} id
   * @param {Call & {wait?: number}} [call] Seconds to wait for a change before answering.
   * @returns {Promise<Answer<StyleJob>>}
   */
  styleJob(id, { wait, ...call } = {}) {
    return this.#connection.json('GET', jobPath(id), { query: { wait }, call });
  }

  /**
   * List the jobs, a page at a time.
   *
   * @param {Options} [options] limit, cursor
   * @param {Call} [call]
   * @returns {Promise<Answer<StyleJobs>>}
   */
  styleJobs(options, call) {
    return this.#connection.json('GET', 'style', { query: options, call });
  }

  /**
   * Yield what has happened each time that a job has got further; ends when the job does.
   *
   * A connection that breaks is made again, and goes on after the last event.
   *
   * @param {string} id
   * @param {{signal?: AbortSignal, lastEventId?: string}} [call]
   * @returns {AsyncGenerator<StyleEvent, void, void>}
   */
  styleEvents(id, call) {
    return jobEvents(this.#connection, jobPath(id), call);
  }

  /**
   * Return what a job painted.
   *
   * @param {string} id
   * @param {Call & {accept?: string}} [call] image/png, image/jpeg or image/webp.
   */
  styleResult(id, call) {
    return this.#picture(`${jobPath(id)}/result`, call);
  }

  /**
   * Return the picture as far as a job has painted it.
   *
   * @param {string} id
   * @param {Call & {accept?: string}} [call] image/png, image/jpeg or image/webp.
   */
  stylePreview(id, call) {
    return this.#picture(`${jobPath(id)}/preview`, call);
  }

  /**
   * Cancel a job, or forget a finished one; its pictures are removed.
   *
   * @param {string} id
   * @param {Call} [call]
   * @returns {Promise<Answer<StyleJob>>}
   */
  cancelStyle(id, call) {
    return this.#connection.json('DELETE', jobPath(id), { call });
  }

  /**
   * @param {string} path
   * @param {BodyInit} body
   * @param {Options} [query]
   * @param {Call} [call]
   */
  #ask(path, body, query, call) {
    return this.#connection.json('POST', path, { query, body, call });
  }

  /**
   * @param {string} path
   * @param {Call & {accept?: string}} [call]
   */
  async #picture(path, { accept = 'image/png', ...call } = {}) {
    const sent = { headers: { Accept: accept }, call };
    return (await this.#connection.send('GET', path, sent)).blob();
  }
}

/** @param {string} id */
function jobPath(id) {
  return `style/${encodeURIComponent(id)}`;
}

/** @param {Record<string, Picture | undefined>} pictures */
function parts(pictures) {
  const form = new FormData();
  for (const [name, picture] of Object.entries(pictures)) {
    if (picture === undefined) continue;
    form.append(name, picture instanceof Blob ? picture : new Blob([picture]));
  }
  return form;
}
