import test, { type ExecutionContext } from 'ava';
import type { ClusterConfig } from '../../src/cluster/cluster-config.ts';
import { connect, type HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { isJsonObject, type JsonObject } from '../../src/runtime/json.ts';
import { AgentWorld } from '../support/agent-world.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import type { AuthoredDeployment } from '../support/edge-deployment.ts';
import { accountToken, type EdgeNamespace, edgeNamespace } from '../support/edge-namespace.ts';
import { type FaultyGateway, faultyGateway } from '../support/faulty-gateway.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';
import { Turnstile } from '../support/turnstile.ts';
import { until } from '../support/until.ts';
import { WorkloadHistory } from '../support/workload-history.ts';

const exposed = { createOptions: { ExposedPorts: { '80/tcp': {} } } };
const before: AuthoredDeployment = { modules: { steady: exposed, edited: {}, deleted: {} } };
const newImage = 'example.azurecr.io/m:2';
const after: AuthoredDeployment = { modules: { steady: exposed, edited: { image: newImage } } };
const policies = 'admissionregistration.k8s.io/v1';
const flows = 'flowcontrol.apiserver.k8s.io/v1';
/** Agents that suffer at a time. */
const turnstile = new Turnstile(4);
let cluster: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	cluster = await kubernetesUnderTest();
});

test.after.always(() => cluster?.[Symbol.asyncDispose]());

test.after('the agents were refused nothing for want of rights', async (t) => {
	const refused = (await cluster.refusedRequests?.()) ?? [];
	// Quotas and policies refuse with the same status.
	t.deepEqual(
		refused.filter((line) => !/\/(deployments|services)\//.test(line)),
		[],
	);
});

/** A device whose agent has deployed something through a gateway and is left in peace. */
async function setUp(t: ExecutionContext) {
	const edge = await edgeNamespace(t, cluster);
	const { namespace, admin } = edge;
	const token = revocableToken(t, edge);
	await token.renew();
	const gateway = await faultyGateway(t, { ...edge.agentConfig, credentials: token.credentials });
	const client = connect(gateway.config);
	t.teardown(() => client.close());
	const world = new AgentWorld({ cluster: client, namespace, clock: systemClock });
	world.deploy(before);
	const agent = await world.agent();
	t.teardown(() => agent.stop({ report: false }));
	await agent.start();
	const deployments = { apiVersion: 'apps/v1', kind: 'Deployment', namespace };
	const text = async (name: string) => {
		return JSON.stringify((await admin.get({ ...deployments, name }))?.spec ?? 'nothing');
	};
	const isDone = () => {
		const { code, desiredVersion } = agent.status ?? {};
		return code === 200 && desiredVersion === world.twin.desired['$version'];
	};
	const status = () => `${agent.status?.code} ${agent.status?.description}`;
	await until(isDone, () => `the first deployment: ${status()}`);
	return { ...edge, token, gateway, client, world, agent, deployments, text, isDone, status };
}

type Scene = Awaited<ReturnType<typeof setUp>>;

/** A token that the API server forgets with the Secret that it is bound to. */
function revocableToken(t: ExecutionContext, { admin, namespace }: EdgeNamespace) {
	const secret = { apiVersion: 'v1', kind: 'Secret', namespace, name: 'token-binding' };
	let token = '';
	return {
		credentials: { current: async () => ({ token }), renew: () => {} },
		renew: async () => {
			const { apiVersion, kind, name } = secret;
			const bound = await admin.create({ apiVersion, kind, metadata: { name, namespace } });
			const uid = bound.metadata.uid ?? '';
			token = await accountToken(cluster.config, namespace, { apiVersion, kind, name, uid });
		},
		revoke: async () => {
			await admin.delete(secret);
			const client = clientWith(t, cluster.config, token);
			await until(() => isAnswered(client, namespace, 401), 'a token that nobody takes');
		},
	};
}

function clientWith(t: ExecutionContext, config: ClusterConfig, token: string): HttpClusterClient {
	const credentials = { current: async () => ({ token }), renew: () => {} };
	const client = connect({ ...config, credentials });
	t.teardown(() => client.close());
	return client;
}

async function isAnswered(client: HttpClusterClient, namespace: string, status: number) {
	const query = { apiVersion: 'v1', kind: 'ConfigMap', namespace };
	return client.list(query).then(
		() => false,
		(error) => error.status === status,
	);
}

/** Has requests meet trouble for so long. */
async function troubled(gateway: FaultyGateway, trouble: FaultyGateway['trouble'], ms: number) {
	gateway.trouble = trouble;
	gateway.cutWatches();
	await systemClock.sleep(ms);
	gateway.trouble = () => undefined;
}

function everySecond<Kind>(trouble: Kind): () => Kind | undefined {
	let count = 0;
	return () => {
		count += 1;
		return count % 2 === 0 ? trouble : undefined;
	};
}

const page = '<html><body><h1>Bad Gateway</h1></body></html>';
const expired = JSON.stringify({
	kind: 'Status',
	reason: 'Expired',
	code: 410,
	message: 'too old',
});
const conflict = JSON.stringify({
	kind: 'Status',
	reason: 'Conflict',
	code: 409,
	message: 'changed',
});

/** What happens; each ends by itself. */
const faults: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
	'watches that a proxy cuts all the time': async ({ gateway }) => {
		for (let cut = 0; cut < 30; cut += 1) {
			gateway.cutWatches();
			await systemClock.sleep(100);
		}
	},
	'watches whose history is gone (410)': ({ gateway }) => {
		const gone = { status: 410, body: expired };
		return troubled(gateway, ({ isWatch }) => (isWatch ? gone : undefined), 3000);
	},
	'a proxy that answers in the server’s place (502, 503, 504, HTML)': ({ gateway }) => {
		let count = 0;
		const answer = () => {
			count += 1;
			return count % 4 === 0 ? undefined : { status: 501 + (count % 4), body: page };
		};
		return troubled(gateway, answer, 4000);
	},
	'a server that wants to be left alone (429, Retry-After)': ({ gateway }) => {
		const busy = { status: 429, headers: { 'retry-after': '1' }, body: 'Too many requests' };
		return troubled(gateway, () => busy, 3000);
	},
	'connections that are reset': ({ gateway }) => troubled(gateway, () => 'reset', 3000),
	'answers that are cut short': ({ gateway }) => {
		return troubled(gateway, everySecond('cut short' as const), 3000);
	},
	'a slow server': ({ gateway }) => {
		const slow = async () => void (await systemClock.sleep(400));
		return troubled(gateway, slow, 5000) as Promise<void>;
	},
	'conflicts of every write (409)': ({ gateway }) => {
		const answer = { status: 409, body: conflict };
		return troubled(gateway, ({ method }) => (method === 'GET' ? undefined : answer), 3000);
	},
	'somebody who writes to the same objects all the time': async ({ admin, namespace }) => {
		const secret = { apiVersion: 'v1', kind: 'Secret', namespace, name: 'edgeagent-state' };
		const edited = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'edited' };
		for (let round = 0; round < 60; round += 1) {
			const annotations = { 'example.com/round': `${round}` };
			for (const object of [secret, edited])
				await admin.patch(object, { metadata: { annotations } });
			await systemClock.sleep(20);
		}
	},
	'a server whose flow control has room for one request of the agent at a time (429)': async (
		scene,
	) => {
		const { admin, namespace } = scene;
		const metadata = { name: namespace };
		const level = { apiVersion: flows, kind: 'PriorityLevelConfiguration', metadata };
		await admin.create({ ...level, spec: oneAtATime });
		const flow = { apiVersion: flows, kind: 'FlowSchema', metadata };
		await admin.create({ ...flow, spec: flowOf(namespace) });
		await crowd(scene, 50);
		for (const object of [flow, level]) await admin.delete({ ...object, name: namespace });
	},
	'a token that the server no longer takes (401)': async ({ token, gateway }) => {
		await token.revoke();
		gateway.cutWatches();
		await systemClock.sleep(1000);
		await token.renew();
	},
};

const oneAtATime = {
	type: 'Limited',
	limited: {
		nominalConcurrencyShares: 0,
		lendablePercent: 0,
		borrowingLimitPercent: 0,
		limitResponse: { type: 'Reject' },
	},
};

/** Asks in the name of the agent, many at a time, until so many requests had no room. */
async function crowd({ client, namespace }: Scene, refusals: number): Promise<void> {
	let refused = 0;
	const ask = async () => {
		while (refused < refusals) if (await isAnswered(client, namespace, 429)) refused += 1;
	};
	await Promise.all(Array.from({ length: 8 }, ask));
}

function flowOf(namespace: string): JsonObject {
	const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] };
	const serviceAccount = { namespace, name: 'edgeagent' };
	return {
		priorityLevelConfiguration: { name: namespace },
		matchingPrecedence: 2,
		rules: [
			{ subjects: [{ kind: 'ServiceAccount', serviceAccount }], resourceRules: [everything] },
		],
	};
}

for (const [name, fault] of Object.entries(faults)) {
	test(`heals by itself: ${name}`, async (t) => {
		await turnstile.pass(async () => {
			const scene = await setUp(t);
			const { admin, namespace, world, deployments, text, isDone, status } = scene;
			await using history = await WorkloadHistory.begin(admin, namespace);
			const over = fault(scene);
			await admin.delete({ ...deployments, name: 'deleted' });
			const template = { spec: { enableServiceLinks: true } };
			await admin.patch({ ...deployments, name: 'edited' }, { spec: { template } });
			await over;
			const isHealed = async () => {
				const [edited, deleted] = [await text('edited'), await text('deleted')];
				return edited.includes('"enableServiceLinks":false') && deleted !== '"nothing"';
			};
			await until(isHealed, () => `what was there before: ${status()}`);
			world.deploy(after);
			const isUpdated = async () => {
				return isDone() && (await text('edited')).includes(newImage);
			};
			await until(isUpdated, () => `the next deployment: ${status()}`);
			t.is(await text('deleted'), '"nothing"');
			// One repair and one update; what nobody touched was not touched.
			t.deepEqual(await history.faults(['edgehub', 'steady', 'edited'], { edited: 3 }), []);
		});
	});
}

test('a module that a policy of the cluster refuses is told so, holds up no other, and comes when it may', async (t) => {
	await turnstile.pass(async () => {
		const { admin, namespace, world, agent, deployments, text, isDone, status } = await setUp(t);
		const name = `images-of-${namespace}`;
		const refusesEdited = {
			failurePolicy: 'Fail',
			matchConstraints: {
				namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
				resourceRules: [
					{
						...{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] },
						operations: ['CREATE', 'UPDATE'],
					},
				],
			},
			validations: [
				{
					expression: `!object.spec.template.spec.containers.exists(c, c.image == '${newImage}')`,
					// The word by which the API refuses for good must not make the agent delete anything.
					message: 'Images are immutable here.',
				},
			],
		};
		const kinds = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'] as const;
		t.teardown(async () => {
			for (const kind of kinds) await admin.delete({ apiVersion: policies, kind, name });
		});
		const metadata = { name };
		await admin.create({ apiVersion: policies, kind: kinds[0], metadata, spec: refusesEdited });
		const binding = { policyName: name, validationActions: ['Deny'] };
		await admin.create({ apiVersion: policies, kind: kinds[1], metadata, spec: binding });
		await until(() => isRefusedByPolicy(admin, namespace), 'a policy that counts');
		const live = await admin.get({ ...deployments, name: 'edited' });
		world.deploy(after);
		const isTold = async () => (agent.status?.description ?? '').includes('immutable here');
		await until(isTold, () => `a refusal: ${status()}`);
		t.is(agent.status?.code, 500);
		t.regex(agent.status?.description ?? '', /Deployment .*\/edited cannot be written/);
		await until(async () => (await text('deleted')) === '"nothing"', 'what is not refused');
		// What ran of it runs on.
		const now = await admin.get({ ...deployments, name: 'edited' });
		t.is(now?.metadata.uid, live?.metadata.uid);
		t.false(JSON.stringify(now?.spec).includes(newImage));
		for (const kind of [...kinds].reverse())
			await admin.delete({ apiVersion: policies, kind, name });
		const isUpdated = async () => isDone() && (await text('edited')).includes(newImage);
		await until(isUpdated, () => `what is no longer refused: ${status()}`, 90_000);
	});
});

async function isRefusedByPolicy(admin: HttpClusterClient, namespace: string): Promise<boolean> {
	const metadata = { name: 'trial', namespace };
	const containers = [{ name: 'a', image: newImage }];
	const labels = { app: 'trial' };
	const template = { metadata: { labels }, spec: { containers } };
	const spec = { replicas: 0, selector: { matchLabels: labels }, template };
	const trial = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec };
	return admin.apply(trial, { fieldManager: 'tests', dryRun: true }).then(
		() => false,
		() => true,
	);
}

test('a deployment beyond a quota comes as far as it may, says what is in the way, and goes on when there is room', async (t) => {
	await turnstile.pass(async () => {
		const { admin, namespace, world, agent, text, isDone, status } = await setUp(t);
		const name = 'few';
		const quota = { apiVersion: 'v1', kind: 'ResourceQuota', namespace, name };
		const limit = async (services: string) => {
			const hard = { 'count/services': services };
			await admin.patch(quota, { spec: { hard } });
			// The controller that would count them does not run.
			await admin.patch(quota, { status: { hard, used: { 'count/services': '2' } } }, 'status');
		};
		const metadata = { name, namespace };
		await admin.create({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: {} } });
		await limit('2');
		world.deploy({ modules: { ...before.modules, added: exposed, other: {} } });
		const isTold = () => (agent.status?.description ?? '').includes('exceeded quota');
		await until(isTold, () => `a quota that is in the way: ${status()}`);
		t.regex(agent.status?.description ?? '', /Service .*\/added cannot be written/);
		await until(async () => (await text('other')) !== '"nothing"', 'the other module');
		await limit('9');
		await until(isDone, () => `what there is room for: ${status()}`, 90_000);
		t.not(await text('added'), '"nothing"');
	});
});

test('another manager that takes a field again and again is answered ever more slowly, and does not win', async (t) => {
	await turnstile.pass(async () => {
		const { admin, namespace, deployments, text } = await setUp(t);
		const { apiVersion, kind } = deployments;
		const theirs = {
			apiVersion,
			kind,
			metadata: { name: 'steady', namespace },
			spec: { replicas: 7 },
		};
		const own = async () => {
			const live = await admin.get({ ...deployments, name: 'steady' });
			const manager = live?.metadata.managedFields?.find((entry) => {
				return isJsonObject(entry) && entry['manager'] === 'edge-agent';
			});
			return JSON.stringify(manager).includes('f:replicas');
		};
		const query = { ...deployments, fieldSelector: 'metadata.name=steady' };
		const { resourceVersion } = await admin.list(query);
		for (let round = 0; round < 25; round += 1) {
			await admin.apply(theirs, { fieldManager: 'flux' });
			await systemClock.sleep(200);
		}
		let repairs = 0;
		const stop = new AbortController();
		const count = async () => {
			for await (const event of admin.watch(query, resourceVersion, stop.signal)) {
				if (event.type === 'MODIFIED' && event.object.spec?.['replicas'] === 1) repairs += 1;
			}
		};
		const counting = count();
		await until(async () => (await text('steady')).includes('"replicas":1'), 'the last word');
		t.true(await own());
		stop.abort();
		await counting;
		t.true(repairs <= 6, `${repairs} repairs`);
	});
});
