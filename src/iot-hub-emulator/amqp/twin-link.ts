import { type AmqpMessage, bytesOf, int, long } from '../../amqp/amqp-message.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { Faults } from '../faults.ts';
import type { Hub } from '../hub.ts';
import { asIotHubError, IotHubError } from '../iot-hub-error.ts';
import type { AmqpDeviceConnection } from './amqp-device-connection.ts';

interface Answer {
	readonly status: number;
	readonly version?: number;
	readonly body?: object;
}

const reportedResource = '/properties/reported';
const desiredResource = '/notifications/twin/properties/desired';

/** Serves a request on a twin link: its operation and resource are annotations. */
export async function answerTwinMessage(
	request: AmqpMessage,
	connection: AmqpDeviceConnection,
	{ hub, faults }: { readonly hub: Hub; readonly faults: Faults },
): Promise<void> {
	const { status, version, body } = await serve(request, connection, hub, faults);
	const { correlationId } = request;
	connection.send('twin', {
		...(correlationId === undefined ? {} : { correlationId }),
		annotations: new Map([
			['status', int(status)],
			...(version === undefined ? [] : [['version', long(version)] as const]),
		]),
		data: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
	});
}

async function serve(
	request: AmqpMessage,
	connection: AmqpDeviceConnection,
	hub: Hub,
	faults: Faults,
): Promise<Answer> {
	try {
		await faults.request();
		return operate(request, connection, hub);
	} catch (error) {
		const refusal = asIotHubError(error);
		if (refusal !== error) hub.logger.error('a twin request failed', { reason: messageOf(error) });
		return { status: refusal.status, body: refusal.deviceBody(new Date(hub.clock.now())) };
	}
}

function operate(request: AmqpMessage, connection: AmqpDeviceConnection, hub: Hub): Answer {
	const operation = request.annotations?.get('operation');
	const resource = request.annotations?.get('resource');
	const { identity } = connection;
	if (operation === 'GET') {
		hub.throttles.take('twin-read');
		return { status: 200, body: hub.twins.propertiesOf(identity) };
	}
	if (operation === 'PATCH' && resource === reportedResource) {
		hub.throttles.take('twin-update');
		return { status: 200, version: hub.twins.patchReported(identity, patchFrom(request)) };
	}
	if (resource === desiredResource && (operation === 'PUT' || operation === 'DELETE')) {
		connection.wantsDesired = operation === 'PUT';
		if (connection.wantsDesired) hub.connections.ready(connection, 'desired-properties');
		return { status: 200 };
	}
	throw new IotHubError('ArgumentInvalid', 'The operation is not one of twins.');
}

function patchFrom(request: AmqpMessage): JsonObject {
	try {
		const patch: unknown = JSON.parse(Buffer.from(bytesOf(request)).toString());
		if (isJsonObject(patch)) return patch;
	} catch {
		// The same answer as for JSON that is no object.
	}
	throw new IotHubError('ArgumentInvalid', 'The reported properties are not a JSON object.');
}
