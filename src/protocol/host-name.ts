/** Where to connect. */
export interface NetworkEndpoint {
	readonly host: string;
	readonly port: number;
}

const defaultPorts = { mqtt: 8883, https: 443, amqp: 5671 } as const;

/**
 * The address of an IoT Hub or gateway named as in a connection string. A name without a port
 * means the protocol's own port, `name:port` one port for every protocol.
 */
export function endpointOf(hostName: string, protocol: keyof typeof defaultPorts): NetworkEndpoint {
	const { host, port } = splitHostName(hostName);
	return { host, port: port ?? defaultPorts[protocol] };
}

/** `localhost:41234` → `{host: 'localhost', port: 41234}`; `[::1]:8883` → `{host: '::1', port: 8883}`. */
export function splitHostName(hostName: string): { host: string; port?: number } {
	const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(hostName);
	if (match === null) return { host: hostName };
	const host = match[1] ?? match[2] ?? hostName;
	return match[3] === undefined ? { host } : { host, port: Number(match[3]) };
}
