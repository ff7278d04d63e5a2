import { X509Certificate } from 'node:crypto';
import type { CertificateAndKey } from '../../certificates/certificate-authority.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { EdgeCertificates } from './edge-certificates.ts';

/** What the agent's own certificate is made with. */
export interface AgentCertificateOptions {
	readonly certificates: Pick<EdgeCertificates, 'issueServer'>;
	/** Name by which sidecars find the agent. */
	readonly hostName: string;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** The part of a certificate's life after which it is replaced. */
const renewAfter = 2 / 3;
/** Milliseconds between two looks: the wall clock may jump. */
const interval = 600_000;

/** The certificate that the agent shows to sidecars; replaced early, without a restart. */
export class AgentCertificate {
	readonly #options: AgentCertificateOptions;
	#current: CertificateAndKey | undefined;
	#timer: Timer | undefined;
	#renewing = false;

	constructor(options: AgentCertificateOptions) {
		this.#options = options;
	}

	/** Issues the first one. @param replaced called with each one after it. */
	async start(replaced: (certificate: CertificateAndKey) => void): Promise<CertificateAndKey> {
		const { clock } = this.#options;
		const first = await this.#issue();
		this.#timer = clock.every(interval, () => {
			if (!this.#renewing && this.#isDue()) this.#renew(replaced);
		});
		return first;
	}

	stop(): void {
		this.#timer?.[Symbol.dispose]();
	}

	#renew(replaced: (certificate: CertificateAndKey) => void): void {
		this.#renewing = true;
		this.#issue()
			.then(replaced)
			.catch((error) => {
				const reason = messageOf(error);
				this.#options.logger.warn('The certificate for sidecars cannot be renewed.', { reason });
			})
			.finally(() => {
				this.#renewing = false;
			});
	}

	async #issue(): Promise<CertificateAndKey> {
		const { certificates, hostName } = this.#options;
		this.#current = await certificates.issueServer(hostName, []);
		return this.#current;
	}

	#isDue(): boolean {
		if (this.#current === undefined) return true;
		const { validFromDate, validToDate } = new X509Certificate(this.#current.certificate);
		const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
		const now = this.#options.clock.now();
		return now < from || now > from + (to - from) * renewAfter;
	}
}
