import { readFile } from 'node:fs/promises';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { ClusterCredentials, CredentialSource } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';

/** Where credentials are kept as files. */
export interface CredentialFiles {
	readonly token?: string;
	readonly certificate?: string;
	readonly privateKey?: string;
	readonly authority?: string;
}

/** Milliseconds after which files are read again: the kubelet replaces a ServiceAccount's token and authority in place. */
const freshFor = 60_000;

/** Credentials in files that others rotate, joined with those that are fixed. */
export class FileCredentials implements CredentialSource {
	readonly #files: CredentialFiles;
	readonly #fixed: ClusterCredentials;
	readonly #clock: Clock;
	#cached: { readonly credentials: ClusterCredentials; readonly readAt: number } | undefined;

	constructor(files: CredentialFiles, fixed: ClusterCredentials, clock: Clock) {
		this.#files = files;
		this.#fixed = fixed;
		this.#clock = clock;
	}

	async current(): Promise<ClusterCredentials> {
		const now = this.#clock.monotonic();
		if (this.#cached !== undefined && now - this.#cached.readAt < freshFor) {
			return this.#cached.credentials;
		}
		const credentials = { ...this.#fixed };
		for (const name of ['token', 'certificate', 'privateKey', 'authority'] as const) {
			const file = this.#files[name];
			if (file !== undefined) Object.assign(credentials, { [name]: await readTrimmed(file) });
		}
		this.#cached = { credentials, readAt: now };
		return credentials;
	}

	renew(): void {
		this.#cached = undefined;
	}
}

async function readTrimmed(file: string): Promise<string> {
	try {
		return (await readFile(file, 'utf8')).trim();
	} catch (error) {
		throw new ClusterError(
			'EDGE_CLUSTER_CREDENTIALS',
			`A credential file is unreadable: ${messageOf(error)}.`,
			{
				where: file,
				cause: error,
			},
		);
	}
}
