import test from 'ava';
import {
	actorOf,
	formatAuthChain,
	isBeginningOf,
	parseAuthChain,
} from '../../src/protocol/auth-chain.ts';

test('a chain leads from a device or module up to the edge device whose hub speaks', (t) => {
	const text = 'leaf/module;leaf;child;parent';
	const chain = parseAuthChain(text);
	t.deepEqual(chain, [
		{ deviceId: 'leaf', moduleId: 'module' },
		{ deviceId: 'leaf' },
		{ deviceId: 'child' },
		{ deviceId: 'parent' },
	]);
	t.is(formatAuthChain(chain ?? []), text);
	t.deepEqual(actorOf(chain ?? []), { deviceId: 'parent', moduleId: '$edgeHub' });
	t.deepEqual(parseAuthChain('device1;;device2;'), [
		{ deviceId: 'device1' },
		{ deviceId: 'device2' },
	]);
	t.is(actorOf([]), undefined);
});

for (const text of ['', ' ', ';', '; ;', 'a/b/c', 'a;b/c', '/m;a', 'a/;a', 'a;'.repeat(20)]) {
	test(`refuses the chain ${JSON.stringify(text.slice(0, 12))}`, (t) => {
		t.is(parseAuthChain(text), undefined);
	});
}

test('a chain that is claimed must be the beginning of the one that is known', (t) => {
	const chain = (text: string) => parseAuthChain(text) ?? [];
	const known = chain('leaf;child;parent');
	for (const text of ['leaf', 'leaf;child', 'leaf;child;parent']) {
		t.true(isBeginningOf(chain(text), known), text);
	}
	for (const text of ['child', 'leaf;parent', 'leaf;child;parent;top', 'leaf/m;leaf', 'Leaf']) {
		t.false(isBeginningOf(chain(text), known), text);
	}
});
