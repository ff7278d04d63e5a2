import { Agent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { NetworkEndpoint } from '../protocol/host-name.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ClientCertificate } from './device-credential.ts';
import type { HubNetwork } from './hub-network.ts';

/** The longest that a connection may take to be made, in milliseconds. */
const connectTimeout = 30_000;

/** HTTPS over the way to IoT Hub, with connections kept open. */
export class HubAgent extends Agent {
	readonly certificate: ClientCertificate | undefined;
	readonly #network: HubNetwork;
	readonly #clock: Clock;
	readonly #closed = new AbortController();

	constructor(network: HubNetwork, clock: Clock, certificate?: ClientCertificate) {
		super({ keepAlive: true, maxSockets: 4 });
		this.#network = network;
		this.#clock = clock;
		this.certificate = certificate;
	}

	override createConnection(
		options: { host?: string | null; port?: string | number | null },
		done: (error: Error | null, stream: Duplex) => void,
	): undefined {
		const endpoint = { host: options.host ?? '', port: Number(options.port) };
		this.#connect(endpoint).then(
			(socket) => done(null, socket),
			(error: Error) => done(error, undefined as never),
		);
	}

	async #connect(endpoint: NetworkEndpoint): Promise<TLSSocket> {
		const late = new AbortController();
		using _limit = this.#clock.after(connectTimeout, () =>
			late.abort(new Error(`no connection within ${connectTimeout} ms`)),
		);
		const signal = AbortSignal.any([this.#closed.signal, late.signal]);
		const { certificate } = this;
		const proof = certificate === undefined ? {} : { certificate };
		return await this.#network.connect(endpoint, { signal, ...proof });
	}

	override destroy(): void {
		this.#closed.abort(new Error('the client was closed'));
		super.destroy();
	}
}
