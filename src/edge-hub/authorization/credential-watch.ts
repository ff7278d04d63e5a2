import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ClientRegistry } from '../clients/client-registry.ts';
import type { ConnectedClient } from '../clients/connected-client.ts';
import type { DeviceScope } from './device-scope.ts';

export interface CredentialWatchOptions {
	readonly clients: ClientRegistry;
	readonly scope: DeviceScope;
	/** Milliseconds between two looks at all clients. */
	readonly interval: number;
	readonly clock: Clock;
	readonly logger: Logger;
}

/**
 * Ends connections whose credential is good no more: the token has expired, the identity was
 * disabled, deleted, or given other keys.
 */
export class CredentialWatch {
	readonly #options: CredentialWatchOptions;
	readonly #open = new DisposableStack();

	constructor(options: CredentialWatchOptions) {
		this.#options = options;
	}

	start(): void {
		const { clients, scope, interval, clock } = this.#options;
		this.#open.use(clock.every(interval, () => this.#check([...clients])));
		this.#open.use(
			scope.onChange((changed) => {
				const concerned = [...clients].filter(({ identity }) => this.#concerns(changed, identity));
				this.#check(concerned);
			}),
		);
	}

	stop(): void {
		this.#open.dispose();
	}

	/** A change of a device concerns its modules too, that of an edge device everybody below it. */
	#concerns({ deviceId, moduleId }: Identity, client: Identity): boolean {
		const { scope } = this.#options;
		if (client.deviceId === deviceId) {
			return moduleId === undefined || client.moduleId === moduleId;
		}
		if (moduleId !== undefined || !scope.get({ deviceId })?.edgeCapable) return false;
		return scope.chainOf(client)?.some((each) => each.deviceId === deviceId) ?? false;
	}

	#check(clients: readonly ConnectedClient[]): void {
		for (const client of clients) {
			const verdict = client.checkCredential();
			if (verdict.kind === 'accepted') continue;
			this.#options.logger.warn('ends a connection whose credential is good no more', {
				client: identityKey(client.identity),
				reason: verdict.reason,
			});
			client.close();
		}
	}
}
