/** How long the translation of large deployments takes: `node bench/translate.ts`. */
import { defaultPolicy } from '../src/edge-agent/translation/default-policy.ts';
import { translate } from '../src/edge-agent/translation/translate.ts';
import { parseDeployment } from '../src/manifest/deployment-parser.ts';
import type { JsonObject } from '../src/runtime/json.ts';

const createOptions = JSON.stringify({
	Env: ['A=1', 'B=2'],
	ExposedPorts: { '5000/tcp': {} },
	HostConfig: {
		Binds: ['shared-data:/data'],
		PortBindings: { '80/tcp': [{ HostPort: '8080' }] },
		LogConfig: { Type: 'json-file', Config: { 'max-size': '10m' } },
	},
});

function desiredOf(count: number): JsonObject {
	const module = {
		type: 'docker',
		status: 'running',
		restartPolicy: 'always',
		env: { LEVEL: { value: 'info' }, PERIOD: { value: 30 } },
		settings: { image: 'registry.example.com/filter:1.0', createOptions },
	};
	const names = Array.from({ length: count }, (_, index) => `Module_${index}`);
	const registryCredentials = {
		main: { address: 'registry.example.com', username: 'puller', password: 'secret' },
	};
	return {
		schemaVersion: '1.1',
		runtime: { type: 'docker', settings: { registryCredentials } },
		modules: Object.fromEntries(names.map((name) => [name, module])),
	};
}

function measure(count: number): { parse: number; translate: number; objects: number } {
	const desired = desiredOf(count);
	const start = performance.now();
	const { deployment } = parseDeployment(desired);
	const parsed = performance.now();
	if (deployment === undefined) throw new Error('The deployment of the benchmark is not valid.');
	const { objects } = translate(
		deployment,
		{
			namespace: 'edge',
			deviceId: 'edge1',
			iotHubHostName: 'hub.azure-devices.net',
			generationIds: new Map(deployment.modules.map(({ name }) => [name, '1'])),
			runtimeImage: 'iotedge-k8s:1.0.0',
			gatewayHostName: 'edgehub',
			edgeDeviceHostName: 'edge1',
			workloadUri: 'http://edgeagent:35001/',
			workloadTlsUri: 'https://edgeagent:35002/',
			apiVersion: '2019-01-30',
			runtimeLogLevel: 'info',
		},
		defaultPolicy,
	);
	const end = performance.now();
	return { parse: parsed - start, translate: end - parsed, objects: objects.length };
}

measure(1000);
for (const count of [500, 1000, 2000, 4000]) {
	const runs = Array.from({ length: 5 }, () => measure(count));
	const best = runs.reduce((a, b) => (a.translate < b.translate ? a : b));
	const row = `parse ${best.parse.toFixed(1)} ms, translate ${best.translate.toFixed(1)} ms`;
	console.log(`${count} modules: ${row}, ${best.objects} objects`);
}
