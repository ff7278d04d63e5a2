import test from 'ava';
import { parseDeployment } from '../src/manifest/deployment-parser.ts';
import { formatPropertyBag } from '../src/protocol/property-bag.ts';
import { fuzz, passed } from './fuzz/fuzz-run.ts';
import { manifestTargets } from './fuzz/manifest-targets.ts';
import { protocolTargets } from './fuzz/protocol-targets.ts';
import { routeTargets } from './fuzz/route-targets.ts';

// The short form of `npm run fuzz`, and what it has found.
test('what strangers send is taken or refused, and nothing else happens', async (t) => {
	const targets = [...protocolTargets, ...routeTargets, ...manifestTargets];
	const reports = await fuzz(targets, { cases: 5000, seed: 7, progress: () => {} });
	t.deepEqual(
		reports.filter((report) => !passed(report)),
		[],
	);
});

test('half a surrogate pair in a property becomes the replacement character', (t) => {
	t.is(formatPropertyBag([['a\ud800', '\udc00']]), 'a%EF%BF%BD=%EF%BF%BD');
});

test('a value of a deployment that pretends to be text is a problem like any other', (t) => {
	const { problems } = parseDeployment({
		schemaVersion: '1.1',
		runtime: { type: { toString: 'x' }, settings: {} },
		systemModules: {},
		modules: {},
	});
	t.true(problems.length > 0);
});
