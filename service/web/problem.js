/** Errors as sentences. */

import { ChiasmError } from './connection.js';
import { el } from './dom.js';
import { isAbort } from './work.js';

const SEE_FOR_YOURSELF = 'That is a bug of this page; the console has more';

/**
 * Return a text as a sentence.
 *
 * @param {string} text
 */
export function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/**
 * Return what is said about an error.
 *
 * @param {unknown} error
 * @param {(() => void) | null} retry What a press on “Try again” does.
 */
export function problemBox(error, retry) {
  const known = error instanceof ChiasmError ? error : null;
  if (known === null && !isAbort(error)) console.error(error);
  const told = isAbort(error) ? 'Canceled' : (known?.detail ?? SEE_FOR_YOURSELF);
  const later = known?.retryAfter ? ` Try again in ${Math.ceil(known.retryAfter)} s.` : '';
  const facts = known && known.status ? `${known.code} · request ${known.requestId}` : '';
  return el(
    'div',
    { className: isAbort(error) ? 'notice' : 'notice problem', role: 'alert' },
    el('p', {}, sentence(told) + later),
    facts ? el('p', { className: 'facts' }, facts) : null,
    retry ? el('button', { type: 'button', onclick: retry }, 'Try again') : null,
  );
}
