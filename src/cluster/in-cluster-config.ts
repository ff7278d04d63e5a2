import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { FileCredentials } from './file-credentials.ts';

/** What Kubernetes tells every pod about its API server. */
export interface InClusterEndpoint {
	/** `KUBERNETES_SERVICE_HOST`: a name or an address. */
	readonly host: string;
	/** `KUBERNETES_SERVICE_PORT`. */
	readonly port: number;
	/** Where the ServiceAccount's `token`, `ca.crt` and `namespace` are mounted. */
	readonly serviceAccountFolder: string;
}

/** The configuration of a program that runs in a pod. Token and authority are read again as they rotate. */
export async function inClusterConfig(
	endpoint: InClusterEndpoint,
	clock: Clock = systemClock,
): Promise<ClusterConfig> {
	const { host, port, serviceAccountFolder: folder } = endpoint;
	const address = host.includes(':') ? `[${host}]` : host;
	const files = { token: join(folder, 'token'), authority: join(folder, 'ca.crt') };
	return {
		server: `https://${address}:${port}`,
		skipTlsVerify: false,
		namespace: (await read(join(folder, 'namespace'))).trim(),
		credentials: new FileCredentials(files, {}, clock),
	};
}

async function read(file: string): Promise<string> {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		throw new ClusterError(
			'EDGE_CLUSTER_CREDENTIALS',
			`The ServiceAccount is not mounted: ${messageOf(error)}.`,
			{ where: file, cause: error },
		);
	}
}
