/** Feathers 5 on Koa with both transports and the hooks of our own side: node server.mjs --host H --port P */
import { parseArgs } from 'node:util';

import { feathers } from '@feathersjs/feathers';
import { bodyParser, errorHandler, koa, rest } from '@feathersjs/koa';
import socketio from '@feathersjs/socketio';

import { Messages } from './messages.mjs';

const { values } = parseArgs({ options: { host: { type: 'string' }, port: { type: 'string' } } });
const nothing = async () => {};

const app = koa(feathers());
app.use(errorHandler());
app.use(bodyParser());
app.configure(rest());
app.configure(
  socketio((io) => {
    io.use((socket, next) => {
      socket.feathers.room = socket.handshake.query.room;
      next();
    });
  }),
);
app.use('messages', new Messages());
app.service('messages').hooks({ before: { all: [nothing] }, after: { all: [nothing] } });
app.on('connection', (connection) => {
  if (connection.room !== undefined) app.channel(connection.room).join(connection);
});
app.publish((message) => app.channel(message.conversationId));
await app.listen(Number(values.port), values.host);
process.on('SIGTERM', () => process.exit(0));
