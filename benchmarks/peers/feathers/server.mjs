/** Feathers 5 on Koa with both transports and the hooks of our own side: node server.mjs --host H --port P */
import { parseArgs } from 'node:util';

import { feathers } from '@feathersjs/feathers';
import { bodyParser, errorHandler, koa, rest } from '@feathersjs/koa';
import socketio from '@feathersjs/socketio';

import { Messages } from './messages.mjs';

const { values } = parseArgs({ options: { host: { type: 'string' }, port: { type: 'string' } } });
const nothing = async () => {};

function contacts(user, total, count) {
  const steps = Array.from({ length: count / 2 }, (_, i) => 33 * (i + 1));
  return steps.flatMap((step) => [(user + step) % total, (((user - step) % total) + total) % total]);
}

class Presence {
  async find() {
    return [];
  }
}

const app = koa(feathers());
app.use(errorHandler());
app.use(bodyParser());
app.configure(rest());
app.configure(
  socketio((io) => {
    io.use((socket, next) => {
      socket.feathers.asked = socket.handshake.query;
      next();
    });
  }),
);
app.use('messages', new Messages());
app.service('messages').hooks({ before: { all: [nothing] }, after: { all: [nothing] } });
app.use('presence', new Presence(), { methods: ['find'], events: ['changed'] });
app.on('connection', (connection) => {
  const { room, user, total, contacts: count } = connection.asked;
  if (room !== undefined) app.channel(room).join(connection);
  if (user === undefined) return;
  for (const contact of contacts(Number(user), Number(total), Number(count)))
    app.channel(`presence:${contact}`).join(connection);
  app.service('presence').emit('changed', { userId: Number(user), status: 'online', at: Date.now() });
});
app.service('messages').publish((message) => app.channel(message.conversationId));
app.service('presence').publish((change) => app.channel(`presence:${change.userId}`));
await app.listen(Number(values.port), values.host);
process.on('SIGTERM', () => process.exit(0));
