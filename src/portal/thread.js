/**
 * The messages held of one conversation: a run of `seq` values without gaps at its newer end, sorted.
 *
 * @typedef {object} Message
 * @property {string} _id
 * @property {string} conversationId
 * @property {string} senderId
 * @property {string} type
 * @property {string | null} content null once deleted
 * @property {number} seq
 * @property {number} revision the conversation's at the newest change to the message
 * @property {{emoji: string, count: number}[]} [reactions]
 * @property {Record<string, {count: number, revision: number}>} [told] by emoji, what events have said since `revision`
 * @property {string} createdAt
 * @property {string | null} [editedAt]
 * @property {string | null} [deletedAt]
 */
export class Thread {
  /** @type {Message[]} */
  messages = [];
  /** Whether the first message of the conversation is held. */
  reachesStart = false;

  get oldestSeq() {
    return this.messages[0]?.seq ?? null;
  }

  get newestSeq() {
    return this.messages.at(-1)?.seq ?? null;
  }

  /** @returns {Message | undefined} */
  find(id) {
    return this.messages.find(({ _id }) => _id === id);
  }

  /** Whether this message would leave a hole between itself and the newest one held. */
  leavesGapBefore(message) {
    return this.messages.length > 0 && message.seq > this.newestSeq + 1;
  }

  /** @param {Message[]} incoming in any order; repeats are welcome */
  merge(incoming) {
    const byId = new Map(this.messages.map((message) => [message._id, message]));
    for (const message of incoming) byId.set(message._id, laterVersion(byId.get(message._id), message));
    this.messages = [...byId.values()].sort((one, other) => one.seq - other.seq);
  }

  /** What an event of a reaction says of its message, which comes with no event of its own. */
  react({ messageId, emoji, count, revision }) {
    const message = this.find(messageId);
    if (!message || revision <= (message.told?.[emoji]?.revision ?? message.revision ?? 0)) return;
    this.merge([{ ...message, told: { ...message.told, [emoji]: { count, revision } } }]);
  }
}

/** A page that was asked for before a change may arrive after it, and must not undo it. */
export function laterVersion(held, incoming) {
  if (!held) return incoming;
  const isOlder = (incoming.revision ?? 0) < (held.revision ?? 0);
  const merged = isOlder ? { ...incoming, ...held } : { ...held, ...incoming };
  if (!merged.told) return merged;
  const told = Object.entries(merged.told).filter(([, { revision }]) => revision > (merged.revision ?? 0));
  return { ...merged, told: Object.fromEntries(told) };
}

/** @returns {{emoji: string, count: number}[]} in the order in which they were first set */
export function reactionsOf({ reactions = [], told = {} }) {
  const counts = new Map(reactions.map(({ emoji, count }) => [emoji, count]));
  for (const [emoji, { count }] of Object.entries(told)) counts.set(emoji, count);
  return [...counts].filter(([, count]) => count > 0).map(([emoji, count]) => ({ emoji, count }));
}
