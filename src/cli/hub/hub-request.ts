import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { secureContextFor } from '../../iot-hub-client/trusted-roots.ts';
import { parseConnectionString } from '../../protocol/connection-string.ts';
import { endpointOf } from '../../protocol/host-name.ts';
import { createSasToken } from '../../protocol/sas-token.ts';
import { systemClock } from '../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { HubAccess } from './hub-access.ts';

/** A request for which the service SDK has no method. */
export interface HubRequest {
	readonly method?: string;
	/** With its query. */
	readonly path: string;
	/** Sent as JSON. */
	readonly body?: object;
	readonly signal?: AbortSignal;
}

/** @throws EdgeError EDGE_HUB_UNREACHABLE, EDGE_HUB_REFUSED, EDGE_HUB_REQUEST_FAILED */
export async function requestHub(access: HubAccess, wanted: HubRequest): Promise<IncomingMessage> {
	const { hostName } = access;
	let answer: IncomingMessage;
	try {
		answer = await send(access, wanted);
	} catch (cause) {
		if (wanted.signal?.aborted) throw cause;
		const message = `IoT Hub ${hostName} cannot be reached: ${messageOf(cause)}.`;
		throw new EdgeError('EDGE_HUB_UNREACHABLE', message, { cause });
	}
	const { statusCode = 0 } = answer;
	if (statusCode < 300) return answer;
	const code = statusCode === 401 ? 'EDGE_HUB_REFUSED' : 'EDGE_HUB_REQUEST_FAILED';
	throw new EdgeError(code, `IoT Hub answers with ${statusCode}: ${reasonIn(await text(answer))}`);
}

function send(
	{ connectionString, hostName, authority }: HubAccess,
	{ method = 'GET', path, body, signal }: HubRequest,
): Promise<IncomingMessage> {
	const { sharedAccessKey = '', sharedAccessKeyName = '' } =
		parseConnectionString(connectionString);
	const authorization = createSasToken({
		resource: hostName,
		key: sharedAccessKey,
		keyName: sharedAccessKeyName,
		expiry: Math.ceil(systemClock.now() / 1000) + 3600,
	});
	const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
	const separator = path.includes('?') ? '&' : '?';
	const sent = request(
		{
			...endpointOf(hostName, 'https'),
			method,
			path: `${path}${separator}api-version=2021-04-12`,
			headers: { authorization, 'content-type': 'application/json' },
			agent: new Agent({ secureContext: secureContextFor(authority) }),
			...(signal === undefined ? {} : { signal }),
		},
		resolve,
	);
	sent.on('error', reject);
	sent.end(body === undefined ? undefined : JSON.stringify(body));
	return promise;
}

/** IoT Hub's own words. */
function reasonIn(body: string): string {
	return /"Message":"(?:ErrorCode:[^;"]*;)?([^"]*)/.exec(body)?.[1] ?? body.slice(0, 200);
}
