import { FeathersError } from './api.js';

const TOKEN = 'feathers-jwt';

/** Who is signed in here: the token, kept for this tab or for this device, and the calls that get and drop it. */
export class Session {
  /** @param {{fetch?: typeof fetch, tab?: Storage, device?: Storage}} [browser] */
  constructor({ fetch = globalThis.fetch.bind(globalThis), tab = sessionStorage, device = localStorage } = {}) {
    this.fetch = fetch;
    this.tab = tab;
    this.device = device;
  }

  get token() {
    return this.tab.getItem(TOKEN) ?? this.device.getItem(TOKEN);
  }

  /**
   * @param {{login: string, password: string, keep: boolean}} credentials `login` is an email address or a college id
   * @returns {Promise<object>} the user
   * @throws {FeathersError} 401 if they are wrong
   */
  async signIn({ login, password, keep }) {
    const { accessToken, user } = await this.#post({ strategy: 'local', email: login, password });
    this.forget();
    (keep ? this.device : this.tab).setItem(TOKEN, accessToken);
    return user;
  }

  /**
   * @returns {Promise<object>} the user of the token held
   * @throws {FeathersError} 401 if the token no longer holds
   */
  async resume() {
    const { user } = await this.#post({ strategy: 'jwt', accessToken: this.token });
    return user;
  }

  async signOut() {
    const headers = { Authorization: `Bearer ${this.token}` };
    this.forget();
    await this.fetch('authentication', { method: 'DELETE', headers });
  }

  forget() {
    this.tab.removeItem(TOKEN);
    this.device.removeItem(TOKEN);
  }

  async #post(credentials) {
    const response = await this.fetch('authentication', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify(credentials),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new FeathersError({ code: response.status, ...answer });
    return answer;
  }
}
