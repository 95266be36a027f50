import { h, iconButton } from '../dom.js';

/**
 * A modal dialog, shown at once and taken away when closed. Escape, the close button and a click beside it close it.
 * @param {{title: string, className?: string}} options
 * @param {(close: (answer?: string) => void) => (Node | false | undefined)[]} build its content
 * @returns {Promise<string>} what it was closed with, empty if nothing
 */
export function openDialog({ title, className = '' }, build) {
  const dialog = h('dialog', { class: `dialog ${className}`, 'aria-labelledby': 'dialog-title' });
  const close = (answer = '') => dialog.close(answer);
  const header = h('header', { class: 'dialog-header' },
    h('h2', { id: 'dialog-title' }, title),
    iconButton('close', 'Close', { on: { click: () => close() } }));
  dialog.append(h('div', { class: 'dialog-body' }, header, ...build(close).filter(Boolean)));
  dialog.addEventListener('click', ({ target }) => target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

/** @returns {Promise<boolean>} whether the reader agreed */
export async function confirmed({ title, text, action }) {
  const answer = await openDialog({ title, className: 'dialog-small' }, (close) => [
    h('p', { class: 'dialog-text' }, text),
    h('div', { class: 'dialog-actions' },
      h('button', { type: 'button', class: 'button button-quiet', on: { click: () => close() } }, 'Cancel'),
      h('button', { type: 'button', class: 'button button-danger', on: { click: () => close('yes') } }, action)),
  ]);
  return answer === 'yes';
}
