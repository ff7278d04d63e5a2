import test from 'ava';
import { installationNames } from '../../src/edge-agent/installation-names.ts';

const settings = { agentName: 'agent', workloadUri: 'http://workload.edge.svc:35001/' };

test('names of an installation are those of its workload, account, Service and claims', (t) => {
	const spec = {
		serviceAccountName: 'agent-account',
		volumes: [
			{ name: 'a', persistentVolumeClaim: { claimName: 'agent-data' } },
			{ name: 'b', emptyDir: {} },
		],
	};
	const own = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'agent' } };
	t.deepEqual(installationNames(settings, { ...own, spec: { template: { spec } } }), [
		'agent',
		'workload',
		'agent-account',
		'agent-data',
	]);
});

test('outside a cluster the settings alone are known, and an address is no name', (t) => {
	t.deepEqual(installationNames({ ...settings, workloadUri: 'http://127.0.0.1:1/' }, undefined), [
		'agent',
	]);
});
