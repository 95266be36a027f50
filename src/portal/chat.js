import { Actions } from './actions.js';
import { Api } from './api.js';
import { changes } from './changes.js';
import { Details } from './details.js';
import { Directory } from './directory.js';
import { Emitter } from './emitter.js';
import { listen } from './events.js';
import { History } from './history.js';
import { Outbox } from './outbox.js';
import { OwnViews } from './own-views.js';
import { Receipts } from './receipts.js';
import { sayRefusal } from './refusals.js';
import { peerId } from './selectors.js';
import { ConnectionLost, Socket } from './socket.js';
import { Store } from './store.js';
import { Sync } from './sync.js';
import { Typing } from './typing.js';

const CONVERSATION_PAGE = 50;
/** Milliseconds that an event may be later than one that came after it. */
const LATENESS = 3000;

/**
 * One signed-in person's chat: everything a view may ask for. A view of another kind could be written over this class.
 *
 * Emits `problem` (message) for what the reader should be told, and `expired` when the session has ended.
 */
export class Chat extends Emitter {
  #nextPage = null;
  #isListed = false;
  #gapTimer;

  /**
   * @param {object} options
   * @param {import('./session.js').Session} options.session
   * @param {object} options.me the signed-in user
   * @param {string} options.url WebSocket address of the server
   */
  constructor({ session, me, url }) {
    super();
    this.session = session;
    this.store = new Store(me);
    this.socket = new Socket({ url, auth: () => ({ token: session.token }) });
    this.api = new Api(this.socket);
    this.directory = new Directory(this.api, this.store);
    this.details = new Details(this.api, this.store);
    this.ownViews = new OwnViews(this.api, (conversations) => this.keep(conversations));
    this.history = new History(this.api, this.store, {
      resume: () => this.#resume(),
      onPage: (messages) => this.details.need(messages),
    });
    this.sync = new Sync({ ask: (question) => this.api.tell('sync', question), apply: changes(this) });
    this.actions = new Actions(this);
    this.receipts = new Receipts(this.api, this.store);
    this.typing = new Typing(this.socket, this.store);
    this.outbox = new Outbox({ userId: me._id, deliver: (entry) => this.#deliver(entry) });
    this.outbox.on('sent', ({ message }) => this.#keepOwn(message));
    this.socket.lifecycle.on('open', () => this.attempt(() => this.#arrive()));
    this.socket.lifecycle.on('lost', () => this.#leave());
    this.socket.lifecycle.on('refused', () => this.#verify());
    this.socket.lifecycle.on('ended', () => this.#verify());
    this.forgetRenewals = session.on('renewed', (token) => this.attempt(() => this.#keepOpen(token)));
    listen(this);
  }

  start() {
    this.socket.connect();
  }

  stop() {
    clearTimeout(this.#gapTimer);
    this.forgetRenewals();
    this.outbox.pause();
    this.typing.stop();
    this.socket.close();
  }

  async signOut() {
    try {
      await this.api.remove('authentication', null);
    } catch {
      await this.session.signOut().catch(() => undefined);
    }
    this.stop();
    this.session.forget();
  }

  /** @throws {FeathersError} 400 if `password` is not the present one, or `newPassword` cannot be one */
  changePassword(password, newPassword) {
    return this.api.call('change', 'passwords', { password, newPassword });
  }

  /** Runs what may fail, and tells the reader if it does. A lost connection is told by the banner, not here. */
  async attempt(work) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConnectionLost)) this.emit('problem', sayRefusal(error));
      return undefined;
    }
  }

  /** @param {string | null} conversationId null shows the list alone */
  async open(conversationId) {
    this.typing.stop();
    this.store.activate(conversationId);
    if (conversationId && this.socket.connected) await this.#loadActive();
  }

  loadOlder(conversationId) {
    return this.attempt(() => this.history.older(conversationId));
  }

  /** Shows the message where it was written; `problem` tells if that is too far back. */
  async jumpTo({ conversationId, seq }) {
    if (await this.history.backTo(conversationId, seq)) this.emit('jump', { conversationId, seq });
    else this.emit('problem', 'This message is too far back to be shown in its place.');
  }

  /** The newest conversations, anew. */
  async list() {
    await this.#putPage(await this.api.find('inbox', { $limit: CONVERSATION_PAGE }));
  }

  async loadMoreConversations() {
    await this.#putPage(await this.api.find('inbox', { $limit: CONVERSATION_PAGE, $after: this.#nextPage }));
  }

  async loadMembers(conversationId) {
    const members = await this.api.findAll('members', { conversationId });
    this.store.putMembers(conversationId, members);
    await this.directory.need(members.map(({ userId }) => userId));
  }

  /**
   * Takes in conversations as the server answers them to this member. What is held of one from now on, `sync` carries on;
   * of one that was held before, events may have told more than this answer, which is then asked for again.
   */
  async keep(conversations) {
    const isOverdue = ({ _id, revision }) => this.store.conversations.has(_id) && revision < this.sync.revisionOf(_id);
    const fresh = conversations.filter((conversation) => !isOverdue(conversation));
    this.store.putConversations(fresh);
    this.store.putUsers(fresh.map(({ other }) => other).filter(Boolean));
    for (const { _id, revision, clock } of fresh) {
      if (!this.sync.holds(_id)) this.sync.hold(_id, { revision, clock });
      this.receipts.delivered(_id, clock ?? 0);
    }
    const people = fresh.flatMap((one) => [one.lastMessage?.senderId, peerId(this.store, one)]);
    await this.directory.need(people.filter(Boolean));
    this.ownViews.later(conversations.filter((one) => !fresh.includes(one)).map(({ _id }) => _id));
  }

  /** An event told of this change. Had one before it been lost, nothing else would tell. */
  noteRevision(conversationId, revision) {
    this.sync.note(conversationId, revision);
    if (!this.sync.hasGap(conversationId)) return;
    clearTimeout(this.#gapTimer);
    this.#gapTimer = setTimeout(() => this.sync.hasGap(conversationId) && this.attempt(() => this.#resume()), LATENESS);
  }

  /** The server has lost events of this member's: what is shown may be wrong. */
  async resync() {
    const { online } = await this.api.tell('presence:get', {});
    this.store.setOnline(online);
    await this.sync.resync();
    await this.#show();
  }

  async #putPage({ data, next }) {
    this.#nextPage = next;
    this.store.hasMoreConversations = next !== null;
    await this.keep(data);
  }

  async #arrive() {
    this.store.setConnection('online');
    this.directory.forgetFailures();
    this.outbox.flush();
    if (this.#isListed) {
      await this.#resume();
    } else {
      await Promise.all([this.list(), this.directory.loadFirst()]);
      this.#isListed = true;
      await this.#loadActive();
    }
  }

  /** Everything that was missed; what is this member's own of the conversations that have changed, by one more call. */
  async #resume() {
    await this.sync.catchUp();
    await this.#show();
  }

  async #show() {
    await this.ownViews.need([]);
    await this.#loadActive();
  }

  #leave() {
    this.typing.stop();
    this.store.forgetTyping();
    this.store.setConnection('offline');
  }

  async #loadActive() {
    const id = this.store.activeId;
    if (!id) return;
    try {
      if (!this.store.conversations.has(id)) await this.keep([await this.api.get('conversations', id)]);
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      this.store.dropConversation(id);
      this.emit('problem', 'This conversation is not open to you.');
      return;
    }
    const members = this.store.members.has(id) ? undefined : this.loadMembers(id);
    await this.attempt(() => Promise.all([this.history.open(id), members]));
  }

  async #deliver({ conversationId, content, replyTo, mentions, key }) {
    const about = { ...(replyTo && { replyTo }), ...(mentions && { mentions }) };
    return this.api.tell('message:send', { conversationId, content, ...about, idempotencyKey: key });
  }

  async #keepOwn(message) {
    this.store.noteArrival(message);
    await this.attempt(() => this.history.receive(message));
  }

  /** The server closes a socket when the token it was opened with runs out. */
  async #keepOpen(accessToken) {
    if (this.socket.connected) await this.api.create('authentication', { strategy: 'jwt', accessToken });
  }

  /** The server closed the door: either the session is over, or it will open again. */
  async #verify() {
    this.#leave();
    try {
      await this.session.resume();
      this.socket.connectLater();
    } catch (error) {
      if (error.code === 401) this.emit('expired');
      else this.socket.connectLater();
    }
  }
}
