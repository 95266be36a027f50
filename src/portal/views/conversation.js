import { batched, h, icon, iconButton, keyedList, moveByArrows } from '../dom.js';
import { nameOf, otherMembers, peerId, readMarkers, titleOf, typingLine } from '../selectors.js';
import { ago } from '../times.js';
import { openAudience } from './audience.js';
import { conversationAvatar } from './avatar.js';
import { composer } from './composer.js';
import { confirmed } from './dialogs.js';
import { messageRows, queuedRows } from './message.js';
import { openMessageList } from './message-list.js';
import { keepPlace } from './scrolling.js';
import { openSettings } from './settings.js';

/** One conversation: who takes part, the messages, and where to write. */
export function conversationView({ chat, onBack }) {
  const { store, outbox, receipts, typing } = chat;
  const deeds = chat.actions;
  let shownId = null;
  let unreadFrom = null;
  let isPlaced = false;

  const avatar = h('span', { class: 'head-avatar' });
  const title = h('h2', { class: 'head-title', id: 'conversation-title', tabindex: '-1' });
  const subtitle = h('p', { class: 'head-subtitle', 'data-testid': 'conversation-status' });
  const list = h('ol', { class: 'messages', 'aria-labelledby': 'conversation-title', on: { keydown: moveOn } });
  const start = h('p', { class: 'thread-start', role: 'status' });
  const scroller = h('div', { class: 'scroller', tabindex: '0', role: 'group', 'aria-label': 'Messages', on: { keydown: enterList } }, start, list);
  const typingStatus = h('p', { class: 'typing', 'data-testid': 'typing', 'aria-live': 'polite' });
  const newest = h('button', { type: 'button', class: 'newest', hidden: true, on: { click: () => place.toEnd() } });
  const compose = composer({
    onType: () => typing.type(shownId),
    onLeave: () => typing.stop(),
    onSend: send,
    onEdited: (message, text) => chat.attempt(() => deeds.edit(message, text)),
    lastOwn: () => store.threads.get(shownId)?.messages.findLast(isEditable),
  });
  const update = keyedList(list);
  const place = keepPlace({ scroller, onNearStart: () => chat.loadOlder(shownId), onMove: afterMove });
  const actions = {
    react: (message, emoji) => chat.attempt(() => deeds.react(message, emoji)),
    reply: (message) => compose.answer(message, nameOf(store, message.senderId)),
    showAnswered,
    showReplies,
    pin: (message, pinned) => chat.attempt(() => deeds.pin(message, pinned)),
    edit: (message) => compose.edit(message),
    remove,
    showAudience: (message) => openAudience(store, message),
    retry: (key) => outbox.retry(key),
    discard: (key) => outbox.discard(key),
  };

  const empty = h('div', { class: 'thread-empty' },
    icon('scene', { className: 'scene-picture' }),
    h('h2', {}, 'Pick a conversation'),
    h('p', {}, 'Or find one with ', h('kbd', {}, 'Ctrl'), ' ', h('kbd', {}, 'K'), '. The arrow keys move, Escape goes back.'));
  const body = h('div', { class: 'thread-body' },
    h('header', { class: 'thread-header' },
      iconButton('back', 'Back to conversations', { class: 'back', on: { click: onBack } }),
      avatar,
      h('div', { class: 'head-text' }, title, subtitle),
      iconButton('pin', 'Pinned messages', { id: 'pinned', on: { click: showPinned } }),
      iconButton('more', 'Conversation settings', { id: 'settings', on: { click: showSettings } })),
    h('div', { class: 'scroll-frame' }, scroller, newest),
    typingStatus,
    compose.element);
  const element = h('main', { class: 'thread' }, empty, body);

  function render() {
    const conversation = store.conversations.get(store.activeId);
    empty.hidden = Boolean(store.activeId);
    body.hidden = !store.activeId;
    if (store.activeId !== shownId) change(store.activeId);
    if (!conversation) return;
    renderHeader(conversation);
    renderTyping();
    compose.explain(...explanation(store, outbox, conversation));
    place.during(() => renderMessages(conversation), () => list.querySelector('[data-seq]')?.dataset.seq);
    settle();
    afterMove();
  }

  function change(id) {
    shownId = id;
    unreadFrom = null;
    isPlaced = false;
    update([]);
    avatar.replaceChildren();
    title.textContent = subtitle.textContent = typingStatus.textContent = '';
    start.textContent = 'Loading messages…';
    compose.show(id);
    place.toEnd();
  }

  function renderHeader(conversation) {
    avatar.replaceChildren(conversationAvatar(store, conversation));
    title.textContent = titleOf(store, conversation);
    subtitle.textContent = describe(store, conversation);
  }

  function renderTyping() {
    const line = typingLine(store, shownId);
    if (typingStatus.dataset.line === line) return;
    typingStatus.dataset.line = line;
    typingStatus.replaceChildren(...(line ? [h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')), line] : []));
  }

  function renderMessages(conversation) {
    const thread = store.threads.get(shownId);
    const messages = thread?.messages ?? [];
    if (thread && !isPlaced && conversation.unread > 0) unreadFrom = firstUnread(messages, conversation, store.me);
    const markers = readMarkers(store, shownId);
    update([
      ...messageRows({ store, conversation, messages, markers, unreadFrom, actions }),
      ...queuedRows(outbox.of(shownId), actions),
    ]);
    if (thread) start.textContent = sayStart(thread);
  }

  /** The first time that messages are there: at the first unread one, or at the newest. */
  function settle() {
    if (isPlaced || !store.threads.has(shownId)) return;
    isPlaced = true;
    const divider = list.querySelector('.row-unread');
    if (divider) place.toElement(divider);
    else place.toEnd();
  }

  /** Whatever the reader has in view at the end of the list is read. */
  function afterMove() {
    const conversation = store.conversations.get(shownId);
    const seq = store.threads.get(shownId)?.newestSeq;
    if (!conversation || seq == null || !isPlaced) return;
    if (place.isAtEnd && document.visibilityState === 'visible') receipts.read(shownId, seq);
    newest.hidden = place.isAtEnd;
    newest.replaceChildren(icon('down'), conversation.unread > 0 ? `${conversation.unread} new` : 'Newest');
  }

  function send(text, answered) {
    unreadFrom = null;
    deeds.send(shownId, text, answered);
    place.toEnd();
  }

  function showAnswered({ conversationId, replyTo }) {
    const answered = store.threads.get(conversationId)?.find(replyTo) ?? store.answered.get(replyTo);
    if (answered) chat.attempt(() => chat.jumpTo(answered));
  }

  function showReplies(message) {
    openMessageList({ chat, title: 'Replies', empty: 'The replies were deleted.', load: () => deeds.replies(message) });
  }

  function showPinned() {
    const id = shownId;
    openMessageList({ chat, title: 'Pinned messages', empty: 'Nothing is pinned here.', load: () => deeds.pinned(id) });
  }

  function showSettings() {
    const conversation = store.conversations.get(shownId);
    if (conversation) openSettings({ chat, conversation });
  }

  function jump({ conversationId, seq }) {
    if (conversationId !== store.activeId) return;
    render();
    const row = list.querySelector(`[data-seq="${seq}"]`);
    if (!row) return;
    place.toElement(row);
    row.focus({ preventScroll: true });
    row.classList.add('is-found');
    row.addEventListener('blur', () => row.classList.remove('is-found'), { once: true });
  }

  async function remove(message) {
    const question = { title: 'Delete this message?', text: 'Nobody will be able to read it any more.', action: 'Delete' };
    if (await confirmed(question)) chat.attempt(() => deeds.remove(message));
  }

  function isEditable({ senderId, deletedAt, type }) {
    return senderId === store.me._id && !deletedAt && (type ?? 'text') === 'text';
  }

  function rows() {
    return [...list.querySelectorAll('[data-testid]')].filter((row) => row.tabIndex === -1);
  }

  function moveOn(event) {
    const row = document.activeElement?.closest('.row');
    if (document.activeElement !== row) return;
    if (event.key === 'ArrowDown' && row === rows().at(-1)) compose.focus();
    else moveByArrows(event, rows());
  }

  function enterList(event) {
    if (event.key !== 'ArrowUp' || event.target !== scroller) return;
    event.preventDefault();
    rows().at(-1)?.focus();
  }

  const rerender = batched(render);
  for (const topic of ['conversations', 'people', 'active']) store.on(topic, rerender);
  store.on('thread', (id) => id === store.activeId && rerender());
  outbox.on('change', rerender);
  chat.on('jump', jump);
  render();
  return { element, focus: () => compose.focus(), noteVisible: afterMove };
}

function firstUnread(messages, { readSeq }, me) {
  return messages.find(({ seq, senderId }) => seq > (readSeq ?? 0) && senderId !== me._id)?.seq ?? null;
}

function sayStart({ reachesStart, messages }) {
  if (!reachesStart) return 'Loading older messages…';
  return messages.length === 0 ? 'No messages yet. Say hello.' : 'The conversation starts here.';
}

/** @returns {[string, boolean]} why nothing goes out, if so, and whether nothing can be written at all */
function explanation(store, outbox, conversation) {
  if (conversation.archivedAt) return ['This conversation is archived. Nobody can write in it.', true];
  const held = outbox.of(conversation._id).find(({ state, reason }) => state === 'waiting' && reason);
  return [held?.reason ?? '', false];
}

function describe(store, conversation) {
  const peer = peerId(store, conversation);
  if (peer) {
    if (store.online.has(peer)) return 'Online';
    const { lastSeenAt, role } = store.users.get(peer) ?? {};
    return lastSeenAt ? `Last seen ${ago(lastSeenAt)}` : (role ?? '');
  }
  const others = otherMembers(store, conversation._id);
  const online = others.filter(({ userId }) => store.online.has(userId)).length;
  const count = others.length > 0 ? others.length + 1 : conversation.memberCount;
  if (!count) return '';
  return `${count} ${count === 1 ? 'member' : 'members'}${online > 0 ? `, ${online} online` : ''}`;
}
