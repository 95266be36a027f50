import { h, hiddenText } from '../dom.js';
import { titleOf } from '../selectors.js';
import { briefTime } from '../times.js';
import { conversationAvatar } from './avatar.js';
import { openDialog } from './dialogs.js';

/** Conversations that nobody writes in any more; choosing one opens it. */
export function openArchived({ chat, onChosen }) {
  const status = h('p', { class: 'people-status', role: 'status' }, 'Loading…');
  const list = h('ul', { class: 'people' });
  return openDialog({ title: 'Archived conversations' }, (close) => {
    chat.attempt(async () => {
      const conversations = await chat.actions.archived();
      status.textContent = conversations.length > 0 ? '' : 'Nothing is archived.';
      list.replaceChildren(...conversations.map((conversation) => item(chat.store, conversation, () => {
        close();
        onChosen(conversation._id);
      })));
    });
    return [status, list];
  });
}

function item(store, conversation, onClick) {
  return h('li', {}, h('button', { type: 'button', class: 'person', on: { click: onClick } },
    conversationAvatar(store, conversation),
    h('span', { class: 'person-name' }, titleOf(store, conversation)),
    h('span', { class: 'person-role' }, hiddenText('archived '), briefTime(conversation.archivedAt))));
}
