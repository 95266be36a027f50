/** So many changes may be known beyond one that is missing, until they are asked for. */
const MOST_AHEAD = 200;

/**
 * What a client holds of its conversations, and how it gets what it has missed. Needs no page and no other module: any
 * client of the school's sockets can use it, whatever it keeps its records in.
 *
 * Every change in a conversation has the conversation's next `revision`, and an event tells of each. What is claimed to
 * be held is the last revision before a gap: an event that overtakes another must not hide that the other is missing.
 *
 *     const sync = new Sync({ ask: (question) => socket.emitWithAck('sync', question), apply });
 *     sync.hold(conversation._id, conversation);             // fetched, with its newest messages
 *     sync.note(message.conversationId, message.revision);   // told by an event
 *     await sync.catchUp();                                  // after every reconnection
 *     socket.on('resync', () => sync.resync());              // the server says that events were lost
 */
export class Sync {
  /** _held.get(id) = {revision, seq, ahead}: all up to `revision`, and those of `ahead` besides */
  #held = new Map();
  #at;
  #running = null;

  /**
   * @param {object} options
   * @param {(question: object) => Promise<object>} options.ask the event `sync`; answers as the server does
   * @param {object} options.apply what to do with the answer; each may return a promise
   * @param {(id: string, changes: object) => unknown} options.apply.changes records as they are now. One is newer than
   *   what is held of it if its `revision` is greater
   * @param {(id: string) => unknown} options.apply.resync too much has changed: fetch anew, then `hold`
   * @param {(conversation: object) => unknown} options.apply.joined a conversation that is not held yet
   * @param {(id: string) => unknown} options.apply.left one that this user is in no more
   * @param {() => unknown} options.apply.relist there are more of the former than are told: list them anew
   */
  constructor({ ask, apply }) {
    this.ask = ask;
    this.apply = apply;
  }

  /** @param {{revision: number, clock?: number}} conversation as it was fetched, before its messages were */
  hold(id, { revision, clock = 0 }) {
    const held = this.#held.get(id);
    const ahead = new Set([...(held?.ahead ?? [])].filter((one) => one > revision));
    this.#held.set(id, { revision, seq: clock, ahead });
    this.#close(this.#held.get(id));
  }

  holds(id) {
    return this.#held.has(id);
  }

  drop(id) {
    this.#held.delete(id);
  }

  /** An event of the conversation has come; of one that is not held, nothing needs to be known. */
  note(id, revision) {
    const held = this.#held.get(id);
    if (!held || !(revision > held.revision)) return;
    held.ahead.add(revision);
    this.#close(held);
    if (held.ahead.size > MOST_AHEAD) this.catchUp().catch(() => undefined);
  }

  /** Up to which revision there is no gap; undefined if the conversation is not held. */
  revisionOf(id) {
    return this.#held.get(id)?.revision;
  }

  /** Whether something later is known than something that has not come: it may come still, or is to be asked for. */
  hasGap(id) {
    return (this.#held.get(id)?.ahead.size ?? 0) > 0;
  }

  /**
   * Asks for what was missed, and applies it. One question runs at a time; whoever asks meanwhile gets its answer.
   * @throws whatever `ask` rejects with: nothing is lost by asking again
   */
  catchUp() {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /**
   * Something was lost. A question that is under way may have been answered before that: it is asked again.
   * @throws as `catchUp` does
   */
  async resync() {
    await this.#running?.catch(() => undefined);
    return this.catchUp();
  }

  async #run() {
    const answer = await this.ask({
      conversations: Object.fromEntries([...this.#held].map(([id, { seq, revision }]) => [id, { seq, revision }])),
      ...(this.#at && { at: this.#at }),
    });
    for (const id of answer.left) {
      this.drop(id);
      await this.apply.left(id);
    }
    for (const [id, changes] of Object.entries(answer.conversations)) await this.#take(id, changes);
    for (const conversation of answer.joined) await this.apply.joined(conversation);
    if (answer.resync) await this.apply.relist();
    // Only now: had something failed, the next question would be the same.
    this.#at = answer.at;
  }

  async #take(id, changes) {
    if (changes.resync) {
      this.drop(id);
      await this.apply.resync(id);
      return;
    }
    await this.apply.changes(id, changes);
    this.hold(id, { revision: Math.max(changes.revision, this.revisionOf(id) ?? 0), clock: changes.clock });
  }

  #close(held) {
    while (held.ahead.delete(held.revision + 1)) held.revision += 1;
  }
}
