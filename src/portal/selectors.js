/** Questions whose answer follows from the store. */

const ATTACHED = { image: 'Picture', video: 'Video', file: 'File' };
const TITLE = /^(mr|mrs|ms|miss|mx|dr|prof|sir|madam)\b/i;

/** What is archived is left out, unless it is open. */
export function conversationsByRecency(store) {
  const age = (conversation) => conversation.lastMessageAt ?? conversation.createdAt ?? '';
  return [...store.conversations.values()]
    .filter(({ _id, archivedAt }) => !archivedAt || _id === store.activeId)
    .sort((one, other) => (age(one) < age(other) ? 1 : -1));
}

/** The other person of a direct conversation. */
export function peerId(store, { kind, other, directKey }) {
  if (kind !== 'direct') return null;
  return other?._id ?? directKey?.split(':').find((id) => id !== store.me._id) ?? null;
}

export function isMuted({ mutedUntil }) {
  return Boolean(mutedUntil) && Date.parse(mutedUntil) > Date.now();
}

/** Whether this member moderates the conversation. */
export function isManager({ role }) {
  return role === 'admin' || role === 'moderator';
}

export function nameOf(store, userId) {
  return store.users.get(userId)?.name ?? 'Someone';
}

/** "Ada" of Ada Quill, but all of "Ms Rivera". */
export function shortNameOf(store, userId) {
  const name = nameOf(store, userId);
  return TITLE.test(name) ? name : name.split(' ')[0];
}

export function titleOf(store, conversation) {
  if (conversation.kind !== 'direct') return conversation.name || 'Conversation';
  const peer = peerId(store, conversation);
  return peer ? nameOf(store, peer) : 'Direct message';
}

export function mayPin(conversation) {
  return conversation.kind === 'direct' || isManager(conversation);
}

/** What a message says, or what stands for it where it says nothing. */
export function textOf({ content, deletedAt, type }) {
  if (deletedAt) return 'This message was deleted.';
  return content || ATTACHED[type] || '';
}

/** What a message of the application itself says: it begins with a verb, and somebody has done that. */
export function doneBy(store, { senderId, content }) {
  return `${senderId === store.me._id ? 'You' : nameOf(store, senderId)} ${content}`;
}

/** What is muted asks for nobody's attention. */
export function totalUnread(store) {
  const loud = [...store.conversations.values()].filter((one) => !isMuted(one) && !one.archivedAt);
  return loud.reduce((sum, { unread }) => sum + (unread ?? 0), 0);
}

export function otherMembers(store, conversationId) {
  return [...(store.members.get(conversationId)?.values() ?? [])].filter(({ userId }) => userId !== store.me._id);
}

/**
 * The status of one's own message, by the slowest of the others' cursors. Members who joined later count as well, as
 * they do on the server.
 * @returns {'sent' | 'delivered' | 'read'}
 */
export function statusOf(store, message) {
  const others = otherMembers(store, message.conversationId);
  if (others.length === 0) return message.status ?? 'sent';
  if (others.every(({ readSeq }) => (readSeq ?? 0) >= message.seq)) return 'read';
  if (others.every(({ deliveredSeq }) => (deliveredSeq ?? 0) >= message.seq)) return 'delivered';
  return 'sent';
}

/** @returns {{read: string[], delivered: string[], waiting: string[]}} userIds by how far the message has come to them */
export function audienceOf(store, message) {
  const audience = { read: [], delivered: [], waiting: [] };
  for (const { userId, readSeq, deliveredSeq } of otherMembers(store, message.conversationId)) {
    if (userId === message.senderId || (readSeq ?? 0) >= message.seq) audience.read.push(userId);
    else if ((deliveredSeq ?? 0) >= message.seq) audience.delivered.push(userId);
    else audience.waiting.push(userId);
  }
  return audience;
}

/**
 * Who has read up to where: each of the others stands at the newest held message that their cursor has reached, unless
 * they wrote it, which says as much.
 * @returns {Map<string, string[]>} message id → userIds
 */
export function readMarkers(store, conversationId) {
  const messages = store.threads.get(conversationId)?.messages ?? [];
  const markers = new Map();
  for (const { userId, readSeq } of otherMembers(store, conversationId)) {
    const last = messages.findLast(({ seq }) => seq <= (readSeq ?? 0));
    if (last && last.senderId !== userId) markers.set(last._id, [...(markers.get(last._id) ?? []), userId]);
  }
  return markers;
}

/** @returns {string} empty if nobody types */
export function typingLine(store, conversationId) {
  const names = [...(store.typing.get(conversationId) ?? [])].map((id) => shortNameOf(store, id));
  if (names.length === 0) return '';
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return 'Several people are typing…';
}
