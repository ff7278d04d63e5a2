import { readFile } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, resolve } from 'node:path';
import { parse } from 'yaml';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import { type ClusterConfig, type CredentialSource, fixedCredentials } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { ExecCredentials } from './exec-credentials.ts';
import { FileCredentials } from './file-credentials.ts';

/** Which part of a kubeconfig, and what its plugins need. */
export interface KubeconfigOptions {
	/** Default: the file's `current-context`. */
	readonly context?: string | undefined;
	/** What exec plugins inherit. */
	readonly environment?: Readonly<Record<string, string | undefined>>;
	readonly clock?: Clock;
}

/** One file of a kubeconfig. */
export interface KubeconfigFile {
	readonly path: string;
	readonly text: string;
}

/**
 * Reads a kubeconfig: one path, or several as the variable `KUBECONFIG` separates them.
 * Files that do not exist are skipped as kubectl does, unless none exists.
 *
 * @throws ClusterError EDGE_KUBECONFIG_INVALID
 */
export async function loadKubeconfig(
	paths: string,
	options: KubeconfigOptions = {},
): Promise<ClusterConfig> {
	const files: KubeconfigFile[] = [];
	for (const path of paths.split(delimiter).filter((part) => part !== '')) {
		try {
			files.push({ path, text: await readFile(path, 'utf8') });
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
			throw invalid(path, `is unreadable: ${messageOf(error)}`);
		}
	}
	if (files.length === 0) throw invalid(paths, 'does not exist');
	return configOf(new Kubeconfig(files), options);
}

/** The configuration that the text of one kubeconfig describes. @throws ClusterError EDGE_KUBECONFIG_INVALID */
export async function parseKubeconfig(
	file: KubeconfigFile,
	options: KubeconfigOptions = {},
): Promise<ClusterConfig> {
	return configOf(new Kubeconfig([file]), options);
}

/** A named member of a kubeconfig, with the folder to which its relative paths refer. */
interface Entry {
	readonly value: JsonObject;
	readonly path: string;
}

/** The members of several files; of two with one name the first wins, as with kubectl. */
class Kubeconfig {
	readonly path: string;
	readonly #documents: readonly { readonly document: JsonObject; readonly path: string }[];

	constructor(files: readonly KubeconfigFile[]) {
		this.path = files.map((file) => file.path).join(delimiter);
		this.#documents = files.map(({ path, text }) => ({ path, document: parseYaml(path, text) }));
	}

	get currentContext(): string | undefined {
		for (const { document } of this.#documents) {
			const name = textOf(document['current-context']);
			if (name !== undefined) return name;
		}
		return undefined;
	}

	/** @throws ClusterError where no entry has the name. */
	entry(list: 'contexts' | 'clusters' | 'users', name: string): Entry {
		const member = list.slice(0, -1);
		for (const { document, path } of this.#documents) {
			const rows = document[list];
			if (!Array.isArray(rows)) continue;
			const row = rows.find((item) => isJsonObject(item) && item['name'] === name);
			if (isJsonObject(row)) return { value: objectOf(row[member]), path };
		}
		throw invalid(this.path, `has no ${member} named "${name}"`);
	}
}

async function configOf(
	kubeconfig: Kubeconfig,
	options: KubeconfigOptions,
): Promise<ClusterConfig> {
	const contextName = options.context ?? kubeconfig.currentContext;
	if (contextName === undefined) throw invalid(kubeconfig.path, 'names no current context');
	const context = kubeconfig.entry('contexts', contextName).value;
	const cluster = kubeconfig.entry('clusters', textOf(context['cluster']) ?? '');
	const userName = textOf(context['user']);
	const user =
		userName === undefined
			? { value: {}, path: kubeconfig.path }
			: kubeconfig.entry('users', userName);
	const server = textOf(cluster.value['server']);
	if (server === undefined || !URL.canParse(server)) {
		throw invalid(cluster.path, 'has a cluster without a server URL');
	}
	if (textOf(cluster.value['proxy-url']) !== undefined) {
		throw invalid(cluster.path, 'asks for a proxy (proxy-url), which is not supported');
	}
	const certificateAuthority = await material(cluster, 'certificate-authority');
	const tlsServerName = textOf(cluster.value['tls-server-name']);
	const headers = impersonation(user.value);
	return {
		server,
		namespace: textOf(context['namespace']) ?? 'default',
		skipTlsVerify: cluster.value['insecure-skip-tls-verify'] === true,
		credentials: await credentialsOf(user, cluster, options),
		...(certificateAuthority === undefined ? {} : { certificateAuthority }),
		...(tlsServerName === undefined ? {} : { tlsServerName }),
		...(headers === undefined ? {} : { headers }),
	};
}

/** Inline credentials win over files, as with kubectl; an exec plugin is used where there are none. */
async function credentialsOf(
	user: Entry,
	cluster: Entry,
	options: KubeconfigOptions,
): Promise<CredentialSource> {
	const { value } = user;
	const clock = options.clock ?? systemClock;
	if (isJsonObject(value['auth-provider'])) {
		throw invalid(user.path, 'uses an auth-provider, which Kubernetes removed; use an exec plugin');
	}
	if (isJsonObject(value['exec'])) {
		return new ExecCredentials(execPlugin(user, value['exec'], cluster, options), clock);
	}
	const certificate = inline(value, 'client-certificate');
	const privateKey = inline(value, 'client-key');
	const username = textOf(value['username']);
	const password = textOf(value['password']) ?? '';
	const token = textOf(value['token']);
	const tokenFile = textOf(value['tokenFile']);
	const fixed = {
		...(token === undefined ? {} : { token }),
		...(username === undefined ? {} : { basic: { username, password } }),
		...(certificate === undefined ? {} : { certificate }),
		...(privateKey === undefined ? {} : { privateKey }),
	};
	const files = {
		...(tokenFile === undefined ? {} : { token: besides(user.path, tokenFile) }),
		...fileMember(user, 'client-certificate', 'certificate', certificate),
		...fileMember(user, 'client-key', 'privateKey', privateKey),
	};
	if (Object.keys(files).length === 0) return fixedCredentials(fixed);
	return new FileCredentials(files, fixed, clock);
}

function execPlugin(
	user: Entry,
	exec: JsonObject,
	cluster: Entry,
	options: KubeconfigOptions,
): ConstructorParameters<typeof ExecCredentials>[0] {
	const command = textOf(exec['command']);
	if (command === undefined) throw invalid(user.path, 'has an exec plugin without a command');
	const environment: Record<string, string | undefined> = { ...options.environment };
	for (const item of Array.isArray(exec['env']) ? exec['env'] : []) {
		if (!isJsonObject(item)) continue;
		const name = textOf(item['name']);
		if (name !== undefined) environment[name] = String(item['value'] ?? '');
	}
	const relative = command.includes('/') && !isAbsolute(command);
	return {
		command: relative ? besides(user.path, command) : command,
		args: Array.isArray(exec['args']) ? exec['args'].map(String) : [],
		environment,
		apiVersion: textOf(exec['apiVersion']) ?? 'client.authentication.k8s.io/v1',
		folder: dirname(resolve(user.path)),
		...(exec['provideClusterInfo'] === true ? { clusterInfo: cluster.value } : {}),
	};
}

function fileMember(
	user: Entry,
	member: string,
	name: 'certificate' | 'privateKey',
	inlined: string | undefined,
): Record<string, string> {
	const file = textOf(user.value[member]);
	if (inlined !== undefined || file === undefined) return {};
	return { [name]: besides(user.path, file) };
}

/** PEM, inline as `<member>-data` or in the file that `<member>` names. */
async function material(entry: Entry, member: string): Promise<string | undefined> {
	const data = inline(entry.value, member);
	const file = textOf(entry.value[member]);
	if (data !== undefined || file === undefined) return data;
	const path = besides(entry.path, file);
	try {
		return await readFile(path, 'utf8');
	} catch (error) {
		throw invalid(entry.path, `names an unreadable file: ${messageOf(error)}`);
	}
}

function inline(value: JsonObject, member: string): string | undefined {
	const data = textOf(value[`${member}-data`]);
	return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
}

function impersonation(user: JsonObject): Record<string, string | string[]> | undefined {
	const name = textOf(user['as']);
	if (name === undefined) return undefined;
	const groups = Array.isArray(user['as-groups']) ? user['as-groups'].map(String) : [];
	return {
		'impersonate-user': name,
		...(groups.length === 0 ? {} : { 'impersonate-group': groups }),
	};
}

function parseYaml(path: string, text: string): JsonObject {
	try {
		const document: unknown = parse(text);
		if (isJsonObject(document)) return document;
	} catch (error) {
		throw invalid(path, `is no YAML: ${messageOf(error).split('\n', 1)[0]}`);
	}
	throw invalid(path, 'is no kubeconfig');
}

function besides(file: string, path: string): string {
	return resolve(dirname(file), path);
}

function textOf(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function objectOf(value: unknown): JsonObject {
	return isJsonObject(value) ? value : {};
}

function invalid(path: string, what: string): ClusterError {
	return new ClusterError('EDGE_KUBECONFIG_INVALID', `The kubeconfig ${what}.`, { where: path });
}
