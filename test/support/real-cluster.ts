import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { ApiTransport } from '../../src/cluster/api-transport.ts';
import { type ClusterConfig, fixedCredentials } from '../../src/cluster/cluster-config.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { isJsonObject, type JsonObject } from '../../src/runtime/json.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';

const patience = 90_000;
const attempts = 3;

/**
 * etcd and kube-apiserver on loopback ports, with an authority and a folder of their own, nothing
 * else: no controller, no scheduler, no node. RBAC decides, and an audit log tells what.
 */
export class RealCluster implements ClusterUnderTest {
	/** A kubeconfig of the administrator, a file. */
	readonly kubeconfig: string;
	/** The program `kubectl` of the same version. */
	readonly kubectl: string;
	readonly config: ClusterConfig;
	readonly hasControllers = false;
	readonly #assets: string;
	readonly #folder: string;
	readonly #etcdPort: number;
	readonly #port: number;
	readonly #processes = new Map<string, ChildProcess>();
	/** When it was starting, in Unix milliseconds. */
	readonly #starts: { readonly from: number; readonly to: number }[] = [];

	private constructor(options: {
		assets: string;
		folder: string;
		ports: readonly [etcd: number, apiServer: number];
		config: ClusterConfig;
	}) {
		this.#assets = options.assets;
		this.#folder = options.folder;
		[this.#etcdPort, this.#port] = options.ports;
		this.config = options.config;
		this.kubectl = join(options.assets, 'kubectl');
		this.kubeconfig = join(options.folder, 'kubeconfig');
	}

	/** @param assets a folder with the programs `etcd` and `kube-apiserver`. */
	static async start(assets: string): Promise<RealCluster> {
		for (let attempt = 1; ; attempt += 1) {
			const folder = await mkdtemp(join(tmpdir(), 'iotedge-k8s-kubernetes-'));
			const ports = [await freePort(), await freePort()] as const;
			const config = await writeKeys(folder, `https://127.0.0.1:${ports[1]}`);
			const cluster = new RealCluster({ assets, folder, ports, config });
			try {
				await cluster.#startAll();
				return cluster;
			} catch (error) {
				await cluster[Symbol.asyncDispose]();
				// Another process may have taken a port that was free.
				if (attempt === attempts) throw error;
			}
		}
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
			.filter((line) => line.startsWith('system:serviceaccount:'));
	};

	readonly restart = async (): Promise<void> => {
		await this.#kill('kube-apiserver');
		await this.#startApiServer();
	};

	/** Restarts too: what etcd has forgotten, the server's memory may still know. */
	readonly compact = async (): Promise<void> => {
		const range = await this.#etcd('kv/range', { key: Buffer.from('/').toString('base64') });
		const header = isJsonObject(range['header']) ? range['header'] : {};
		await this.#etcd('kv/compaction', { revision: String(header['revision']), physical: true });
		await this.restart();
	};

	async [Symbol.asyncDispose](): Promise<void> {
		for (const name of [...this.#processes.keys()].reverse()) await this.#kill(name);
		await rm(this.#folder, { recursive: true, force: true });
	}

	async #startAll(): Promise<void> {
		const client = `http://127.0.0.1:${this.#etcdPort}`;
		this.#spawn('etcd', [
			`--data-dir=${join(this.#folder, 'etcd')}`,
			`--listen-client-urls=${client}`,
			`--advertise-client-urls=${client}`,
			'--listen-peer-urls=http://127.0.0.1:0',
			'--unsafe-no-fsync',
		]);
		await this.#until('etcd', async () => (await fetch(`${client}/health`)).ok);
		await this.#startApiServer();
	}

	async #startApiServer(): Promise<void> {
		const file = (name: string) => join(this.#folder, name);
		this.#spawn('kube-apiserver', [
			`--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
			'--bind-address=127.0.0.1',
			'--advertise-address=127.0.0.1',
			'--endpoint-reconciler-type=none',
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
		]);
		const from = Date.now();
		const options = { clock: systemClock, requestTimeout: 10_000, userAgent: 'tests' };
		const transport = new ApiTransport(this.config, options);
		try {
			await this.#until('kube-apiserver', async () => {
				(await transport.open({ method: 'GET', path: '/readyz' })).resume();
				return true;
			});
		} finally {
			transport.close();
		}
		this.#starts.push({ from, to: Date.now() });
	}

	/** Starts a program that ends with this process, however that ends. */
	#spawn(name: string, args: readonly string[]): void {
		const guard = 'exec 3<&0; "$@" 3<&- & p=$!; (read -r _ <&3; kill -9 $p) & wait $p';
		// Not through this process: while it is busy, a full pipe would hold up the program.
		const log = openSync(join(this.#folder, `${name}.log`), 'a');
		const child = spawn('sh', ['-c', guard, 'sh', join(this.#assets, name), ...args], {
			stdio: ['pipe', log, log],
		});
		closeSync(log);
		this.#processes.set(name, child);
	}

	async #kill(name: string): Promise<void> {
		const child = this.#processes.get(name);
		this.#processes.delete(name);
		if (child === undefined || child.exitCode !== null) return;
		const exited = once(child, 'exit');
		child.stdin?.end();
		await exited;
	}

	async #until(name: string, isReady: () => Promise<boolean>): Promise<void> {
		const end = Date.now() + patience;
		while (Date.now() < end && this.#processes.get(name)?.exitCode === null) {
			if (await isReady().catch(() => false)) return;
			await sleep(100);
		}
		const log = await readFile(join(this.#folder, `${name}.log`), 'utf8');
		throw new Error(`${name} has not started:\n${log.slice(-2000)}`);
	}

	async #etcd(method: string, body: JsonObject): Promise<JsonObject> {
		const url = `http://127.0.0.1:${this.#etcdPort}/v3/${method}`;
		const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
		if (!answer.ok) throw new Error(`etcd ${method}: ${await answer.text()}`);
		return (await answer.json()) as JsonObject;
	}

	async #auditLog(): Promise<JsonObject[]> {
		const text = await readFile(join(this.#folder, 'audit.log'), 'utf8');
		const lines = text.split('\n').filter((line) => line !== '');
		return lines.map((line) => JSON.parse(line) as JsonObject);
	}
}

/** Writes what the programs read, and a kubeconfig. */
async function writeKeys(folder: string, server: string): Promise<ClusterConfig> {
	const authority = await CertificateAuthority.create({ commonName: 'kubernetes', days: 1 });
	const serving = await authority.issue({
		commonName: 'kube-apiserver',
		dnsNames: ['localhost', 'kubernetes.default.svc'],
		ipAddresses: ['127.0.0.1', '10.96.0.1'],
		usages: ['server'],
		days: 1,
	});
	const admin = await authority.issue({
		commonName: 'admin',
		organization: 'system:masters',
		usages: ['client'],
		days: 1,
	});
	const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const policy = {
		apiVersion: 'audit.k8s.io/v1',
		kind: 'Policy',
		omitStages: ['RequestReceived', 'ResponseStarted'],
		rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts'] }, { level: 'None' }],
	};
	const files = {
		'ca.pem': authority.certificate,
		'server.pem': serving.certificate,
		'server.key': serving.privateKey,
		'accounts.key': accounts.privateKey.export({ type: 'pkcs8', format: 'pem' }),
		'accounts.pub': accounts.publicKey.export({ type: 'spki', format: 'pem' }),
		'audit-policy.yaml': stringify(policy),
		'audit.log': '',
		kubeconfig: stringify(kubeconfigOf(server, authority.certificate, admin)),
	};
	await mkdir(folder, { recursive: true });
	for (const [name, text] of Object.entries(files)) {
		await writeFile(join(folder, name), text, { mode: 0o600 });
	}
	return {
		server,
		certificateAuthority: authority.certificate,
		skipTlsVerify: false,
		namespace: 'default',
		credentials: fixedCredentials(admin),
	};
}

function kubeconfigOf(
	server: string,
	authority: string,
	{ certificate, privateKey }: { certificate: string; privateKey: string },
): JsonObject {
	const base64 = (text: string) => Buffer.from(text).toString('base64');
	const name = 'test';
	return {
		apiVersion: 'v1',
		kind: 'Config',
		'current-context': name,
		contexts: [{ name, context: { cluster: name, user: name } }],
		clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(authority) } }],
		users: [
			{
				name,
				user: {
					'client-certificate-data': base64(certificate),
					'client-key-data': base64(privateKey),
				},
			},
		],
	};
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	server.close();
	await once(server, 'close');
	if (address === null || typeof address === 'string') throw new Error('There is no free port.');
	return address.port;
}
