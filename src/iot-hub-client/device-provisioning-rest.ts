import { endpointOf } from '../protocol/host-name.ts';
import { createSasToken, encodeStrict } from '../protocol/sas-token.ts';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import type { ClientCertificate } from './device-credential.ts';
import { HttpsJson, type JsonRequest, type JsonResponse } from './https-json.ts';
import type { HubNetwork } from './hub-network.ts';

/** Which provisioning service is asked. */
export interface DeviceProvisioningOptions {
	/** With `:port` for a service that is not on 443. */
	readonly hostName: string;
	readonly idScope: string;
	readonly network: HubNetwork;
	readonly clock: Clock;
	/** Milliseconds for one request. Default 30 000. */
	readonly timeout?: number;
}

/** Who asks to be registered. */
export interface Registrant {
	readonly registrationId: string;
	readonly credential:
		| { readonly kind: 'shared-access-key'; readonly key: string }
		| ({ readonly kind: 'certificate' } & ClientCertificate);
	/** For custom allocation policies. */
	readonly payload?: JsonValue;
}

/** The device that a registrant has become. */
export interface AssignedDevice {
	/** Of its IoT Hub; may carry a port. */
	readonly hostName: string;
	readonly deviceId: string;
}

const apiVersion = '2021-06-01';
const tokenLifetime = 3_600;
/** Between two questions whether an assignment is done, unless the service says otherwise. */
const pollInterval = 2_000;
const maxPollInterval = 60_000;
const assignmentLimit = 300_000;

/**
 * Azure's device provisioning service (DPS) over HTTPS. The official SDK is not used for it: it has
 * no option for a proxy or an authority to trust, and its requests can be neither limited in time
 * nor cancelled. Source: DPS documentation, "Runtime registration" of the REST interface.
 */
export class DeviceProvisioningRest {
	readonly #options: DeviceProvisioningOptions;
	readonly #https: HttpsJson;

	constructor(options: DeviceProvisioningOptions) {
		const { hostName, network, clock, timeout = 30_000 } = options;
		this.#options = options;
		const endpoint = endpointOf(hostName, 'https');
		this.#https = new HttpsJson({ endpoint, network, clock, timeout, peer: 'DPS' });
	}

	/**
	 * Registers a device; one that is registered already may be assigned anew.
	 *
	 * @throws EdgeError EDGE_PROVISIONING_UNREACHABLE without an answer, or while the service is
	 * failing; EDGE_PROVISIONING_REFUSED; the signal's reason when it aborts
	 */
	async register(registrant: Registrant, signal: AbortSignal): Promise<AssignedDevice> {
		const { clock } = this.#options;
		const { registrationId, payload } = registrant;
		const path = '/register';
		const began = clock.monotonic();
		const body = { registrationId, ...(payload === undefined ? {} : { payload }) };
		let answer = await this.#ask(registrant, { method: 'PUT', path, body, signal });
		for (;;) {
			const document = documentOf(answer);
			const status = document['status'];
			if (status === 'assigned') return assignedDevice(document);
			if (status !== 'assigning') throw notAssigned(document);
			if (clock.monotonic() - began > assignmentLimit) {
				throw unreachable('DPS has not assigned the device within 5 minutes.');
			}
			await clock.sleep(waitOf(answer), signal);
			const operation = `/operations/${encodeStrict(`${document['operationId']}`)}`;
			answer = await this.#ask(registrant, { method: 'GET', path: operation, signal });
		}
	}

	/** Closes connections that are kept open. */
	close(): void {
		this.#https.close();
	}

	async #ask(
		{ registrationId, credential }: Registrant,
		request: Pick<JsonRequest, 'method' | 'path' | 'body' | 'signal'>,
	): Promise<JsonResponse> {
		const { idScope, clock } = this.#options;
		const registration = `/${encodeStrict(idScope)}/registrations/${encodeStrict(registrationId)}`;
		const path = `${registration}${request.path}?api-version=${apiVersion}`;
		const proof =
			credential.kind === 'certificate'
				? { headers: {}, certificate: credential }
				: { headers: { authorization: tokenFor(idScope, registrationId, credential.key, clock) } };
		let response: JsonResponse;
		try {
			response = await this.#https.send({ ...request, path, ...proof });
		} catch (error) {
			if (!(error instanceof EdgeError)) throw error;
			throw unreachable(messageOf(error), error);
		}
		const { status } = response;
		if (status < 300) return response;
		const message = `DPS answered with HTTP status ${status}. ${reasonOf(response)}`.trimEnd();
		if (status === 408 || status === 429 || status >= 500) throw unreachable(message);
		throw refused(message);
	}
}

function tokenFor(idScope: string, registrationId: string, key: string, clock: Clock): string {
	return createSasToken({
		resource: `${idScope}/registrations/${registrationId}`,
		key,
		keyName: 'registration',
		expiry: Math.floor(clock.now() / 1000) + tokenLifetime,
	});
}

function documentOf({ text }: JsonResponse): JsonObject {
	try {
		const document: unknown = JSON.parse(text);
		if (isJsonObject(document)) return document;
	} catch {
		// Below.
	}
	throw unreachable('The answer of DPS cannot be read.');
}

function assignedDevice(document: JsonObject): AssignedDevice {
	const state = stateOf(document);
	const { assignedHub: hostName, deviceId } = state;
	if (typeof hostName === 'string' && typeof deviceId === 'string') return { hostName, deviceId };
	throw unreachable('DPS has assigned a device without saying which.');
}

function notAssigned(document: JsonObject): EdgeError {
	const { errorMessage, errorCode } = stateOf(document);
	const status = `${document['status'] ?? 'unknown'}`;
	const why = errorMessage === undefined ? '' : ` ${errorMessage}`;
	const code = errorCode === undefined ? '' : ` (${errorCode})`;
	return refused(`The registration is ${status}${code}.${why}`);
}

function stateOf(document: JsonObject): JsonObject {
	const state = document['registrationState'];
	return isJsonObject(state) ? state : {};
}

/** Milliseconds that the service asks to wait (`retry-after`), within reason. */
function waitOf({ headers }: JsonResponse): number {
	const seconds = Number(headers['retry-after']);
	return Number.isFinite(seconds) && seconds > 0
		? Math.min(seconds * 1000, maxPollInterval)
		: pollInterval;
}

function reasonOf({ text }: JsonResponse): string {
	try {
		const body: unknown = JSON.parse(text);
		const told = isJsonObject(body) ? (body['message'] ?? body['Message']) : undefined;
		return typeof told === 'string' ? told.slice(0, 500) : '';
	} catch {
		return text.slice(0, 200);
	}
}

function unreachable(message: string, cause?: unknown): EdgeError {
	return new EdgeError('EDGE_PROVISIONING_UNREACHABLE', message, { cause });
}

function refused(message: string): EdgeError {
	return new EdgeError('EDGE_PROVISIONING_REFUSED', message);
}
