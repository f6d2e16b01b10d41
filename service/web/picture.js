/** A picture that was chosen: its bytes as they are, and what the browser could make of them. */

const MAX_SHOWN = 2048; // pixels of a side; what is sent is never changed

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
  if (bitmap === null) return { blob, name, bitmap, width: 0, height: 0 };
  const { width, height } = bitmap;
  return { blob, name, bitmap: await shrunk(bitmap), width, height };
}

/**
 * Return a bitmap that is drawn fast, however large the photograph is.
 *
 * @param {ImageBitmap} bitmap
 */
async function shrunk(bitmap) {
  const scale = MAX_SHOWN / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) return bitmap;
  const resizeWidth = Math.max(1, Math.round(bitmap.width * scale));
  const resizeHeight = Math.max(1, Math.round(bitmap.height * scale));
  const options = /** @type {const} */ ({ resizeWidth, resizeHeight, resizeQuality: 'high' });
  const small = await createImageBitmap(bitmap, options);
  bitmap.close();
  return small;
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
