import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { parseAllDocuments } from 'yaml';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import type { HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { EdgeAgent } from '../../src/edge-agent/agent.ts';
import { edgeDeploymentKind } from '../../src/edge-agent/sources/edge-deployment-definition.ts';
import { applyConfigurationContent } from '../../src/iot-hub-emulator/configuration/apply-configuration-content.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { isJsonObject, type JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { deviceAgent } from '../support/device-agent.ts';
import { desiredProperties } from '../support/edge-deployment.ts';
import { type EdgeNamespace, edgeNamespace } from '../support/edge-namespace.ts';
import { runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

const folder = resolve(import.meta.dirname, '../../deployments/kubernetes');
const deviceId = 'edge1';

/** What only some servers do. */
export interface EdgeDeploymentAbilities {
	/** Whether the server evaluates CEL. */
	readonly rules: boolean;
}

/** EdgeDeployments as the source of the deployment, with the installed rights and no other. */
export function testEdgeDeployments(
	test: TestFn,
	title: string,
	cluster: () => ClusterUnderTest,
	{ rules }: EdgeDeploymentAbilities,
): void {
	test(`${title}: an EdgeDeployment rules, is reported about, paused, and followed by the twin`, async (t) => {
		const edge = await edgeWithDefinition(t, cluster());
		const emulator = await runningEmulator(t);
		emulator.registry.putDevice(deviceId, { capabilities: { iotEdge: true } });
		applyConfigurationContent(emulator, deviceId, content({ fromhub: {} }));
		const agent = await newAgent(edge, emulator, 'edge-deployment,twin');
		t.teardown(() => agent.stop());
		await edge.admin.create(edgeDeployment(edge, content({ filter: {} })));
		await agent.start();
		await until(() => hasWorkload(edge, 'filter'), 'the module of the EdgeDeployment');
		t.false(await hasWorkload(edge, 'fromhub'));
		const first = await until(() => reported(edge, 'RollingOut'), 'its status');
		t.is(first.status?.['observedGeneration'], 1);
		t.deepEqual(conditionOf(first, 'Ready')?.['status'], 'False');
		t.deepEqual(conditionOf(first, 'Progressing')?.['status'], 'True');
		const twin = () => emulator.twins.get({ deviceId, moduleId: '$edgeAgent' }).reported.values;
		await until(
			() => twin()['deploymentSource'] === 'EdgeDeployment factory, 1',
			'the source in the twin',
		);
		t.false('lastDesiredVersion' in twin());

		await edge.admin.patch(referenceIn(edge), {
			spec: { paused: true, ...content({ filter: {}, sensor: {} }) },
		});
		await until(() => reported(edge, 'Paused'), 'the pause');
		t.false(await hasWorkload(edge, 'sensor'));
		await edge.admin.patch(referenceIn(edge), { spec: { paused: false } });
		await until(() => hasWorkload(edge, 'sensor'), 'the module after the pause');

		await edge.admin.patch(referenceIn(edge), {
			spec: { modulesContent: { $edgeAgent: { 'properties.desired': { modules: badModule } } } },
		});
		const refused = await until(() => reported(edge, 'Invalid'), 'the refusal');
		t.is(refused.status?.['code'], 400);
		t.true(await hasWorkload(edge, 'sensor'));

		await edge.admin.delete(referenceIn(edge));
		await until(() => hasWorkload(edge, 'fromhub'), 'the module of the twin');
		await until(async () => !(await hasWorkload(edge, 'filter')), 'the end of the other module');
		await until(() => twin()['lastDesiredVersion'] !== undefined, 'the version of the twin');
	});

	test(`${title}: of two EdgeDeployments the older rules, and both say so`, async (t) => {
		const edge = await edgeWithDefinition(t, cluster());
		const emulator = await runningEmulator(t);
		emulator.registry.putDevice(deviceId, { capabilities: { iotEdge: true } });
		await edge.admin.create(edgeDeployment(edge, content({ filter: {} }), 'a-first'));
		await edge.admin.create(edgeDeployment(edge, content({ sensor: {} }), 'b-second'));
		const agent = await newAgent(edge, emulator, 'edge-deployment');
		t.teardown(() => agent.stop());
		await agent.start();
		await until(() => hasWorkload(edge, 'filter'), 'the module of the older one');
		const second = await until(() => reported(edge, 'Superseded', 'b-second'), 'the other status');
		t.regex(String(conditionOf(second, 'Ready')?.['message']), /a-first is older/);
		t.false(await hasWorkload(edge, 'sensor'));
	});

	for (const { what, change, says, cel } of wrongDeployments) {
		if (cel && !rules) continue;
		test(`${title}: an EdgeDeployment with ${what} is refused at once`, async (t) => {
			const edge = await edgeWithDefinition(t, cluster());
			const good = content({ filter: {} });
			const wrong = edgeDeployment(edge, change(structuredClone(good)));
			const error = await t.throwsAsync(edge.admin.create(wrong), { instanceOf: ClusterError });
			t.is(error.status, 422);
			t.regex(error.message, says);
		});
	}

	test(`${title}: strings for numbers, odd members and every form of createOptions are kept`, async (t) => {
		const edge = await edgeWithDefinition(t, cluster());
		const filter = {
			...{ ...module, startupOrder: '3', Extra: { a: [1] } },
			env: { A: { value: 1 }, B: { value: 'b' } },
			settings: { image: 'filter:1', createOptions: { Env: ['A=1'] }, createOptions01: '{}' },
		};
		const wanted = changed(content({}), { modules: { filter } });
		const created = await edge.admin.create(edgeDeployment(edge, wanted));
		t.deepEqual(created.spec, wanted);
	});
}

const badModule = { filter: { settings: { createOptions: 'no JSON' } } };

type Content = { modulesContent: Record<string, Record<string, JsonObject>> };

interface WrongDeployment {
	readonly what: string;
	readonly change: (good: Content) => JsonObject;
	readonly says: RegExp;
	/** Whether it takes CEL to see it. */
	readonly cel: boolean;
}

const wrongDeployments: readonly WrongDeployment[] = [
	{
		what: 'no section of $edgeAgent',
		change: () => ({ modulesContent: {} }),
		says: /\$edgeAgent/,
		cel: false,
	},
	{
		what: 'a schema version that nobody reads',
		change: (good) => changed(good, { schemaVersion: '2.0' }),
		says: /schemaVersion/,
		cel: false,
	},
	{
		what: 'a module without an image',
		change: (good) => changed(good, { modules: { filter: { type: 'docker', settings: {} } } }),
		says: /image/,
		cel: false,
	},
	{
		what: 'an unknown restart policy',
		change: (good) =>
			changed(good, { modules: { filter: { ...module, restartPolicy: 'sometimes' } } }),
		says: /restartPolicy/,
		cel: false,
	},
	{
		what: 'a module that is called like the hub',
		change: (good) => changed(good, { modules: { edgeHub: module } }),
		says: /edgeAgent and edgeHub are system modules/,
		cel: true,
	},
	{
		what: 'a startup order that is no number',
		change: (good) => changed(good, { modules: { filter: { ...module, startupOrder: 'first' } } }),
		says: /startupOrder/,
		cel: false,
	},
	{
		what: 'routes that are missing',
		change: (good) => ({
			modulesContent: {
				...good.modulesContent,
				$edgeHub: {
					'properties.desired': { schemaVersion: '1.1', storeAndForwardConfiguration: {} },
				},
			},
		}),
		says: /routes are required/,
		cel: true,
	},
	{
		what: 'nothing to deploy',
		change: () => ({
			modulesContent: { $edgeAgent: { 'properties.desired': { schemaVersion: '1.1' } } },
		}),
		says: /there is no deployment/,
		cel: true,
	},
];

const module = { type: 'docker', settings: { image: 'filter:1' } };

function changed({ modulesContent }: Content, properties: JsonObject): JsonObject {
	const desired = { ...modulesContent['$edgeAgent']?.['properties.desired'], ...properties };
	return { modulesContent: { ...modulesContent, $edgeAgent: { 'properties.desired': desired } } };
}

function content(modules: Parameters<typeof desiredProperties>[0]['modules']): Content {
	return {
		modulesContent: {
			$edgeAgent: { 'properties.desired': desiredProperties({ modules }) },
			$edgeHub: {
				'properties.desired': {
					schemaVersion: '1.1',
					routes: { up: 'FROM /* INTO $upstream' },
					storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
				},
			},
		},
	};
}

function edgeDeployment({ namespace }: EdgeNamespace, spec: JsonObject, name = 'factory') {
	return { ...edgeDeploymentKind, metadata: { name, namespace }, spec };
}

function referenceIn({ namespace }: EdgeNamespace, name = 'factory') {
	return { ...edgeDeploymentKind, namespace, name };
}

async function edgeWithDefinition(
	t: ExecutionContext,
	cluster: ClusterUnderTest,
): Promise<EdgeNamespace> {
	const edge = await edgeNamespace(t, cluster);
	for (const file of ['edge-deployment-role.yaml', 'edge-deployment-definition.yaml']) {
		for (const object of await objectsOf(file)) {
			if (/^Role/.test(object.kind)) object.metadata.namespace = edge.namespace;
			await edge.admin.apply(object, { fieldManager: 'installer' });
		}
	}
	const query = { ...edgeDeploymentKind, namespace: edge.namespace };
	await until(() => isServed(edge.admin, query), 'the kind EdgeDeployment');
	return edge;
}

/** A definition takes a moment. */
async function isServed(
	client: HttpClusterClient,
	query: Parameters<HttpClusterClient['list']>[0],
): Promise<boolean> {
	try {
		await client.list(query);
		return true;
	} catch (error) {
		if (error instanceof ClusterError) return false;
		throw error;
	}
}

async function objectsOf(file: string): Promise<KubernetesObject[]> {
	const documents = parseAllDocuments(await readFile(resolve(folder, file), 'utf8'));
	return documents.map((document) => document.toJS() as KubernetesObject);
}

function newAgent(
	edge: EdgeNamespace,
	emulator: IotHubEmulator,
	sources: string,
): Promise<EdgeAgent> {
	const env = {
		IOTEDGE_CONNECTION_STRING: emulator.deviceConnectionString({ deviceId }),
		NAMESPACE: edge.namespace,
		ConfigSource: sources,
	};
	const common = { clock: systemClock, logger: silentLogger, version: '0.0.1' };
	return deviceAgent(env, { cluster: edge.agent, ...common }, emulator.caCertificate);
}

async function hasWorkload({ admin, namespace }: EdgeNamespace, name: string): Promise<boolean> {
	const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace };
	const found = await admin.get(reference);
	return found !== undefined && found.metadata.deletionTimestamp === undefined;
}

/** The EdgeDeployment once its readiness has a reason. */
async function reported(edge: EdgeNamespace, reason: string, name = 'factory') {
	const object = await edge.admin.get(referenceIn(edge, name));
	const found = object !== undefined && conditionOf(object, 'Ready')?.['reason'] === reason;
	return found ? object : undefined;
}

function conditionOf({ status = {} }: KubernetesObject, type: string): JsonObject | undefined {
	const { conditions } = status;
	if (!Array.isArray(conditions)) return undefined;
	return conditions.filter(isJsonObject).find((condition) => condition['type'] === type);
}
