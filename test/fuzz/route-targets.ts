import { readConfiguration } from '../../src/edge-hub/configuration.ts';
import { compileRoute } from '../../src/edge-hub/routing/route.ts';
import { RouteSet } from '../../src/edge-hub/routing/route-set.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const routes = [
	'FROM /messages/* WHERE temperature > 25 AND NOT is_defined($connectionModuleId) INTO $upstream',
	'FROM /messages/modules/sensor/outputs/* INTO BrokeredEndpoint("/modules/filter/inputs/in1")',
	"SELECT * FROM /twinChangeNotifications WHERE $body.a[0].b = 'x' OR -1 < 2 * (3 + a) INTO $upstream",
	"FROM /* WHERE starts_with(name, 'a') AND substring(name, 1, 2) <> 'b' || 'c' INTO $upstream",
	'FROM /twinChangeNotifications WHERE twin_change_includes(properties.reported.a) INTO $upstream',
	'FROM /messages WHERE as_number(level) % 2 = 0 AND {a.b} = null INTO $upstream',
];

const desired = {
	schemaVersion: '1.1',
	routes: {
		up: 'FROM /messages/* INTO $upstream',
		more: { route: 'FROM /messages/* INTO $upstream', priority: 3, timeToLiveSecs: 60 },
	},
	storeAndForwardConfiguration: { timeToLiveSecs: 7200, storeLimits: { maxSizeBytes: 1000 } },
};

/** Routes and the hub's configuration: what deployments bring. */
export const routeTargets: readonly FuzzTarget[] = [
	{
		name: 'routes and conditions',
		share: 12,
		run: (input) => {
			const compatibility = input.random.chance(0.5) ? 'standard' : 'azure';
			const route = compileRoute('r', input.text(routes), { compatibility });
			if ('problems' in route) return;
			const body = Buffer.from(input.text(['{"a":[{"b":"x"}],"level":"3"}']));
			const message = {
				body,
				properties: new Map([
					['name', input.text(['abc'])],
					['temperature', input.text(['30'])],
				]),
				systemProperties: new Map([
					['contentType', 'application/json'],
					['contentEncoding', 'utf-8'],
				]),
			};
			new RouteSet([route], 'edge1').targetsOf(message, '/messages/modules/sensor/outputs/o');
		},
	},
	{
		name: 'hub configurations',
		share: 5,
		run: (input) => void readConfiguration(input.document(desired), { edgeDeviceId: 'edge1' }),
	},
];
