import test from 'ava';
import { HubCounters } from '../../src/cli/dev/hub-counters.ts';

function page(sensor: number, filter: number, upstream: number): string {
	return [
		'# TYPE edgehub_messages_received_total counter',
		`edgehub_messages_received_total{route_output="out",id="edge1/sensor"} ${sensor}`,
		`edgehub_messages_sent_total{from="edge1/sensor",to="edge1/filter",priority="7"} ${filter}`,
		`edgehub_messages_sent_total{from="edge1/filter",to="upstream",priority="7"} ${upstream}`,
		'edgehub_connected_clients 2',
	].join('\n');
}

test('counts the messages of each module and those that went upstream', (t) => {
	const counters = new HubCounters();
	counters.update(page(3, 2, 1));
	counters.update(page(5, 4, 2));
	t.deepEqual(Object.fromEntries(counters.counts.modules), {
		sensor: { in: 0, out: 5 },
		filter: { in: 4, out: 0 },
	});
	t.is(counters.counts.routed, 6);
	t.is(counters.counts.upstream, 2);
});

test('goes on counting when the hub has restarted', (t) => {
	const counters = new HubCounters();
	counters.update(page(10, 10, 10));
	counters.update(page(1, 2, 3));
	t.is(counters.counts.modules.get('sensor')?.out, 11);
	t.is(counters.counts.routed, 25);
	t.is(counters.counts.upstream, 13);
});
