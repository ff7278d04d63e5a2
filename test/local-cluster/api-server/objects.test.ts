import test from 'ava';
import {
	configMapOf,
	deploymentOf,
	podOf,
	startApiServer,
} from '../../support/kubernetes-requests.ts';

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const pods = '/api/v1/namespaces/default/pods';
const configMaps = '/api/v1/namespaces/default/configmaps';
const services = '/api/v1/namespaces/default/services';

function serviceOf(name: string, spec: object): object {
	return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

test('a new object gets an identity, a version, defaults and an owner of its fields', async (t) => {
	const api = await startApiServer(t);
	const { code, body } = await api.post(`${deployments}?fieldManager=me`, deploymentOf('web'));
	t.is(code, 201);
	t.regex(body.metadata.uid, /^[0-9a-f-]{36}$/);
	t.regex(body.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
	t.is(body.metadata.generation, 1);
	t.is(body.metadata.namespace, 'default');
	t.is(body.spec.replicas, 1);
	t.deepEqual(body.spec.strategy, {
		type: 'RollingUpdate',
		rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
	});
	const [container] = body.spec.template.spec.containers;
	t.is(container.imagePullPolicy, 'IfNotPresent');
	t.is(body.spec.template.spec.terminationGracePeriodSeconds, 30);
	t.deepEqual(
		body.metadata.managedFields.map((entry: { manager: string }) => entry.manager),
		['me'],
	);
	t.deepEqual((await api.get(`${deployments}/web`)).body, body);
});

test('generation counts changes of what is wanted, and versions every change', async (t) => {
	const api = await startApiServer(t);
	const { body: first } = await api.post(deployments, deploymentOf('web'));
	const { body: labelled } = await api.patch(`${deployments}/web`, {
		metadata: { labels: { a: 'b' } },
	});
	t.is(labelled.metadata.generation, 1);
	t.true(Number(labelled.metadata.resourceVersion) > Number(first.metadata.resourceVersion));
	const { body: scaled } = await api.patch(`${deployments}/web`, { spec: { replicas: 2 } });
	t.is(scaled.metadata.generation, 2);
	const { body: same } = await api.patch(`${deployments}/web`, { spec: { replicas: 2 } });
	t.is(same.metadata.resourceVersion, scaled.metadata.resourceVersion);
	const status = { status: { replicas: 2, observedGeneration: 2 } };
	const { body: reported } = await api.patch(`${deployments}/web/status`, status);
	t.is(reported.metadata.generation, 2);
	t.is(reported.status.replicas, 2);
});

test('an object and its status have doors of their own', async (t) => {
	const api = await startApiServer(t);
	await api.post(deployments, { ...deploymentOf('web'), status: { replicas: 7 } });
	const { body: live } = await api.get(`${deployments}/web`);
	t.is(live.status, undefined);
	const both = { ...live, spec: { ...live.spec, replicas: 5 }, status: { replicas: 5 } };
	const { body: byStatus } = await api.put(`${deployments}/web/status`, both);
	t.deepEqual([byStatus.spec.replicas, byStatus.status.replicas], [1, 5]);
	const { metadata } = byStatus;
	const { body: bySpec } = await api.put(`${deployments}/web`, { ...both, metadata, status: {} });
	t.deepEqual([bySpec.spec.replicas, bySpec.status.replicas], [5, 5]);
});

test('an update of an older version is a conflict', async (t) => {
	const api = await startApiServer(t);
	const { body: first } = await api.post(configMaps, configMapOf('a', { x: '1' }));
	await api.put(`${configMaps}/a`, { ...first, data: { x: '2' } });
	const { code, body } = await api.put(`${configMaps}/a`, { ...first, data: { x: '3' } });
	t.is(code, 409);
	t.like(body, { kind: 'Status', reason: 'Conflict', details: { name: 'a', kind: 'configmaps' } });
	const { resourceVersion, ...metadata } = first.metadata;
	t.is((await api.put(`${configMaps}/a`, { ...first, metadata, data: { x: '4' } })).code, 200);
	const foreign = { ...metadata, uid: 'another' };
	t.is((await api.put(`${configMaps}/a`, { ...first, metadata: foreign })).body.reason, 'Conflict');
});

test('names are generated, and taken once', async (t) => {
	const api = await startApiServer(t);
	const { body } = await api.post(configMaps, configMapOf('', {}, { generateName: 'x-' }));
	t.regex(body.metadata.name, /^x-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
	const again = await api.post(configMaps, configMapOf(body.metadata.name));
	t.is(again.code, 409);
	t.is(again.body.reason, 'AlreadyExists');
	t.is((await api.post(configMaps, configMapOf(''))).code, 422);
});

const refusals: readonly [
	title: string,
	path: string,
	object: object,
	code: number,
	field: RegExp,
][] = [
	['a name with capitals', configMaps, configMapOf('Big'), 422, /^metadata\.name: Invalid value/],
	[
		'no selector',
		deployments,
		deploymentOf('a', { selector: undefined }),
		422,
		/spec\.selector: Required value/,
	],
	[
		'a selector that misses the template',
		deployments,
		deploymentOf('a', { selector: { matchLabels: { b: 'c' } } }),
		422,
		/`selector` does not match template `labels`/,
	],
	[
		'a pod without containers',
		pods,
		podOf('a', { containers: [] }),
		422,
		/^spec\.containers: Required value/,
	],
	[
		'a container without an image',
		pods,
		podOf('a', { containers: [{ name: 'a' }] }),
		422,
		/spec\.containers\[0\]\.image: Required value/,
	],
	[
		'two containers of one name',
		pods,
		podOf('a', {
			containers: [
				{ name: 'a', image: 'i' },
				{ name: 'a', image: 'i' },
			],
		}),
		422,
		/containers\[1\]\.name: Duplicate value/,
	],
	[
		'a mount of no volume',
		pods,
		podOf('a', {
			containers: [{ name: 'a', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
		}),
		422,
		/volumeMounts\[0\]\.name: Not found/,
	],
	[
		'a word that is not allowed',
		pods,
		podOf('a', { restartPolicy: 'Sometimes' }),
		422,
		/Unsupported value: "Sometimes": supported values: "Always"/,
	],
	[
		'a text where a number belongs',
		deployments,
		deploymentOf('a', { replicas: 'two' }),
		400,
		/cannot unmarshal string into Go struct field .*replicas of type int32/,
	],
	[
		'an account that is not there',
		pods,
		podOf('a', { serviceAccountName: 'nobody' }),
		403,
		/serviceaccount "nobody" not found/,
	],
	['a Service without ports', services, serviceOf('a', {}), 422, /spec\.ports: Required value/],
	[
		'several ports without names',
		services,
		serviceOf('a', { ports: [{ port: 1 }, { port: 2 }] }),
		422,
		/ports\[0\]\.name: Required value/,
	],
	[
		'a cluster IP of another network',
		services,
		serviceOf('a', { clusterIP: '10.0.0.1', ports: [{ port: 1 }] }),
		422,
		/not in the valid range/,
	],
	['another kind', configMaps, podOf('a'), 400, /must be of type ConfigMap/],
	[
		'another version',
		configMaps,
		{ ...configMapOf('a'), apiVersion: 'v2' },
		400,
		/does not match the expected API version/,
	],
	['another namespace', configMaps, configMapOf('a', {}, { namespace: 'other' }), 400, /namespace/],
	[
		'a version for something new',
		configMaps,
		configMapOf('a', {}, { resourceVersion: '1' }),
		400,
		/resourceVersion should not be set/,
	],
	[
		'a namespace that is not there',
		'/api/v1/namespaces/none/configmaps',
		configMapOf('a'),
		404,
		/namespaces "none" not found/,
	],
];

test('objects that break the rules are refused with the field and the reason', async (t) => {
	const api = await startApiServer(t);
	for (const [title, path, object, code, message] of refusals) {
		const answer = await api.post(path, object);
		t.is(answer.code, code, title);
		t.is(answer.body.kind, 'Status', title);
		t.regex(answer.body.message.replace(/^.* is invalid: /, ''), message, title);
		if (code === 422) t.true(answer.body.details.causes[0].field.length > 0, title);
	}
});

test('unknown fields are refused, reported or dropped, as the client asks', async (t) => {
	const api = await startApiServer(t);
	const object = deploymentOf('web', { replicaz: 3 });
	const strict = await api.post(`${deployments}?fieldValidation=Strict`, object);
	t.is(strict.code, 400);
	t.regex(strict.body.message, /strict decoding error: unknown field "spec\.replicaz"/);
	const warned = await api.post(`${deployments}?fieldValidation=Warn&dryRun=All`, object);
	t.is(warned.headers['warning'], '299 - "unknown field \\"spec.replicaz\\""');
	const ignored = await api.post(`${deployments}?fieldValidation=Ignore`, object);
	t.is(ignored.headers['warning'], undefined);
	t.is(ignored.body.spec.replicaz, undefined);
});

test('a dry run answers as if, and keeps nothing', async (t) => {
	const api = await startApiServer(t);
	const { code, body } = await api.post(`${configMaps}?dryRun=All`, configMapOf('a'));
	t.is(code, 201);
	t.truthy(body.metadata.uid);
	t.is((await api.get(`${configMaps}/a`)).code, 404);
	await api.post(configMaps, configMapOf('a', { x: '1' }));
	await api.patch(`${configMaps}/a?dryRun=All`, { data: { x: '2' } });
	await api.delete(`${configMaps}/a?dryRun=All`);
	t.is((await api.get(`${configMaps}/a`)).body.data.x, '1');
});

test('an apply creates, changes only what it says, and changes nothing twice', async (t) => {
	const api = await startApiServer(t);
	const config = deploymentOf('web', { replicas: 2 });
	const created = await api.apply(`${deployments}/web`, config);
	t.is(created.code, 201);
	const again = await api.apply(`${deployments}/web`, config);
	t.is(again.code, 200);
	t.is(again.body.metadata.resourceVersion, created.body.metadata.resourceVersion);
	await api.patch(`${deployments}/web`, { metadata: { labels: { theirs: 'x' } } });
	const { body } = await api.apply(`${deployments}/web`, deploymentOf('web'));
	t.is(body.spec.replicas, 1, 'the default is back');
	t.is(body.metadata.labels.theirs, 'x');
});

test('an apply against another owner is a conflict, unless forced', async (t) => {
	const api = await startApiServer(t);
	await api.apply(`${deployments}/web`, deploymentOf('web', { replicas: 2 }));
	const scale = await api.patch(`${deployments}/web/scale`, { spec: { replicas: 4 } });
	t.deepEqual([scale.body.kind, scale.body.spec.replicas], ['Scale', 4]);
	const config = deploymentOf('web', { replicas: 2 });
	const refused = await api.apply(`${deployments}/web`, config);
	t.is(refused.code, 409);
	t.regex(
		refused.body.message,
		/^Apply failed with 1 conflict: conflict with .* with subresource "scale" using apps\/v1 at .*: \.spec\.replicas$/,
	);
	t.like(refused.body.details.causes[0], {
		reason: 'FieldManagerConflict',
		field: '.spec.replicas',
	});
	const forced = await api.apply(`${deployments}/web`, config, 'agent', '&force=true');
	t.is(forced.body.spec.replicas, 2);
});

test('an apply needs a manager, and other patches are not forced', async (t) => {
	const api = await startApiServer(t);
	const type = 'application/apply-patch+yaml';
	const body = configMapOf('a');
	t.is((await api.send('PATCH', `${configMaps}/a`, { body, type })).code, 422);
	t.is((await api.patch(`${configMaps}/a?force=true`, {})).code, 422);
	t.is((await api.send('PATCH', `${configMaps}/a`, { body, type: 'text/plain' })).code, 415);
	const managed = configMapOf('a', {}, { managedFields: [] });
	t.is((await api.apply(`${configMaps}/a`, managed)).code, 400);
	t.is((await api.apply(`${configMaps}/a`, configMapOf('b'))).code, 400);
});

test('an apply may be YAML', async (t) => {
	const api = await startApiServer(t);
	const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: "1"\n';
	const { code, body } = await api.apply(`${configMaps}/a`, yaml);
	t.is(code, 201);
	t.deepEqual(body.data, { x: '1' });
});

test('what cannot change is refused', async (t) => {
	const api = await startApiServer(t);
	await api.post(deployments, deploymentOf('web'));
	const labels = { app: 'other' };
	const selector = { matchLabels: labels };
	const template = { metadata: { labels } };
	const changed = await api.patch(`${deployments}/web`, { spec: { selector, template } });
	t.regex(changed.body.message, /spec\.selector: Invalid value: .*: field is immutable/);
	await api.post(pods, podOf('p'));
	const moved = await api.patch(`${pods}/p`, { spec: { restartPolicy: 'Never' } });
	t.regex(moved.body.message, /pod updates may not change fields other than/);
	const secrets = '/api/v1/namespaces/default/secrets';
	const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, immutable: true };
	await api.post(secrets, { ...secret, stringData: { a: 'b' } });
	t.is((await api.get(`${secrets}/s`)).body.data.a, Buffer.from('b').toString('base64'));
	t.is((await api.patch(`${secrets}/s`, { data: { a: 'Yw==' } })).code, 422);
});

test('Services get addresses and node ports, keep them, and give them back', async (t) => {
	const api = await startApiServer(t, { nodePorts: [31_000, 31_001] });
	const { body: first } = await api.post(services, serviceOf('a', { ports: [{ port: 80 }] }));
	t.is(first.spec.clusterIP, '127.83.7.2');
	t.deepEqual(first.spec.ports, [{ port: 80, protocol: 'TCP', targetPort: 80 }]);
	const spec = { type: 'NodePort', ports: [{ port: 80 }] };
	const { body: second } = await api.post(services, serviceOf('b', spec));
	t.is(second.spec.clusterIP, '127.83.7.3');
	t.is(second.spec.ports[0].nodePort, 31_000);
	const wanted = { ...spec, ports: [{ port: 80, nodePort: 31_000 }] };
	t.regex((await api.post(services, serviceOf('c', wanted))).body.message, /already allocated/);
	const { body: replaced } = await api.put(`${services}/b`, serviceOf('b', spec));
	t.deepEqual([replaced.spec.clusterIP, replaced.spec.ports[0].nodePort], ['127.83.7.3', 31_000]);
	const { body: plain } = await api.patch(`${services}/b`, { spec: { type: 'ClusterIP' } });
	t.is(plain.spec.ports[0].nodePort, undefined);
	await api.delete(`${services}/a`);
	const headless = { clusterIP: 'None', ports: [{ port: 80 }] };
	t.is((await api.post(services, serviceOf('d', headless))).body.spec.clusterIP, 'None');
	t.is((await api.post(services, serviceOf('e', wanted))).body.spec.clusterIP, '127.83.7.2');
});

test('a Job selects its pods by its uid, and its template stays', async (t) => {
	const api = await startApiServer(t);
	const jobs = '/apis/batch/v1/namespaces/default/jobs';
	const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'a' }] } };
	const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j' }, spec: { template } };
	const { body } = await api.post(jobs, job);
	const label = 'batch.kubernetes.io/controller-uid';
	t.is(body.spec.selector.matchLabels[label], body.metadata.uid);
	t.is(body.spec.template.metadata.labels['job-name'], 'j');
	t.deepEqual([body.spec.completions, body.spec.parallelism, body.spec.backoffLimit], [1, 1, 6]);
	t.is((await api.apply(`${jobs}/j`, job)).code, 200, 'an apply keeps what the server added');
	const changed = await api.patch(`${jobs}/j`, { spec: { completions: 2 } });
	t.regex(changed.body.message, /field is immutable/);
	const always = { ...job, metadata: { name: 'k' } };
	delete (always.spec.template.spec as { restartPolicy?: string }).restartPolicy;
	t.regex((await api.post(jobs, always)).body.message, /valid values: "OnFailure", "Never"/);
});

test('a pod that runs on a node is asked to stop before it goes', async (t) => {
	const api = await startApiServer(t);
	await api.post(pods, podOf('waiting'));
	t.is((await api.delete(`${pods}/waiting`)).code, 200);
	t.is((await api.get(`${pods}/waiting`)).code, 404);
	await api.post(pods, podOf('p', { nodeName: 'n' }));
	const { body: asked } = await api.delete(`${pods}/p`, { body: { gracePeriodSeconds: 20 } });
	t.is(asked.metadata.deletionGracePeriodSeconds, 20);
	t.truthy(asked.metadata.deletionTimestamp);
	const { body: sooner } = await api.delete(`${pods}/p?gracePeriodSeconds=5`);
	t.is(sooner.metadata.deletionGracePeriodSeconds, 5);
	const { body: later } = await api.delete(`${pods}/p?gracePeriodSeconds=60`);
	t.is(later.metadata.deletionGracePeriodSeconds, 5);
	await api.delete(`${pods}/p?gracePeriodSeconds=0`);
	t.is((await api.get(`${pods}/p`)).code, 404);
});

test('finalizers keep an object until they are gone', async (t) => {
	const api = await startApiServer(t);
	await api.post(configMaps, configMapOf('a', {}, { finalizers: ['example.com/wait'] }));
	const { body } = await api.delete(`${configMaps}/a`);
	t.truthy(body.metadata.deletionTimestamp);
	t.is((await api.post(configMaps, configMapOf('a'))).code, 409);
	await api.patch(`${configMaps}/a`, { metadata: { finalizers: null } });
	t.is((await api.get(`${configMaps}/a`)).code, 404);
});

test('a deletion can be bound to an identity and leaves its policy to the collector', async (t) => {
	const api = await startApiServer(t);
	await api.post(deployments, deploymentOf('web'));
	const wrong = { preconditions: { uid: 'another' } };
	const refused = await api.delete(`${deployments}/web`, { body: wrong });
	t.is(refused.body.reason, 'Conflict');
	const { body } = await api.delete(`${deployments}/web?propagationPolicy=Foreground`);
	t.deepEqual(body.metadata.finalizers, ['foregroundDeletion']);
	await api.patch(`${deployments}/web`, { metadata: { finalizers: [] } });
	const missing = await api.delete(`${deployments}/web`);
	t.is(missing.body.message, 'deployments.apps "web" not found');
	t.like(missing.body.details, { name: 'web', group: 'apps', kind: 'deployments' });
});

test('many are deleted at once by their labels', async (t) => {
	const api = await startApiServer(t);
	for (const [name, app] of [
		['a', 'x'],
		['b', 'x'],
		['c', 'y'],
	] as const) {
		await api.post(configMaps, configMapOf(name, {}, { labels: { app } }));
	}
	const { body } = await api.delete(`${configMaps}?labelSelector=app%3Dx`);
	t.is(body.items.length, 2);
	const { body: rest } = await api.get(configMaps);
	t.deepEqual(
		rest.items.map((item: { metadata: { name: string } }) => item.metadata.name),
		['c'],
	);
});

test('a namespace takes its content along, and takes in nothing meanwhile', async (t) => {
	const api = await startApiServer(t);
	const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'edge' } };
	t.is((await api.post('/api/v1/namespaces', namespace)).body.status.phase, 'Active');
	const inside = '/api/v1/namespaces/edge';
	await api.post(`${inside}/configmaps`, configMapOf('a'));
	await api.post(`${inside}/pods`, podOf('p', { nodeName: 'n' }));
	const { body } = await api.delete(inside);
	t.is(body.status.phase, 'Terminating');
	const refused = await api.post(`${inside}/configmaps`, configMapOf('b'));
	t.is(refused.code, 403);
	t.is(refused.body.details.causes[0].reason, 'NamespaceTerminating');
	t.is((await api.get(`${inside}/configmaps/a`)).code, 404);
	t.is((await api.get(inside)).code, 200, 'the pod still stops');
	await api.delete(`${inside}/pods/p?gracePeriodSeconds=0`);
	t.is((await api.get(inside)).code, 404);
	t.is((await api.delete('/api/v1/namespaces/default')).code, 403);
});

test('a binding puts a pod on a node, once', async (t) => {
	const api = await startApiServer(t);
	await api.post(pods, podOf('p'));
	const binding = {
		apiVersion: 'v1',
		kind: 'Binding',
		metadata: { name: 'p' },
		target: { apiVersion: 'v1', kind: 'Node', name: 'n' },
	};
	t.is((await api.post(`${pods}/p/binding`, binding)).code, 201);
	t.is((await api.get(`${pods}/p`)).body.spec.nodeName, 'n');
	t.is((await api.post(`${pods}/p/binding`, binding)).code, 409);
});

test('an eviction respects disruption budgets', async (t) => {
	const api = await startApiServer(t);
	const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
	await api.post(budgets, {
		apiVersion: 'policy/v1',
		kind: 'PodDisruptionBudget',
		metadata: { name: 'b' },
		spec: { selector: { matchLabels: { app: 'x' } }, minAvailable: 1 },
	});
	await api.post(pods, { ...podOf('p'), metadata: { name: 'p', labels: { app: 'x' } } });
	const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } };
	t.is((await api.post(`${pods}/p/eviction`, eviction)).code, 429);
	await api.patch(`${budgets}/b/status`, { status: { disruptionsAllowed: 1 } });
	t.is((await api.post(`${pods}/p/eviction`, eviction)).code, 201);
	t.is((await api.get(`${pods}/p`)).code, 404);
	t.is((await api.get(`${budgets}/b`)).body.status.disruptionsAllowed, 0);
});

test('what the server does not know or do has the right code', async (t) => {
	const api = await startApiServer(t);
	t.is((await api.get('/api/v1/namespaces/default/sprockets')).code, 404);
	t.is((await api.get('/apis/apps/v1beta1/deployments')).code, 404);
	t.is((await api.post('/api/v1/configmaps', configMapOf('a'))).code, 405);
	t.is((await api.send('PUT', configMaps, { body: {} })).code, 405);
	t.is((await api.get('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews')).code, 405);
	t.is((await api.send('POST', configMaps, { body: '{' })).code, 400);
	t.is((await api.send('POST', configMaps, { body: 'x', type: 'text/plain' })).code, 415);
	t.is((await api.post(configMaps, configMapOf('a', { big: 'x'.repeat(4 << 20) }))).code, 413);
	await api.post(pods, podOf('p', { nodeName: 'n' }));
	t.is((await api.post(`${pods}/p/exec?command=ls`, undefined)).code, 501);
	t.is((await api.get(`${pods}/p/log`)).code, 501);
	t.is((await api.get(configMaps, { headers: { accept: 'text/html' } })).code, 406);
	t.is((await api.get(`${configMaps}/%E0%A4%A`)).code, 400);
});

test('Events of both groups are the same objects', async (t) => {
	const api = await startApiServer(t);
	const events = '/apis/events.k8s.io/v1/namespaces/default/events';
	const old = '/api/v1/namespaces/default/events';
	const { code, body } = await api.post(events, {
		apiVersion: 'events.k8s.io/v1',
		kind: 'Event',
		metadata: { name: 'e' },
		note: 'something',
		reason: 'Because',
		regarding: { kind: 'Pod', name: 'p' },
		reportingController: 'test',
	});
	t.is(code, 201);
	t.like(body, { apiVersion: 'events.k8s.io/v1', note: 'something' });
	const kept = (await api.get(`${old}/e`)).body;
	t.like(kept, { apiVersion: 'v1', message: 'something', involvedObject: { name: 'p' } });
	await api.patch(`${events}/e`, { note: 'else' });
	t.is((await api.get(`${old}/e`)).body.message, 'else');
	const { body: found } = await api.get(`${events}?fieldSelector=regarding.name%3Dp`);
	t.deepEqual([found.kind, found.items[0].note], ['EventList', 'else']);
	const watch = api.watch(`${events}?watch=true`);
	t.is((await watch.next()).value.object.regarding.name, 'p');
	await watch.return(undefined);
});
