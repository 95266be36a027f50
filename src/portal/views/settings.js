import { h } from '../dom.js';
import { isMuted, titleOf } from '../selectors.js';
import { fullTime } from '../times.js';
import { confirmed, openDialog } from './dialogs.js';

const HOUR = 3_600_000;
/** JavaScript's dates go further; nobody's mute does. */
const ALWAYS = new Date('9999-01-01T00:00:00Z');
const MUTES = [['1 hour', HOUR], ['8 hours', 8 * HOUR], ['A week', 168 * HOUR], ['Always', null]];

/** What this member may decide about a conversation: mute it, leave it, archive it for all. */
export function openSettings({ chat, conversation }) {
  const { _id, kind, archivedAt, role } = conversation;
  return openDialog({ title: titleOf(chat.store, conversation), className: 'dialog-small' }, (close) => {
    const button = (text, work, className = 'button-quiet') =>
      h('button', { type: 'button', class: `button ${className}`, on: { click: () => run(work) } }, text);

    function run(work) {
      close();
      return chat.attempt(work);
    }

    async function leave() {
      const question = { title: 'Leave this conversation?', text: 'You can no longer read or write in it.', action: 'Leave' };
      if (await confirmed(question)) await chat.actions.leave(_id);
    }

    const mute = (length) => () => chat.actions.mute(_id, length === null ? ALWAYS : new Date(Date.now() + length));
    return [
      conversation.description && h('p', { class: 'dialog-text' }, conversation.description),
      h('h3', { class: 'dialog-heading', id: 'mute-heading' }, sayMute(conversation)),
      h('div', { class: 'choices', role: 'group', 'aria-labelledby': 'mute-heading' },
        isMuted(conversation) ? button('Unmute', () => chat.actions.mute(_id, null)) : MUTES.map(([text, length]) => button(text, mute(length)))),
      kind !== 'direct' && h('div', { class: 'dialog-actions' },
        role === 'admin' && button(archivedAt ? 'Reopen' : 'Archive', () => chat.actions.archive(_id, !archivedAt)),
        button('Leave', leave, 'button-danger')),
    ];
  });
}

function sayMute(conversation) {
  if (!isMuted(conversation)) return 'Mute for';
  const until = new Date(conversation.mutedUntil);
  return until < ALWAYS ? `Muted until ${fullTime(until)}` : 'Muted';
}
