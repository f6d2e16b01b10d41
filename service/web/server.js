/** The server behind the page: its client, its models, and its key if it wants one. */

import { ChiasmError } from './connection.js';
import { askForKey, keptKey } from './key.js';

/** @typedef {import('./client.js').Chiasm} Chiasm */
/** @typedef {import('./answers.js').ModelRow} ModelRow */
/** @typedef {import('./answers.js').ModelDetail} ModelDetail */

export class Server {
  /** @type {ModelRow[]} */
  models = [];
  /** @type {Map<string, Promise<ModelDetail>>} */
  #details = new Map();
  /** @type {Promise<string | null> | null} */
  #asking = null;

  /** @param {Chiasm} client */
  constructor(client) {
    this.client = client;
    client.apiKey = keptKey();
  }

  /** Whether requests carry a key. */
  get keyed() {
    return keptKey() !== '';
  }

  async load() {
    const list = await this.ask((client) => client.models());
    this.models = list.models;
  }

  /**
   * Return the models of a task, the default one first.
   *
   * @param {string} task
   */
  of(task) {
    const rows = this.models.filter((model) => model.task === task);
    return rows.sort((one, other) => Number(other.default) - Number(one.default));
  }

  /** @param {string} name */
  detail(name) {
    const known = this.#details.get(name) ?? this.ask((client) => client.model(name));
    this.#details.set(name, known);
    known.catch(() => this.#details.delete(name));
    return known;
  }

  /**
   * Ask the server; where it wants a key, ask for that, and then the server again.
   *
   * @template T
   * @param {(client: Chiasm) => Promise<T>} call
   * @returns {Promise<T>}
   */
  async ask(call) {
    for (;;) {
      try {
        return await call(this.client);
      } catch (error) {
        if (!(error instanceof ChiasmError) || error.code !== 'unauthorized') throw error;
        this.#asking ??= askForKey().finally(() => (this.#asking = null));
        const key = await this.#asking;
        if (key === null) throw error;
        this.client.apiKey = key;
      }
    }
  }
}
