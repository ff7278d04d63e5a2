import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CertificateAuthority } from '../../certificates/certificate-authority.ts';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { Authenticator } from './access/authenticator.ts';
import { bootstrapRoles } from './access/bootstrap-roles.ts';
import { RbacAuthorizer } from './access/rbac-authorizer.ts';
import { ServiceAccountTokens } from './access/service-account-tokens.ts';
import { builtinKinds } from './kinds/builtin-kinds.ts';
import { KindRegistry, storageOf } from './kinds/kind-registry.ts';
import { kubeconfigOf } from './kubeconfig.ts';
import { DefinitionWatch } from './objects/definition-watch.ts';
import { NamespaceDeletion } from './objects/namespace-deletion.ts';
import { ObjectDeletion } from './objects/object-deletion.ts';
import { ObjectWriter } from './objects/object-writer.ts';
import type { PodLogSource } from './pod-log-source.ts';
import type { RuleContext } from './rules/kind-rules.ts';
import { ServiceAddresses } from './rules/service-addresses.ts';
import { ApiHandler, type Denial } from './server/api-handler.ts';
import { loadIdentity, type ServerIdentity, saveIdentity } from './server-identity.ts';
import { memoryJournal } from './store/object-journal.ts';
import { ObjectStore, objectKey } from './store/object-store.ts';
import { SqliteJournal } from './store/sqlite-journal.ts';

/** What an API server is told. */
export interface ApiServerSettings {
	/** Where objects and keys outlive the process; absent: nothing does. */
	readonly folder?: string;
	/** Absent: the port of the last run if it is free, else any. */
	readonly port?: number;
	/** The first three numbers of the addresses of Services, as `127.80.1`. */
	readonly clusterIpBlock: string;
	/** Ports of NodePort and LoadBalancer Services. Default 30000 to 32767. */
	readonly nodePorts?: readonly [first: number, last: number];
	/** Changes kept for every kind, for watches that begin in the past. Default 2048. */
	readonly historyLimit?: number;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Where `kubectl logs` reads. */
	readonly podLogs?: PodLogSource;
	/** Called when somebody is refused for want of rights. */
	readonly onDenied?: (denial: Denial) => void;
}

/** How long the server's certificate is valid, in days; each start makes a new one. */
const certificateDays = 365;

const initialNamespaces = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

interface Running {
	readonly server: Server;
	readonly handler: ApiHandler;
	readonly store: ObjectStore;
	readonly parts: readonly { stop(): void }[];
	readonly identity: ServerIdentity;
}

/** A Kubernetes API server in this process, on a loopback port. For development and tests. */
export class ApiServer implements Lifecycle {
	readonly #settings: ApiServerSettings;
	#running: Running | undefined;

	constructor(settings: ApiServerSettings) {
		this.#settings = settings;
	}

	/** `https://127.0.0.1:<port>`. @throws Error before `start`. */
	get url(): string {
		const { port } = this.#started().server.address() as AddressInfo;
		return `https://127.0.0.1:${port}`;
	}

	/** PEM of the authority behind the server's certificate. */
	get caCertificate(): string {
		return this.#started().identity.authority.certificate;
	}

	/** The bearer token of the administrator. */
	get adminToken(): string {
		return this.#started().identity.adminToken;
	}

	/** How many clients and parts listen to changes, for tests that look for leaks. */
	get listenerCount(): number {
		return this.#started().store.listenerCount;
	}

	/** The text of a kubeconfig for the administrator. `start` writes it to `kubeconfig` in the folder. */
	kubeconfig(): string {
		return kubeconfigOf({
			name: 'local-cluster',
			url: this.url,
			caCertificate: this.caCertificate,
			token: this.adminToken,
			namespace: 'default',
		});
	}

	/** Forgets the history of changes: watches from earlier versions get 410, as after a compaction. */
	compact(): void {
		this.#started().store.compact();
	}

	async start(): Promise<void> {
		const { folder, clock } = this.#settings;
		const identity = await loadIdentity(folder, new Date(clock.now()));
		if (folder !== undefined) await mkdir(folder, { recursive: true, mode: 0o700 });
		const store = this.#openStore(folder);
		try {
			const server = await this.#listen(identity);
			this.#running = this.#assemble(server, store, identity);
		} catch (error) {
			store.close();
			throw error;
		}
		if (folder === undefined) return;
		const { port } = this.#running.server.address() as AddressInfo;
		await saveIdentity(folder, { ...identity, port });
		await writeFile(join(folder, 'kubeconfig'), this.kubeconfig(), { mode: 0o600 });
	}

	async stop(): Promise<void> {
		const running = this.#running;
		if (running === undefined) return;
		this.#running = undefined;
		const { server, handler, parts, store } = running;
		const closed = new Promise<void>((resolve) => {
			server.close(() => resolve());
		});
		handler.close();
		for (const part of parts) part.stop();
		server.closeAllConnections();
		await closed;
		store.close();
	}

	#started(): Running {
		if (this.#running === undefined) throw new Error('The API server has not been started.');
		return this.#running;
	}

	#openStore(folder: string | undefined): ObjectStore {
		const journal =
			folder === undefined ? memoryJournal : new SqliteJournal(join(folder, 'objects.sqlite'));
		const store = new ObjectStore(journal, this.#settings.historyLimit);
		store.load();
		return store;
	}

	async #listen(identity: ServerIdentity): Promise<Server> {
		const { clusterIpBlock, clock, port } = this.#settings;
		const authority = CertificateAuthority.load(identity.authority);
		const service = 'kubernetes.default.svc';
		const { certificate, privateKey } = await authority.issue({
			commonName: 'kube-apiserver',
			dnsNames: [
				...['localhost', 'kubernetes', 'kubernetes.default', service],
				`${service}.cluster.local`,
			],
			ipAddresses: ['127.0.0.1', `${clusterIpBlock}.1`],
			usages: ['server'],
			days: certificateDays,
			now: new Date(clock.now()),
		});
		const server = createServer({ cert: certificate, key: privateKey });
		// Watches last for long, and a client that thinks for long between requests is no fault.
		server.requestTimeout = 0;
		server.keepAliveTimeout = 60_000;
		if (port !== undefined) await listen(server, port);
		else await listen(server, identity.port).catch(() => listen(server, 0));
		return server;
	}

	#assemble(server: Server, store: ObjectStore, identity: ServerIdentity): Running {
		const { clock, logger, podLogs, onDenied, clusterIpBlock } = this.#settings;
		const { port } = server.address() as AddressInfo;
		const addresses = new ServiceAddresses(
			clusterIpBlock,
			this.#settings.nodePorts ?? [30_000, 32_767],
		);
		const registry = new KindRegistry(builtinKinds);
		const tokens = new ServiceAccountTokens(identity.tokenKey, store, clock);
		const writer = new ObjectWriter(store, ruleContext(store, addresses, clock));
		const deletion = new ObjectDeletion(store, clock);
		const definitions = new DefinitionWatch(store, registry, logger);
		const namespaces = new NamespaceDeletion(store, registry, deletion, logger);
		const state = {
			...{ store, registry, writer, deletion, tokens, podLogs, clock, logger },
			authorizer: new RbacAuthorizer(store),
			authenticator: new Authenticator(identity.adminToken, tokens),
		};
		const handler = new ApiHandler(state, `127.0.0.1:${port}`, (denial) => {
			logger.warn('A request was refused.', { ...denial });
			onDenied?.(denial);
		});
		definitions.start();
		namespaces.start();
		ensureObjects(registry, store, writer, initialObjects(addresses.first, port));
		server.on('request', (request, response) => {
			void handler.handle(request, response);
		});
		return { server, handler, store, identity, parts: [definitions, namespaces] };
	}
}

async function listen(server: Server, port: number): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => {
			server.off('error', reject);
			resolve();
		});
	});
}

function ruleContext(store: ObjectStore, addresses: ServiceAddresses, clock: Clock): RuleContext {
	return {
		clock,
		addresses,
		find: (resource, namespace, name) => store.get(resource, objectKey(namespace, name)),
		list: (resource) => store.list(resource).map((stored) => stored.object),
	};
}

/** What every cluster begins with, the API server's own Service among it. */
function initialObjects(address: string, port: number): KubernetesObject[] {
	const namespaces = initialNamespaces.map((name) => ({
		...{ apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
	}));
	const metadata = { name: 'kubernetes', namespace: 'default' };
	const labels = { component: 'apiserver', provider: 'kubernetes' };
	const service = {
		apiVersion: 'v1',
		kind: 'Service',
		metadata: { ...metadata, labels },
		spec: {
			clusterIP: address,
			ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
		},
	};
	return [...namespaces, service, ...bootstrapRoles];
}

/** Makes the objects that are not there yet; the Service follows the port of this run. */
function ensureObjects(
	registry: KindRegistry,
	store: ObjectStore,
	writer: ObjectWriter,
	objects: readonly KubernetesObject[],
): void {
	for (const object of objects) {
		const kind = registry.ofObject(object.apiVersion, object.kind);
		if (kind === undefined) continue;
		const { name, namespace } = object.metadata;
		const target = { kind, namespace, name };
		const options = { dryRun: false, subresource: '', own: () => [] };
		const live = store.getStored(storageOf(kind), objectKey(namespace, name));
		if (live === undefined) writer.create(target, structuredClone(object), options);
		else if (kind.kind === 'Service') {
			const { metadata } = structuredClone(live.object);
			writer.update(target, live, { ...structuredClone(object), metadata }, options);
		}
	}
}
