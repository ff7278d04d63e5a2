import { type Agent, request } from 'node:https';
import type { ExecutionContext } from 'ava';
import mqtt from 'mqtt';
import {
	IotHubEmulator,
	type IotHubEmulatorSettings,
} from '../../src/iot-hub-emulator/emulator.ts';
import { parseConnectionString } from '../../src/protocol/connection-string.ts';
import type { Identity } from '../../src/protocol/identity.ts';
import { audienceOf, createSasToken } from '../../src/protocol/sas-token.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

/** An emulator that stops when the test ends. */
export async function runningEmulator(
	t: ExecutionContext,
	settings: IotHubEmulatorSettings = {},
): Promise<IotHubEmulator> {
	const emulator = new IotHubEmulator(settings);
	await emulator.start();
	t.teardown(() => emulator.stop());
	return emulator;
}

/** An HTTP request as somebody might make it. */
export interface HubRequest {
	readonly method?: string;
	/** With an api-version unless it has one. */
	readonly path: string;
	readonly body?: unknown;
	readonly headers?: Readonly<Record<string, string>>;
	/** Whose policy signs; default `iothubowner`. */
	readonly policy?: string;
	/** Keeps connections for many requests; by default each has its own. */
	readonly agent?: Agent;
	/** In the place of a policy's token; empty for none. */
	readonly authorization?: string;
}

export interface HubResponse {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	readonly text: string;
	/** The body as JSON; an empty object where there is none. */
	readonly body: JsonObject;
}

/** Sends a request to the emulator over TLS, its certificate verified. */
export function hubRequest(emulator: IotHubEmulator, wanted: HubRequest): Promise<HubResponse> {
	const { method = 'GET', path, body, headers, policy = 'iothubowner' } = wanted;
	const versioned = path.includes('api-version') ? path : withVersion(path);
	const authorization = wanted.authorization ?? serviceToken(emulator, policy);
	const text = typeof body === 'string' ? body : JSON.stringify(body);
	const { promise, resolve, reject } = Promise.withResolvers<HubResponse>();
	const sent = request(
		{
			host: 'localhost',
			port: emulator.port,
			ca: emulator.caCertificate,
			agent: wanted.agent ?? false,
			method,
			path: versioned,
			headers: {
				...(authorization === '' ? {} : { authorization }),
				...(text === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
				...headers,
			},
		},
		(response) => {
			const chunks: Buffer[] = [];
			response.on('data', (chunk: Buffer) => chunks.push(chunk));
			response.on('error', reject);
			response.on('end', () => {
				const received = Buffer.concat(chunks).toString();
				resolve({
					status: response.statusCode ?? 0,
					headers: response.headers,
					text: received,
					body: parsed(received),
				});
			});
		},
	);
	sent.on('error', reject);
	sent.end(text);
	return promise;
}

/** A token of a policy for the whole hub, as the service SDK makes it: the host is not encoded. */
export function serviceToken(
	emulator: IotHubEmulator,
	policy = 'iothubowner',
	{ expiry = Math.ceil(Date.now() / 1000) + 3600, resource = emulator.hostName } = {},
): string {
	const { sharedAccessKey = '' } = parseConnectionString(emulator.serviceConnectionString(policy));
	return createSasToken({ resource, key: sharedAccessKey, keyName: policy, expiry });
}

/** A token of a device or module for itself. */
export function identityToken(
	emulator: IotHubEmulator,
	identity: Identity,
	{ expiry = Math.ceil(Date.now() / 1000) + 3600 } = {},
): string {
	const { sharedAccessKey = '' } = parseConnectionString(emulator.deviceConnectionString(identity));
	const resource = audienceOf(emulator.hostName, identity);
	return createSasToken({ resource, key: sharedAccessKey, expiry });
}

/** A plain MQTT client as `dev1`. */
export function mqttClient(emulator: IotHubEmulator, options: object = {}) {
	return mqtt.connectAsync({
		protocol: 'mqtts',
		host: 'localhost',
		port: emulator.port,
		ca: emulator.caCertificate,
		clientId: 'dev1',
		username: `${emulator.hostName}/dev1/?api-version=2021-04-12`,
		...('password' in options ? {} : { password: identityToken(emulator, { deviceId: 'dev1' }) }),
		reconnectPeriod: 0,
		...options,
	});
}

function withVersion(path: string): string {
	return `${path}${path.includes('?') ? '&' : '?'}api-version=2021-04-12`;
}

function parsed(text: string): JsonObject {
	try {
		return JSON.parse(text) as JsonObject;
	} catch {
		return {};
	}
}
