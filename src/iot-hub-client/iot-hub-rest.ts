import { endpointOf } from '../protocol/host-name.ts';
import type { Identity } from '../protocol/identity.ts';
import { encodeStrict } from '../protocol/sas-token.ts';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError, type ErrorCode } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import { mintToken } from './access-token.ts';
import type { DeviceCredential } from './device-credential.ts';
import { HttpsJson, type JsonRequest, type JsonResponse } from './https-json.ts';
import type { HubNetwork } from './hub-network.ts';
import { parseRegistryIdentity, type RegistryIdentity } from './registry-identity.ts';

/** Who asks, and where. */
export interface IotHubRestOptions {
	/** As in a connection string, with `:port` for a hub that is not on 443. */
	readonly hostName: string;
	/** The device for module identities; its `$edgeHub` for the device scope. */
	readonly identity: Identity;
	/** Asked for each request, so that it may be renewed. */
	readonly credential: () => DeviceCredential;
	readonly network: HubNetwork;
	readonly clock: Clock;
	/** Milliseconds for one request. Default 30 000. */
	readonly timeout?: number;
}

/** Keys of a module identity, base64. */
export interface SymmetricKeys {
	readonly primaryKey: string;
	readonly secondaryKey: string;
}

/** What can be asked beside the identity itself. */
export interface RequestOptions {
	readonly signal?: AbortSignal;
}

/** IoT Hub has answered with an error. */
export class IotHubRestError extends EdgeError {
	/** HTTP status. */
	readonly status: number;

	constructor(code: ErrorCode, message: string, status: number) {
		super(code, message);
		this.status = status;
	}
}

const moduleApiVersion = '2017-11-08-preview';
const scopeApiVersion = '2018-08-30-preview';
const tokenLifetime = 60_000;
const pageSize = 100;

/**
 * The requests of IoT Hub's HTTPS interface that a device may make for itself: its module
 * identities, and the identities in the scope of an edge device. Source: Azure/iot-identity-service,
 * "aziot-cloud-client"; Azure/iotedge, "DeviceScopeApiClient".
 *
 * Every method throws an `EdgeError` EDGE_HUB_UNREACHABLE (no answer, or the hub is failing), or an
 * `IotHubRestError` EDGE_HUB_REFUSED (401, 403) or EDGE_HUB_REQUEST_FAILED.
 */
export class IotHubRest {
	readonly #options: IotHubRestOptions;
	readonly #https: HttpsJson;

	constructor(options: IotHubRestOptions) {
		this.#options = options;
		const { hostName, clock, network, timeout = 30_000 } = options;
		const endpoint = endpointOf(hostName, 'https');
		this.#https = new HttpsJson({ endpoint, network, timeout, clock });
	}

	/** Creates a module identity without keys. @throws IotHubRestError of status 409 where there is one. */
	createModule(
		moduleId: string,
		managedBy: string,
		options: RequestOptions = {},
	): Promise<RegistryIdentity> {
		const { deviceId } = this.#options.identity;
		return this.#module('PUT', moduleId, { moduleId, deviceId, managedBy }, options);
	}

	/** Gives a module identity its keys. */
	setModuleKeys(
		moduleId: string,
		keys: SymmetricKeys & { readonly managedBy?: string },
		options: RequestOptions = {},
	): Promise<RegistryIdentity> {
		const { deviceId } = this.#options.identity;
		const { primaryKey, secondaryKey, managedBy } = keys;
		const body: JsonObject = {
			moduleId,
			deviceId,
			...(managedBy === undefined ? {} : { managedBy }),
			authentication: { type: 'sas', symmetricKey: { primaryKey, secondaryKey } },
		};
		return this.#module('PUT', moduleId, body, options, { 'if-match': '*' });
	}

	/** All module identities of the device. */
	async listModules(options: RequestOptions = {}): Promise<readonly RegistryIdentity[]> {
		const answer = await this.#request({
			method: 'GET',
			path: `${this.#modulesPath()}?api-version=${moduleApiVersion}`,
			...options,
		});
		if (!Array.isArray(answer)) throw unreadable();
		return identitiesOf(answer);
	}

	/** @returns false where there was no such identity. */
	async deleteModule(moduleId: string, options: RequestOptions = {}): Promise<boolean> {
		try {
			await this.#request({
				method: 'DELETE',
				path: `${this.#modulesPath()}/${encodeStrict(moduleId)}?api-version=${moduleApiVersion}`,
				headers: { 'if-match': '*' },
				...options,
			});
			return true;
		} catch (error) {
			if (error instanceof IotHubRestError && error.status === 404) return false;
			throw error;
		}
	}

	/** Devices and modules in the scope of this edge device, page by page. */
	async *listScope(options: RequestOptions = {}): AsyncGenerator<readonly RegistryIdentity[]> {
		let continuation = '';
		do {
			const query = `deviceCount=${pageSize}&continuationToken=${encodeStrict(continuation)}`;
			const answer = await this.#scope('devicesAndModulesInDeviceScope', query, options);
			yield scopeIdentities(answer);
			continuation = continuationOf(answer);
		} while (continuation !== '');
	}

	/** One device or module in the scope; a module comes with its device. Empty where it is not in it. */
	async getScopeIdentity(
		{ deviceId, moduleId = '' }: Identity,
		options: RequestOptions = {},
	): Promise<readonly RegistryIdentity[]> {
		const query = `targetDeviceId=${encodeStrict(deviceId)}&targetModuleId=${encodeStrict(moduleId)}`;
		try {
			return scopeIdentities(await this.#scope('deviceAndModuleInDeviceScope', query, options));
		} catch (error) {
			if (error instanceof IotHubRestError && error.status === 404) return [];
			throw error;
		}
	}

	/** Closes connections that are kept open. */
	close(): void {
		this.#https.close();
	}

	async #module(
		method: 'PUT',
		moduleId: string,
		body: JsonObject,
		options: RequestOptions,
		headers: Readonly<Record<string, string>> = {},
	): Promise<RegistryIdentity> {
		const path = `${this.#modulesPath()}/${encodeStrict(moduleId)}?api-version=${moduleApiVersion}`;
		const answer = await this.#request({ method, path, body, headers, ...options });
		const identity = parseRegistryIdentity(answer);
		if (identity === undefined) throw unreadable();
		return identity;
	}

	async #scope(call: string, query: string, options: RequestOptions): Promise<JsonObject> {
		const path = `${this.#modulesPath()}/${encodeStrict('$edgeHub')}/${call}`;
		const answer = await this.#request({
			method: 'GET',
			path: `${path}?${query}&api-version=${scopeApiVersion}`,
			...options,
		});
		if (!isJsonObject(answer)) throw unreadable();
		return answer;
	}

	#modulesPath(): string {
		return `/devices/${encodeStrict(this.#options.identity.deviceId)}/modules`;
	}

	async #request(
		request: Omit<JsonRequest, 'headers'> & { readonly headers?: JsonRequest['headers'] },
	): Promise<JsonValue | undefined> {
		const headers = { ...request.headers, accept: 'application/json' };
		const response = await this.#https.send({ ...request, ...(await this.#proven(headers)) });
		if (response.status >= 300) throw failureOf(response);
		return response.text === '' ? undefined : parsed(response.text);
	}

	/** What makes IoT Hub believe who asks: a token, or a certificate in the TLS handshake. */
	async #proven(
		headers: Readonly<Record<string, string>>,
	): Promise<Pick<JsonRequest, 'headers' | 'certificate'>> {
		const { hostName, identity, clock } = this.#options;
		const credential = this.#options.credential();
		if (credential.kind === 'certificate') return { headers, certificate: credential };
		const expiresAt = clock.now() + tokenLifetime;
		const authorization = await mintToken({ hostName, identity, credential, expiresAt });
		return { headers: { ...headers, authorization } };
	}
}

function failureOf({ status, text }: JsonResponse): EdgeError {
	const message = `IoT Hub answered with HTTP status ${status}. ${reasonOf(text)}`.trimEnd();
	if (status === 401 || status === 403) {
		return new IotHubRestError('EDGE_HUB_REFUSED', message, status);
	}
	const failing = status >= 500 || status === 408 || status === 429;
	const code = failing ? 'EDGE_HUB_UNREACHABLE' : 'EDGE_HUB_REQUEST_FAILED';
	return new IotHubRestError(code, message, status);
}

/** The hub's own words: `Message`, `errorMessage` or `message` of the body, or its beginning. */
function reasonOf(text: string): string {
	let body: unknown;
	try {
		body = JSON.parse(text);
	} catch {
		return text.slice(0, 200);
	}
	if (!isJsonObject(body)) return text.slice(0, 200);
	const told = body['Message'] ?? body['errorMessage'] ?? body['message'];
	return typeof told === 'string' ? told.slice(0, 500) : '';
}

function parsed(text: string): JsonValue {
	try {
		return JSON.parse(text);
	} catch {
		throw unreadable();
	}
}

function unreadable(): EdgeError {
	return new EdgeError('EDGE_HUB_REQUEST_FAILED', 'The answer of IoT Hub cannot be read.');
}

function scopeIdentities(answer: JsonObject): readonly RegistryIdentity[] {
	const { devices, modules } = answer as { devices?: JsonValue; modules?: JsonValue };
	return [...identitiesOf(devices), ...identitiesOf(modules)];
}

function identitiesOf(list: JsonValue | undefined): RegistryIdentity[] {
	if (!Array.isArray(list)) return [];
	return list.map(parseRegistryIdentity).filter((identity) => identity !== undefined);
}

/** The link is an address that carries the token, or the token itself. */
function continuationOf(answer: JsonObject): string {
	const link = answer['continuationLink'];
	if (typeof link !== 'string' || link === '') return '';
	const query = link.indexOf('?');
	const token = new URLSearchParams(link.slice(query + 1)).get('continuationToken');
	return token ?? link;
}
