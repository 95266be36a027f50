import { h, hiddenText, icon } from '../dom.js';
import { doneBy, isManager, mayPin, nameOf, statusOf, textOf } from '../selectors.js';
import { reactionsOf } from '../thread.js';
import { dayHeading, fullTime, isSameDay, timeOfDay } from '../times.js';
import { personAvatar } from './avatar.js';
import { quoteOf, reactionsLine, repliesLine, toolbar } from './message-tools.js';

const GROUP_PAUSE = 5 * 60_000;
const READERS_SHOWN = 5;
const STATUS = { sent: ['sent', 'Sent'], delivered: ['delivered', 'Delivered'], read: ['delivered', 'Read'] };

/**
 * What the reader can do with a message.
 * @typedef {object} MessageActions
 * @property {(message: object, emoji: string) => void} react
 * @property {(message: object) => void} reply
 * @property {(message: object) => void} showAnswered
 * @property {(message: object) => void} showReplies
 * @property {(message: object, pinned: boolean) => void} pin
 * @property {(message: object) => void} edit
 * @property {(message: object) => void} remove
 * @property {(message: object) => void} showAudience
 * @property {(key: string) => void} retry
 * @property {(key: string) => void} discard
 */

/**
 * The rows of a conversation for `keyedList`: a heading above each day, the mark above the first unread message, the
 * messages, and under each the people who have read up to it.
 */
export function messageRows({ store, conversation, messages, markers, unreadFrom, actions }) {
  return messages.flatMap((message, index) => {
    const before = messages[index - 1];
    const rows = [];
    if (!before || !isSameDay(before.createdAt, message.createdAt)) rows.push(dayRow(message));
    if (message.seq === unreadFrom) rows.push(unreadRow());
    const isOwn = message.senderId === store.me._id;
    const look = {
      isOwn,
      isFirst: rows.length > 0 || !isSameGroup(before, message),
      isLast: !isSameGroup(message, messages[index + 1]) || messages[index + 1]?.seq === unreadFrom,
      withSender: conversation.kind !== 'direct',
      sender: nameOf(store, message.senderId),
      readers: conversation.kind === 'direct' ? [] : (markers.get(message._id) ?? []),
      status: isOwn ? statusOf(store, message) : null,
      reactions: reactionsOf(message).map((one) => ({ ...one, isOwn: Boolean(store.ownReactions.get(message._id)?.has(one.emoji)) })),
      quote: quoteFor(store, message),
      replies: message.replyCount ?? 0,
      isMentioned: !isOwn && store.isMentioned(message),
      canWrite: !conversation.archivedAt,
      canPin: mayPin(conversation),
      canRemove: isOwn || isManager(conversation),
    };
    const names = look.readers.map((id) => nameOf(store, id));
    rows.push({
      key: message._id,
      version: JSON.stringify([message.content, message.editedAt, message.deletedAt, message.pinnedAt, look, names]),
      render: () => messageRow(store, message, look, actions),
    });
    return rows;
  });
}

/** @param {import('../outbox.js').Entry[]} entries */
export function queuedRows(entries, actions) {
  return entries.map((entry) => ({
    key: entry.key,
    version: JSON.stringify(entry),
    render: () => queuedRow(entry, actions),
  }));
}

function quoteFor(store, { conversationId, replyTo, deletedAt }) {
  if (!replyTo || deletedAt) return null;
  const answered = store.threads.get(conversationId)?.find(replyTo) ?? store.answered.get(replyTo);
  return answered ? { name: nameOf(store, answered.senderId), text: textOf(answered) } : { name: 'An earlier message', text: '' };
}

function messageRow(store, message, look, actions) {
  const { isOwn, isFirst, isLast, readers, status } = look;
  const attributes = { 'data-testid': 'message', 'data-id': message._id, 'data-seq': message.seq, 'data-status': status, tabindex: '-1' };
  if (message.type === 'system') {
    return h('li', { ...attributes, class: 'row row-system' }, h('p', {}, doneBy(store, message)));
  }
  const side = isOwn ? 'row-own' : 'row-other';
  const row = h('li', { ...attributes, class: `row ${side}${isFirst ? ' is-first' : ''}${isLast ? ' is-last' : ''}` });
  const isThere = !message.deletedAt;
  row.append(h('div', { class: 'row-main' },
    !isOwn && look.withSender && h('span', { class: 'row-avatar' }, isLast && personAvatar(store, message.senderId, { small: true })),
    bubble(message, look, actions),
    isThere && toolbar(message, look, actions)));
  const below = [
    isThere && look.reactions.length > 0 && reactionsLine(message, look.reactions, look.canWrite, actions),
    look.replies > 0 && repliesLine(message, look.replies, actions),
  ].filter(Boolean);
  if (below.length > 0) row.append(h('div', { class: `row-below${look.withSender ? ' is-indented' : ''}` }, ...below));
  if (readers.length > 0) row.append(readersLine(store, readers, () => actions.showAudience(message)));
  return row;
}

function bubble(message, { isOwn, isFirst, isMentioned, withSender, sender, status, quote }, actions) {
  const state = message.deletedAt ? ' is-deleted' : isMentioned ? ' is-mentioning' : '';
  return h('div', { class: `bubble${state}` },
    !isOwn && withSender && isFirst ? h('p', { class: 'sender' }, sender) : hiddenText(isOwn ? 'You: ' : `${sender}: `),
    quote && quoteOf(message, quote, actions),
    h('p', { class: 'content' }, textOf(message)),
    metaLine(message, status));
}

function metaLine({ createdAt, editedAt, deletedAt, pinnedAt }, status) {
  const [name, label] = STATUS[status] ?? [];
  return h('p', { class: 'meta' },
    pinnedAt && !deletedAt && icon('pin', { label: 'Pinned', className: 'icon tick' }),
    editedAt && !deletedAt && h('span', {}, 'edited'),
    h('time', { datetime: createdAt, title: fullTime(createdAt) }, timeOfDay(createdAt)),
    name && !deletedAt && icon(name, { label, className: `icon tick tick-${status}` }));
}

function readersLine(store, readers, onOpen) {
  const names = readers.map((id) => nameOf(store, id)).join(', ');
  const label = `Read up to here by ${names}`;
  const button = h('button', { type: 'button', class: 'readers', 'data-testid': 'read-marker', 'aria-label': label, title: label, on: { click: onOpen } });
  button.append(...readers.slice(0, READERS_SHOWN).map((id) => personAvatar(store, id, { small: true })));
  if (readers.length > READERS_SHOWN) button.append(h('span', { class: 'readers-more' }, `+${readers.length - READERS_SHOWN}`));
  return button;
}

function queuedRow({ key, content, queuedAt, state, reason }, actions) {
  const isFailed = state === 'failed';
  const label = state === 'sending' ? 'Sending' : 'Waiting to be sent';
  return h('li', { class: `row row-own is-first is-last is-${state}`, 'data-testid': 'queued-message', 'data-state': state, tabindex: '-1' },
    h('div', { class: 'row-main' },
      h('div', { class: 'bubble' },
        hiddenText('You: '),
        h('p', { class: 'content' }, content),
        h('p', { class: 'meta' },
          h('time', { datetime: queuedAt }, timeOfDay(queuedAt)),
          icon(isFailed ? 'alert' : 'clock', { label: isFailed ? 'Not sent' : label, className: 'icon tick' })))),
    (isFailed || reason) && h('p', { class: 'failure' },
      isFailed && h('span', {}, `Not sent: ${reason}`),
      isFailed && h('button', { type: 'button', class: 'link', on: { click: () => actions.retry(key) } }, 'Retry'),
      h('button', { type: 'button', class: 'link', on: { click: () => actions.discard(key) } }, 'Discard')));
}

function dayRow({ _id, createdAt }) {
  const heading = dayHeading(createdAt);
  return { key: `day-${_id}`, version: heading, render: () => h('li', { class: 'row row-day' }, h('span', {}, heading)) };
}

function unreadRow() {
  return { key: 'unread', version: '', render: () => h('li', { class: 'row row-unread', 'data-testid': 'unread-divider' }, h('span', {}, 'New messages')) };
}

function isSameGroup(one, other) {
  if (!one || !other || one.senderId !== other.senderId) return false;
  if (one.type === 'system' || other.type === 'system' || !isSameDay(one.createdAt, other.createdAt)) return false;
  return new Date(other.createdAt) - new Date(one.createdAt) < GROUP_PAUSE;
}
