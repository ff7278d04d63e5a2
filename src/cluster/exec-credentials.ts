import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import type { ClusterCredentials, CredentialSource } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';

const execute = promisify(execFile);

/** The `exec` member of a kubeconfig user: a program that prints an `ExecCredential`. */
export interface ExecPlugin {
	readonly command: string;
	readonly args: readonly string[];
	/** The whole environment of the program. */
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** `client.authentication.k8s.io/v1` or `…/v1beta1`. */
	readonly apiVersion: string;
	/** Folder in which a relative command is looked up. */
	readonly folder: string;
	/** The `cluster` member of `KUBERNETES_EXEC_INFO`, where the kubeconfig asks for it. */
	readonly clusterInfo?: JsonObject;
}

/** A plugin that hangs must not hang the program. Milliseconds. */
const patience = 60_000;
/** Credentials are renewed this long before they expire. Milliseconds. */
const margin = 60_000;

/** Credentials that a plugin provides, kept until shortly before they expire. */
export class ExecCredentials implements CredentialSource {
	readonly #plugin: ExecPlugin;
	readonly #clock: Clock;
	#cached: { readonly credentials: ClusterCredentials; readonly expiresAt: number } | undefined;
	#running: Promise<ClusterCredentials> | undefined;

	constructor(plugin: ExecPlugin, clock: Clock) {
		this.#plugin = plugin;
		this.#clock = clock;
	}

	async current(): Promise<ClusterCredentials> {
		if (this.#cached !== undefined && this.#clock.now() < this.#cached.expiresAt - margin) {
			return this.#cached.credentials;
		}
		this.#running ??= this.#run().finally(() => {
			this.#running = undefined;
		});
		return this.#running;
	}

	renew(): void {
		this.#cached = undefined;
	}

	async #run(): Promise<ClusterCredentials> {
		const { command, args, environment, apiVersion, folder, clusterInfo } = this.#plugin;
		const info = {
			apiVersion,
			kind: 'ExecCredential',
			spec: { interactive: false, ...(clusterInfo === undefined ? {} : { cluster: clusterInfo }) },
		};
		try {
			const { stdout } = await execute(command, [...args], {
				cwd: folder,
				timeout: patience,
				env: { ...environment, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
			});
			const { credentials, expiresAt } = parseExecCredential(stdout);
			this.#cached = { credentials, expiresAt };
			return credentials;
		} catch (error) {
			if (error instanceof ClusterError) throw error;
			throw pluginError(command, `failed: ${firstLine(messageOf(error))}`);
		}
	}
}

/**
 * Reads what an exec plugin printed.
 *
 * @returns credentials and when they expire, in milliseconds since the epoch (`Infinity`: not before 401).
 * @throws ClusterError EDGE_CLUSTER_CREDENTIALS
 */
export function parseExecCredential(text: string): {
	credentials: ClusterCredentials;
	expiresAt: number;
} {
	let status: unknown;
	try {
		const parsed: unknown = JSON.parse(text);
		status = isJsonObject(parsed) ? parsed['status'] : undefined;
	} catch {
		status = undefined;
	}
	if (!isJsonObject(status)) throw pluginError('exec plugin', 'printed no ExecCredential status');
	const { token, clientCertificateData, clientKeyData, expirationTimestamp } = status;
	const credentials = {
		...(typeof token === 'string' ? { token } : {}),
		...(typeof clientCertificateData === 'string' ? { certificate: clientCertificateData } : {}),
		...(typeof clientKeyData === 'string' ? { privateKey: clientKeyData } : {}),
	};
	if (Object.keys(credentials).length === 0) {
		throw pluginError('exec plugin', 'printed neither a token nor a client certificate');
	}
	const expiry = typeof expirationTimestamp === 'string' ? Date.parse(expirationTimestamp) : NaN;
	return { credentials, expiresAt: Number.isNaN(expiry) ? Number.POSITIVE_INFINITY : expiry };
}

function pluginError(command: string, what: string): ClusterError {
	return new ClusterError('EDGE_CLUSTER_CREDENTIALS', `The credential plugin ${what}.`, {
		where: command,
	});
}

function firstLine(text: string): string {
	return text.split('\n', 1)[0] ?? '';
}
