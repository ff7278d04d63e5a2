import { identityKey } from '../../protocol/identity.ts';
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
			scope.onChange(({ deviceId, moduleId }) => {
				const concerned = [...clients].filter(
					({ identity }) =>
						identity.deviceId === deviceId &&
						(moduleId === undefined || identity.moduleId === moduleId),
				);
				this.#check(concerned);
			}),
		);
	}

	stop(): void {
		this.#open.dispose();
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
