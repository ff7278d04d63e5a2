import type { TcpNetConnectOpts } from 'node:net';
import { Socket } from 'node:net';

/**
 * One replica of a module with the unmodified SDK, in a process that can be killed. It connects from
 * its own address, as a pod does, and writes `ready`, then a line for each message: its text.
 */
const [connectionString = '', authority = '', localAddress = ''] = process.argv.slice(2);

const connect = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket;
Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
	// `net.connect` hands its arguments over in an array.
	const list = (Array.isArray(args[0]) ? args[0] : args) as [TcpNetConnectOpts];
	if (typeof list[0] === 'object') list[0] = { ...list[0], localAddress };
	return connect.apply(this, args);
} as Socket['connect'];

const { default: azure } = await import('azure-iot-device');
const { Mqtt } = await import('azure-iot-device-mqtt');
const client = azure.ModuleClient.fromConnectionString(connectionString, Mqtt);
await client.setOptions({ ca: authority } as never);
client.on('error', () => {});
client.on('inputMessage', (_input, message) => {
	process.stdout.write(`${message.getData().toString()}\n`);
});
await client.open();
process.stdout.write('ready\n');
