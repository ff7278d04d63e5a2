import { Agent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ClientCertificate } from './device-credential.ts';
import type { HubNetwork } from './hub-network.ts';

/** The longest that a connection may take to be made, in milliseconds. */
const connectTimeout = 30_000;

/** HTTPS over the way to IoT Hub, with connections kept open. */
export class HubAgent extends Agent {
	readonly certificate: ClientCertificate | undefined;
	readonly #network: HubNetwork;
	readonly #closed = new AbortController();

	constructor(network: HubNetwork, certificate?: ClientCertificate) {
		super({ keepAlive: true, maxSockets: 4 });
		this.#network = network;
		this.certificate = certificate;
	}

	override createConnection(
		options: { host?: string | null; port?: string | number | null },
		done: (error: Error | null, stream: Duplex) => void,
	): undefined {
		const endpoint = { host: options.host ?? '', port: Number(options.port) };
		const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(connectTimeout)]);
		const { certificate } = this;
		this.#network
			.connect(endpoint, { signal, ...(certificate === undefined ? {} : { certificate }) })
			.then(
				(socket) => done(null, socket),
				(error: Error) => done(error, undefined as never),
			);
	}

	override destroy(): void {
		this.#closed.abort(new Error('the client was closed'));
		super.destroy();
	}
}
