import test from 'ava';
import { ClusterError } from '../../../src/cluster/cluster-error.ts';
import type { KubernetesObject } from '../../../src/cluster/kubernetes-object.ts';
import { refusedObjects } from '../../support/refused-objects.ts';
import { runningApiServer } from '../../support/running-api-server.ts';

const manager = { fieldManager: 'test', dryRun: true };

test('what no API server takes is refused for good, and the field is named', async (t) => {
	const { client } = await runningApiServer(t);
	for (const [title, fields] of Object.entries(refusedObjects)) {
		const object = fields as unknown as KubernetesObject;
		const metadata = { ...object.metadata, namespace: 'default' };
		const applying = client.apply({ ...object, metadata }, manager);
		const error = await t.throwsAsync(applying, { instanceOf: ClusterError }, title);
		t.true(error.terminal, title);
		t.regex(error.message, /(metadata|spec|data)\b.*[.[:]/, title);
	}
});
