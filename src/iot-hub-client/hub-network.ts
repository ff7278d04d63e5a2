import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { endpointOf, type NetworkEndpoint } from '../protocol/host-name.ts';
import type { ClientCertificate } from './device-credential.ts';
import { bypassesProxy, type HttpProxy } from './http-proxy.ts';
import { openTunnel } from './proxy-tunnel.ts';
import { TrafficMeter } from './traffic-meter.ts';
import { secureContextFor } from './trusted-roots.ts';

/** How IoT Hub is reached from here. */
export interface HubNetworkOptions {
	/** PEM of authorities to trust besides the system's, for a hub with a certificate of its own. */
	readonly trustedCertificates?: string;
	/** What MQTT runs over. Default `tcp`. */
	readonly mqttOver?: 'tcp' | 'web-socket';
	/** Default: none. */
	readonly proxy?: HttpProxy;
	/** Hosts that are reached without it. */
	readonly noProxy?: readonly string[];
}

/** A connection that is being made. */
export interface ConnectOptions {
	/** Ends the attempt. */
	readonly signal: AbortSignal;
	/** What a client proves itself with, where it has no token. */
	readonly certificate?: ClientCertificate;
}

/**
 * The way from here to IoT Hub and its kin: directly or through a proxy, over TLS with the
 * authorities to trust. Counts what passes.
 */
export class HubNetwork {
	/** Of MQTT. */
	readonly mqttTraffic = new TrafficMeter();
	/** Of everything else. */
	readonly httpsTraffic = new TrafficMeter();
	readonly #options: HubNetworkOptions;

	constructor(options: HubNetworkOptions = {}) {
		this.#options = options;
	}

	/**
	 * A TLS connection, its handshake done and the server's certificate checked.
	 *
	 * @throws Error whatever is in the way; the signal's reason when it aborts
	 */
	connect(endpoint: NetworkEndpoint, options: ConnectOptions): Promise<TLSSocket> {
		return this.#connect(endpoint, options, this.httpsTraffic);
	}

	/** The byte stream that MQTT runs over. @throws as `connect` */
	async connectMqtt(hostName: string, options: ConnectOptions): Promise<Duplex> {
		if (this.#options.mqttOver !== 'web-socket') {
			return this.#connect(endpointOf(hostName, 'mqtt'), options, this.mqttTraffic);
		}
		const endpoint = endpointOf(hostName, 'https');
		const socket = await this.#connect(endpoint, options, this.mqttTraffic);
		// Loaded where it is used: the agent seldom needs it.
		const { webSocketStream } = await import('./web-socket-stream.ts');
		return webSocketStream(socket, endpoint, options.signal);
	}

	async #connect(
		endpoint: NetworkEndpoint,
		{ signal, certificate }: ConnectOptions,
		meter: TrafficMeter,
	): Promise<TLSSocket> {
		signal.throwIfAborted();
		const { proxy, noProxy = [], trustedCertificates } = this.#options;
		const direct = proxy === undefined || bypassesProxy(noProxy, endpoint);
		const { host, port } = direct ? endpoint : proxy;
		const tcp = connectTcp({ host, port, noDelay: true });
		meter.observe(tcp);
		tcp.on('error', () => {});
		const abort = () => tcp.destroy(signal.reason);
		signal.addEventListener('abort', abort, { once: true });
		try {
			await once(tcp, 'connect');
			const tunnel = direct ? tcp : await this.#tunnel(tcp, proxy, endpoint, signal);
			const secureContext = secureContextFor(trustedCertificates, certificate);
			return await secured(connectTls({ ...named(endpoint.host), socket: tunnel, secureContext }));
		} catch (error) {
			tcp.destroy();
			throw signal.aborted ? signal.reason : error;
		} finally {
			signal.removeEventListener('abort', abort);
		}
	}

	async #tunnel(
		tcp: Socket,
		proxy: HttpProxy,
		endpoint: NetworkEndpoint,
		signal: AbortSignal,
	): Promise<Socket> {
		const secureContext = secureContextFor(this.#options.trustedCertificates);
		const connection = proxy.secure
			? await secured(connectTls({ ...named(proxy.host), socket: tcp, secureContext }))
			: tcp;
		return openTunnel(connection, proxy, endpoint, signal);
	}
}

/** Names are told to the server, addresses must not be; both are checked [RFC 6066, 3]. */
function named(host: string) {
	return isIP(host) === 0 ? { host, servername: host } : { host };
}

async function secured(socket: TLSSocket): Promise<TLSSocket> {
	// Whoever uses the connection sees its end; an error that comes before must not end the process.
	socket.on('error', () => {});
	const { promise: closed, reject } = Promise.withResolvers<never>();
	const onClose = () => reject(new Error('the connection was closed in the TLS handshake'));
	socket.once('close', onClose);
	try {
		await Promise.race([once(socket, 'secureConnect'), closed]);
		return socket;
	} finally {
		socket.off('close', onClose);
	}
}
