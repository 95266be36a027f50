const PAGE = 30;
const CATCH_UP_PAGE = 100;
/** So many messages already held are fetched once more after a time offline: they may have been edited or deleted. */
const REFRESHED = 60;

/** Gets messages into the store: the newest page, older pages, and whatever was missed in between. */
export class History {
  #older = new Set();
  #catchUps = Promise.resolve();

  constructor(api, store) {
    this.api = api;
    this.store = store;
  }

  async open(conversationId) {
    if (this.store.threads.has(conversationId)) return;
    await this.#page(conversationId, {});
  }

  /** The page before the oldest message held; nothing while that page is already on its way. */
  async older(conversationId) {
    const thread = this.store.threads.get(conversationId);
    if (!thread || thread.reachesStart || this.#older.has(conversationId)) return;
    this.#older.add(conversationId);
    try {
      await this.#page(conversationId, { seq: { $lt: thread.oldestSeq } });
    } finally {
      this.#older.delete(conversationId);
    }
  }

  /**
   * Everything newer than what is held, page after page. One catching-up runs at a time, so that a gap noticed
   * meanwhile is looked at again afterwards.
   * @param {number} [upTo] nothing is asked if this `seq` is held by then
   */
  catchUp(conversationId, upTo = Infinity) {
    const run = () => this.#fetchNewer(conversationId, upTo);
    this.#catchUps = this.#catchUps.then(run, run);
    return this.#catchUps;
  }

  /** A message told by an event: put in its place, or, if others before it are missing, fetched together with them. */
  async receive(message) {
    const thread = this.store.threads.get(message.conversationId);
    if (!thread) return;
    if (thread.leavesGapBefore(message)) await this.catchUp(message.conversationId, message.seq);
    else this.store.mergeMessages(message.conversationId, [message]);
  }

  /** A change to a message: of use only if the message is within what is held. */
  change(message) {
    const thread = this.store.threads.get(message.conversationId);
    if (thread?.messages.some(({ _id }) => _id === message._id)) {
      this.store.mergeMessages(message.conversationId, [message]);
    }
  }

  async #page(conversationId, range) {
    const query = { conversationId, ...range, $sort: { seq: -1 }, $limit: PAGE };
    const { data, total } = await this.api.find('messages', query);
    this.store.mergeMessages(conversationId, data, total <= data.length);
  }

  async #fetchNewer(conversationId, upTo) {
    const thread = this.store.threads.get(conversationId);
    if (!thread || thread.newestSeq >= upTo) return;
    if (thread.newestSeq === null) return this.#page(conversationId, {});
    let after = Math.max(thread.oldestSeq - 1, thread.newestSeq - REFRESHED);
    for (let isComplete = false; !isComplete; ) {
      const query = { conversationId, seq: { $gt: after }, $sort: { seq: 1 }, $limit: CATCH_UP_PAGE };
      const { data, total } = await this.api.find('messages', query);
      this.store.mergeMessages(conversationId, data);
      isComplete = data.length === 0 || total <= data.length;
      after = data.at(-1)?.seq ?? after;
    }
  }
}
