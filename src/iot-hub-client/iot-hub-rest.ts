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
	/** The parent edge hub that stands in for IoT Hub, with `:port` where it is not on 443. */
	readonly gatewayHostName?: string | undefined;
	/** The device for module identities; its `$edgeHub` for the device scope. */
	readonly identity: Identity;
	/** Asked for each request, so that it may be renewed. */
	readonly credential: () => DeviceCredential;
	readonly network: HubNetwork;
	/** Told of every answer, and whether it denies the identity. Default: nobody is. */
	readonly onAnswer?: (refused: boolean) => void;
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

/** What an edge hub may ask of the module identities of an edge device below it. */
export type ModuleCall =
	| 'putModuleOnBehalfOf'
	| 'getModuleOnBehalfOf'
	| 'getModulesOnTargetDevice'
	| 'deleteModuleOnBehalfOf';

/** Such a call, without the credential. */
export interface ForwardedCall {
	readonly authChain: string;
	/** `{module}` or `{moduleId}`; the chain is added. */
	readonly body: JsonObject;
	readonly ifMatch?: string | undefined;
}

const moduleApiVersion = '2017-11-08-preview';
const scopeApiVersion = '2020-06-30-preview';
const tokenLifetime = 60_000;
const pageSize = 100;
/** Edge devices above each other; IoT Hub allows five. */
const maxLayers = 6;

/**
 * The requests of IoT Hub's HTTPS interface that a device may make for itself: its module
 * identities, the identities in the scope of an edge device and of those below it, and for these the
 * modules. Source: Azure/iot-identity-service, "aziot-cloud-client"; Azure/iotedge,
 * "NestedDeviceScopeApiClient", "RegistryOnBehalfOfApiClient".
 *
 * Every method throws an `EdgeError` EDGE_HUB_UNREACHABLE (no answer, or the hub is failing), or an
 * `IotHubRestError` EDGE_HUB_REFUSED (401, 403) or EDGE_HUB_REQUEST_FAILED.
 */
export class IotHubRest {
	readonly #options: IotHubRestOptions;
	readonly #https: HttpsJson;

	constructor(options: IotHubRestOptions) {
		this.#options = options;
		const { hostName, gatewayHostName, clock, network, timeout = 30_000 } = options;
		const endpoint = endpointOf(gatewayHostName ?? hostName, 'https');
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

	/** Devices and modules in the scope of this edge device and of those below it, page by page. */
	async *listScope(options: RequestOptions = {}): AsyncGenerator<readonly RegistryIdentity[]> {
		const { deviceId } = this.#options.identity;
		/** Chains of edge devices whose scope is to be read, each up to this one. */
		const open: (readonly string[])[] = [[deviceId]];
		const seen = new Set([deviceId]);
		for (const chain of open) {
			for await (const page of this.#listChildren(chain, options)) {
				for (const { identity, edgeCapable } of page) {
					if (!edgeCapable || seen.has(identity.deviceId) || chain.length >= maxLayers) continue;
					seen.add(identity.deviceId);
					open.push([identity.deviceId, ...chain]);
				}
				yield page;
			}
		}
	}

	/**
	 * One device or module in the scope; a module comes with its device. Empty where it is not in it.
	 *
	 * @param options.edges the edge devices above it, the nearest first, up to this one; without them it
	 * is looked for in the scope of this one
	 */
	async getScopeIdentity(
		{ deviceId, moduleId }: Identity,
		options: RequestOptions & { readonly edges?: readonly string[] } = {},
	): Promise<readonly RegistryIdentity[]> {
		const { edges = [this.#options.identity.deviceId], ...request } = options;
		const body: JsonObject = {
			targetDeviceId: deviceId,
			...(moduleId === undefined ? {} : { targetModuleId: moduleId }),
			authChain: [`${edges[0]}/$edgeHub`, ...edges].join(';'),
		};
		try {
			return scopeIdentities(await this.#asEdgeHub('getDeviceAndModuleOnBehalfOf', body, request));
		} catch (error) {
			if (error instanceof IotHubRestError && error.status === 404) return [];
			throw error;
		}
	}

	/**
	 * Hands on what an edge device below this one asks of its module identities.
	 *
	 * @param authChain from that device up to this one
	 * @returns the answer as it is, of any status
	 * @throws EdgeError EDGE_HUB_UNREACHABLE
	 */
	forwardModuleCall(
		call: ModuleCall,
		{ authChain, body, ifMatch }: ForwardedCall,
		options: RequestOptions = {},
	): Promise<JsonResponse> {
		return this.#send({
			method: call === 'putModuleOnBehalfOf' ? 'PUT' : 'POST',
			path: this.#edgeHubPath(call),
			body: { ...body, authChain },
			headers: ifMatch === undefined ? {} : { 'if-match': ifMatch },
			...options,
		});
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

	async *#listChildren(
		chain: readonly string[],
		options: RequestOptions,
	): AsyncGenerator<readonly RegistryIdentity[]> {
		let continuation = '';
		do {
			const body: JsonObject = {
				pageSize,
				authChain: chain.join(';'),
				...(continuation === '' ? {} : { continuationLink: continuation }),
			};
			const answer = await this.#asEdgeHub('devicesAndModulesInTargetDeviceScope', body, options);
			yield scopeIdentities(answer);
			const next = answer['continuationLink'];
			continuation = typeof next === 'string' ? next : '';
		} while (continuation !== '');
	}

	async #asEdgeHub(call: string, body: JsonObject, options: RequestOptions): Promise<JsonObject> {
		const path = this.#edgeHubPath(call);
		const answer = await this.#request({ method: 'POST', path, body, ...options });
		if (!isJsonObject(answer)) throw unreadable();
		return answer;
	}

	#edgeHubPath(call: string): string {
		const hub = `${this.#modulesPath()}/${encodeStrict('$edgeHub')}`;
		return `${hub}/${call}?api-version=${scopeApiVersion}`;
	}

	#modulesPath(): string {
		return `/devices/${encodeStrict(this.#options.identity.deviceId)}/modules`;
	}

	async #request(request: UnsignedRequest): Promise<JsonValue | undefined> {
		const response = await this.#send(request);
		this.#options.onAnswer?.(deniesIdentity(response));
		if (response.status >= 300) throw failureOf(response);
		return response.text === '' ? undefined : parsed(response.text);
	}

	async #send(request: UnsignedRequest): Promise<JsonResponse> {
		const headers = { ...request.headers, accept: 'application/json' };
		return this.#https.send({ ...request, ...(await this.#proven(headers)) });
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

type UnsignedRequest = Omit<JsonRequest, 'headers'> & {
	readonly headers?: JsonRequest['headers'];
};

/** A device that IoT Hub does not know is refused, or not found: it depends on the route. */
function deniesIdentity({ status, text }: JsonResponse): boolean {
	return status === 401 || status === 403 || (status === 404 && text.includes('DeviceNotFound'));
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
