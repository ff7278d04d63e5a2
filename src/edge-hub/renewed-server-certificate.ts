import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { WorkloadApi, WorkloadCertificate } from './workload-client.ts';

export interface ServerCertificateOptions {
	readonly workload: WorkloadApi;
	/** Name under which clients reach the hub. */
	readonly commonName: string;
	/** A new certificate has come. */
	readonly replaced: (certificate: WorkloadCertificate) => void;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** The wall clock may jump at any time; a certificate that has ended keeps every client away. */
const longestSleep = 60_000;
const shortestSleep = 60_000;

/**
 * The certificate that the hub shows, renewed when two thirds of its life are over, and when the
 * clock is set back to before it. Until a new one comes the old one stays in use.
 */
export class RenewedServerCertificate implements Lifecycle {
	readonly #options: ServerCertificateOptions;
	readonly #stopped = new AbortController();
	#current: WorkloadCertificate | undefined;
	#running: Promise<void> | undefined;

	constructor(options: ServerCertificateOptions) {
		this.#options = options;
	}

	/** @throws RangeError before `start` has resolved */
	get current(): WorkloadCertificate {
		if (this.#current === undefined) throw new RangeError('There is no certificate yet.');
		return this.#current;
	}

	/** Resolves when there is a certificate, however long that takes. */
	async start(): Promise<void> {
		const { workload, commonName, clock } = this.#options;
		const { signal } = this.#stopped;
		const issuedAt = clock.now();
		this.#current = await workload.createServerCertificate(commonName, signal);
		this.#running = this.#renewForEver(issuedAt);
	}

	async stop(): Promise<void> {
		this.#stopped.abort();
		await this.#running;
	}

	async #renewForEver(firstIssuedAt: number): Promise<void> {
		const { workload, commonName, clock, logger, replaced } = this.#options;
		const { signal } = this.#stopped;
		const backoff = new Backoff({ initial: shortestSleep, max: 3_600_000 });
		let issuedAt = firstIssuedAt;
		while (!signal.aborted) {
			await this.#untilDue(issuedAt);
			if (signal.aborted) return;
			try {
				const renewedAt = clock.now();
				this.#current = await workload.createServerCertificate(commonName, signal);
				issuedAt = renewedAt;
				backoff.reset();
				replaced(this.#current);
				logger.info('renewed the server certificate');
			} catch (error) {
				if (signal.aborted) return;
				logger.warn('the server certificate cannot be renewed', { reason: messageOf(error) });
				await clock.sleep(backoff.next(), signal).catch(() => {});
			}
		}
	}

	/** The wall clock may jump while we wait, so it is looked at again and again. */
	async #untilDue(issuedAt: number): Promise<void> {
		const { clock } = this.#options;
		const { signal } = this.#stopped;
		const due = issuedAt + ((this.current.expiresAt - issuedAt) * 2) / 3;
		// A certificate that is born old must not make us ask without a pause.
		await clock.sleep(shortestSleep, signal).catch(() => {});
		while (!signal.aborted && clock.now() >= issuedAt && clock.now() < due) {
			const left = Math.min(due - clock.now(), longestSleep);
			await clock.sleep(left, signal).catch(() => {});
		}
	}
}
