import { h } from '../dom.js';
import { nameOf, textOf } from '../selectors.js';
import { briefTime, fullTime } from '../times.js';
import { personAvatar } from './avatar.js';
import { openDialog } from './dialogs.js';

/**
 * Messages of one conversation in a dialog; choosing one shows it in its place.
 * @param {{chat: import('../chat.js').Chat, title: string, empty: string, load: () => Promise<object[]>}} options
 */
export function openMessageList({ chat, title, empty, load }) {
  const status = h('p', { class: 'people-status', role: 'status' }, 'Loading…');
  const list = h('ul', { class: 'people message-list' });
  const closed = openDialog({ title }, (close) => {
    chat.attempt(async () => {
      const messages = await load();
      await chat.directory.need(messages.map(({ senderId }) => senderId));
      status.textContent = messages.length > 0 ? '' : empty;
      list.replaceChildren(...messages.map((message) => item(chat.store, message, () => {
        close();
        chat.attempt(() => chat.jumpTo(message));
      })));
    });
    return [status, list];
  });
  return closed;
}

function item(store, message, onChosen) {
  const { senderId, createdAt } = message;
  return h('li', {}, h('button', { type: 'button', class: 'person', on: { click: onChosen } },
    personAvatar(store, senderId, { small: true }),
    h('span', { class: 'found' },
      h('span', { class: 'found-top' },
        h('span', { class: 'found-name' }, nameOf(store, senderId)),
        h('time', { datetime: createdAt, title: fullTime(createdAt) }, briefTime(createdAt))),
      h('span', { class: 'found-text' }, textOf(message)))));
}
