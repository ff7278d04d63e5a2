import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { setDeployment } from '../../src/cli/commands/apply-to-cluster.ts';
import { createProgram } from '../../src/cli/program.ts';
import { edgeDeploymentKind } from '../../src/edge-agent/sources/edge-deployment-definition.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { desiredProperties } from '../support/edge-deployment.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const namespace = 'edge';

function content(...names: string[]): JsonObject {
	const modules = Object.fromEntries(names.map((name) => [name, {}]));
	return {
		modulesContent: { $edgeAgent: { 'properties.desired': desiredProperties({ modules }) } },
	};
}

test('a manifest becomes an EdgeDeployment, then changes the one that counts and nothing else of it', async (t) => {
	const cluster = new MemoryCluster();
	const to = 'edge-deployment' as const;
	const first = await setDeployment(cluster, content('filter'), { to, namespace });
	t.like(first, { kind: 'EdgeDeployment', isNew: true, metadata: { name: 'edge-deployment' } });
	await cluster.patch(
		{ ...edgeDeploymentKind, namespace, name: 'edge-deployment' },
		{ metadata: { labels: { team: 'a' } }, spec: { paused: true } },
	);
	const second = await setDeployment(cluster, content('sensor'), { to, namespace });
	t.like(second, { isNew: false, metadata: { labels: { team: 'a' } } });
	t.deepEqual(second.spec, { paused: true, ...content('sensor') });
	const named = await setDeployment(cluster, content(), { to, namespace, name: 'other' });
	t.true(named.isNew);
	t.is(cluster.all('EdgeDeployment').length, 2);
});

test('a manifest becomes a key of a ConfigMap', async (t) => {
	const cluster = new MemoryCluster();
	const metadata = { name: 'edge-deployment', namespace };
	await cluster.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { note: 'mine' } });
	const to = 'config-map' as const;
	const { data, isNew } = (await setDeployment(cluster, content('filter'), {
		to,
		namespace,
	})) as unknown as { data: Record<string, string>; isNew: boolean };
	t.false(isNew);
	t.is(data['note'], 'mine');
	t.deepEqual(JSON.parse(`${data['deployment.json']}`), content('filter'));
});

test('a wrong manifest is not set in the cluster either', async (t) => {
	const file = join(await temporaryFolder(t), 'deployment.json');
	await writeFile(
		file,
		'{"modulesContent":{"$edgeAgent":{"properties.desired":{"schemaVersion":"9"}}}}',
	);
	const terminal = new RecordingTerminal();
	const before = process.exitCode;
	t.teardown(() => {
		process.exitCode = before ?? 0;
	});
	const args = [
		'node',
		'iotedge-k8s',
		'apply',
		file,
		'--to',
		'config-map',
		'--kubeconfig',
		'/none',
	];
	await createProgram(terminal).parseAsync(args);
	t.is(process.exitCode, 2);
	t.regex(terminal.notes, /Nothing was set/);
});
