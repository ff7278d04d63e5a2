import dgram from 'node:dgram';
import {
	destinationOf,
	isOwnHost,
	type PodAddress,
	portOnPod,
	type ServiceTable,
} from './service-table.ts';

/** Makes UDP sockets of this process live on the pod's address and find Services. */
export function installDatagrams(
	pod: PodAddress,
	table: () => ServiceTable,
	pick: Parameters<typeof destinationOf>[4],
): void {
	const { bind, send } = dgram.Socket.prototype;
	dgram.Socket.prototype.bind = function (this: dgram.Socket, ...args: unknown[]) {
		return Reflect.apply(bind, this, bindArguments(pod, args));
	} as typeof bind;
	dgram.Socket.prototype.send = function (this: dgram.Socket, ...args: unknown[]) {
		return Reflect.apply(send, this, sendArguments(pod, table(), pick, args));
	} as typeof send;
}

/** A socket bound without a port is a client that may also talk to the outside: it is left alone. */
function bindArguments(pod: PodAddress, args: unknown[]): unknown[] {
	const [first] = args;
	const given = typeof first === 'object' && first !== null ? first : undefined;
	const { port, address } = (given ?? { port: first, address: args[1] }) as {
		port?: unknown;
		address?: unknown;
	};
	const host = typeof address === 'string' ? address : '';
	if (typeof port !== 'number' || port === 0 || !isOwnHost(pod, host)) return args;
	const callback = args.filter((argument) => typeof argument === 'function');
	return [{ ...given, port: portOnPod(port), address: pod.address }, ...callback];
}

/** `send(message[, offset, length], port[, address][, callback])`. */
function sendArguments(
	pod: PodAddress,
	table: ServiceTable,
	pick: Parameters<typeof destinationOf>[4],
	args: unknown[],
): unknown[] {
	const numbers = args.filter((argument, index) => index > 0 && typeof argument === 'number');
	// One number is a port; two are offset and length of a connected socket; three have a port last.
	if (numbers.length !== 1 && numbers.length !== 3) return args;
	const at = numbers.length;
	const host = typeof args[at + 1] === 'string' ? String(args[at + 1]) : 'localhost';
	const destination = destinationOf(table, pod, host, Number(args[at]), pick);
	const target = { host: pod.address, port: 1 };
	if (destination.kind === 'machine' || destination.kind === 'name') return args;
	if (destination.kind === 'address') Object.assign(target, destination);
	if (destination.kind === 'self') target.port = destination.port;
	const callback = args.filter((argument) => typeof argument === 'function');
	return [...args.slice(0, at), target.port, target.host, ...callback];
}
