const PAGE = 30;
const LONG_PAGE = 100;
/** How far back a message may be to be shown in its place. */
const FARTHEST = 3000;

/** Gets messages into the store: the newest page, older pages, and what is missing in between. */
export class History {
  /** pages.get(conversationId) = the promise of the page that is on its way, the newest one or an older one */
  #pages = new Map();
  #catchUps = Promise.resolve();
  /** meanwhile.get(conversationId) = what to do again once a page is there that was on its way when it happened */
  #meanwhile = new Map();

  /**
   * @param {object} api
   * @param {object} store
   * @param {object} [options]
   * @param {() => Promise<unknown>} [options.resume] asks for all that was missed, as it is done after a reconnection
   * @param {(messages: object[]) => Promise<unknown>} [options.onPage] told of the messages of every page
   */
  constructor(api, store, { resume = async () => undefined, onPage = async () => undefined } = {}) {
    this.api = api;
    this.store = store;
    this.resume = resume;
    this.onPage = onPage;
  }

  async open(conversationId) {
    if (!this.store.threads.has(conversationId)) await this.#once(conversationId, () => this.#page(conversationId, {}));
  }

  /** The page before the oldest message held; whoever asks while a page is on its way waits for that. */
  async older(conversationId, size = PAGE) {
    const thread = this.store.threads.get(conversationId);
    if (!thread || thread.reachesStart) return;
    await this.#once(conversationId, () => this.#page(conversationId, { seq: { $lt: thread.oldestSeq } }, size));
  }

  /** @returns {Promise<boolean>} whether the message of this `seq` is held now, with all that came after it */
  async backTo(conversationId, seq) {
    await this.open(conversationId);
    const thread = this.store.threads.get(conversationId);
    if (thread.newestSeq - seq > FARTHEST) return false;
    while (thread.oldestSeq > seq && !thread.reachesStart) await this.older(conversationId, LONG_PAGE);
    return true;
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

  /** A message told by an event, new or changed: others before it may have been missed. */
  async receive(message) {
    if (this.store.threads.get(message.conversationId)?.leavesGapBefore(message)) await this.resume();
    await this.put(message.conversationId, [message]);
  }

  /** @param {boolean} isTaken whether it was taken back */
  react(reaction, isTaken) {
    this.#repeatAfterPage(reaction.conversationId, async () => this.store.react(reaction, isTaken));
    this.store.react(reaction, isTaken);
  }

  /** Puts messages in their places, as far as they are within or next to what is held, and fetches what is missing between. */
  async put(conversationId, messages) {
    this.#repeatAfterPage(conversationId, () => this.#place(conversationId, messages));
    await this.#place(conversationId, messages);
  }

  async #place(conversationId, messages) {
    const thread = this.store.threads.get(conversationId);
    if (!thread) return;
    let newest = thread.newestSeq;
    const fitting = [];
    for (const message of [...messages].sort((one, other) => one.seq - other.seq)) {
      if (message.seq < (thread.oldestSeq ?? 0)) continue;
      if (newest !== null && message.seq > newest + 1) {
        this.store.mergeMessages(conversationId, fitting);
        await this.catchUp(conversationId, message.seq);
        newest = thread.newestSeq;
        fitting.length = 0;
      }
      fitting.push(message);
      newest = Math.max(newest ?? 0, message.seq);
    }
    if (fitting.length > 0) this.store.mergeMessages(conversationId, fitting);
  }

  #once(conversationId, load) {
    if (!this.#pages.has(conversationId)) {
      this.#pages.set(conversationId, load().finally(() => this.#pages.delete(conversationId)));
    }
    return this.#pages.get(conversationId);
  }

  async #page(conversationId, range, size = PAGE) {
    const query = { conversationId, ...range, $sort: { seq: -1 }, $limit: size };
    await this.#merge(query, ({ data, total }) => total <= data.length);
  }

  async #fetchNewer(conversationId, upTo) {
    const thread = this.store.threads.get(conversationId);
    if (!thread || thread.newestSeq >= upTo) return;
    if (thread.newestSeq === null) return this.#page(conversationId, {});
    let isComplete = false;
    while (!isComplete) {
      const query = { conversationId, seq: { $gt: thread.newestSeq }, $sort: { seq: 1 }, $limit: LONG_PAGE };
      const { data, total } = await this.#merge(query, () => false);
      isComplete = data.length === 0 || total <= data.length;
    }
  }

  /** @param {(page: object) => boolean} reachesStart */
  async #merge(query, reachesStart) {
    const { conversationId } = query;
    const happened = [];
    const listeners = this.#meanwhile.get(conversationId) ?? new Set();
    this.#meanwhile.set(conversationId, listeners.add(happened));
    try {
      const page = await this.api.find('messages', query);
      this.store.mergeMessages(conversationId, page.data, reachesStart(page));
      // Not waited for: a hole is filled by the next page, after this one. A lost connection is made good by the next `sync`.
      for (const again of happened) again().catch(() => undefined);
      await this.onPage(page.data);
      return page;
    } finally {
      listeners.delete(happened);
    }
  }

  #repeatAfterPage(conversationId, again) {
    for (const happened of this.#meanwhile.get(conversationId) ?? []) happened.push(again);
  }
}
