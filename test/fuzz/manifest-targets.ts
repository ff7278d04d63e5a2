import { defaultPolicy } from '../../src/edge-agent/translation/default-policy.ts';
import { translate } from '../../src/edge-agent/translation/translate.ts';
import { parseDeployment } from '../../src/manifest/deployment-parser.ts';
import { parseManifest } from '../../src/manifest/manifest.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';
import type { HostileInput } from './hostile-input.ts';

const options = {
	Env: ['A=1', 'B'],
	Cmd: ['run'],
	ExposedPorts: { '5000/tcp': {} },
	Labels: { a: 'b' },
	HostConfig: {
		Binds: ['data:/data', '/etc/x:/x:ro'],
		Mounts: [{ Type: 'volume', Source: 'v', Target: '/v' }],
		PortBindings: { '80/tcp': [{ HostPort: '8080' }] },
		Memory: 1_000_000,
		NanoCpus: 500_000_000,
		Privileged: true,
		Devices: [{ PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'rwm' }],
		CapAdd: ['NET_ADMIN'],
	},
	NetworkingConfig: { EndpointsConfig: { host: {} } },
	'k8s-extensions': { nodeSelector: { a: 'b' }, resources: { limits: { cpu: '1' } } },
};

const system = { type: 'docker', settings: { image: 'i/edge:1', createOptions: '{}' } };
const desired: JsonObject = {
	schemaVersion: '1.1',
	runtime: {
		type: 'docker',
		settings: { registryCredentials: { r: { address: 'r.io', username: 'u', password: 'p' } } },
	},
	systemModules: { edgeAgent: system, edgeHub: { ...system, status: 'running' } },
	modules: {
		filter: {
			type: 'docker',
			status: 'running',
			restartPolicy: 'always',
			version: '1.0',
			env: { A: { value: 'x' }, B: { value: 3 } },
			settings: { image: 'r.io/filter:1', createOptions: '{}' },
		},
	},
};

const manifest = JSON.stringify({
	modulesContent: {
		$edgeAgent: { 'properties.desired': desired },
		$edgeHub: {
			'properties.desired': {
				schemaVersion: '1.1',
				routes: { up: 'FROM /messages/* INTO $upstream' },
				storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
			},
		},
	},
});

/** Deployments on their way to Kubernetes objects. */
export const manifestTargets: readonly FuzzTarget[] = [
	{ name: 'manifests', share: 4, run: (input) => void parseManifest(input.text([manifest])) },
	{ name: 'deployments and translation', share: 6, run: translateHostile },
];

function translateHostile(input: HostileInput): void {
	const document = input.document(desired);
	const text = JSON.stringify(input.document(options));
	const createOptions = input.random.chance(0.2) ? input.text([text]) : text;
	const modules = document['modules'] as Record<string, { settings?: unknown }> | undefined;
	const settings = modules?.['filter']?.settings;
	if (typeof settings === 'object' && settings !== null) Object.assign(settings, { createOptions });
	const { deployment } = parseDeployment(document);
	if (deployment === undefined) return;
	const translate1 = () =>
		translate(
			deployment,
			{
				namespace: 'edge',
				deviceId: 'edge1',
				iotHubHostName: 'hub.test',
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
	const { objects } = translate1();
	promise(
		JSON.stringify(translate1().objects) === JSON.stringify(objects),
		'equal deployments give equal objects',
	);
}
