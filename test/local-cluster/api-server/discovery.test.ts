import test from 'ava';
import { startApiServer } from '../../support/kubernetes-requests.ts';

const aggregated = {
	accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json',
};

test('groups, versions and resources can be found step by step', async (t) => {
	const api = await startApiServer(t);
	t.deepEqual((await api.get('/api')).body.versions, ['v1']);
	const { body: groups } = await api.get('/apis');
	const apps = groups.groups.find((group: { name: string }) => group.name === 'apps');
	t.deepEqual(apps.preferredVersion, { groupVersion: 'apps/v1', version: 'v1' });
	t.is((await api.get('/apis/apps')).body.kind, 'APIGroup');
	const { body: core } = await api.get('/api/v1');
	const byName = new Map(
		core.resources.map((resource: { name: string }) => [resource.name, resource]),
	);
	t.like(byName.get('pods'), { kind: 'Pod', namespaced: true, shortNames: ['po'] });
	t.like(byName.get('pods/eviction'), { kind: 'Eviction', group: 'policy', version: 'v1' });
	t.like(byName.get('namespaces/status'), { namespaced: false });
	t.is((await api.get('/apis/nothing.example')).code, 404);
	t.is((await api.post('/api', {})).code, 405);
});

test('or all at once', async (t) => {
	const api = await startApiServer(t);
	const { body, headers } = await api.get('/api', { headers: aggregated });
	t.is(body.kind, 'APIGroupDiscoveryList');
	t.regex(headers['content-type'] ?? '', /as=APIGroupDiscoveryList/);
	const pods = body.items[0].versions[0].resources.find(
		(item: { resource: string }) => item.resource === 'pods',
	);
	t.like(pods, { scope: 'Namespaced', singularResource: 'pod', categories: ['all'] });
	t.true(pods.subresources.some((item: { subresource: string }) => item.subresource === 'log'));
});

test('schemas are served for every group and version', async (t) => {
	const api = await startApiServer(t);
	const { body: index } = await api.get('/openapi/v3');
	t.true('apis/apps/v1' in index.paths);
	for (const [path, { serverRelativeURL }] of Object.entries<{ serverRelativeURL: string }>(
		index.paths,
	)) {
		const { body } = await api.get(serverRelativeURL);
		t.is(body.openapi, '3.0.0', path);
		t.true(Object.keys(body.components.schemas).length > 0, path);
	}
	const { body: apps } = await api.get('/openapi/v3/apis/apps/v1');
	const patch = apps.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'].patch;
	t.true(patch.parameters.some((item: { name: string }) => item.name === 'fieldValidation'));
	t.is((await api.get('/openapi/v3/apis/none/v1')).code, 404);
	t.is((await api.get('/openapi/v2')).body.swagger, '2.0');
	const accept = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
	const binary = await api.get('/openapi/v2', { headers: { accept } });
	t.is(binary.headers['content-type'], accept);
	t.is(binary.text.slice(0, 5), '\n\u00032.0');
});

test('a kubeconfig is what clients expect, and says who serves', async (t) => {
	const { server } = await startApiServer(t);
	const config = JSON.parse(server.kubeconfig());
	t.is(config.kind, 'Config');
	t.is(config.clusters[0].cluster.server, server.url);
	t.is(config.users[0].user.token, server.adminToken);
	t.is(config['current-context'], config.contexts[0].name);
});
