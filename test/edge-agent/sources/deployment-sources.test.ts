import test from 'ava';
import type {
	DeploymentSource,
	SourceState,
} from '../../../src/edge-agent/sources/deployment-source.ts';
import { DeploymentSources } from '../../../src/edge-agent/sources/deployment-sources.ts';
import { sourceList } from '../../../src/edge-agent/sources/source-list.ts';

class ScriptedSource implements DeploymentSource {
	readonly source = 'twin';
	readonly trouble = undefined;
	readonly idleness = 0;
	readonly place: string;
	state: SourceState = { kind: 'unknown' };
	#listener = () => {};

	constructor(place: string) {
		this.place = place;
	}

	async start(): Promise<void> {}
	async stop(): Promise<void> {}

	onChange(listener: () => void): void {
		this.#listener = listener;
	}

	says(state: SourceState): void {
		this.state = state;
		this.#listener();
	}
}

async function setUp(...places: string[]) {
	const all = places.map((place) => new ScriptedSource(place));
	const done: string[] = [];
	const sources = new DeploymentSources({
		sources: all,
		take: ({ name = 'nothing' }) => done.push(`take ${String(name)}`),
		refuse: ({ code, description }) => done.push(`refuse ${code} ${description}`),
		onRuling: ({ place }) => done.push(`ruling ${place}`),
		onChange: () => {},
	});
	await sources.start();
	return { all, done, sources };
}

const absent: SourceState = { kind: 'absent' };

function present(name: string): SourceState {
	return { kind: 'present', desired: { name } };
}

test('a source waits for those before it to be known', async (t) => {
	const { all, done } = await setUp('file', 'twin');
	const [file, twin] = all;
	twin?.says(present('from the hub'));
	t.deepEqual(done, []);
	file?.says(absent);
	t.deepEqual(done, ['ruling twin', 'take from the hub']);
});

test('a source takes over from those behind it, and gives back when its deployment is gone', async (t) => {
	const { all, done } = await setUp('file', 'twin');
	const [file, twin] = all;
	file?.says(absent);
	twin?.says(present('a'));
	file?.says(present('b'));
	twin?.says(present('ignored'));
	file?.says(absent);
	t.deepEqual(done, [
		'ruling twin',
		'take a',
		'ruling file',
		'take b',
		'ruling twin',
		'take ignored',
	]);
});

test('a source that cannot be read now keeps the one behind it from ruling', async (t) => {
	const { all, done } = await setUp('file', 'twin');
	const [file, twin] = all;
	file?.says(present('b'));
	twin?.says(present('a'));
	file?.says({ kind: 'unknown' });
	t.deepEqual(done, ['ruling file', 'take b']);
});

test('a wrong deployment is told, not passed over', async (t) => {
	const { all, done } = await setUp('file', 'twin');
	const [file, twin] = all;
	twin?.says(present('a'));
	file?.says({ kind: 'faulty', fault: { code: 400, description: 'It is no JSON.' } });
	t.deepEqual(done, ['ruling file', 'refuse 400 It is no JSON.']);
});

test('what is held is taken when it is released, also when it is what was taken before', async (t) => {
	const { all, done } = await setUp('file');
	const [file] = all;
	const state = present('a');
	file?.says(state);
	file?.says(state);
	file?.says({ kind: 'held' });
	file?.says(state);
	t.deepEqual(done, ['ruling file', 'take a', 'take a']);
});

test('an empty twin alone is taken with its version; without any deployment all places are named', async (t) => {
	const alone = await setUp('twin');
	alone.all[0]?.says({ kind: 'absent', desired: { name: 'empty' } });
	t.deepEqual(alone.done, ['take empty']);
	const several = await setUp('file', 'twin');
	for (const source of several.all) source.says(absent);
	for (const source of several.all) source.says(absent);
	t.deepEqual(several.done, [
		'refuse 417 There is no deployment: neither file, nor twin. What ran before goes on.',
	]);
});

test('the order of sources is a list of words', (t) => {
	t.deepEqual(sourceList('edge-deployment, twin'), ['edge-deployment', 'twin']);
	t.deepEqual(sourceList('Local'), ['file']);
	for (const wrong of ['', 'twin,twin', 'file,local', 'git']) {
		t.throws(() => sourceList(wrong), { instanceOf: RangeError }, wrong);
	}
});
