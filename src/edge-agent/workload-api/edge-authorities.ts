import { X509Certificate } from 'node:crypto';
import { CertificateAuthority } from '../../certificates/certificate-authority.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isJsonObject, type JsonValue } from '../../runtime/json.ts';
import type { StateSecret } from '../state-secret.ts';

/** Where the authorities are kept, and whose they are. */
export interface EdgeAuthoritiesOptions {
	readonly state: StateSecret;
	readonly deviceId: string;
	readonly clock: Clock;
}

/** Days. */
const lifetimes = { root: 3650, issuing: 365 } as const;
/**
 * Days before its birth from which an authority counts: a clock that was ahead and is set back must
 * not leave the edge without one.
 */
const backdated = 365;
/** Replaced when fewer days are left. */
const margins = { root: 730, issuing: 180 } as const;
/** Days before the end of the former root at which modules that know no other are started anew. */
const restartMargin = 90;
/** Roots that were in use before and are remembered. */
const maxRetired = 3;
const dayMs = 86_400_000;

/** Entries of the state Secret. */
const keys = {
	root: 'edge-root',
	retired: 'edge-roots-retired',
	issuing: 'edge-issuing',
	mark: 'edge-trust-mark',
} as const;

interface Root {
	readonly authority: CertificateAuthority;
	/** PEM in which the root before it vouches for it; empty where there is or was none that could. */
	readonly link: string;
}

/**
 * The edge's own authorities: a root, which modules and leaf devices trust, and one below it, which
 * issues. Made once, kept in the cluster, replaced in time. A root that is replaced vouches for its
 * successor as long as it lives, so that whoever knows only the old one, a module that runs or a leaf
 * device, goes on without a restart. A root that the clock says is not valid, e.g. before a machine
 * without a battery has asked for the time, is put aside, and is taken again when it is.
 */
export class EdgeAuthorities {
	readonly #options: EdgeAuthoritiesOptions;
	#root: Root | undefined;
	#issuing: CertificateAuthority | undefined;
	#retired: readonly Root[] = [];
	#mark: string | undefined;
	#renewal: Promise<void> | undefined;
	#onChange = () => {};

	constructor(options: EdgeAuthoritiesOptions) {
		this.#options = options;
	}

	/** Reads the authorities, or makes them. @throws ClusterError */
	async load(): Promise<void> {
		const { state } = this.#options;
		const root = rootOf(
			parsed(await state.getOrCreate(keys.root, async () => bytesOf(await this.#newRoot()))),
		);
		this.#root = root;
		const retired = state.getJson(keys.retired) ?? [];
		this.#retired = Array.isArray(retired) ? retired.map(rootOf) : [];
		this.#mark = state.get(keys.mark)?.toString();
		const make = async () => bytesOf({ authority: await this.#newIssuing(root), link: '' });
		this.#issuing = rootOf(parsed(await state.getOrCreate(keys.issuing, make))).authority;
		await this.renew();
	}

	/** Replaces what ends soon. */
	async renew(): Promise<void> {
		this.#renewal ??= this.#renew().finally(() => {
			this.#renewal = undefined;
		});
		await this.#renewal;
	}

	/** Calls `listener` whenever another root, or the mark, has come. */
	onChange(listener: () => void): void {
		this.#onChange = listener;
	}

	/** The authority that issues, the chain above it in its certificate. */
	get issuing(): CertificateAuthority {
		return loaded(this.#issuing);
	}

	/** PEM of the root, and of those before it. */
	get roots(): readonly string[] {
		return [loaded(this.#root), ...this.#retired].map(({ authority }) => authority.certificate);
	}

	/**
	 * Tells apart modules that were started before and after they had to learn of another root:
	 * undefined as long as no module needs to be started anew for that.
	 */
	get mark(): string | undefined {
		return this.#mark;
	}

	async #renew(): Promise<void> {
		const root = loaded(this.#root);
		if (!this.#lasts(root.authority, margins.root)) return this.#replaceRoot(root);
		if (!this.#lasts(this.issuing, margins.issuing)) {
			const issuing = await this.#newIssuing(root);
			await this.#options.state.set({ [keys.issuing]: bytesOf({ authority: issuing, link: '' }) });
			this.#issuing = issuing;
		}
		const mark = fingerprint(root.authority.certificate);
		const isLinkEnding =
			root.link !== '' && !this.#lasts({ certificate: root.link }, restartMargin);
		if (!isLinkEnding || this.#mark === mark) return;
		await this.#options.state.set({ [keys.mark]: mark });
		this.#mark = mark;
		this.#onChange();
	}

	async #replaceRoot(former: Root): Promise<void> {
		const known = this.#retired.find(({ authority }) => this.#lasts(authority, margins.root));
		const root = known ?? (await this.#newRoot(former));
		const retired = [former, ...this.#retired.filter((each) => each !== known)];
		const issuing = await this.#newIssuing(root);
		// Whom nobody has vouched for, modules that run do not know.
		const isUnknown = known === undefined && root.link === '';
		const mark = isUnknown ? fingerprint(root.authority.certificate) : this.#mark;
		await this.#options.state.set({
			[keys.root]: bytesOf(root),
			[keys.retired]: JSON.stringify(retired.slice(0, maxRetired).map(jsonOf)),
			[keys.issuing]: bytesOf({ authority: issuing, link: '' }),
			[keys.mark]: mark ?? null,
		});
		this.#root = root;
		this.#retired = retired.slice(0, maxRetired);
		this.#issuing = issuing;
		this.#mark = mark;
		this.#onChange();
	}

	/** Whether a certificate has begun, by the clock, and goes on for some days. */
	#lasts({ certificate }: { readonly certificate: string }, days: number): boolean {
		const { validFromDate, validToDate } = new X509Certificate(certificate);
		const now = this.#options.clock.now();
		return now >= validFromDate.getTime() && validToDate.getTime() - now >= days * dayMs;
	}

	/** @param former the root before it, which vouches for it if it can. */
	async #newRoot(former?: Root): Promise<Root> {
		const now = this.#options.clock.now();
		// Another name, as some libraries look for an issuer by its name alone.
		const birth = former === undefined ? '' : ` ${new Date(now).toISOString().slice(0, 10)}`;
		const authority = await CertificateAuthority.create(this.#request('root', birth));
		if (former === undefined || !this.#lasts(former.authority, 0)) return { authority, link: '' };
		const { validToDate } = new X509Certificate(former.authority.certificate);
		const notAfter = validToDate.getTime();
		const from = now - backdated * dayMs;
		const days = Math.floor((notAfter - from) / dayMs);
		const link = await former.authority.vouchFor(authority, { days, now: new Date(from) });
		return { authority, link };
	}

	async #newIssuing({ authority: root, link }: Root): Promise<CertificateAuthority> {
		const { certificate, privateKey } = (
			await root.issueAuthority(this.#request('issuing'))
		).toPem();
		const chain = [certificate, link].filter((part) => part !== '');
		return CertificateAuthority.load({ certificate: chain.join('\n'), privateKey });
	}

	#request(kind: 'root' | 'issuing', suffix = '') {
		const { deviceId, clock } = this.#options;
		return {
			commonName: `${deviceId.slice(0, 40)} edge ${kind}${suffix}`,
			days: lifetimes[kind] + backdated,
			now: new Date(clock.now() - backdated * dayMs),
		};
	}
}

function loaded<Part>(part: Part | undefined): Part {
	if (part === undefined) throw new Error('The authorities must be loaded before use.');
	return part;
}

function fingerprint(certificate: string): string {
	return new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase();
}

function jsonOf({ authority, link }: Root) {
	return { ...authority.toPem(), ...(link === '' ? {} : { link }) };
}

function bytesOf(root: Root): Buffer {
	return Buffer.from(JSON.stringify(jsonOf(root)));
}

function parsed(bytes: Uint8Array): JsonValue {
	return JSON.parse(Buffer.from(bytes).toString());
}

function rootOf(json: JsonValue): Root {
	const { certificate, privateKey, link = '' } = isJsonObject(json) ? json : {};
	if (typeof certificate !== 'string' || typeof privateKey !== 'string') {
		throw new Error('The authority in the state cannot be read.');
	}
	const authority = CertificateAuthority.load({ certificate, privateKey });
	return { authority, link: typeof link === 'string' ? link : '' };
}
