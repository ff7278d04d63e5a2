import type { IotHubClient } from '../../iot-hub-client/iot-hub-client.ts';
import {
	type MethodRequest,
	type MethodResponse,
	methodLimits,
} from '../../protocol/direct-method.ts';
import type { Identity } from '../../protocol/identity.ts';
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

interface Link {
	readonly lease: UpstreamLease;
	readonly registrations: Map<Subscription, Disposable>;
}

/** What comes from the cloud, in the order in which it is subscribed to. */
const fromCloud = ['desired-properties', 'methods', 'cloud-to-device'] as const;

/** Hands on to the cloud what connected clients listen for, and to them what the cloud sends. */
export class UpstreamSubscriptions {
	readonly #options: UpstreamSubscriptionsOptions;
	readonly #links = new Map<ConnectedClient, Link>();
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
		for (const client of [...this.#links.keys()]) this.#disconnected(client);
	}

	#subscribed(client: ConnectedClient): void {
		const wanted = fromCloud.filter((subscription) => client.subscriptions.has(subscription));
		const known = this.#links.get(client);
		if (known === undefined && wanted.length === 0) return;
		const link = known ?? this.#open(client);
		for (const subscription of fromCloud) {
			const registration = link.registrations.get(subscription);
			const want = client.subscriptions.has(subscription);
			if (want && registration === undefined) {
				link.registrations.set(
					subscription,
					this.#register(subscription, client, link.lease.client),
				);
			} else if (!want && registration !== undefined) {
				registration[Symbol.dispose]();
				link.registrations.delete(subscription);
			}
		}
	}

	#open(client: ConnectedClient): Link {
		const lease = this.#options.connections.lease(client.identity);
		const link: Link = { lease, registrations: new Map() };
		this.#links.set(client, link);
		return link;
	}

	#disconnected(client: ConnectedClient): void {
		const link = this.#links.get(client);
		if (link === undefined) return;
		this.#links.delete(client);
		for (const registration of link.registrations.values()) registration[Symbol.dispose]();
		link.lease[Symbol.dispose]();
	}

	#register(
		subscription: (typeof fromCloud)[number],
		client: ConnectedClient,
		upstream: IotHubClient,
	): Disposable {
		const { identity } = client;
		switch (subscription) {
			case 'desired-properties': {
				// A connection that is there already will not announce itself again.
				this.#options.twins.listening(identity, upstream.state.kind === 'connected');
				return upstream.onDesired((patch) => this.#options.twins.desiredPatch(identity, patch));
			}
			case 'methods':
				return upstream.onMethod((request) => this.#call(identity, request));
			case 'cloud-to-device':
				return upstream.onMessage(async (message) => {
					const target = this.#options.clients.get(identity);
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
