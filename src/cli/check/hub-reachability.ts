import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { getCACertificates, connect as secure } from 'node:tls';
import { endpointOf } from '../../protocol/host-name.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { type Finding, faulty, fine } from './finding.ts';

const patience = 5_000;

/** What clients use IoT Hub by: MQTT over TLS and HTTPS. */
const ports = [
	{ protocol: 'MQTT', default: 'mqtt' },
	{ protocol: 'HTTPS', default: 'https' },
] as const;

/**
 * Whether IoT Hub can be reached from this machine: its name, its port, its certificate. The agent's
 * nodes may have another network.
 *
 * @param hostName of the hub; with a port that port alone is tried.
 * @param authorities PEM of authorities to trust besides the usual ones.
 */
export async function checkHub(hostName: string, authorities?: string): Promise<Finding[]> {
	const endpoints = new Map(
		ports.map(({ protocol, default: by }) => {
			const endpoint = endpointOf(hostName, by);
			return [`${endpoint.host}:${endpoint.port}`, { ...endpoint, protocol }];
		}),
	);
	return Promise.all(
		[...endpoints.values()].map(({ host, port, protocol }) => {
			return checkEndpoint(`IoT Hub by ${protocol}`, host, port, authorities);
		}),
	);
}

/** Whether the device provisioning service can be reached from this machine. */
export async function checkProvisioning(
	hostName: string,
	authorities?: string,
): Promise<Finding[]> {
	const { host, port } = endpointOf(hostName, 'https');
	return [await checkEndpoint('DPS', host, port, authorities)];
}

async function checkEndpoint(
	check: string,
	host: string,
	port: number,
	authorities: string | undefined,
): Promise<Finding> {
	const place = `${host}:${port}`;
	try {
		await lookup(host);
	} catch (error) {
		const remedy = `Check whether ${host} is the right name, and the DNS of this network.`;
		return faulty(check, `The name ${host} is not found: ${messageOf(error)}.`, remedy);
	}
	try {
		await connected(host, port);
	} catch (error) {
		const remedy = `Let the firewall pass TCP connections to ${place}.`;
		return faulty(check, `There is no connection to ${place}: ${messageOf(error)}.`, remedy);
	}
	try {
		const until = await handshake(host, port, authorities);
		return fine(check, `${place}, certificate until ${until}`);
	} catch (error) {
		const remedy =
			'A proxy may be replacing the certificate. For a hub with a private one, put its authority into the ConfigMap iothub-trust.';
		return faulty(check, `The certificate of ${place} is not good: ${messageOf(error)}.`, remedy);
	}
}

async function connected(host: string, port: number): Promise<void> {
	const socket = connect({ host, port });
	try {
		await once(socket, 'connect', { signal: AbortSignal.timeout(patience) });
	} finally {
		socket.destroy();
	}
}

/** @returns when the server's certificate ends, RFC 3339 date */
async function handshake(
	host: string,
	port: number,
	authorities: string | undefined,
): Promise<string> {
	const ca = authorities === undefined ? {} : { ca: [...getCACertificates(), authorities] };
	const socket = secure({ host, port, servername: host, ...ca });
	try {
		await once(socket, 'secureConnect', { signal: AbortSignal.timeout(patience) });
		return new Date(socket.getPeerCertificate().valid_to).toISOString().slice(0, 10);
	} finally {
		socket.destroy();
	}
}
