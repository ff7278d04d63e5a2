import test from 'ava';
import type { EdgeSnapshot } from '../../src/cli/dev/edge-snapshot.ts';
import { chooseView, type EdgeView } from '../../src/cli/dev/edge-view.ts';
import type { OutputForm } from '../../src/cli/output-form.ts';

const module = {
	name: 'filter',
	status: 'running',
	description: '',
	restarts: 0,
	wanted: true,
	messagesIn: 0,
	messagesOut: 0,
};
const snapshot: EdgeSnapshot = {
	uptime: 1000,
	deployment: { version: 2, code: 200, description: '' },
	modules: [module],
	routed: 0,
	upstream: 0,
};
const telemetry = { sequenceNumber: 7, deviceId: 'edge1', moduleId: 'filter', body: { n: 1 } };

function viewOf(output: OutputForm, columns?: number): { view: EdgeView; written: string[] } {
	const written: string[] = [];
	const view = chooseView(output, {
		write: (text) => written.push(text),
		note: () => {},
		columns,
		rows: 24,
		style: (_style, text) => text,
	});
	return { view, written };
}

test('JSON lines tell states when they change, not counters, and every message', (t) => {
	const { view, written } = viewOf('json');
	view.progress('Starting');
	view.snapshot(snapshot);
	view.snapshot({ ...snapshot, modules: [{ ...module, messagesIn: 5 }] });
	view.snapshot({ ...snapshot, modules: [{ ...module, restarts: 1 }] });
	view.telemetry(telemetry);
	t.deepEqual(
		written.map((line) => JSON.parse(line).event),
		['deployment', 'modules', 'modules', 'telemetry'],
	);
	t.deepEqual(JSON.parse(written[3] ?? ''), { event: 'telemetry', ...telemetry });
});

test('plain lines tell each change once, and nothing of modules that are not known yet', (t) => {
	const { view, written } = viewOf('text');
	view.snapshot({
		...snapshot,
		deployment: undefined,
		modules: [{ ...module, status: 'unknown' }],
	});
	view.snapshot(snapshot);
	view.snapshot(snapshot);
	const broken = { ...module, status: 'backoff', restarts: 1, description: 'Exit code 3.' };
	view.snapshot({ ...snapshot, modules: [broken] });
	view.telemetry(telemetry);
	t.deepEqual(written, [
		'deployment 2: 200\n',
		'module filter: running\n',
		'module filter: backoff, 1 restart Exit code 3.\n',
		'IoT Hub ◄ filter  {"n":1}\n',
	]);
});

test('a terminal gets a live table', (t) => {
	const { view, written } = viewOf('text', 100);
	view.snapshot(snapshot);
	view.telemetry({ ...telemetry, bodyBase64: 'AAE=' });
	t.regex(written.join(''), /MODULE +STATUS/);
	t.regex(written.join(''), /IoT Hub ◄ filter/);
});
