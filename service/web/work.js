/** One thing at a time: what is begun anew aborts what was under way. */

export class Work {
  /** @type {AbortController | null} */
  #current = null;
  #onchange;

  /** @param {(busy: boolean) => void} onchange */
  constructor(onchange) {
    this.#onchange = onchange;
  }

  /**
   * Run a job; its outcome only matters if no other one has been started since.
   *
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} job
   * @param {(value: T) => void} done
   * @param {(error: unknown) => void} failed Also called, with an AbortError, after `abort`.
   */
  async start(job, done, failed) {
    this.#current?.abort();
    const mine = new AbortController();
    this.#current = mine;
    this.#onchange(true);
    /** @type {() => void} */
    let report;
    try {
      const value = await job(mine.signal);
      report = () => done(value);
    } catch (error) {
      report = () => failed(error);
    }
    if (this.#current !== mine) return;
    this.#current = null;
    this.#onchange(false);
    report();
  }

  abort() {
    this.#current?.abort();
  }
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}
