/** Plain Socket.IO on node's own HTTP server, without a framework: node server.mjs --host H --port P */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { Server } from 'socket.io';

const { values } = parseArgs({ options: { host: { type: 'string' }, port: { type: 'string' } } });
const messages = new Map();
const conversations = new Map();

function create(data) {
  const message = { id: messages.size + 1, ...data };
  messages.set(message.id, message);
  const conversation = conversations.get(message.conversationId);
  if (conversation === undefined) conversations.set(message.conversationId, [message]);
  else conversation.push(message);
  return message;
}

function contacts(user, total, count) {
  const steps = Array.from({ length: count / 2 }, (_, i) => 33 * (i + 1));
  return steps.flatMap((step) => [(user + step) % total, (((user - step) % total) + total) % total]);
}

const http = createServer((request, response) => response.writeHead(404).end());
const io = new Server(http);

io.on('connection', (socket) => {
  const { room, user, total, contacts: count } = socket.handshake.query;
  if (room !== undefined) socket.join(room);
  if (user !== undefined) {
    socket.join(contacts(Number(user), Number(total), Number(count)).map((contact) => `presence:${contact}`));
    io.to(`presence:${user}`).emit('presence', { userId: Number(user), status: 'online', at: Date.now() });
  }
  socket.on('message:create', (data, acknowledge) => {
    const message = create(data);
    io.to(message.conversationId).emit('message', message);
    acknowledge(message);
  });
});

http.listen(Number(values.port), values.host);
process.on('SIGTERM', () => process.exit(0));
