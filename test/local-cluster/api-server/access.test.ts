import test from 'ava';
import type { Denial } from '../../../src/local-cluster/api-server/server/api-handler.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
	configMapOf,
	type KubernetesRequests,
	podOf,
	startApiServer,
} from '../../support/kubernetes-requests.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const namespace = '/api/v1/namespaces/default';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const rbacGroup = 'rbac.authorization.k8s.io';

async function createAccount(api: KubernetesRequests, name: string): Promise<void> {
	const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
	await api.post(`${namespace}/serviceaccounts`, account);
}

async function createToken(api: KubernetesRequests, name: string, spec: object = {}) {
	const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
	return await api.post(`${namespace}/serviceaccounts/${name}/token`, request);
}

/** An account with a Role, and its token. */
async function agent(api: KubernetesRequests, rules: object[], name = 'agent'): Promise<string> {
	await createAccount(api, name);
	const apiVersion = `${rbacGroup}/v1`;
	const metadata = { name };
	await api.post(`${rbac}/namespaces/default/roles`, { apiVersion, kind: 'Role', metadata, rules });
	await api.post(`${rbac}/namespaces/default/rolebindings`, {
		apiVersion,
		kind: 'RoleBinding',
		metadata,
		roleRef: { apiGroup: rbacGroup, kind: 'Role', name },
		subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
	});
	return (await createToken(api, name)).body.status.token;
}

const podReader = { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] };

test('an account may do what its Role says, in its namespace, and no more', async (t) => {
	const denials: Denial[] = [];
	const api = await startApiServer(t, { onDenied: (denial) => denials.push(denial) });
	const token = await agent(api, [podReader]);
	await api.post(`${namespace}/pods`, podOf('p'));
	t.is((await api.get(`${namespace}/pods`, { token })).code, 200);
	t.is((await api.get(`${namespace}/pods/p/log`, { token })).code, 200);
	t.deepEqual(denials, []);
	const refused = await api.delete(`${namespace}/pods/p`, { token });
	t.is(refused.code, 403);
	t.is(
		refused.body.message,
		'pods "p" is forbidden: User "system:serviceaccount:default:agent" cannot delete resource "pods" in API group "" in the namespace "default"',
	);
	t.is((await api.get('/api/v1/pods', { token })).code, 403);
	t.is((await api.get('/api/v1/namespaces/kube-system/pods', { token })).code, 403);
	t.is((await api.get(`${namespace}/pods?watch=true`, { token })).code, 403);
	t.deepEqual(
		denials.map(({ verb, resource }) => `${verb} ${resource}`),
		['delete pods', 'list pods', 'list pods', 'watch pods'],
	);
});

test('a rule may be for some names only', async (t) => {
	const api = await startApiServer(t);
	const rule = {
		apiGroups: [''],
		resources: ['configmaps'],
		verbs: ['get', 'list'],
		resourceNames: ['a'],
	};
	const token = await agent(api, [rule]);
	for (const name of ['a', 'b']) await api.post(`${namespace}/configmaps`, configMapOf(name));
	t.is((await api.get(`${namespace}/configmaps/a`, { token })).code, 200);
	t.is((await api.get(`${namespace}/configmaps/b`, { token })).code, 403);
	t.is((await api.get(`${namespace}/configmaps`, { token })).code, 403);
	const one = 'fieldSelector=metadata.name%3Da';
	t.is((await api.get(`${namespace}/configmaps?${one}`, { token })).code, 200);
});

test('a ClusterRole holds everywhere, or where a RoleBinding names it', async (t) => {
	const api = await startApiServer(t);
	const token = await agent(api, []);
	const apiVersion = `${rbacGroup}/v1`;
	const roleRef = { apiGroup: rbacGroup, kind: 'ClusterRole', name: 'view' };
	const metadata = { name: 'view-here' };
	const subjects = [{ kind: 'Group', name: 'system:serviceaccounts:default' }];
	const binding = { apiVersion, metadata, roleRef, subjects };
	await api.post(`${rbac}/namespaces/kube-public/rolebindings`, {
		...binding,
		kind: 'RoleBinding',
	});
	t.is((await api.get('/api/v1/namespaces/kube-public/pods', { token })).code, 200);
	t.is((await api.get('/api/v1/pods', { token })).code, 403);
	await api.post(`${rbac}/clusterrolebindings`, { ...binding, kind: 'ClusterRoleBinding' });
	t.is((await api.get('/api/v1/pods', { token })).code, 200);
	t.is((await api.get('/api/v1/secrets', { token })).code, 403);
});

test('everybody who is known may ask what the cluster can do', async (t) => {
	const api = await startApiServer(t);
	const token = await agent(api, []);
	for (const path of ['/api', '/apis', '/apis/apps/v1', '/openapi/v3', '/version']) {
		t.is((await api.get(path, { token })).code, 200, path);
	}
	t.is((await api.get('/logs', { token })).code, 403);
	const review = {
		apiVersion: 'authorization.k8s.io/v1',
		kind: 'SelfSubjectAccessReview',
		spec: { resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'default' } },
	};
	const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
	t.false((await api.post(reviews, review, { token })).body.status.allowed);
	t.true((await api.post(reviews, review)).body.status.allowed);
	const rules = {
		apiVersion: 'authorization.k8s.io/v1',
		kind: 'SelfSubjectRulesReview',
		spec: { namespace: 'default' },
	};
	const listed = await api.post(reviews.replace('access', 'rules'), rules, { token });
	t.false(listed.body.status.incomplete);
	t.true(listed.body.status.nonResourceRules.length > 0);
});

test('strangers learn that the server is well, and nothing else', async (t) => {
	const api = await startApiServer(t);
	for (const path of ['/healthz', '/readyz', '/livez', '/version']) {
		t.is((await api.get(path, { token: '' })).code, 200, path);
	}
	const refused = await api.get(`${namespace}/pods`, { token: '' });
	t.is(refused.code, 403);
	t.regex(refused.body.message, /User "system:anonymous" cannot list resource "pods"/);
	const unknown = await api.get(`${namespace}/pods`, { token: 'made-up' });
	t.is(unknown.code, 401);
	t.is(unknown.body.reason, 'Unauthorized');
});

test('a token ends with its time', async (t) => {
	const clock = new FakeClock();
	const api = await startApiServer(t, { clock });
	await createAccount(api, 'a');
	const { body } = await createToken(api, 'a', { expirationSeconds: 600 });
	t.is(body.status.expirationTimestamp, '2026-01-01T00:10:00Z');
	const { token } = body.status;
	t.is((await api.get('/api', { token })).code, 200);
	clock.jump(601_000);
	t.is((await api.get('/api', { token })).code, 401);
	t.is((await createToken(api, 'a', { expirationSeconds: 10 })).code, 422);
	t.is((await createToken(api, 'nobody')).code, 404);
});

test('a token ends with its account, and with the pod it is bound to', async (t) => {
	const api = await startApiServer(t);
	await createAccount(api, 'a');
	const { body: pod } = await api.post(`${namespace}/pods`, podOf('p'));
	const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: pod.metadata.uid };
	const bound = (await createToken(api, 'a', { boundObjectRef })).body.status.token;
	const free = (await createToken(api, 'a')).body.status.token;
	t.is((await api.get('/api', { token: bound })).code, 200);
	await api.delete(`${namespace}/pods/p`);
	t.is((await api.get('/api', { token: bound })).code, 401);
	t.is((await api.get('/api', { token: free })).code, 200);
	await api.delete(`${namespace}/serviceaccounts/a`);
	await createAccount(api, 'a');
	t.is((await api.get('/api', { token: free })).code, 401, 'another account of the same name');
});

test('a token for another audience is not for this server', async (t) => {
	const api = await startApiServer(t);
	await createAccount(api, 'a');
	const { token } = (await createToken(api, 'a', { audiences: ['workload'] })).body.status;
	t.is((await api.get('/api', { token })).code, 401);
	const reviewOf = async (audiences: string[] | undefined, candidate: string) => {
		const spec = { token: candidate, audiences };
		const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
		return (await api.post('/apis/authentication.k8s.io/v1/tokenreviews', review)).body.status;
	};
	t.like(await reviewOf(['workload', 'other'], token), {
		authenticated: true,
		audiences: ['workload'],
		user: { username: 'system:serviceaccount:default:a' },
	});
	t.false((await reviewOf(undefined, token)).authenticated);
	t.false((await reviewOf(['workload'], `${token}x`)).authenticated);
	const [head, , signature] = token.split('.');
	const claims = Buffer.from('{"sub":"system:serviceaccount:default:a"}').toString('base64url');
	t.false((await reviewOf(['workload'], `${head}.${claims}.${signature}`)).authenticated);
	const none = Buffer.from('{"alg":"none"}').toString('base64url');
	t.false((await reviewOf(['workload'], `${none}.${token.split('.')[1]}.`)).authenticated);
});

test('tokens, the kubeconfig and the port outlive the process', async (t) => {
	const folder = await temporaryFolder(t);
	const first = await startApiServer(t, { folder });
	await createAccount(first, 'a');
	const { token } = (await createToken(first, 'a')).body.status;
	const { url } = first.server;
	const kubeconfig = first.server.kubeconfig();
	await first.server.stop();
	const second = await startApiServer(t, { folder });
	t.is(second.server.url, url);
	t.is(second.server.kubeconfig(), kubeconfig);
	t.is((await second.get('/api', { token })).code, 200);
});

test('the administrator can act as somebody else, others cannot', async (t) => {
	const api = await startApiServer(t);
	const token = await agent(api, [podReader]);
	const headers = { 'impersonate-user': 'system:serviceaccount:default:agent' };
	t.is((await api.get(`${namespace}/pods`, { headers })).code, 200);
	t.is((await api.get(`${namespace}/secrets`, { headers })).code, 403);
	const admin = { 'impersonate-user': 'x', 'impersonate-group': 'system:masters' };
	t.is((await api.get(`${namespace}/pods`, { headers: admin, token })).code, 403);
});

test('the keys of tokens are published', async (t) => {
	const api = await startApiServer(t);
	const { body } = await api.get('/openid/v1/jwks');
	const json = await api.get('/openid/v1/jwks', { headers: { accept: 'application/json' } });
	t.is(json.code, 406);
	t.like(body.keys[0], { kty: 'EC', crv: 'P-256', alg: 'ES256' });
	t.is(body.keys[0].d, undefined, 'the private part stays here');
	const { body: page } = await api.get('/.well-known/openid-configuration');
	t.regex(page.jwks_uri, /\/openid\/v1\/jwks$/);
});
