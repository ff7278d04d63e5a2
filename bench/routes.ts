import { formatTable } from '../src/cli/table.ts';
import { compileCondition } from '../src/conditions/condition.ts';
import { MessageScope } from '../src/conditions/message-scope.ts';
import { compileRoute } from '../src/edge-hub/routing/route.ts';
import { RouteSet } from '../src/edge-hub/routing/route-set.ts';
import type { Message } from '../src/protocol/message.ts';
import { systemClock } from '../src/runtime/clock.ts';

const seconds = 1;
const routeCount = 20;

const message: Message = {
	body: Buffer.from(
		JSON.stringify({
			machine: { temperature: 100.5, pressure: 10.1 },
			ambient: { temperature: 21, humidity: 25 },
			timeCreated: '2026-01-01T00:00:00.000Z',
		}),
	),
	properties: new Map([
		['sequenceNumber', '12'],
		['batchId', 'f3b1'],
		['temperatureAlert', 'true'],
		['level', '5'],
	]),
	systemProperties: new Map([
		['contentType', 'application/json'],
		['contentEncoding', 'utf-8'],
		['connectionDeviceId', 'edge1'],
		['connectionModuleId', 'sensor'],
	]),
};

/** Calls a second. */
function rate(call: () => void): number {
	const start = systemClock.monotonic();
	let calls = 0;
	while (systemClock.monotonic() - start < seconds * 1000) {
		for (let count = 0; count < 1000; count += 1) call();
		calls += 1000;
	}
	return Math.round((calls / (systemClock.monotonic() - start)) * 1000);
}

const conditions = [
	"temperatureAlert = 'true'",
	"TEMPERATUREALERT = 'true'",
	"absent = 'x'",
	'as_number(level) > 4 AND as_number(sequenceNumber) < 100',
	'NOT is_defined($connectionModuleId)',
	"starts_with($connectionDeviceId, 'edge') AND (level = '1' OR level = '5')",
	'$body.machine.temperature > 25',
];
/** Calls a second, on one core; a new message has its body to be read again. */
export function measureRoutes(print: (line: string) => void): void {
	const rows = conditions.map((text) => {
		const condition = compileCondition(text);
		if ('problems' in condition) throw new Error(text);
		const scope = new MessageScope(message);
		const again = rate(() => condition.test(scope));
		const anew = rate(() => condition.test(new MessageScope(message)));
		return [text, again.toFixed(0), anew.toFixed(0)];
	});
	rows.push([`${routeCount} routes`, '', rate(targetsOfAll()).toFixed(0)]);
	const columns = ['condition', 'one message, again/s', 'new message/s'];
	for (const line of formatTable(columns, rows)) print(line);
}

/** What a set of routes makes of a message. */
function targetsOfAll(): () => void {
	const routes = Array.from({ length: routeCount }, (_, index) => {
		const text =
			index % 2 === 0
				? `FROM /messages/modules/m${index}/* INTO $upstream`
				: `FROM /messages/* WHERE level = '${index}' INTO BrokeredEndpoint("/modules/m${index}/inputs/i")`;
		const route = compileRoute(`r${index}`, text);
		if ('problems' in route) throw new Error(text);
		return route;
	});
	const set = new RouteSet(routes, 'edge1');
	const source = '/messages/modules/sensor/outputs/o';
	return () => set.targetsOf(message, source);
}
