import { createHmac } from 'node:crypto';
import { EdgeError } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import type { ModuleIdentities, ModuleIdentity } from '../identities/module-identities.ts';
import type { EdgeCertificates } from './edge-certificates.ts';
import { decryptForModule, encryptForModule } from './module-encryption.ts';

/** What the workload API serves from. */
export interface WorkloadResources {
	readonly identities: Pick<ModuleIdentities, 'get' | 'keyOf'>;
	readonly certificates: Pick<EdgeCertificates, 'trustBundle' | 'issueServer' | 'issueIdentity'>;
	/** Key of what modules have encrypted. */
	readonly encryptionKey: Uint8Array;
	/** As in IoT Hub's connection strings. */
	readonly hubHostName: string;
	readonly deviceId: string;
	/** Names under which a module's server is reached: Services, the device's own name for the hub. */
	readonly serverNames: (moduleId: string) => readonly string[];
	/** PEM of authorities that sign deployment manifests; may be empty. */
	readonly manifestTrustBundle: string;
	/** What the edge hub must know of a deployment that is not IoT Hub's; null: it is; undefined: not known. */
	readonly hubDeployment: () => HubDeployment | null | undefined;
	/** `ModuleDetails` of every module. */
	readonly listModules: () => JsonValue[];
}

/** Desired properties that rule instead of those of twins in IoT Hub. */
export interface HubDeployment {
	/** Where they come from, for people: `EdgeDeployment factory, 4`. */
	readonly source: string;
	/** Of `$edgeHub`; null: its twin counts. */
	readonly hub: JsonObject | null;
	/** Of modules, by module id; of others their twins count. */
	readonly twins: Readonly<Record<string, JsonObject>>;
}

/** A request whose caller may make it. */
export interface WorkloadRequest {
	/** Segments of the path that the route leaves open, decoded. */
	readonly parameters: Readonly<Record<string, string>>;
	/** `{}` where there was none. */
	readonly body: JsonObject;
}

/** One call of the workload API. Source: Azure/iotedge, "edgelet/api/workloadVersion_2022_08_03.yaml". */
export interface WorkloadRoute {
	readonly method: 'GET' | 'POST';
	/** Segments that begin with a colon are open. */
	readonly path: string;
	/** The api-version that introduced it. */
	readonly since: string;
	/** Who may call: any pod of the device, or only the module that the path names. */
	readonly access: 'pod' | 'module';
	/** HTTP status of success. */
	readonly status: 200 | 201;
	readonly handle: (
		request: WorkloadRequest,
		resources: WorkloadResources,
	) => JsonValue | Promise<JsonValue>;
}

/** In the order of the documentation. */
export const workloadRoutes: readonly WorkloadRoute[] = [
	{
		method: 'GET',
		path: '/modules',
		since: '2018-06-28',
		access: 'pod',
		status: 200,
		handle: (_request, resources) => ({ modules: resources.listModules() }),
	},
	{
		method: 'POST',
		path: '/modules/:name/genid/:genid/sign',
		since: '2018-06-28',
		access: 'module',
		status: 200,
		handle: signData,
	},
	{
		method: 'POST',
		path: '/modules/:name/genid/:genid/encrypt',
		since: '2018-06-28',
		access: 'module',
		status: 200,
		handle: encrypt,
	},
	{
		method: 'POST',
		path: '/modules/:name/genid/:genid/decrypt',
		since: '2018-06-28',
		access: 'module',
		status: 200,
		handle: decrypt,
	},
	{
		method: 'POST',
		path: '/modules/:name/genid/:genid/certificate/server',
		since: '2018-06-28',
		access: 'module',
		status: 201,
		handle: issueServerCertificate,
	},
	{
		method: 'POST',
		path: '/modules/:name/certificate/identity',
		since: '2018-06-28',
		access: 'module',
		status: 201,
		handle: issueIdentityCertificate,
	},
	{
		method: 'GET',
		path: '/trust-bundle',
		since: '2018-06-28',
		access: 'pod',
		status: 200,
		handle: (_request, { certificates }) => ({ certificate: certificates.trustBundle }),
	},
	{
		method: 'GET',
		path: '/manifest-trust-bundle',
		since: '2020-07-07',
		access: 'pod',
		status: 200,
		handle: (_request, { manifestTrustBundle }) => ({ certificate: manifestTrustBundle }),
	},
	// Not of Azure: our edge hub asks with it.
	{
		method: 'GET',
		path: '/modules/:name/genid/:genid/deployment',
		since: '2018-06-28',
		access: 'module',
		status: 200,
		handle: tellDeployment,
	},
];

function signData(request: WorkloadRequest, { identities }: WorkloadResources): JsonValue {
	const module = moduleOf(request, identities);
	const key = Buffer.from(identities.keyOf(module.moduleId) ?? '', 'base64');
	const data = bytesOf(request.body, 'data');
	return { digest: createHmac('sha256', key).update(data).digest('base64') };
}

function encrypt(request: WorkloadRequest, resources: WorkloadResources): JsonValue {
	const module = moduleOf(request, resources.identities);
	const plaintext = bytesOf(request.body, 'plaintext');
	const vector = bytesOf(request.body, 'initializationVector');
	const encrypted = encryptForModule(resources.encryptionKey, module, plaintext, vector);
	return { ciphertext: encrypted.toString('base64') };
}

function decrypt(request: WorkloadRequest, resources: WorkloadResources): JsonValue {
	const module = moduleOf(request, resources.identities);
	const ciphertext = bytesOf(request.body, 'ciphertext');
	const vector = bytesOf(request.body, 'initializationVector');
	const decrypted = decryptForModule(resources.encryptionKey, module, ciphertext, vector);
	return { plaintext: decrypted.toString('base64') };
}

async function issueServerCertificate(
	request: WorkloadRequest,
	{ identities, certificates, serverNames }: WorkloadResources,
): Promise<JsonValue> {
	const { moduleId } = moduleOf(request, identities);
	const commonName = request.body['commonName'];
	if (typeof commonName !== 'string' || commonName.trim() === '') {
		throw invalid('The member commonName is missing.');
	}
	return asAnswer(await certificates.issueServer(commonName.trim(), serverNames(moduleId)));
}

async function issueIdentityCertificate(
	{ parameters }: WorkloadRequest,
	{ identities, certificates, hubHostName, deviceId }: WorkloadResources,
): Promise<JsonValue> {
	const { moduleId } = knownModule(parameters['name'] ?? '', identities);
	const uri = `azureiot://${hubHostName}/devices/${deviceId}/modules/${moduleId}`;
	return asAnswer(await certificates.issueIdentity(moduleId, uri));
}

function tellDeployment(
	request: WorkloadRequest,
	{ identities, hubDeployment }: WorkloadResources,
): JsonValue {
	if (moduleOf(request, identities).moduleId !== '$edgeHub') {
		throw new EdgeError('EDGE_CALLER_FORBIDDEN', 'Only the edge hub is told the deployment.');
	}
	const deployment = hubDeployment();
	if (deployment === undefined) {
		throw new EdgeError('EDGE_WORKLOAD_BUSY', 'It is not known yet which source rules.');
	}
	return { deployment: deployment as unknown as JsonValue };
}

function asAnswer(issued: {
	readonly certificate: string;
	readonly privateKey: string;
	readonly notAfter: Date;
}): JsonValue {
	return {
		privateKey: { type: 'key', bytes: issued.privateKey },
		certificate: issued.certificate,
		expiration: issued.notAfter.toISOString().replace(/\.\d+Z$/, '+00:00'),
	};
}

/** The module that a path names, if it has that generation. */
function moduleOf(
	{ parameters }: WorkloadRequest,
	identities: WorkloadResources['identities'],
): ModuleIdentity {
	const module = knownModule(parameters['name'] ?? '', identities);
	if (module.generationId === parameters['genid']) return module;
	throw new EdgeError(
		'EDGE_WORKLOAD_NOT_FOUND',
		`The module ${module.moduleId} has no generation ${parameters['genid']}.`,
	);
}

/** System modules are named with or without their `$`. */
function knownModule(name: string, identities: WorkloadResources['identities']): ModuleIdentity {
	const module = identities.get(name) ?? identities.get(`$${name}`);
	if (module !== undefined) return module;
	throw new EdgeError('EDGE_WORKLOAD_NOT_FOUND', `There is no module ${name}.`);
}

/** Longer data is no token, no key and no certificate. */
function bytesOf(body: JsonObject, member: string): Buffer {
	const value = body[member];
	if (typeof value !== 'string') throw invalid(`The member ${member} is missing.`);
	if (value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
		throw invalid(`The member ${member} is not base64.`);
	}
	return Buffer.from(value, 'base64');
}

function invalid(message: string): EdgeError {
	return new EdgeError('EDGE_WORKLOAD_REQUEST_INVALID', message);
}

/** Reads a request body. @throws EdgeError EDGE_WORKLOAD_REQUEST_INVALID for anything but a JSON object. */
export function parseWorkloadBody(text: string): JsonObject {
	if (text.trim() === '') return {};
	try {
		const body: unknown = JSON.parse(text);
		if (isJsonObject(body)) return body;
	} catch {
		// Answered below.
	}
	throw invalid('The request body is not a JSON object.');
}
