import net from 'node:net';
import {
	type Destination,
	destinationOf,
	isOwnHost,
	type PodAddress,
	portOnPod,
	type ServiceTable,
} from './service-table.ts';

type Options = Record<PropertyKey, unknown> & { host?: unknown; port?: unknown };
type Arguments = unknown[];

/** Chooses endpoints: round robin from a random start, or always the same for a sticky Service. */
export function endpointPicker(address: string): Parameters<typeof destinationOf>[4] {
	const next = new Map<string, number>();
	const own = [...address].reduce((sum, character) => sum * 31 + character.charCodeAt(0), 7);
	return (key, count, sticky) => {
		if (sticky) return own % count;
		const turn = next.get(key) ?? Math.floor(Math.random() * 65_536);
		next.set(key, turn + 1);
		return turn % count;
	};
}

/** Makes servers of this process listen on the pod's address instead of on the machine's. */
export function installListen(pod: PodAddress): void {
	const { listen, address } = net.Server.prototype;
	const requested = new WeakMap<object, number>();
	net.Server.prototype.listen = function (this: net.Server, ...args: Arguments) {
		const options = listenOptions(args);
		if (options === undefined) return Reflect.apply(listen, this, args);
		const host = typeof options.host === 'string' ? options.host : '';
		if (!isOwnHost(pod, host)) return Reflect.apply(listen, this, args);
		const port = Number(options.port ?? 0);
		if (portOnPod(port) !== port) requested.set(this, port);
		const rest = args.filter((argument) => typeof argument === 'function').slice(-1);
		const onPod = { ...options, host: pod.address, port: portOnPod(port), ipv6Only: false };
		return Reflect.apply(listen, this, [onPod, ...rest]);
	} as typeof listen;
	net.Server.prototype.address = function (this: net.Server) {
		const bound = Reflect.apply(address, this, []);
		const port = requested.get(this);
		if (port === undefined || bound === null || typeof bound === 'string') return bound;
		return { ...bound, port };
	} as typeof address;
}

/** Makes connections of this process find Services and pods, and come from the pod's address. */
export function installConnect(pod: PodAddress, table: () => ServiceTable): void {
	const { connect } = net.Socket.prototype;
	const pick = endpointPicker(pod.address);
	net.Socket.prototype.connect = function (this: net.Socket, ...args: Arguments) {
		const options = connectOptions(args);
		if (options === undefined) return Reflect.apply(connect, this, args);
		const host = typeof options.host === 'string' ? options.host : 'localhost';
		const destination = destinationOf(table(), pod, host, Number(options.port), pick);
		const changed = connectTo(options, destination, pod);
		return Reflect.apply(connect, this, replaceOptions(args, changed));
	} as typeof connect;
}

/** The port and host of a `listen` call, unless it is about a path, a handle or a descriptor. */
function listenOptions(args: Arguments): Options | undefined {
	const [first, second, third] = args;
	if (isOptions(first)) {
		const foreign = ['path', 'fd', '_handle', 'handle'].some((name) => first[name] != null);
		return foreign ? undefined : first;
	}
	if (first != null && typeof first !== 'function' && !isPort(first)) return undefined;
	const backlog = [second, third].find((argument) => typeof argument === 'number');
	return {
		port: isPort(first) ? Number(first) : 0,
		...(typeof second === 'string' ? { host: second } : {}),
		...(backlog === undefined ? {} : { backlog }),
	};
}

/** The options of a `connect` call over TCP, in any of its forms. */
function connectOptions(args: Arguments): Options | undefined {
	const [first, second] = args;
	// `net.connect` hands over an array that it has already normalised.
	const options: unknown = Array.isArray(first) ? first[0] : first;
	if (isOptions(options)) {
		return options['path'] == null && options.port != null ? options : undefined;
	}
	if (!isPort(options)) return undefined;
	return { port: Number(options), host: typeof second === 'string' ? second : 'localhost' };
}

function replaceOptions(args: Arguments, options: Options): Arguments {
	const [first] = args;
	if (Array.isArray(first)) {
		// The array carries a private mark of Node; only its first element may change.
		first[0] = options;
		return args;
	}
	return [options, ...args.filter((argument) => typeof argument === 'function')];
}

function connectTo(options: Options, destination: Destination, pod: PodAddress): Options {
	switch (destination.kind) {
		case 'machine':
			return options;
		case 'name':
			return { ...options, host: destination.host };
		case 'refuse':
			// Nobody listens on port 1 of the pod's own address: the connection fails as refused.
			return { ...options, host: pod.address, port: 1 };
		case 'self':
			return { ...options, ...selfThenMachine(pod.address, destination.port) };
		case 'address': {
			const { host, port, fromPod } = destination;
			const from = fromPod ? { localAddress: pod.address } : {};
			return { ...options, host, port, ...from };
		}
	}
}

/**
 * In a pod `localhost` is the pod. The machine's own `localhost` is tried second, because tools
 * of the developer, such as an IoT Hub emulator, live there.
 */
function selfThenMachine(address: string, port: number): Options {
	const lookup = (
		_name: string,
		options: { all?: boolean },
		callback: (error: null, ...found: unknown[]) => void,
	) => {
		const candidates = [address, '127.0.0.1'].map((found) => ({ address: found, family: 4 }));
		process.nextTick(() => {
			if (options.all) callback(null, candidates);
			else callback(null, address, 4);
		});
	};
	return { host: 'localhost', port, family: 0, autoSelectFamily: true, lookup };
}

function isOptions(value: unknown): value is Options {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPort(value: unknown): boolean {
	return typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value));
}
