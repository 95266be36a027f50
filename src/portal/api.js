/** An answer of the server that says no. `code` is the HTTP status, over the socket too. */
export class FeathersError extends Error {
  constructor({ name = 'GeneralError', message = 'Something went wrong', code = 500, className, data, errors } = {}) {
    super(message);
    this.name = name;
    this.code = code;
    this.className = className;
    this.data = data;
    this.errors = errors;
  }
}

/** Service calls as Feathers writes them on a socket: `(method, path, …args)`, answered by `(error)` or `(null, result)`. */
export class Api {
  /** @param {import('./socket.js').Socket} socket */
  constructor(socket) {
    this.socket = socket;
  }

  find(path, query = {}) {
    return this.#call('find', path, query);
  }

  get(path, id, query = {}) {
    return this.#call('get', path, id, query);
  }

  create(path, data, query = {}) {
    return this.#call('create', path, data, query);
  }

  patch(path, id, data, query = {}) {
    return this.#call('patch', path, id, data, query);
  }

  remove(path, id, query = {}) {
    return this.#call('remove', path, id, query);
  }

  /** A method of the service's own. */
  call(method, path, data, query = {}) {
    return this.#call(method, path, data, query);
  }

  /** Every record of a query, page after page. */
  async findAll(path, query = {}) {
    const records = [];
    let page;
    do {
      page = await this.find(path, { $limit: 200, ...query, $skip: records.length });
      records.push(...page.data);
    } while (page.data.length > 0 && records.length < page.total);
    return records;
  }

  /** A chat event (`message:send`, …), answered by one object, which holds `error` if refused. */
  async tell(event, payload) {
    const [answer] = await this.socket.request(event, [payload]);
    if (answer?.error) throw new FeathersError(answer.error);
    return answer ?? {};
  }

  async #call(method, path, ...args) {
    const [error, result] = await this.socket.request(method, [path, ...args]);
    if (error) throw new FeathersError(error);
    return result;
  }
}
