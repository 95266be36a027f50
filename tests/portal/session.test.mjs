import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Session } from '../../src/portal/session.js';
import { MemoryStorage, settled } from './doubles.mjs';

const ISSUED = 1_700_000_000;
const LIFETIME = 900;
const ADA = { _id: '1', name: 'Ada' };
const CREDENTIALS = { login: 'ada@school.example', password: 'secret', keep: false };

/** A server with one refresh token that is good, the newest; `asked` has what it was sent. */
class Server {
  asked = [];
  count = 0;
  isDown = false;
  age = 0;

  fetch = async (path, { method, body, headers }) => {
    const data = body ? JSON.parse(body) : { method, ...headers };
    this.asked.push(data.strategy ?? method);
    if (this.isDown) throw new TypeError('Failed to fetch');
    return this.answer(data);
  };

  answer(data) {
    if (data.strategy === 'local') return this.pair();
    if (data.strategy === 'refresh') return data.refreshToken === `r${this.count}` ? this.pair() : refusal('The session has ended');
    if (data.strategy === 'jwt') return data.accessToken === `a${this.count}` ? this.said({ accessToken: data.accessToken }) : refusal('jwt expired');
    return reply(200, {});
  }

  pair() {
    this.count += 1;
    return this.said({ accessToken: `a${this.count}`, refreshToken: `r${this.count}` });
  }

  said(tokens) {
    const payload = { iat: ISSUED, exp: ISSUED + LIFETIME };
    return reply(201, { ...tokens, user: ADA, authentication: { payload } }, new Date((ISSUED + this.age) * 1000));
  }
}

/** Locks as browsers have them: one after the other. */
class Locks {
  turn = Promise.resolve();

  request(name, work) {
    this.turn = this.turn.then(work, work);
    return this.turn;
  }
}

let server;
let tab;
let device;
let locks;

beforeEach(() => {
  server = new Server();
  tab = new MemoryStorage();
  device = new MemoryStorage();
  locks = new Locks();
});

function open(options = {}) {
  return new Session({ fetch: server.fetch, tab, device, locks, ...options });
}

function reply(status, body, date = new Date()) {
  return { ok: status < 300, status, headers: new Headers({ Date: date.toUTCString() }), json: async () => body };
}

function refusal(message) {
  return reply(401, { name: 'NotAuthenticated', message, code: 401 });
}

function timers(t) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return async (seconds) => {
    t.mock.timers.tick(seconds * 1000);
    await settled();
  };
}

test('both tokens are kept where the reader wanted, and nothing of them after leaving', async (t) => {
  timers(t);
  const session = open();
  await session.signIn(CREDENTIALS);
  assert.deepEqual([tab.length, device.length], [2, 0]);
  await session.signIn({ ...CREDENTIALS, keep: true });
  assert.deepEqual([tab.length, device.length], [0, 2]);
  session.forget();
  assert.deepEqual([tab.length, device.length], [0, 0]);
});

test('the pair is renewed by itself when two thirds of its life are over, again and again', async (t) => {
  const pass = timers(t);
  const session = open();
  const renewed = [];
  session.on('renewed', (token) => renewed.push(token));
  await session.signIn(CREDENTIALS);
  await pass(599);
  assert.deepEqual(renewed, []);
  await pass(1);
  assert.deepEqual(renewed, ['a2']);
  await pass(600);
  assert.deepEqual(renewed, ['a2', 'a3']);
  assert.equal(session.token, 'a3');
});

test('a page that is loaded again counts from the token’s issue, by the server’s clock', async (t) => {
  const pass = timers(t);
  await open().signIn(CREDENTIALS);
  server.age = 500;
  const session = open();
  const renewed = [];
  session.on('renewed', (token) => renewed.push(token));
  assert.deepEqual(await session.resume(), ADA);
  await pass(99);
  assert.deepEqual(renewed, []);
  await pass(1);
  assert.equal(renewed.length, 1);
});

test('who comes back with a token that has run out gets a new pair', async (t) => {
  timers(t);
  await open({ tab: device }).signIn(CREDENTIALS);
  device.setItem('feathers-jwt', 'run out');
  const session = open();
  assert.deepEqual(await session.resume(), ADA);
  assert.deepEqual(server.asked, ['local', 'jwt', 'refresh']);
  assert.equal(device.getItem('feathers-jwt'), 'a2');
  assert.equal(tab.length, 0);
});

test('a session that has ended is told, and so is a token without a refresh', async (t) => {
  timers(t);
  const session = open();
  await session.signIn(CREDENTIALS);
  server.count += 1;
  await assert.rejects(session.resume(), { code: 401, message: 'The session has ended' });
  tab.removeItem('feathers-refresh');
  await assert.rejects(session.resume(), { code: 401, message: 'jwt expired' });
});

test('a server that cannot be reached is no ended session', async (t) => {
  timers(t);
  const session = open();
  await session.signIn(CREDENTIALS);
  server.isDown = true;
  await assert.rejects(session.resume(), TypeError);
  await assert.rejects(session.renew(), TypeError);
  server.isDown = false;
  assert.deepEqual(await session.renew(), ADA);
});

test('calls at the same time share one refresh', async (t) => {
  timers(t);
  const session = open();
  await session.signIn(CREDENTIALS);
  assert.deepEqual(await Promise.all([session.renew(), session.renew(), session.renew()]), [ADA, ADA, ADA]);
  assert.deepEqual(server.asked, ['local', 'refresh']);
});

test('of two tabs one refreshes, and the other takes what it got', async (t) => {
  timers(t);
  const first = open({ tab: new MemoryStorage() });
  const second = open({ tab: new MemoryStorage() });
  await first.signIn({ ...CREDENTIALS, keep: true });
  await second.resume();
  const renewed = [];
  second.on('renewed', (token) => renewed.push(token));
  await Promise.all([first.renew(), second.renew()]);
  assert.deepEqual(server.asked, ['local', 'jwt', 'refresh', 'jwt']);
  assert.deepEqual(renewed, ['a2']);
});

test('a refresh in vain is not repeated by the clock, and not reported', async (t) => {
  const pass = timers(t);
  const session = open();
  await session.signIn(CREDENTIALS);
  server.isDown = true;
  await pass(600);
  await pass(6000);
  assert.deepEqual(server.asked, ['local', 'refresh']);
});

test('nothing is renewed after leaving, nor without a refresh token', async (t) => {
  const pass = timers(t);
  const session = open();
  await session.signIn(CREDENTIALS);
  session.forget();
  await pass(6000);
  tab.setItem('feathers-jwt', 'a1');
  await session.resume();
  await pass(6000);
  assert.deepEqual(server.asked, ['local', 'jwt']);
});
