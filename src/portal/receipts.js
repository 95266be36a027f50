const CURSORS = { 'message:delivered': 'deliveredSeq', 'message:read': 'readSeq' };
const PAUSE = 250;

/**
 * Tells the server how far this member has received and read. A burst of messages makes one receipt. A receipt that is
 * lost is not repeated: after a reconnect the server's own cursors are read, and what is behind them is told again.
 */
export class Receipts {
  #due = new Map();
  #timer;

  constructor(api, store) {
    this.api = api;
    this.store = store;
  }

  delivered(conversationId, seq) {
    this.#report('message:delivered', conversationId, seq);
  }

  read(conversationId, seq) {
    this.#report('message:read', conversationId, seq);
  }

  #report(event, conversationId, seq) {
    const conversation = this.store.conversations.get(conversationId);
    const cursor = CURSORS[event];
    if (!conversation || seq <= (conversation[cursor] ?? 0)) return;
    this.store.moveCursor(cursor, { conversationId, userId: this.store.me._id, seq });
    this.#due.set(`${event} ${conversationId}`, { event, conversationId, seq });
    this.#timer ??= setTimeout(() => this.#flush(), PAUSE);
  }

  #flush() {
    this.#timer = undefined;
    for (const { event, conversationId, seq } of this.#due.values()) {
      this.api.tell(event, { conversationId, seq }).catch((error) => console.debug(event, error.message));
    }
    this.#due.clear();
  }
}
