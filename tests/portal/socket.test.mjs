import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Backoff } from '../../src/portal/backoff.js';
import { ConnectionLost, Socket } from '../../src/portal/socket.js';
import { PlayedWebSocket } from './doubles.mjs';

let socket;

beforeEach(() => {
  PlayedWebSocket.all = [];
});

function connected(t) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let attempts = 0;
  socket = new Socket({
    url: 'ws://school.example/socket.io/?EIO=4&transport=websocket',
    auth: () => ({ token: `t${++attempts}` }),
    WebSocket: PlayedWebSocket,
    backoff: new Backoff({ first: 1000, longest: 4000, random: () => 1 }),
  });
  socket.connect();
  PlayedWebSocket.last.welcome();
  return PlayedWebSocket.last;
}

test('the namespace is joined with the payload once the server has opened', (t) => {
  const webSocket = connected(t);
  assert.deepEqual(webSocket.sent, ['40{"token":"t1"}']);
  assert.equal(socket.connected, true);
});

test('a ping is answered by a pong', (t) => {
  const webSocket = connected(t);
  webSocket.say('2');
  assert.equal(webSocket.sent.at(-1), '3');
});

test('nothing is written to a connection that is closing', (t) => {
  const webSocket = connected(t);
  const before = webSocket.sent.length;
  webSocket.readyState = 2;
  webSocket.say('2');
  assert.equal(webSocket.sent.length, before);
});

test('an acknowledgement resolves its own request', async (t) => {
  const webSocket = connected(t);
  const first = socket.request('get', ['users', '1']);
  const second = socket.request('get', ['users', '2']);
  assert.deepEqual(webSocket.sent.slice(1), ['420["get","users","1"]', '421["get","users","2"]']);
  webSocket.say('431[null,{"name":"Two"}]');
  webSocket.say('430[{"message":"no"}]');
  assert.deepEqual(await first, [{ message: 'no' }]);
  assert.deepEqual(await second, [null, { name: 'Two' }]);
});

test('a request without an answer fails when its time is over, and a late answer does no harm', async (t) => {
  const webSocket = connected(t);
  const request = socket.request('find', ['users'], { timeout: 500 });
  t.mock.timers.tick(500);
  await assert.rejects(request, ConnectionLost);
  webSocket.say('430[null,{}]');
});

test('a request without a connection fails at once', async (t) => {
  connected(t).fail();
  await assert.rejects(socket.request('find', ['users']), ConnectionLost);
});

test('a lost connection fails what was asked, and is made again with a fresh payload', async (t) => {
  const webSocket = connected(t);
  const request = socket.request('find', ['users']);
  webSocket.fail();
  await assert.rejects(request, ConnectionLost);
  t.mock.timers.tick(1000);
  PlayedWebSocket.last.welcome();
  assert.notEqual(PlayedWebSocket.last, webSocket);
  assert.deepEqual(PlayedWebSocket.last.sent, ['40{"token":"t2"}']);
});

test('the pauses double up to the longest, and a success begins again with the first', (t) => {
  const webSocket = connected(t);
  const pauses = [];
  socket.lifecycle.on('lost', (pause) => pauses.push(pause));
  webSocket.fail();
  for (let attempt = 0; attempt < 3; attempt++) {
    t.mock.timers.tick(pauses.at(-1));
    PlayedWebSocket.last.fail();
  }
  t.mock.timers.tick(4000);
  PlayedWebSocket.last.welcome();
  PlayedWebSocket.last.fail();
  assert.deepEqual(pauses, [1000, 2000, 4000, 4000, 1000]);
});

test('jitter keeps a pause between half and all of its length', () => {
  assert.equal(new Backoff({ first: 1000, random: () => 0 }).next(), 500);
  assert.equal(new Backoff({ first: 1000, random: () => 1 }).next(), 1000);
});

test('a server that falls silent is given up after its interval and timeout', (t) => {
  const webSocket = connected(t);
  t.mock.timers.tick(44_999);
  assert.equal(socket.connected, true);
  t.mock.timers.tick(1);
  assert.equal(socket.connected, false);
  assert.equal(webSocket.isClosed, true);
});

test('a refusal and a goodbye are told and not followed by attempts', (t) => {
  for (const [packet, reason, payload] of [
    ['44{"message":"jwt expired","data":{"code":401}}', 'refused', { message: 'jwt expired', data: { code: 401 } }],
    ['41', 'ended', undefined],
  ]) {
    const webSocket = connected(t);
    const told = [];
    socket.lifecycle.on(reason, (data) => told.push(data));
    webSocket.say(packet);
    const { length } = PlayedWebSocket.all;
    t.mock.timers.tick(600_000);
    assert.deepEqual(told, [payload]);
    assert.equal(PlayedWebSocket.all.length, length);
    t.mock.timers.reset();
  }
});

test('leaving says so and stays away', (t) => {
  const webSocket = connected(t);
  socket.close();
  t.mock.timers.tick(600_000);
  assert.equal(webSocket.sent.at(-1), '41');
  assert.equal(PlayedWebSocket.all.length, 1);
});

test('events reach their listeners even if one of them fails', (t) => {
  t.mock.method(console, 'error', () => undefined);
  const webSocket = connected(t);
  const heard = [];
  socket.events.on('user:online', () => {
    throw new Error('a broken view');
  });
  const off = socket.events.on('user:online', ({ userId }) => heard.push(userId));
  webSocket.say('42["user:online",{"userId":"1"}]');
  off();
  webSocket.say('42["user:online",{"userId":"2"}]');
  assert.deepEqual(heard, ['1']);
});
