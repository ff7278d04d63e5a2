import { randomUUID } from 'node:crypto';
import type { MethodRequest, MethodResponse } from '../../protocol/direct-method.ts';
import { type Identity, identityKey, sameIdentity } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { ClientRegistry } from '../clients/client-registry.ts';
import type { ConnectedClient } from '../clients/connected-client.ts';

export interface MethodDispatcherOptions {
	readonly clients: ClientRegistry;
	readonly clock: Clock;
	/** A call has ended. Seconds from the call to its end. */
	readonly called?: (caller: string, target: Identity, seconds: number) => void;
}

interface Call {
	readonly target: Identity;
	readonly resolve: (response: MethodResponse) => void;
	readonly reject: (error: EdgeError) => void;
}

/**
 * Direct methods to connected clients, from wherever the call comes. The hub keeps the time: the
 * SDKs do not, neither as callers nor as targets. Each call goes to one connection of its target:
 * those that listen take turns.
 */
export class MethodDispatcher {
	readonly #options: MethodDispatcherOptions;
	readonly #calls = new Map<string, Call>();
	/** When a connection was called last, counted in calls. */
	readonly #turns = new WeakMap<ConnectedClient, number>();
	#turn = 0;

	constructor(options: MethodDispatcherOptions) {
		this.#options = options;
	}

	/**
	 * Calls a method of a client.
	 *
	 * @param caller identity key of the calling module, or `cloud`
	 * @throws EdgeError EDGE_METHOD_TARGET_ABSENT when the target does not listen for methods within
	 * the connect timeout; EDGE_METHOD_UNANSWERED when it does not answer in time or goes away
	 */
	async call(caller: string, target: Identity, request: MethodRequest): Promise<MethodResponse> {
		const { clock, called } = this.#options;
		const began = clock.monotonic();
		const client = await this.#listening(target, request.connectTimeoutSeconds * 1000);
		const response = await this.#send(client, request);
		called?.(caller, target, (clock.monotonic() - began) / 1000);
		return response;
	}

	/** Takes in an answer. Only the target of a call can answer it, and only once. */
	respond(from: Identity, requestId: string, response: MethodResponse): void {
		const call = this.#calls.get(requestId.toLowerCase());
		if (call !== undefined && sameIdentity(call.target, from)) call.resolve(response);
	}

	async #listening(target: Identity, timeout: number): Promise<ConnectedClient> {
		const { clients, clock } = this.#options;
		const listens = (client: ConnectedClient) => client.subscriptions.has('methods');
		const client = this.#inTurn(clients.of(target).filter(listens));
		if (client !== undefined) return client;
		const { promise, resolve, reject } = Promise.withResolvers<ConnectedClient>();
		using _registration = clients.listen({
			subscribed: (found) => {
				if (sameIdentity(found.identity, target) && listens(found)) resolve(found);
			},
		});
		const absent = () =>
			new EdgeError('EDGE_METHOD_TARGET_ABSENT', `Client ${identityKey(target)} not found`);
		if (timeout <= 0) throw absent();
		using _limit = clock.after(timeout, () => reject(absent()));
		return await promise;
	}

	/** The one that was not called for the longest time. */
	#inTurn(clients: readonly ConnectedClient[]): ConnectedClient | undefined {
		const turnOf = (client: ConnectedClient) => this.#turns.get(client) ?? 0;
		const [first] = clients.toSorted((one, other) => turnOf(one) - turnOf(other));
		this.#turn += 1;
		if (first !== undefined) this.#turns.set(first, this.#turn);
		return first;
	}

	async #send(client: ConnectedClient, request: MethodRequest): Promise<MethodResponse> {
		const { clients, clock } = this.#options;
		const requestId = randomUUID();
		const { promise, resolve, reject } = Promise.withResolvers<MethodResponse>();
		const unanswered = (reason: string) => {
			const text = `Client ${identityKey(client.identity)} has not answered: ${reason}.`;
			reject(new EdgeError('EDGE_METHOD_UNANSWERED', text));
		};
		this.#calls.set(requestId, { target: client.identity, resolve, reject });
		using _limit = clock.after(request.responseTimeoutSeconds * 1000, () =>
			unanswered('the time is over'),
		);
		using _registration = clients.listen({
			disconnected: (gone) => {
				if (gone === client) unanswered('it has disconnected');
			},
		});
		try {
			client.sendMethod(requestId, request).catch(() => unanswered('it did not take the call'));
			return await promise;
		} finally {
			this.#calls.delete(requestId);
		}
	}
}
