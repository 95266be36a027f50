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
}

/** A page that was asked for before an edit may arrive after it, and must not undo it. */
function laterVersion(held, incoming) {
  if (!held) return incoming;
  if (held.deletedAt && !incoming.deletedAt) return held;
  if ((held.editedAt ?? '') > (incoming.editedAt ?? '') && !incoming.deletedAt) return held;
  return { ...held, ...incoming };
}
