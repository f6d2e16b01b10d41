/** A picture from the camera. */

import { el } from './dom.js';

const QUALITY = 0.92;

export const hasCamera = navigator.mediaDevices !== undefined; // only on localhost and over HTTPS

/**
 * Let people take a picture.
 *
 * @returns {Promise<Blob | null>} null if they changed their minds.
 * @throws {Error} The camera cannot be used; the message says why.
 */
export async function takePicture() {
  const stream = await open();
  const video = el('video', { autoplay: true, muted: true, playsInline: true });
  video.srcObject = stream;
  const dialog = el(
    'dialog',
    { className: 'camera', 'aria-label': 'Camera' },
    video,
    el(
      'form',
      { method: 'dialog', className: 'buttons' },
      el('button', { value: 'take', className: 'primary' }, 'Take the picture'),
      el('button', { value: '' }, 'Cancel'),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  try {
    await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
    return dialog.returnValue === 'take' ? await still(video) : null;
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    dialog.remove();
  }
}

async function open() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
  } catch (error) {
    const refused = error instanceof DOMException && error.name === 'NotAllowedError';
    throw new Error(refused ? 'The camera was not allowed.' : 'There is no camera to be used.');
  }
}

/**
 * @param {HTMLVideoElement} video
 * @returns {Promise<Blob>}
 */
function still(video) {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  return canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY });
}
