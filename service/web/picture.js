/** A picture that was chosen: its bytes as they are, and what the browser could make of them. */

/**
 * @typedef {object} Picture
 * @property {Blob} blob What is sent.
 * @property {string} name Of the file, for people.
 * @property {ImageBitmap | null} bitmap Upright; null if the browser cannot read the format.
 * @property {number} width Of the upright picture; 0 if unknown.
 * @property {number} height
 */

/**
 * Open a file; one that the browser cannot read may still be one that the server can.
 *
 * @param {Blob} blob
 * @param {string} name
 * @returns {Promise<Picture>}
 */
export async function openPicture(blob, name) {
  const bitmap = await createImageBitmap(blob).catch(() => null);
  return { blob, name, bitmap, width: bitmap?.width ?? 0, height: bitmap?.height ?? 0 };
}

/** The picture that several tabs are about, so that one choice serves them all. */
export class Subject extends EventTarget {
  /** @type {Picture | null} */
  #picture = null;

  get picture() {
    return this.#picture;
  }

  /** @param {Picture | null} picture */
  set picture(picture) {
    this.#picture = picture;
    this.dispatchEvent(new Event('change'));
  }
}
