/** The API key, where the server wants one; kept for as long as the browser's tab is open. */

import { el, freshId } from './dom.js';

const KEPT_AS = 'chiasm-api-key';

export function keptKey() {
  return sessionStorage.getItem(KEPT_AS) ?? '';
}

/**
 * Ask for the key.
 *
 * @returns {Promise<string | null>} null if none was given.
 */
export async function askForKey() {
  const id = freshId('key');
  const refused = keptKey() !== '';
  const why = refused ? 'That key was not accepted.' : 'This server wants an API key.';
  const input = el('input', { id, type: 'password', required: true, autocomplete: 'off' });
  const dialog = el(
    'dialog',
    { className: 'key', 'aria-labelledby': `${id}-title` },
    el(
      'form',
      { method: 'dialog' },
      el('h2', { id: `${id}-title` }, 'API key'),
      el('p', {}, `${why} It stays in this browser tab and is sent with every request.`),
      el('label', { htmlFor: id }, 'Key'),
      input,
      el(
        'div',
        { className: 'buttons' },
        el('button', { value: 'use', className: 'primary' }, 'Use this key'),
        el('button', { value: '', formNoValidate: true }, 'Cancel'),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  dialog.remove();
  if (dialog.returnValue !== 'use') return null;
  sessionStorage.setItem(KEPT_AS, input.value);
  return input.value;
}
