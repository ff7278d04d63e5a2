import { parseAuthChain } from '../../protocol/auth-chain.ts';
import { type Identity, sameIdentity } from '../../protocol/identity.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { DeviceAuthentication } from '../access/device-authentication.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import type { DeviceConnection } from './device-connection.ts';
import type { DeviceConnections } from './device-connections.ts';

const checkEveryMs = 1000;

/**
 * Ends connections that have lost their right: the token has expired, the identity is disabled or
 * deleted, or its keys are others.
 */
export class ConnectionGuard {
	readonly #connections: DeviceConnections;
	readonly #authentication: DeviceAuthentication;
	readonly #clock: Clock;
	#timer: Timer | undefined;

	constructor(
		connections: DeviceConnections,
		authentication: DeviceAuthentication,
		registry: IdentityRegistry,
		clock: Clock,
	) {
		this.#connections = connections;
		this.#authentication = authentication;
		this.#clock = clock;
		registry.onChange((identity, change) => {
			if (change === 'deleted') connections.forget(identity);
			else if (change === 'updated') this.#reviewAll(identity);
		});
	}

	start(): void {
		this.#timer = this.#clock.every(checkEveryMs, () => this.#closeExpired());
	}

	stop(): void {
		this.#timer?.[Symbol.dispose]();
	}

	#closeExpired(): void {
		const now = this.#clock.now();
		for (const connection of [...this.#connections.all()]) {
			if ((connection.admission.expires ?? Number.POSITIVE_INFINITY) < now) connection.close();
		}
	}

	/** A change of a device concerns its modules too, and those for whom its edge hub speaks. */
	#reviewAll({ deviceId, moduleId }: Identity): void {
		for (const connection of [...this.#connections.all()]) {
			const { identity, admission } = connection;
			const chain = parseAuthChain(admission.credential.authChain ?? '') ?? [];
			const concerned =
				moduleId === undefined
					? [identity, ...chain].some((each) => each.deviceId === deviceId)
					: sameIdentity(identity, { deviceId, moduleId });
			if (concerned && !this.#stillAdmitted(connection)) connection.close();
		}
	}

	#stillAdmitted({ identity, admission }: DeviceConnection): boolean {
		try {
			this.#authentication.admit(identity, admission.credential);
			return true;
		} catch {
			return false;
		}
	}
}
