/** Tabs as the ARIA Authoring Practices describe them: one stop, arrows between them. */

/** @type {Record<string, (index: number, count: number) => number>} */
const MOVES = {
  ArrowRight: (index, count) => (index + 1) % count,
  ArrowLeft: (index, count) => (index + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/**
 * Bring a tab list to life; the address's fragment says which tab is open.
 *
 * @param {HTMLElement} list Holds buttons of role `tab`, each naming its panel.
 * @param {(name: string) => void} onselect Called with the name of every tab that opens.
 */
export function tabs(list, onselect) {
  const buttons = /** @type {HTMLElement[]} */ ([...list.querySelectorAll('[role=tab]')]);

  /** @param {HTMLElement} chosen */
  const select = (chosen) => {
    for (const button of buttons) {
      const open = button === chosen;
      button.setAttribute('aria-selected', String(open));
      button.tabIndex = open ? 0 : -1;
      panelOf(button).hidden = !open;
    }
    onselect(nameOf(chosen));
  };
  const byAddress = () => buttons.find((button) => `#${nameOf(button)}` === location.hash);

  for (const [index, button] of buttons.entries()) {
    button.addEventListener('click', () => {
      if (byAddress() !== button) history.replaceState(null, '', `#${nameOf(button)}`);
      select(button);
    });
    button.addEventListener('keydown', (event) => {
      const move = MOVES[event.key];
      if (move === undefined) return;
      event.preventDefault();
      const next = buttons[move(index, buttons.length)];
      next.focus();
      next.click();
    });
  }
  addEventListener('hashchange', () => select(byAddress() ?? buttons[0]));
  select(byAddress() ?? buttons[0]);
}

/** @param {HTMLElement} button */
function panelOf(button) {
  const panel = document.getElementById(button.getAttribute('aria-controls') ?? '');
  if (panel === null) throw new Error(`the tab ${button.id} has no panel`);
  return panel;
}

/** @param {HTMLElement} button */
function nameOf(button) {
  return panelOf(button).id;
}
