import { h } from '../dom.js';
import { audienceOf, nameOf } from '../selectors.js';
import { personAvatar } from './avatar.js';
import { openDialog } from './dialogs.js';

const HEADINGS = { read: 'Read by', delivered: 'Delivered to', waiting: 'Not delivered yet' };

/** Who has read one message, who has it, and who does not. */
export function openAudience(store, message) {
  const audience = audienceOf(store, message);
  return openDialog({ title: 'Who has read this' }, () => [
    h('p', { class: 'dialog-text quoted' }, message.content),
    ...Object.entries(HEADINGS).map(([state, heading]) => section(store, heading, audience[state])),
  ]);
}

function section(store, heading, userIds) {
  if (userIds.length === 0) return false;
  return h('section', { class: 'audience' },
    h('h3', {}, heading, ' ', h('span', { class: 'count' }, String(userIds.length))),
    h('ul', { class: 'people' }, userIds.map((id) =>
      h('li', { class: 'person' }, personAvatar(store, id, { presence: true }), h('span', { class: 'person-name' }, nameOf(store, id))))));
}
