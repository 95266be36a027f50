import { h, icon } from '../dom.js';
import { nameOf, peerId, titleOf } from '../selectors.js';

const TINTS = 7;

/** A person's pebble: their picture if the school has one, their initials else. */
export function personAvatar(store, userId, { presence = false, small = false } = {}) {
  const user = store.users.get(userId);
  const name = nameOf(store, userId);
  const pebble = h('span', { class: `avatar${small ? ' avatar-small' : ''}`, 'data-tint': tintOf(userId) }, initials(name));
  const isOwnOrigin = user?.avatar?.startsWith('/') && !user.avatar.startsWith('//');
  if (isOwnOrigin) {
    const forget = ({ target }) => target.remove();
    pebble.append(h('img', { src: user.avatar, alt: '', on: { error: forget } }));
  }
  const frame = h('span', { class: 'avatar-frame', 'aria-hidden': 'true' }, pebble);
  if (presence && store.online.has(userId)) frame.append(h('span', { class: 'presence', 'data-testid': 'presence-online' }));
  return frame;
}

export function conversationAvatar(store, conversation) {
  const peer = peerId(store, conversation);
  if (peer) return personAvatar(store, peer, { presence: true });
  const stone = h('span', { class: 'avatar avatar-group', 'data-tint': tintOf(conversation._id) });
  stone.append(conversation.kind === 'direct' ? icon('person') : initials(titleOf(store, conversation)));
  return h('span', { class: 'avatar-frame', 'aria-hidden': 'true' }, stone);
}

function initials(name) {
  const words = name.trim().split(/\s+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const letters = [words[0], words.length > 1 ? words.at(-1) : ''].map((word) => [...(word ?? '')][0] ?? '');
  return letters.join('').toLocaleUpperCase() || '·';
}

function tintOf(id) {
  return [...id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % TINTS;
}
