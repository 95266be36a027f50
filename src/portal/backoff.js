/**
 * Waiting times that double up to a bound. Each lies between half of the doubled value and all of it, so that the clients
 * of a restarted server do not come back at the same moment.
 */
export class Backoff {
  #attempts = 0;

  constructor({ first = 500, longest = 20_000, random = Math.random } = {}) {
    this.first = first;
    this.longest = longest;
    this.random = random;
  }

  /** @returns {number} milliseconds to wait before the next attempt */
  next() {
    const ceiling = Math.min(this.longest, this.first * 2 ** this.#attempts);
    this.#attempts += 1;
    return Math.round(ceiling * (0.5 + this.random() / 2));
  }

  reset() {
    this.#attempts = 0;
  }
}
