import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ApiTransport } from '../../src/cluster/api-transport.ts';
import type { ClusterConfig } from '../../src/cluster/cluster-config.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { isJsonObject, type JsonObject } from '../../src/runtime/json.ts';
import { ClusterKeys } from './cluster-keys.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import { freePort } from './free-port.ts';
import type { Programs } from './kubernetes-programs.ts';
import { ProcessGroup } from './process-group.ts';

const attempts = 3;

/** Programs that an API server needs. */
export type ServerPrograms = Programs<'etcd' | 'kube-apiserver' | 'kubectl'>;

/** Whom a server serves, and how. */
export interface RealClusterOptions {
	/** Where it listens, besides the loopback. Default: on the loopback only, for no pod. */
	readonly address?: string;
	/** More options of kube-apiserver, made when its keys are there. */
	readonly serverOptions?: (keys: ClusterKeys) => Promise<readonly string[]>;
	/** Whether somebody will run controllers. Default: false. */
	readonly hasControllers?: boolean;
}

/**
 * etcd and kube-apiserver, with an authority and a folder of their own, nothing else: no controller,
 * no scheduler, no node. RBAC decides, and an audit log tells what.
 */
export class RealCluster implements ClusterUnderTest {
	readonly keys: ClusterKeys;
	/** The program `kubectl` of the same version. */
	readonly kubectl: string;
	readonly hasControllers: boolean;
	readonly #programs: ServerPrograms;
	readonly #options: RealClusterOptions;
	readonly #processes: ProcessGroup;
	readonly #etcdPort: number;
	readonly #port: number;
	#serverOptions: readonly string[] = [];
	/** When it was starting, in Unix milliseconds. */
	readonly #starts: { readonly from: number; readonly to: number }[] = [];

	private constructor(
		programs: ServerPrograms,
		options: RealClusterOptions,
		keys: ClusterKeys,
		[etcd, apiServer]: readonly [etcd: number, apiServer: number],
	) {
		this.#programs = programs;
		this.#options = options;
		this.#etcdPort = etcd;
		this.#port = apiServer;
		this.#processes = new ProcessGroup(keys.folder);
		this.keys = keys;
		this.kubectl = programs.kubectl;
		this.hasControllers = options.hasControllers ?? false;
	}

	static async start(
		programs: ServerPrograms,
		options: RealClusterOptions = {},
	): Promise<RealCluster> {
		for (let attempt = 1; ; attempt += 1) {
			const folder = await mkdtemp(join(tmpdir(), 'iotedge-k8s-kubernetes-'));
			const ports = [await freePort(), await freePort()] as const;
			const keys = await ClusterKeys.write(folder, options.address ?? '127.0.0.1', ports[1]);
			const cluster = new RealCluster(programs, options, keys, ports);
			try {
				await cluster.#prepare();
				await cluster.resume();
				return cluster;
			} catch (error) {
				await cluster[Symbol.asyncDispose]();
				// Another process may have taken a port that was free.
				if (attempt === attempts) throw error;
			}
		}
	}

	get config(): ClusterConfig {
		return this.keys.config;
	}

	/** A kubeconfig of the administrator, a file. */
	get kubeconfig(): string {
		return this.keys.path('kubeconfig');
	}

	/** Until a server is ready it does not know all Roles, and refuses what it should allow. */
	readonly refusedRequests = async (): Promise<string[]> => {
		const entries = await this.#auditLog();
		return entries
			.filter(({ responseStatus, requestReceivedTimestamp }) => {
				const time = Date.parse(String(requestReceivedTimestamp));
				const isStarting = this.#starts.some(({ from, to }) => time >= from && time <= to);
				return !isStarting && isJsonObject(responseStatus) && responseStatus['code'] === 403;
			})
			.map(({ user, verb, requestURI }) => {
				return `${isJsonObject(user) ? user['username'] : ''}: ${verb} ${requestURI}`;
			})
			.filter((line) => /^system:serviceaccount:(?!kube-system:)/.test(line));
	};

	readonly restart = async (): Promise<void> => {
		await this.#processes.kill('kube-apiserver');
		await this.#startApiServer();
	};

	/** Restarts too: what etcd has forgotten, the server's memory may still know. */
	readonly compact = async (): Promise<void> => {
		const range = await this.#etcd('kv/range', { key: Buffer.from('/').toString('base64') });
		const header = isJsonObject(range['header']) ? range['header'] : {};
		await this.#etcd('kv/compaction', { revision: String(header['revision']), physical: true });
		await this.restart();
	};

	/** Kills etcd and the server, as a power cut does; `resume` starts them with what is stored. */
	async halt(): Promise<void> {
		await this.#processes[Symbol.asyncDispose]();
	}

	/** Starts etcd and the server. */
	async resume(): Promise<void> {
		const client = `http://127.0.0.1:${this.#etcdPort}`;
		this.#processes.start('etcd', this.#programs.etcd, [
			`--data-dir=${this.keys.path('etcd')}`,
			`--listen-client-urls=${client}`,
			`--advertise-client-urls=${client}`,
			'--listen-peer-urls=http://127.0.0.1:0',
			'--unsafe-no-fsync',
		]);
		await this.#processes.untilReady('etcd', async () => (await fetch(`${client}/health`)).ok);
		await this.#startApiServer();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.halt();
		await rm(this.keys.folder, { recursive: true, force: true });
	}

	async #prepare(): Promise<void> {
		await writeFile(this.keys.path('audit-policy.yaml'), stringify(auditPolicy));
		await writeFile(this.keys.path('audit.log'), '');
		this.#serverOptions = (await this.#options.serverOptions?.(this.keys)) ?? [];
	}

	async #startApiServer(): Promise<void> {
		const file = (name: string) => this.keys.path(name);
		const { address } = this.#options;
		this.#processes.start('kube-apiserver', this.#programs['kube-apiserver'], [
			`--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
			`--bind-address=${address ?? '127.0.0.1'}`,
			`--advertise-address=${address ?? '127.0.0.1'}`,
			// Whether it tells pods where it is.
			`--endpoint-reconciler-type=${address === undefined ? 'none' : 'lease'}`,
			`--secure-port=${this.#port}`,
			`--cert-dir=${file('certificates')}`,
			`--tls-cert-file=${file('server.pem')}`,
			`--tls-private-key-file=${file('server.key')}`,
			`--client-ca-file=${file('ca.pem')}`,
			'--service-cluster-ip-range=10.96.0.0/16',
			'--service-account-issuer=https://kubernetes.default.svc',
			`--service-account-signing-key-file=${file('accounts.key')}`,
			`--service-account-key-file=${file('accounts.pub')}`,
			'--authorization-mode=Node,RBAC',
			// Stricter clusters, OpenShift among them, have it.
			'--enable-admission-plugins=OwnerReferencesPermissionEnforcement',
			'--allow-privileged=true',
			`--audit-policy-file=${file('audit-policy.yaml')}`,
			`--audit-log-path=${file('audit.log')}`,
			...this.#serverOptions,
		]);
		const from = Date.now();
		const options = { clock: systemClock, requestTimeout: 10_000, userAgent: 'tests' };
		const transport = new ApiTransport(this.config, options);
		try {
			await this.#processes.untilReady('kube-apiserver', async () => {
				(await transport.open({ method: 'GET', path: '/readyz' })).resume();
				return true;
			});
		} finally {
			transport.close();
		}
		this.#starts.push({ from, to: Date.now() });
	}

	async #etcd(method: string, body: JsonObject): Promise<JsonObject> {
		const url = `http://127.0.0.1:${this.#etcdPort}/v3/${method}`;
		const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
		if (!answer.ok) throw new Error(`etcd ${method}: ${await answer.text()}`);
		return (await answer.json()) as JsonObject;
	}

	async #auditLog(): Promise<JsonObject[]> {
		const text = await readFile(this.keys.path('audit.log'), 'utf8');
		const lines = text.split('\n').filter((line) => line !== '');
		return lines.map((line) => JSON.parse(line) as JsonObject);
	}
}

const auditPolicy = {
	apiVersion: 'audit.k8s.io/v1',
	kind: 'Policy',
	omitStages: ['RequestReceived', 'ResponseStarted'],
	rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts'] }, { level: 'None' }],
};
