import type { HttpClusterClient } from '../../cluster/http-cluster-client.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { doubtful, type Finding, faulty, fine, unknown } from './finding.ts';

type CheckClient = Pick<HttpClusterClient, 'version' | 'serverTime' | 'get' | 'list'>;

/** Tokens of IoT Hub are rejected beyond 5 minutes, certificates sooner or later. Milliseconds. */
const skew = { warning: 5_000, error: 300_000 };
const oldestMinor = 27;
const enforceLabel = 'pod-security.kubernetes.io/enforce';

/** Whether there is an API server, and which. */
export async function checkApiServer(client: CheckClient): Promise<Finding> {
	const check = 'API server';
	try {
		const { gitVersion, platform } = await client.version();
		const [, major = '', minor = ''] = /^v?(\d+)\.(\d+)/.exec(gitVersion) ?? [];
		const detail = `${gitVersion} on ${platform}`;
		if (Number(major) === 1 && Number(minor) < oldestMinor) {
			return doubtful(check, detail, `Update the cluster: 1.${oldestMinor} and later are tested.`);
		}
		return fine(check, detail);
	} catch (error) {
		const remedy = 'Check --kubeconfig, the network and your credentials with kubectl version.';
		return faulty(check, messageOf(error), remedy);
	}
}

/** Whether this machine and the API server agree on the time. */
export async function checkClock(client: CheckClient, now: () => number): Promise<Finding> {
	const check = 'clock';
	try {
		const before = now();
		const server = await client.serverTime();
		// The server's time has whole seconds; half the way is the best guess of when it was read.
		const off = Math.round(Math.abs(server + 500 - (before + now()) / 2));
		const detail = `The API server's clock is ${(off / 1000).toFixed(1)} s off this machine's.`;
		const remedy = 'Let NTP set the clocks of all nodes and of this machine.';
		if (off > skew.error) return faulty(check, detail, remedy);
		return off > skew.warning ? doubtful(check, detail, remedy) : fine(check, detail);
	} catch (error) {
		return unknown(check, error, 'See the check of the API server.');
	}
}

/** Whether the namespace is there, and what its Pod Security level means for modules. */
export async function checkNamespace(client: CheckClient, name: string): Promise<Finding> {
	const check = 'namespace';
	try {
		const namespace = await client.get({ apiVersion: 'v1', kind: 'Namespace', name });
		if (namespace === undefined) {
			const remedy = `kubectl create namespace ${name}, or name another one with --namespace.`;
			return faulty(check, `There is no namespace ${name}.`, remedy);
		}
		const level = namespace.metadata.labels?.[enforceLabel] ?? 'privileged';
		const detail = `${name}, Pod Security level ${level}`;
		if (level !== 'restricted') return fine(check, detail);
		const remedy = `Agent and hub run there; modules that run as root do not. Give the namespace ${enforceLabel}=baseline, or such modules a securityContext.`;
		return doubtful(check, detail, remedy);
	} catch (error) {
		return unknown(check, error, 'You need the right to get this namespace.');
	}
}

/**
 * Whether modules can get volumes.
 *
 * @param chosen class that the agent asks for; absent or empty: the default one.
 */
export async function checkStorage(client: CheckClient, chosen = ''): Promise<Finding> {
	const check = 'storage';
	const remedy = 'Set StorageClassName of the agent, or install a provisioner such as local-path.';
	try {
		const classes = await client.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' });
		const names = classes.items.map(({ metadata }) => metadata.name);
		if (names.length === 0) {
			return faulty(check, 'There is no StorageClass: the edge hub gets no volume.', remedy);
		}
		if (chosen !== '') {
			if (names.includes(chosen)) return fine(check, `Class ${chosen}, as StorageClassName says`);
			const detail = `The agent asks for the class ${chosen}, but there are ${names.join(', ')}.`;
			return faulty(check, detail, 'Set StorageClassName of the agent to one of them.');
		}
		const standard = classes.items.find(
			({ metadata }) =>
				metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
		);
		if (standard === undefined) {
			return doubtful(check, `No class is the default; there are ${names.join(', ')}.`, remedy);
		}
		return fine(check, `Default class ${standard.metadata.name}`);
	} catch (error) {
		return unknown(check, error, 'You need the right to list StorageClasses.');
	}
}
