import type { IotHubClient } from '../../iot-hub-client/iot-hub-client.ts';
import {
	type MethodRequest,
	type MethodResponse,
	methodLimits,
} from '../../protocol/direct-method.ts';
import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Subscription } from '../../protocol/mqtt-topic.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { ClientRegistry } from '../clients/client-registry.ts';
import type { ConnectedClient } from '../clients/connected-client.ts';
import type { MethodDispatcher } from '../methods/method-dispatcher.ts';
import { failedMethodResponse } from '../methods/method-status.ts';
import type { TwinManager } from '../twins/twin-manager.ts';
import type { UpstreamConnections, UpstreamLease } from './upstream-connections.ts';

export interface UpstreamSubscriptionsOptions {
	readonly clients: ClientRegistry;
	readonly connections: UpstreamConnections;
	readonly twins: TwinManager;
	readonly methods: MethodDispatcher;
}

/** What one identity listens for in the cloud, for all of its connections. */
interface Link {
	readonly lease: UpstreamLease;
	readonly registrations: Map<Subscription, Disposable>;
	/** Connections that listen for desired properties, and know what there was when they began. */
	readonly listening: Set<ConnectedClient>;
}

/** What comes from the cloud, in the order in which it is subscribed to. */
const fromCloud = ['desired-properties', 'methods', 'cloud-to-device'] as const;

/** Hands on to the cloud what connected clients listen for, and to them what the cloud sends. */
export class UpstreamSubscriptions {
	readonly #options: UpstreamSubscriptionsOptions;
	readonly #links = new Map<string, Link>();
	#registration: Disposable | undefined;

	constructor(options: UpstreamSubscriptionsOptions) {
		this.#options = options;
	}

	start(): void {
		const { clients } = this.#options;
		this.#registration = clients.listen({
			subscribed: (client) => this.#subscribed(client),
			disconnected: (client) => this.#disconnected(client),
		});
		for (const client of clients) this.#subscribed(client);
	}

	stop(): void {
		this.#registration?.[Symbol.dispose]();
		for (const [key, link] of [...this.#links]) this.#close(key, link);
	}

	#subscribed(client: ConnectedClient): void {
		const { identity } = client;
		const key = identityKey(identity);
		const wanted = this.#wantedBy(identity);
		const link = this.#links.get(key) ?? (wanted.size > 0 ? this.#open(identity) : undefined);
		if (link === undefined) return;
		this.#adjust(identity, link, wanted);
		if (!client.subscriptions.has('desired-properties')) {
			link.listening.delete(client);
		} else if (!link.listening.has(client)) {
			link.listening.add(client);
			// A connection that is there already will not announce itself again.
			this.#options.twins.listening(client, link.lease.client.state.kind === 'connected');
		}
	}

	#disconnected(client: ConnectedClient): void {
		const { identity } = client;
		const key = identityKey(identity);
		const link = this.#links.get(key);
		if (link === undefined) return;
		if (link.listening.delete(client)) this.#options.twins.stopsListening(client);
		if (this.#options.clients.of(identity).length === 0) this.#close(key, link);
		else this.#adjust(identity, link, this.#wantedBy(identity));
	}

	#wantedBy(identity: Identity): Set<Subscription> {
		const clients = this.#options.clients.of(identity);
		return new Set(
			fromCloud.filter((each) => clients.some(({ subscriptions }) => subscriptions.has(each))),
		);
	}

	#open(identity: Identity): Link {
		const lease = this.#options.connections.lease(identity);
		const link: Link = { lease, registrations: new Map(), listening: new Set() };
		this.#links.set(identityKey(identity), link);
		return link;
	}

	#close(key: string, link: Link): void {
		this.#links.delete(key);
		for (const registration of link.registrations.values()) registration[Symbol.dispose]();
		link.lease[Symbol.dispose]();
	}

	#adjust(identity: Identity, link: Link, wanted: ReadonlySet<Subscription>): void {
		for (const subscription of fromCloud) {
			const registration = link.registrations.get(subscription);
			const want = wanted.has(subscription);
			if (want && registration === undefined) {
				link.registrations.set(
					subscription,
					this.#register(subscription, identity, link.lease.client),
				);
			} else if (!want && registration !== undefined) {
				registration[Symbol.dispose]();
				link.registrations.delete(subscription);
			}
		}
	}

	#register(
		subscription: (typeof fromCloud)[number],
		identity: Identity,
		upstream: IotHubClient,
	): Disposable {
		switch (subscription) {
			case 'desired-properties':
				return upstream.onDesired((patch) => this.#options.twins.desiredPatch(identity, patch));
			case 'methods':
				return upstream.onMethod((request) => this.#call(identity, request));
			case 'cloud-to-device':
				return upstream.onMessage(async (message) => {
					const clients = this.#options.clients.of(identity);
					const target = clients.find((client) => client.subscriptions.has('cloud-to-device'));
					if (target === undefined) throw gone();
					await target.sendCloudToDevice(message);
				});
		}
	}

	/** IoT Hub keeps the caller's time limit to itself: the longest one counts here. */
	async #call(target: Identity, request: MethodRequest): Promise<MethodResponse> {
		const responseTimeoutSeconds = methodLimits.responseTimeout.max;
		try {
			return await this.#options.methods.call('cloud', target, {
				...request,
				responseTimeoutSeconds,
			});
		} catch (error) {
			return failedMethodResponse(error);
		}
	}
}

function gone(): EdgeError {
	return new EdgeError('EDGE_CLIENT_GONE', 'The device is not connected.');
}
