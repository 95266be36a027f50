import { Api } from './api.js';
import { Directory } from './directory.js';
import { Emitter } from './emitter.js';
import { listen } from './events.js';
import { History } from './history.js';
import { Outbox } from './outbox.js';
import { Receipts } from './receipts.js';
import { ConnectionLost, Socket } from './socket.js';
import { Store } from './store.js';
import { Typing } from './typing.js';

const CONVERSATION_PAGE = 50;

/**
 * One signed-in person's chat: everything a view may ask for. A view of another kind could be written over this class.
 *
 * Emits `problem` (message) for what the reader should be told, and `expired` when the session has ended.
 */
export class Chat extends Emitter {
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
    this.history = new History(this.api, this.store);
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
      if (!(error instanceof ConnectionLost)) this.emit('problem', error.message);
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

  async loadMoreConversations() {
    const query = { $limit: CONVERSATION_PAGE, $skip: this.store.conversations.size, $sort: { lastMessageAt: -1 } };
    await this.#putConversationPage(await this.api.find('conversations', query));
  }

  async loadMembers(conversationId) {
    const members = await this.api.findAll('members', { conversationId });
    this.store.putMembers(conversationId, members);
    await this.directory.need(members.map(({ userId }) => userId));
  }

  send(conversationId, content) {
    this.typing.stop();
    this.outbox.add(conversationId, content);
  }

  async edit(message, content) {
    this.#change(await this.api.patch('messages', message._id, { content }));
  }

  async remove(message) {
    this.#change(await this.api.remove('messages', message._id));
  }

  /** @returns {Promise<string>} the id of the direct conversation with this person, new or not */
  async startDirect(userId) {
    const conversation = await this.api.create('conversations', { kind: 'direct', memberIds: [userId] });
    this.store.putConversations([conversation]);
    await this.loadMembers(conversation._id);
    return conversation._id;
  }

  async #arrive() {
    this.store.setConnection('online');
    this.store.forgetIdleThreads();
    this.directory.forgetFailures();
    this.outbox.flush();
    const query = { $limit: CONVERSATION_PAGE, $sort: { lastMessageAt: -1 } };
    const [page] = await Promise.all([this.api.find('conversations', query), this.directory.loadFirst()]);
    await Promise.all([this.#putConversationPage(page), this.#loadActive()]);
  }

  #leave() {
    this.typing.stop();
    this.store.forgetTyping();
    this.store.setConnection('offline');
  }

  async #putConversationPage({ data, total }) {
    this.store.conversationTotal = total;
    this.store.putConversations(data);
    for (const { _id, clock } of data) this.receipts.delivered(_id, clock ?? 0);
    const direct = data.filter(({ kind, _id }) => kind === 'direct' && !this.store.members.has(_id));
    await Promise.all(direct.map(({ _id }) => this.loadMembers(_id)));
    await this.directory.need(data.map(({ lastMessage }) => lastMessage?.senderId).filter(Boolean));
  }

  async #loadActive() {
    const id = this.store.activeId;
    if (!id) return;
    try {
      if (!this.store.conversations.has(id)) this.store.putConversations([await this.api.get('conversations', id)]);
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      this.store.dropConversation(id);
      this.emit('problem', 'This conversation is not open to you.');
      return;
    }
    const isHeld = this.store.threads.has(id);
    const messages = isHeld ? this.history.catchUp(id) : this.history.open(id);
    await this.attempt(() => Promise.all([messages, this.loadMembers(id)]));
  }

  async #deliver({ conversationId, content, key }) {
    return this.api.tell('message:send', { conversationId, content, idempotencyKey: key });
  }

  async #keepOwn(message) {
    this.store.noteArrival(message);
    await this.attempt(() => this.history.receive(message));
  }

  #change(message) {
    this.store.noteChange(message);
    this.history.change(message);
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
