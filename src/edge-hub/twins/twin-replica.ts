import { type Identity, identityKey } from '../../protocol/identity.ts';
import {
	diff,
	patchedTwin,
	sameJson,
	stripMetadata,
	type TwinProperties,
	versionOf,
} from '../../protocol/twin.ts';
import { twinLimits, validateReportedPatch } from '../../protocol/twin-validation.ts';
import { Backoff } from '../../runtime/backoff.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { UpstreamConnections } from '../upstream/upstream-connections.ts';
import { type PendingReport, patchesOf, pendingWith, withPending } from './pending-report.ts';
import type { TwinStore } from './twin-store.ts';

/** What twins tell their surroundings. */
export interface TwinListener {
	/**
	 * Desired properties have changed, or only their version.
	 * @param patch what is new since the client was told last, with its `$version`; undefined where
	 * there are no properties, and never were
	 * @param desired all of them
	 * @returns whether the client has been told
	 */
	desiredChanged(
		identity: Identity,
		patch: JsonObject | undefined,
		desired: JsonObject,
	): Promise<boolean>;
	/** Seconds that a request to IoT Hub took. */
	upstreamRequest?(kind: 'get' | 'report', identity: Identity, seconds: number): void;
}

export interface TwinReplicaOptions {
	readonly store: TwinStore;
	readonly upstream: UpstreamConnections;
	readonly listener: TwinListener;
	/** Desired properties that rule instead of those in IoT Hub, while there are. */
	readonly localDesired: () => JsonObject | undefined;
	/** Least milliseconds between two pushes of reported properties. */
	readonly syncInterval: number;
	readonly clock: Clock;
	readonly logger: Logger;
}

/**
 * The hub's copy of one client's twin: answers while there is no connection, takes in reported
 * properties and pushes them when it can, and finds out what desired properties were missed.
 */
export class TwinReplica {
	readonly identity: Identity;
	readonly #options: TwinReplicaOptions;
	#twin: TwinProperties | undefined;
	#pending: PendingReport | undefined;
	/** Desired properties that the client knows, when it has missed the latest. */
	#told: JsonObject | undefined;
	/** A push is under way. */
	#pushing = false;
	/** Reported since it began. */
	#later: PendingReport | undefined;
	#tail: Promise<unknown> = Promise.resolve();
	#timer: Timer | undefined;
	readonly #pushBackoff = new Backoff({ initial: 5_000, max: 300_000 });
	#nextPush = 0;
	#stopped = false;

	constructor(identity: Identity, options: TwinReplicaOptions) {
		this.identity = identity;
		this.#options = options;
		({ twin: this.#twin, pending: this.#pending, told: this.#told } = options.store.load(identity));
	}

	/** The last known twin, with all that was reported since. */
	get stored(): TwinProperties | undefined {
		return this.#twin;
	}

	/** The desired properties that a client knows which has been told of every change so far. */
	get told(): JsonObject | undefined {
		return this.#told ?? this.#twin?.desired;
	}

	/** IoT Hub's twin, or the last known one when IoT Hub does not answer. */
	async get(): Promise<TwinProperties> {
		const { upstream, localDesired } = this.#options;
		// Of a twin that was never seen there is nothing to fall back to: it is worth the wait.
		const isUnknown = this.#twin === undefined && localDesired() === undefined;
		if (upstream.reachable || isUnknown) {
			await this.#inOrder(() => this.#pull()).catch((error) => this.#failed(error));
		}
		this.#takeLocal();
		if (this.#told !== undefined) this.#save(this.#twin ?? emptyTwin(), this.#pending, undefined);
		return this.#twin ?? emptyTwin();
	}

	/**
	 * Takes in a patch of reported properties.
	 * @returns the version of the reported properties, as far as it is known here
	 * @throws EdgeError EDGE_TWIN_PATCH_INVALID, EDGE_STORAGE_FULL
	 */
	report(patch: JsonValue): number {
		const twin = this.#twin ?? emptyTwin();
		const valid = validPatch(patch);
		const reported = mergeReported(twin.reported, valid);
		this.#save({ desired: twin.desired, reported }, pendingWith(this.#pending, valid), this.#told);
		if (this.#pushing) this.#later = pendingWith(this.#later, valid);
		this.#schedulePush();
		return versionOf(reported);
	}

	/** A patch of desired properties from IoT Hub. Anything but the next version asks for all of them. */
	desiredPatch(patch: JsonObject): Promise<void> {
		return this.#inOrder(async () => {
			if (this.#options.localDesired() !== undefined) return;
			const known = this.#twin;
			if (known === undefined || versionOf(patch) !== versionOf(known.desired) + 1) {
				await this.#pull();
				await this.#tell();
				return;
			}
			const upToDate = this.#told === undefined;
			const desired = patchedTwin(known.desired, patch);
			this.#save({ ...known, desired }, this.#pending, this.#told ?? known.desired);
			await this.#tell(upToDate ? patch : undefined);
		});
	}

	/**
	 * Brings both sides up to date: pushes what was reported, asks for the twin, and tells the client
	 * what it has missed.
	 * @throws EdgeError EDGE_HUB_UNREACHABLE
	 */
	synchronise(): Promise<void> {
		return this.#inOrder(async () => {
			await this.#pull();
			await this.#tell();
		});
	}

	/** Tells the client what it has missed, as far as that is known here. */
	tellMissed(): Promise<void> {
		return this.#inOrder(() => this.#tell());
	}

	/** Desired properties of the cluster have changed, or rule no longer. */
	localChanged(): Promise<void> {
		return this.#inOrder(async () => {
			if (this.#options.localDesired() !== undefined) this.#takeLocal();
			else if (this.#options.upstream.reachable) await this.#pull();
			await this.#tell();
		});
	}

	/** Whether there is something that IoT Hub has not got. */
	get hasPending(): boolean {
		return this.#pending !== undefined;
	}

	stop(): void {
		this.#stopped = true;
		this.#timer?.[Symbol.dispose]();
	}

	/** One request after the other, so that an older answer never overwrites a newer one. */
	#inOrder<Result>(request: () => Promise<Result>): Promise<Result> {
		const result = this.#tail.then(request, request);
		this.#tail = result.catch(() => {});
		return result;
	}

	/** Asks for the twin. Until the client is told of changes, what it knows is remembered. */
	async #pull(): Promise<void> {
		const { upstream, clock, listener } = this.#options;
		using lease = upstream.lease(this.identity);
		const client = await lease.connected();
		await this.#push();
		const began = clock.monotonic();
		const twin = await client.getTwin();
		listener.upstreamRequest?.('get', this.identity, (clock.monotonic() - began) / 1000);
		// What was reported in the meantime is not in the answer.
		const reported = withPending(twin.reported, this.#pending);
		const told = this.#told ?? this.#twin?.desired ?? { $version: 0 };
		const desired = this.#ruling(twin.desired);
		this.#save({ desired, reported }, this.#pending, told);
	}

	#takeLocal(): void {
		const twin = this.#twin ?? emptyTwin();
		const desired = this.#ruling(twin.desired);
		if (desired === twin.desired) return;
		this.#save({ ...twin, desired }, this.#pending, this.#told ?? twin.desired);
	}

	/** The desired properties that rule; every change of local ones has a version of its own. */
	#ruling(desired: JsonObject): JsonObject {
		const local = this.#options.localDesired();
		if (local === undefined) return desired;
		const known = this.#twin?.desired ?? { $version: 0 };
		if (sameJson(stripMetadata(known), local)) return known;
		return { ...local, $version: Math.max(versionOf(known), versionOf(desired)) + 1 };
	}

	/** @param patch of IoT Hub, for a client that knows what it is for; else what is new is found out */
	async #tell(patch?: JsonObject): Promise<void> {
		const desired = this.#twin?.desired;
		if (desired === undefined || this.#told === undefined) return;
		const $version = versionOf(desired);
		const changes = patch ?? diff(stripMetadata(this.#told), stripMetadata(desired));
		if (Object.keys(changes).length > 0 || $version !== versionOf(this.#told)) {
			const { listener } = this.#options;
			const isFirst = versionOf(this.#told) === 0 && Object.keys(changes).length === 0;
			const news = isFirst ? undefined : { ...changes, $version };
			if (!(await listener.desiredChanged(this.identity, news, desired))) return;
		}
		if (this.#twin !== undefined) this.#save(this.#twin, this.#pending, undefined);
	}

	/** A push that fails is repeated; while IoT Hub is out of reach its return brings the next one. */
	#schedulePush(delay = 0): void {
		const { clock, upstream } = this.#options;
		if (this.#timer !== undefined || this.#stopped) return;
		const wait = Math.max(delay, this.#nextPush - clock.monotonic());
		this.#timer = clock.after(wait, () => {
			this.#timer = undefined;
			if (!upstream.reachable) return;
			this.#inOrder(() => this.#push()).catch((error) => {
				this.#failed(error);
				this.#schedulePush(this.#pushBackoff.next());
			});
		});
	}

	/** Sends what is pending. What IoT Hub refuses is given up: it would refuse it again. */
	async #push(): Promise<void> {
		const { upstream, clock, listener, syncInterval } = this.#options;
		if (this.#pending === undefined) return;
		this.#nextPush = clock.monotonic() + syncInterval;
		using lease = upstream.lease(this.identity);
		const client = await lease.connected();
		const patches = patchesOf(this.#pending);
		const began = clock.monotonic();
		let settled = true;
		this.#pushing = true;
		try {
			for (const patch of patches) await client.patchReported(patch);
			listener.upstreamRequest?.('report', this.identity, (clock.monotonic() - began) / 1000);
		} catch (error) {
			settled = isRefusal(error);
			if (!settled) throw error;
			this.#options.logger.error('IoT Hub has refused reported properties', {
				client: identityKey(this.identity),
				reason: messageOf(error),
			});
		} finally {
			const later = this.#later;
			this.#later = undefined;
			this.#pushing = false;
			if (settled) this.#confirm(later);
		}
	}

	/** Keeps of the pending properties only what was reported after the push had begun. */
	#confirm(later: PendingReport | undefined): void {
		this.#pushBackoff.reset();
		this.#save(this.#twin ?? emptyTwin(), later, this.#told);
		if (later !== undefined) this.#schedulePush();
	}

	#save(
		twin: TwinProperties,
		pending: PendingReport | undefined,
		told: JsonObject | undefined,
	): void {
		this.#options.store.save(this.identity, {
			twin,
			...(pending === undefined ? {} : { pending }),
			...(told === undefined ? {} : { told }),
		});
		this.#twin = twin;
		this.#pending = pending;
		this.#told = told;
	}

	#failed(error: unknown): void {
		this.#options.logger.info('a twin could not be synchronised with IoT Hub', {
			client: identityKey(this.identity),
			reason: messageOf(error),
		});
	}
}

function emptyTwin(): TwinProperties {
	return { desired: { $version: 0 }, reported: { $version: 0 } };
}

function validPatch(patch: JsonValue): JsonObject {
	if (!isJsonObject(patch)) throw invalid('The patch is not a JSON object.');
	const [fault] = validateReportedPatch(patch);
	if (fault !== undefined) throw invalid(fault.message);
	return patch;
}

function mergeReported(reported: JsonObject, patch: JsonObject): JsonObject {
	const merged = stripMetadata(patchedTwin(reported, patch));
	const size = Buffer.byteLength(JSON.stringify(merged));
	const { maxSectionBytes } = twinLimits;
	if (size > maxSectionBytes) {
		throw invalid(`Twin properties size ${size} exceeds maximum ${maxSectionBytes}`);
	}
	return { ...merged, $version: versionOf(reported) + 1 };
}

function invalid(message: string): EdgeError {
	return new EdgeError('EDGE_TWIN_PATCH_INVALID', message);
}

function isRefusal(error: unknown): boolean {
	return error instanceof EdgeError && error.code === 'EDGE_HUB_REQUEST_FAILED';
}
