import test, { type ExecutionContext } from 'ava';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import {
	partitionCount,
	partitionInLog,
} from '../../src/iot-hub-emulator/telemetry/event-partition.ts';
import type { TelemetryEvent } from '../../src/iot-hub-emulator/telemetry/telemetry-event.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { hubRequest, identityToken, runningEmulator } from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const hot = { eventHubs: [{ name: 'hot' }] };
const fallbackRoute = {
	source: 'DeviceMessages',
	condition: 'true',
	endpointNames: ['events'],
	isEnabled: true,
};

function route(condition: string, endpoint = 'hot', more: JsonObject = {}): JsonObject {
	return {
		name: 'one',
		source: 'DeviceMessages',
		condition,
		endpointNames: [endpoint],
		isEnabled: true,
		...more,
	};
}

async function routingHub(t: ExecutionContext, routing: JsonObject): Promise<IotHubEmulator> {
	const emulator = await runningEmulator(t, { routing: { endpoints: hot, ...routing } });
	emulator.registry.putDevice('dev1', {});
	emulator.twins.patch({ deviceId: 'dev1' }, { tags: { site: 'north', floor: 2 } });
	return emulator;
}

async function send(
	emulator: IotHubEmulator,
	body: unknown,
	headers: Readonly<Record<string, string>> = {},
): Promise<void> {
	const { status, text } = await hubRequest(emulator, {
		method: 'POST',
		path: '/devices/dev1/messages/events',
		authorization: identityToken(emulator, { deviceId: 'dev1' }),
		headers: {
			'iothub-contenttype': 'application/json',
			'iothub-contentencoding': 'utf-8',
			...headers,
		},
		body,
	});
	if (status !== 204) throw new Error(text);
}

/** What each endpoint has: bodies, in order. */
async function bodies(emulator: IotHubEmulator): Promise<Record<string, unknown[]>> {
	const found: Record<string, unknown[]> = {};
	for (const endpoint of ['events', 'hot']) {
		const events = await eventsOf(emulator, endpoint);
		found[endpoint] = events.map(({ body }) => JSON.parse(Buffer.from(body).toString()));
	}
	return found;
}

async function eventsOf(emulator: IotHubEmulator, endpoint: string) {
	const eventHub = endpoint === 'events' ? 0 : emulator.routing.eventHubOf(endpoint);
	if (eventHub === undefined) return [];
	const events: TelemetryEvent[] = [];
	for (let partition = 0; partition < partitionCount; partition += 1) {
		const inLog = partitionInLog(eventHub, partition);
		for await (const event of emulator.telemetry.read(0, inLog)) events.push(event);
	}
	return events;
}

test('telemetry goes where conditions on body, properties and twin lead it, the rest falls back', async (t) => {
	const routes = [
		route('$body.t > 30 AND level = "high"'),
		route("$twin.tags.site = 'north' AND is_defined(urgent)", 'hot', { name: 'two' }),
		route("$connectionDeviceId = 'other'", 'hot', { name: 'three' }),
		route('true', 'hot', { name: 'four', isEnabled: false }),
	];
	const emulator = await routingHub(t, { routes, fallbackRoute });
	await send(emulator, { t: 31 }, { 'iothub-app-level': 'high' });
	await send(emulator, { t: 31 }, { 'iothub-app-level': 'low' });
	await send(emulator, { t: 1 }, { 'iothub-app-urgent': 'yes' });
	await send(emulator, { t: 32 }, { 'iothub-app-level': 'high', 'iothub-app-urgent': 'yes' });
	t.deepEqual(await bodies(emulator), {
		events: [{ t: 31 }],
		hot: [{ t: 31 }, { t: 1 }, { t: 32 }],
	});
});

test('without a fallback route what no route wants is lost, and acknowledged', async (t) => {
	const emulator = await routingHub(t, { routes: [route('$body.t > 30')] });
	await send(emulator, { t: 1 });
	t.deepEqual(await bodies(emulator), { events: [], hot: [] });
});

test('two routes to two endpoints both get the message', async (t) => {
	const routes = [route('true'), route('true', 'events', { name: 'two' })];
	const emulator = await routingHub(t, { routes, fallbackRoute });
	await send(emulator, { t: 1 });
	t.deepEqual(await bodies(emulator), { events: [{ t: 1 }], hot: [{ t: 1 }] });
});

test('changes of twins are routed by what they change, without being wanted otherwise', async (t) => {
	const routes = [
		route('is_defined($body.tags.site)', 'hot', { source: 'TwinChangeEvents' }),
		route('twin_change_includes(properties.desired.on)', 'hot', {
			name: 'two',
			source: 'twinchangeevents',
		}),
	];
	const emulator = await routingHub(t, { routes, fallbackRoute });
	emulator.twins.patch({ deviceId: 'dev1' }, { properties: { desired: { on: true } } });
	emulator.twins.patch({ deviceId: 'dev1' }, { properties: { desired: { off: true } } });
	const { events, hot: changes } = await bodies(emulator);
	t.deepEqual(events, []);
	t.deepEqual(
		changes?.map((change) => Object.keys(change as object)),
		[
			['version', 'tags'],
			['version', 'properties'],
		],
	);
});

test('enrichments stamp what goes to their endpoints, and what leads nowhere as it is written', async (t) => {
	const enrichments = [
		['hub', '$iothubname'],
		['site', '$twin.tags.site'],
		['floor', '$twin.tags.floor'],
		['missing', '$twin.tags.none'],
		['all', '$twin.tags'],
		['text', 'fixed'],
	].map(([key = '', value = '']) => ({ key, value, endpointNames: ['hot'] }));
	const routes = [route('true'), route('true', 'events', { name: 'two' })];
	const emulator = await routingHub(t, { routes, enrichments });
	await send(emulator, { t: 1 }, { 'iothub-app-own': 'x' });
	const [plain] = await eventsOf(emulator, 'events');
	t.deepEqual(plain?.properties, { own: 'x' });
	const [enriched] = await eventsOf(emulator, 'hot');
	t.deepEqual(enriched?.properties, {
		own: 'x',
		hub: 'localhost',
		site: 'north',
		floor: '2',
		missing: '$twin.tags.none',
		all: '$twin.tags',
		text: 'fixed',
	});
});

test('routing is read, replaced and put back over REST, as a resource too', async (t) => {
	const emulator = await runningEmulator(t);
	const routing = { endpoints: hot, routes: [route('true')], enrichments: null };
	const put = await hubRequest(emulator, {
		method: 'PUT',
		path: '/routing',
		body: { name: 'hub', properties: { routing } },
	});
	t.is(put.status, 200, put.text);
	t.like(put.body, {
		endpoints: hot,
		routes: [{ name: 'one' }],
		fallbackRoute: { isEnabled: false },
	});
	t.deepEqual((await hubRequest(emulator, { path: '/routing' })).body, put.body);
	const refused = { method: 'PUT', path: '/routing', body: routing, policy: 'service' };
	t.is((await hubRequest(emulator, refused)).status, 401);
	t.is((await hubRequest(emulator, { method: 'DELETE', path: '/routing' })).status, 204);
	t.like((await hubRequest(emulator, { path: '/routing' })).body, {
		routes: [],
		fallbackRoute: { isEnabled: true },
	});
});

test('everything that is wrong with routing is told at once, with its place', async (t) => {
	const emulator = await runningEmulator(t);
	const body = {
		endpoints: {
			eventHubs: [{ name: 'hot' }, { name: 'HOT' }, { name: 'events' }],
			storageContainers: [{ name: 'cold' }],
		},
		routes: [
			route('level > 5'),
			route('level =', 'cold', { name: 'one' }),
			route('true', 'hot', { name: 'a b', source: 'Everything' }),
		],
		fallbackRoute: { ...fallbackRoute, endpointNames: ['hot'] },
		enrichments: [{ key: 'a b', value: 1, endpointNames: [] }],
	};
	const { status, body: answer } = await hubRequest(emulator, {
		method: 'PUT',
		path: '/routing',
		body,
	});
	t.is(status, 400);
	const message = String(answer['Message']);
	for (const fault of [
		'endpoints.storageContainers is not served here',
		'endpoints.eventHubs[1].name is that of another one',
		'endpoints.eventHubs[2].name is not',
		'routes[0].condition cannot be used: line 1, column 7: Operator',
		'routes[1].condition cannot be used',
		'routes[1].endpointNames is not a list of one of the endpoints events, hot',
		'routes[1].name is that of another one',
		'routes[2].name is not',
		'routes[2].source is none of DeviceMessages',
		'fallbackRoute.endpointNames',
		'enrichments[0].key',
		'enrichments[0].value',
		'enrichments[0].endpointNames',
	]) {
		t.true(message.includes(fault), `${fault} in ${message}`);
	}
	t.deepEqual(emulator.routing.document.routes, []);
});

test('a route is tried on a message before it is set, as Azure does', async (t) => {
	const emulator = await routingHub(t, { routes: [route('$body.t > 30')], fallbackRoute });
	const message = {
		body: '{"t":31}',
		appProperties: { level: 'high' },
		systemProperties: { contentType: 'application/json', contentEncoding: 'utf-8' },
	};
	const twin = { tags: { site: 'south' } };
	const tried = async (condition: string) => {
		const body = { message, twin, route: route(condition) };
		const path = '/routing/routes/$testnew';
		return (await hubRequest(emulator, { method: 'POST', path, body })).body;
	};
	t.deepEqual(await tried("$body.t = 31 AND $twin.tags.site = 'south'"), { result: 'true' });
	t.deepEqual(await tried('level = "low"'), { result: 'false' });
	t.deepEqual(await tried('level = 1'), {
		result: 'undefined',
		details: {
			compilationErrors: [
				{
					message:
						"Operator '=' needs both of one type, but has string and number. Properties are strings: use as_number(property).",
					severity: 'error',
					location: { start: { line: 1, column: 7 }, end: { line: 1, column: 8 } },
				},
			],
		},
	});
	const all = async (body: string) => {
		const answer = await hubRequest(emulator, {
			method: 'POST',
			path: '/routing/routes/$testall',
			body: { routingSource: 'DeviceMessages', message: { ...message, body } },
		});
		const { routes } = answer.body as { routes: { properties: { name: string } }[] };
		return routes.map(({ properties }) => properties.name);
	};
	t.deepEqual([await all('{"t":31}'), await all('{"t":1}')], [['one'], ['$fallback']]);
});

test('a hub with a folder keeps its routing and its event hubs', async (t) => {
	const folder = await temporaryFolder(t);
	const first = await runningEmulator(t, {
		folder,
		routing: { endpoints: hot, routes: [route('true')] },
	});
	first.registry.putDevice('dev1', {});
	await send(first, { t: 1 });
	await first.stop();
	const second = await runningEmulator(t, { folder });
	await send(second, { t: 2 });
	t.deepEqual(await bodies(second), { events: [], hot: [{ t: 1 }, { t: 2 }] });
	second.routing.put({ endpoints: { eventHubs: [{ name: 'new' }, { name: 'hot' }] } });
	t.is((await eventsOf(second, 'new')).length, 0);
	t.is((await eventsOf(second, 'hot')).length, 2);
});
