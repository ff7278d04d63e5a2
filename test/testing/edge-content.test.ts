import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type EdgeContentOptions, edgeContent } from '../../src/testing/edge-content.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const average = new URL('./modules/average', import.meta.url);

async function refusal(t: ExecutionContext, options: EdgeContentOptions): Promise<string> {
	const error = await t.throwsAsync(edgeContent(options));
	return error?.message ?? '';
}

test('a module’s folder that is none is named at once', async (t) => {
	const folder = await temporaryFolder(t);
	const missing = join(folder, 'missing');
	t.is(
		await refusal(t, { modules: { a: missing } }),
		`The module a: there is no folder ${missing}.`,
	);
	await mkdir(missing);
	t.regex(await refusal(t, { modules: { a: missing } }), /has no package\.json\.$/);
	t.regex(await refusal(t, { modules: { a: {} } }), /needs a folder or an image/);
});

test('what agent and hub would refuse is told together, before anything starts', async (t) => {
	const message = await refusal(t, {
		modules: { average: { folder: average, restartPolicy: 'onfailure' as never }, 'a b': average },
		routes: ['FROM x', 'FROM /messages/* INTO $upstream'],
	});
	t.deepEqual(
		message.split('\n').map((line) => line.trim().split(': ')[0]),
		[
			'The edge cannot start:',
			'$edgeAgent.modules.average.restartPolicy',
			'$edgeAgent.modules["a b"]',
			'$edgeHub.routes["route0"]',
		],
	);
	t.regex(message, /Did you mean "on-failure"\?/);
});

test('a manifest is read in every form that `validate` reads', async (t) => {
	const file = join(await temporaryFolder(t), 'deployment.json');
	const filter = { type: 'docker', settings: { image: 'filter:1', createOptions: '{}' } };
	const hub = {
		schemaVersion: '1.1',
		routes: { up: 'FROM /messages/* INTO $upstream' },
		storeAndForwardConfiguration: { timeToLiveSecs: 60 },
	};
	const document = {
		content: {
			modulesContent: {
				$edgeAgent: {
					'properties.desired': { schemaVersion: '1.1', modules: {} },
					'properties.desired.modules.filter': filter,
				},
				$edgeHub: { 'properties.desired': hub },
				filter: { 'properties.desired': { threshold: 5 } },
			},
		},
	};
	await writeFile(file, `\uFEFF// exported\n${JSON.stringify(document)}`);
	const { desired, modules } = await edgeContent({ manifest: file });
	t.deepEqual(modules, ['filter']);
	t.deepEqual(desired.get('filter'), { threshold: 5 });
	t.deepEqual(desired.get('$edgeHub'), hub);
	t.regex(await refusal(t, { manifest: { modules: [] } }), /no "modulesContent"/);
	await writeFile(file, '{"modulesContent":');
	t.regex(await refusal(t, { manifest: file }), /Value expected at line 1/);
});
