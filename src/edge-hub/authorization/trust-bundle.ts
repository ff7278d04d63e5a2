import type { X509Certificate } from 'node:crypto';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { WorkloadApi } from '../workload-client.ts';
import { certificateOf } from './certificate-chain.ts';

export interface TrustBundleOptions {
	readonly workload: WorkloadApi;
	/** Milliseconds between two readings. */
	readonly refreshInterval: number;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** The authorities whose certificates leaf devices may show: those of the workload API's trust bundle. */
export class TrustBundle implements Lifecycle {
	readonly #options: TrustBundleOptions;
	readonly #stopped = new AbortController();
	#authorities: readonly X509Certificate[] = [];
	#timer: Timer | undefined;

	constructor(options: TrustBundleOptions) {
		this.#options = options;
	}

	get authorities(): readonly X509Certificate[] {
		return this.#authorities;
	}

	/** Resolves when the bundle has been read, however long that takes. */
	async start(): Promise<void> {
		const { clock, refreshInterval, logger } = this.#options;
		await this.#read();
		this.#timer = clock.every(refreshInterval, () => {
			this.#read().catch((error: unknown) => {
				if (this.#stopped.signal.aborted) return;
				logger.warn('the trust bundle cannot be read', { reason: messageOf(error) });
			});
		});
	}

	async stop(): Promise<void> {
		this.#stopped.abort();
		this.#timer?.[Symbol.dispose]();
	}

	async #read(): Promise<void> {
		const bundle = await this.#options.workload.trustBundle(this.#stopped.signal);
		const texts = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
		this.#authorities = texts.map(certificateOf).filter((each) => each !== undefined);
	}
}
