import type { MethodRequest, MethodResponse } from '../../protocol/direct-method.ts';
import type { Identity } from '../../protocol/identity.ts';
import { mergePatch, sameJson, stripMetadata, versionOf } from '../../protocol/twin.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ClientRegistry } from '../clients/client-registry.ts';
import type { DesiredStatus } from '../configuration.ts';
import type { TwinManager } from '../twins/twin-manager.ts';
import type { UpstreamConnections } from '../upstream/upstream-connections.ts';
import {
	clientProperty,
	connectedPatch,
	disconnectedPatch,
	forgetClientsPatch,
} from './client-status.ts';
import type { LocalDeploymentWatch } from './local-deployment-watch.ts';

export interface HubTwinOptions {
	/** The edge device's `$edgeHub`. */
	readonly hub: Identity;
	readonly twins: TwinManager;
	readonly upstream: UpstreamConnections;
	readonly clients: ClientRegistry;
	/** Takes over the configuration in desired properties, all of it or none. */
	readonly configure: (desired: JsonObject) => DesiredStatus;
	/** The last configuration that was good: a bad one must not stop a hub that is restarted. */
	readonly lastGood: {
		load(): JsonObject | undefined;
		save(desired: JsonObject): void;
	};
	/** What rules instead of the twin. */
	readonly local: Pick<LocalDeploymentWatch, 'current' | 'onChange'>;
	readonly callMethod: (request: MethodRequest) => Promise<MethodResponse>;
	/** Version of the program. */
	readonly version: string;
	/** Milliseconds between full readings of the twin. */
	readonly refreshInterval: number;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Milliseconds that news of clients wait for more of them. */
const gatheringTime = 100;

/**
 * The module twin of `$edgeHub`: brings the configuration, and reports what became of it and who
 * is connected.
 */
export class HubTwin implements Lifecycle {
	readonly #options: HubTwinOptions;
	readonly #open = new DisposableStack();
	/** Which clients came and went since the last report. */
	#gathered: JsonObject | undefined;
	#gathering: Timer | undefined;
	/** Names of the clients that this run has reported. */
	readonly #told = new Set<string>();
	/** Clients of earlier runs have been removed from the twin. */
	#forgotten = false;
	/** What was looked at last, without its version, and what became of it. */
	#applied: { readonly content: JsonObject; readonly status: DesiredStatus } | undefined;

	constructor(options: HubTwinOptions) {
		this.#options = options;
	}

	/** Applies the last known configuration, and follows the twin from then on. */
	async start(): Promise<void> {
		const { hub, twins, upstream, clients, callMethod, clock, refreshInterval } = this.#options;
		const good = this.#options.lastGood.load();
		if (good !== undefined) this.#applied = { content: good, status: this.#configure(good) };
		this.#applyRuling();
		this.#options.local.onChange(() => this.#applyRuling());
		twins.watch(hub, () => this.#applyRuling());
		const lease = this.#open.use(upstream.lease(hub));
		this.#open.use(lease.client.onDesired((patch) => twins.desiredPatch(hub, patch)));
		this.#open.use(lease.client.onMethod(callMethod));
		if (lease.client.state.kind === 'connected') twins.synchroniseSoon(hub);
		this.#open.use(clock.every(refreshInterval, () => twins.synchroniseSoon(hub)));
		this.#open.use(
			clients.listen({
				connected: ({ identity }, first) => {
					this.#told.add(clientProperty(identity));
					if (first) this.#reportSoon(connectedPatch(identity, clock.now()));
				},
				disconnected: ({ identity }, last) => {
					if (last) this.#reportSoon(disconnectedPatch(identity, clock.now()));
				},
			}),
		);
	}

	async stop(): Promise<void> {
		this.#open.dispose();
		this.#reportGathered();
	}

	/** Applies what the cluster says, else the twin, as far as it is known. */
	#applyRuling(): void {
		const { local, twins, hub } = this.#options;
		const { current } = local;
		const stored = twins.replica(hub).stored;
		if (stored !== undefined && versionOf(stored.desired) > 0) this.#forgetClients(stored.reported);
		if (current?.hub != null) {
			this.#apply(current.hub, { deploymentSource: current.source, lastDesiredVersion: null });
		} else if (stored !== undefined && versionOf(stored.desired) > 0) {
			const told = stored.reported['deploymentSource'] === undefined;
			this.#apply(stored.desired, {
				...(told ? {} : { deploymentSource: null }),
				lastDesiredVersion: versionOf(stored.desired),
			});
		}
	}

	/** Once the twin is known: who was connected when an earlier run ended need not be now. */
	#forgetClients(reported: JsonObject): void {
		const forget = this.#forgotten ? undefined : forgetClientsPatch(reported, this.#told);
		this.#forgotten = true;
		if (forget !== undefined) this.#report(forget);
	}

	/** @param origin what is reported about where they come from. */
	#apply(desired: JsonObject, origin: JsonObject): void {
		const content = stripMetadata(desired);
		if (this.#applied === undefined || !sameJson(this.#applied.content, content)) {
			const status = this.#configure(content);
			this.#applied = { content, status };
			if (status.code === 200) this.#options.lastGood.save(content);
		}
		const { code, description } = this.#applied.status;
		this.#report({
			schemaVersion: '1.0',
			version: { version: this.#options.version, build: '', commit: '' },
			...origin,
			lastDesiredStatus: { code, description },
		});
	}

	#configure(desired: JsonObject): DesiredStatus {
		const { configure, logger } = this.#options;
		const status = configure(desired);
		if (status.code === 200) logger.info('took over the configuration');
		else logger.error('refused the configuration', { reason: status.description });
		return status;
	}

	/** Every report is a write to disk that all wait for, and clients often come and go together. */
	#reportSoon(patch: JsonObject): void {
		this.#gathered = mergePatch(this.#gathered ?? {}, patch, { nullDeletes: false });
		this.#gathering ??= this.#options.clock.after(gatheringTime, () => this.#reportGathered());
	}

	#reportGathered(): void {
		this.#gathering?.[Symbol.dispose]();
		this.#gathering = undefined;
		const patch = this.#gathered;
		this.#gathered = undefined;
		if (patch !== undefined) this.#report(patch);
	}

	#report(patch: JsonObject): void {
		const { twins, hub, logger } = this.#options;
		try {
			twins.replica(hub).report(patch);
		} catch (error) {
			logger.warn('the state of the hub cannot be reported', { reason: messageOf(error) });
		}
	}
}
