import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { PrometheusAgentMetrics } from '../src/edge-agent/metrics/prometheus-agent-metrics.ts';
import { HubMetrics } from '../src/edge-hub/metrics/hub-metrics.ts';
import { HubNetwork } from '../src/iot-hub-client/hub-network.ts';
import { FakeClock } from './support/fake-clock.ts';

const folder = join(import.meta.dirname, '../deployments/helm/iotedge-k8s/monitoring');
const dashboard: Dashboard = JSON.parse(readFileSync(join(folder, 'dashboard.json'), 'utf8'));
const alerts: Alerts = parse(readFileSync(join(folder, 'alerts.yaml'), 'utf8'));

interface Dashboard {
	readonly panels: readonly {
		readonly id: number;
		readonly title: string;
		readonly type: string;
		readonly gridPos: {
			readonly x: number;
			readonly y: number;
			readonly w: number;
			readonly h: number;
		};
		readonly targets?: readonly { readonly expr: string }[];
	}[];
	readonly templating: {
		readonly list: readonly { readonly name: string; readonly query: unknown }[];
	};
}

interface Alerts {
	readonly groups: readonly { readonly rules: readonly Alert[] }[];
}

interface Alert {
	readonly alert: string;
	readonly expr: string;
	readonly labels: { readonly severity: string };
	readonly annotations: { readonly summary: string; readonly action: string };
}

const rules = alerts.groups.flatMap((group) => group.rules);
const expressions = [
	...dashboard.panels.flatMap(({ title, targets = [] }) =>
		targets.map(({ expr }) => [title, expr] as const),
	),
	...dashboard.templating.list.map(({ name, query }) => [name, JSON.stringify(query)] as const),
	...rules.map(({ alert, expr }) => [alert, expr] as const),
];

/** Names that agent and hub serve. */
async function served(): Promise<ReadonlySet<string>> {
	const clock = new FakeClock();
	const network = new HubNetwork();
	const gauges = () => undefined;
	const agent = new PrometheusAgentMetrics({ version: '1', gauges, network, clock });
	const hub = new HubMetrics({
		hubHostName: 'h',
		edgeDeviceId: 'edge1',
		clock,
		queueLengths: () => [],
		connectedClients: () => 0,
		network,
	});
	const pages = `${await agent.page()}\n${await hub.page()}`;
	return new Set([...pages.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name));
}

test('dashboard and alerts ask for metrics that agent and edge hub serve', async (t) => {
	const names = await served();
	t.true(names.size > 30);
	for (const [where, expression] of expressions) {
		const asked = expression.match(/\bedge(?:Agent|agent|hub)_\w+/g) ?? [];
		t.deepEqual(
			asked.filter((name) => !names.has(name)),
			[],
			`${where}: ${expression}`,
		);
	}
});

test('every alert says how bad it is, what has happened and what to do', (t) => {
	t.true(rules.length > 5);
	t.is(new Set(rules.map(({ alert }) => alert)).size, rules.length);
	for (const { alert, labels, annotations } of rules) {
		t.regex(labels.severity, /^(warning|critical)$/, alert);
		t.regex(annotations.summary, /\$labels\.namespace/, alert);
		t.true(annotations.action.length > 20, alert);
	}
});

test('panels of the dashboard have a place of their own', (t) => {
	const places = new Map<string, string>();
	for (const { title, gridPos } of dashboard.panels) {
		t.true(gridPos.x + gridPos.w <= 24, title);
		for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
			for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
				const other = places.get(`${x}:${y}`);
				t.is(other, undefined, `${title} lies upon ${other}`);
				places.set(`${x}:${y}`, title);
			}
		}
	}
	t.is(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
});
