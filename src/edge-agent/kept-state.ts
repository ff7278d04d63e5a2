import { randomBytes } from 'node:crypto';
import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type IdentityRegistry, ModuleIdentities } from './identities/module-identities.ts';
import { Rollback } from './rollback.ts';
import type { DeviceAgentSettings } from './settings.ts';
import { StateSecret } from './state-secret.ts';
import { labelValue } from './translation/object-name.ts';
import { deviceLabel } from './translation/translation.ts';
import { LastGoodDeployment } from './twin/last-good-deployment.ts';
import { EdgeCertificates } from './workload-api/edge-certificates.ts';

/** Whose state it is, and where it is kept. */
export interface KeptStateOptions {
	readonly settings: Pick<
		DeviceAgentSettings,
		'device' | 'namespace' | 'stateSecret' | 'trustBundle'
	>;
	readonly cluster: ClusterClient;
	readonly registry: IdentityRegistry;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** What an agent knows of its device without asking IoT Hub: all that lives in the state Secret. */
export class KeptState {
	readonly identities: ModuleIdentities;
	readonly certificates: EdgeCertificates;
	readonly lastGood: LastGoodDeployment;
	readonly rollback: Rollback;
	readonly #secret: StateSecret;

	constructor({ settings, cluster, registry, clock, logger }: KeptStateOptions) {
		const { device, namespace, stateSecret: name, trustBundle: additionalTrust } = settings;
		const { hostName, deviceId } = device;
		const owner = `${hostName}/${deviceId}`;
		const labels = { [deviceLabel]: labelValue(deviceId) };
		const state = new StateSecret({ client: cluster, namespace, name, labels });
		this.#secret = state;
		this.identities = new ModuleIdentities({ registry, state, owner, logger });
		this.certificates = new EdgeCertificates({ state, deviceId, additionalTrust, clock });
		this.lastGood = new LastGoodDeployment(state, owner);
		this.rollback = new Rollback({ state, owner, logger });
	}

	/** Reads it, and makes what there must be from the first day. @throws ClusterError */
	async load(signal: AbortSignal): Promise<void> {
		await this.#secret.load(signal);
		await this.identities.load();
		await this.certificates.load();
		this.rollback.load();
	}

	/** What modules encrypt with: 32 bytes that never change. @throws ClusterError */
	encryptionKey(): Promise<Buffer> {
		return this.#secret.getOrCreate('encryption-key', () => randomBytes(32));
	}
}
