import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../runtime/edge-error.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { type TelemetryEvent, telemetryDocument } from '../telemetry/telemetry-event.ts';
import type { RouteContext } from './route-context.ts';

interface TelemetryRoute {
	Querystring: { fromSequenceNumber?: string; follow?: string };
}

/**
 * `GET /messages/events[?fromSequenceNumber=…][&follow=true]`: telemetry as lines of JSON. It is
 * this emulator's own addition; IoT Hub has an Event Hubs-compatible endpoint instead.
 */
export function addTelemetryRoutes({ app, hub, authorization }: RouteContext): void {
	app.get<TelemetryRoute>('/messages/events', async (request, reply) => {
		authorization.requireService(request, 'ServiceConnect');
		const from = sequenceNumberFrom(request.query.fromSequenceNumber);
		const reader = new AbortController();
		reply.hijack();
		reply.raw.once('close', () => reader.abort());
		reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
		reply.raw.flushHeaders();
		const events =
			request.query.follow === 'true'
				? hub.telemetry.follow(from, reader.signal)
				: hub.telemetry.read(from);
		try {
			await pipeline(Readable.from(lines(events), { objectMode: false }), reply.raw);
		} catch (error) {
			hub.logger.debug('a reader of telemetry has gone', { reason: messageOf(error) });
		}
	});
}

async function* lines(events: AsyncIterable<TelemetryEvent>): AsyncGenerator<string> {
	for await (const event of events) yield `${JSON.stringify(telemetryDocument(event))}\n`;
}

function sequenceNumberFrom(text: string | undefined): number {
	if (text === undefined) return 0;
	if (/^\d{1,15}$/.test(text)) return Number(text);
	throw new IotHubError('ArgumentInvalid', 'fromSequenceNumber is not a whole number.');
}
