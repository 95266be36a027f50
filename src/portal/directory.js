const PAGE = 200;

/** The people of the school, fetched as far as they are needed: the first page, single unknown ones, or everybody. */
export class Directory {
  #asked = new Set();
  #everybody = null;

  constructor(api, store) {
    this.api = api;
    this.store = store;
  }

  async loadFirst() {
    const { data } = await this.api.find('users', { $limit: PAGE, $sort: { name: 1 } });
    this.store.putUsers(data);
  }

  /** @returns {Promise<void>} the same one however often it is asked, until it fails */
  loadAll() {
    this.#everybody ??= this.api.findAll('users', { $limit: PAGE, $sort: { name: 1 } }).then(
      (users) => this.store.putUsers(users),
      (error) => {
        this.#everybody = null;
        throw error;
      },
    );
    return this.#everybody;
  }

  /** Fetches those not held. One that may not be seen stays nameless, and is not asked for again. */
  async need(userIds) {
    const unknown = [...new Set(userIds)].filter((id) => !this.store.users.has(id) && !this.#asked.has(id));
    for (const id of unknown) this.#asked.add(id);
    const answers = await Promise.allSettled(unknown.map((id) => this.api.get('users', id)));
    const found = answers.filter(({ status }) => status === 'fulfilled').map(({ value }) => value);
    if (found.length > 0) this.store.putUsers(found);
  }

  /** After a lost connection the answers that never came may be asked for again. */
  forgetFailures() {
    this.#asked.clear();
  }
}
