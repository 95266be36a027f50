import { FeathersError } from './api.js';
import { Emitter } from './emitter.js';

const ACCESS = 'feathers-jwt';
const REFRESH = 'feathers-refresh';
const LOCK = 'stonechat-refresh';

/** Part of an access token's life after which it is renewed: what a sleeping tab's late timer needs is left. */
const RENEW_AFTER = 2 / 3;

/**
 * Who is signed in here: the tokens, kept for this tab or for this device, and the calls that get, renew and drop them.
 *
 * A refresh token may be used once only, by whichever tab comes first; the others take what that one has stored.
 *
 * Emits `renewed` (access token) when there is a new one before the old has run out.
 */
export class Session extends Emitter {
  #timer;
  #renewal = null;

  /** @param {{fetch?: typeof fetch, tab?: Storage, device?: Storage, locks?: LockManager}} [browser] */
  constructor({
    fetch = globalThis.fetch.bind(globalThis),
    tab = sessionStorage,
    device = localStorage,
    locks = globalThis.navigator?.locks,
  } = {}) {
    super();
    this.fetch = fetch;
    this.tab = tab;
    this.device = device;
    this.locks = locks;
  }

  get token() {
    return this.#kept(ACCESS);
  }

  /**
   * @param {{login: string, password: string, keep: boolean}} credentials `login` is an email address or a college id
   * @returns {Promise<object>} the user
   * @throws {FeathersError} 401 if they are wrong, 429 after too many attempts
   */
  async signIn({ login, password, keep }) {
    const answer = await this.#post({ strategy: 'local', email: login, password });
    this.forget();
    this.#keep(keep ? this.device : this.tab, answer);
    return answer.user;
  }

  /**
   * @returns {Promise<object>} the user of the tokens held
   * @throws {FeathersError} 401 if they no longer hold
   */
  async resume() {
    const token = this.token;
    try {
      const answer = await this.#post({ strategy: 'jwt', accessToken: token });
      this.#plan(answer);
      return answer.user;
    } catch (error) {
      if (error.code !== 401 || !this.#kept(REFRESH)) throw error;
    }
    return this.renew(token);
  }

  /**
   * Gets the next pair of tokens; calls at the same time share one refresh.
   *
   * @param {string} [old] the access token to be replaced, unless another tab has done so
   * @returns {Promise<object>} the user
   * @throws {FeathersError} 401 if the session has ended
   */
  renew(old = this.token) {
    this.#renewal ??= this.#alone(() => this.#renew(old)).finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async signOut() {
    const headers = { Authorization: `Bearer ${this.token}` };
    await this.fetch('authentication', { method: 'DELETE', headers });
  }

  forget() {
    clearTimeout(this.#timer);
    for (const storage of [this.tab, this.device]) {
      storage.removeItem(ACCESS);
      storage.removeItem(REFRESH);
    }
  }

  async #renew(old) {
    const isReplaced = this.token !== old;
    const credentials = isReplaced
      ? { strategy: 'jwt', accessToken: this.token }
      : { strategy: 'refresh', refreshToken: this.#kept(REFRESH) };
    const storage = this.tab.getItem(REFRESH) === null ? this.device : this.tab;
    const answer = await this.#post(credentials);
    if (isReplaced) this.#plan(answer);
    else this.#keep(storage, answer);
    this.emit('renewed', answer.accessToken);
    return answer.user;
  }

  #kept(name) {
    return this.tab.getItem(name) ?? this.device.getItem(name);
  }

  #keep(storage, answer) {
    storage.setItem(ACCESS, answer.accessToken);
    if (answer.refreshToken) storage.setItem(REFRESH, answer.refreshToken);
    this.#plan(answer);
  }

  /** By the server's clock: this device's may be wrong. */
  #plan({ authentication: { payload }, answeredAt }) {
    clearTimeout(this.#timer);
    if (!this.#kept(REFRESH)) return;
    const passed = answeredAt - payload.iat * 1000;
    const delay = Math.max(0, (payload.exp - payload.iat) * 1000 * RENEW_AFTER - passed);
    // A failure is made good when the socket is closed for its old token.
    this.#timer = setTimeout(() => this.renew().catch(() => undefined), delay);
  }

  /** Browsers give locks to secure pages only; elsewhere two tabs of one device may end their session. */
  #alone(work) {
    return this.locks ? this.locks.request(LOCK, work) : work();
  }

  async #post(credentials) {
    const response = await this.fetch('authentication', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify(credentials),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new FeathersError({ code: response.status, ...answer });
    const date = Date.parse(response.headers.get('Date') ?? '');
    return { ...answer, answeredAt: Number.isNaN(date) ? Date.now() : date };
  }
}
