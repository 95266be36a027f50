import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Packet, decodePacket, encodePacket, splitFrame } from '../../src/portal/packets.js';

test('an event with an acknowledgement is written as Socket.IO 5 has it', () => {
  const packet = { type: Packet.EVENT, id: 12, data: ['find', 'users', {}] };
  assert.equal(encodePacket(packet), '212["find","users",{}]');
});

test('a connect carries its payload, and a disconnect nothing', () => {
  assert.equal(encodePacket({ type: Packet.CONNECT, data: { token: 't' } }), '0{"token":"t"}');
  assert.equal(encodePacket({ type: Packet.DISCONNECT }), '1');
});

test('another namespace stands before the id', () => {
  const packet = { type: Packet.ACK, namespace: '/team', id: 3, data: [null] };
  assert.equal(encodePacket(packet), '3/team,3[null]');
  assert.deepEqual(decodePacket('3/team,3[null]'), packet);
});

test('what is written is read back', () => {
  for (const packet of [
    { type: Packet.EVENT, namespace: '/', data: ['messages created', { content: '[1,"é"]/,' }] },
    { type: Packet.EVENT, namespace: '/', id: 0, data: ['typing:start'] },
    { type: Packet.ACK, namespace: '/', id: 7, data: [] },
    { type: Packet.CONNECT_ERROR, namespace: '/', data: { message: 'no', data: { code: 401 } } },
    { type: Packet.DISCONNECT, namespace: '/' },
  ]) {
    assert.deepEqual(decodePacket(encodePacket(packet)), packet);
  }
});

test('digits inside an event are not taken for an id', () => {
  assert.deepEqual(decodePacket('2["5"]'), { type: Packet.EVENT, namespace: '/', data: ['5'] });
});

test('binary packets and nonsense are refused', () => {
  for (const text of ['51-["file",{"_placeholder":true,"num":0}]', '', 'hello', '2{"not":"a list"}', '2', '2[oops']) {
    assert.throws(() => decodePacket(text), SyntaxError, text);
  }
});

test('a frame is its kind and the rest', () => {
  assert.deepEqual(splitFrame('42["a"]'), { kind: '4', body: '2["a"]' });
  assert.deepEqual(splitFrame('2'), { kind: '2', body: '' });
});
