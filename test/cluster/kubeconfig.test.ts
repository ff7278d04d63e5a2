import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import test from 'ava';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import { loadKubeconfig, parseKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { loadClusterConfig, readClusterSettings } from '../../src/cluster/settings.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function kubeconfig(user: string, cluster = 'server: https://10.0.0.1:6443'): string {
	return `
apiVersion: v1
kind: Config
current-context: main
contexts:
- name: main
  context: {cluster: c, user: u, namespace: edge}
- name: other
  context: {cluster: c, user: u}
clusters:
- name: c
  cluster: {${cluster}}
users:
- name: u
  user: ${user}
`;
}

test('reads server, authority, namespace and an inline client certificate', async (t) => {
	const user = `{client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')}}`;
	const cluster = `server: "https://[::1]:6443", certificate-authority-data: ${base64('CA')}, tls-server-name: api`;
	const config = await parseKubeconfig({ path: 'config', text: kubeconfig(user, cluster) });
	t.like(config, {
		server: 'https://[::1]:6443',
		certificateAuthority: 'CA',
		tlsServerName: 'api',
		namespace: 'edge',
		skipTlsVerify: false,
	});
	t.deepEqual(await config.credentials.current(), { certificate: 'CERT', privateKey: 'KEY' });
});

test('takes another context when asked, whose namespace is default unless it says more', async (t) => {
	const file = { path: 'config', text: kubeconfig('{token: abc}') };
	const config = await parseKubeconfig(file, { context: 'other' });
	t.is(config.namespace, 'default');
	t.deepEqual(await config.credentials.current(), { token: 'abc' });
});

test('resolves files against the folder of the kubeconfig and reads rotating ones again', async (t) => {
	const folder = await temporaryFolder(t);
	await writeFile(join(folder, 'ca.pem'), 'CA');
	await writeFile(join(folder, 'token'), 'first\n');
	const text = kubeconfig('{tokenFile: token}', 'server: https://h, certificate-authority: ca.pem');
	await writeFile(join(folder, 'config'), text);
	const clock = new FakeClock();
	const { certificateAuthority, credentials } = await loadKubeconfig(join(folder, 'config'), {
		clock,
	});
	t.is(certificateAuthority, 'CA');
	t.deepEqual(await credentials.current(), { token: 'first' });
	await writeFile(join(folder, 'token'), 'second\n');
	t.deepEqual(await credentials.current(), { token: 'first' });
	await clock.advance(60_000);
	t.deepEqual(await credentials.current(), { token: 'second' });
	await writeFile(join(folder, 'token'), 'third');
	credentials.renew();
	t.deepEqual(await credentials.current(), { token: 'third' });
});

test('joins several files: of two members with one name the first wins', async (t) => {
	const folder = await temporaryFolder(t);
	const one = join(folder, 'one');
	const two = join(folder, 'two');
	await writeFile(one, 'users: [{name: u, user: {token: from-one}}]');
	await writeFile(two, kubeconfig('{token: from-two}'));
	const paths = [join(folder, 'absent'), one, two].join(delimiter);
	const { credentials } = await loadKubeconfig(paths);
	t.deepEqual(await credentials.current(), { token: 'from-one' });
});

test('runs an exec plugin, keeps what it says until shortly before it expires, and tells it where', async (t) => {
	const folder = await temporaryFolder(t);
	const plugin = join(folder, 'plugin');
	const script = `#!/bin/sh
count=$(( $(cat count 2>/dev/null || echo 0) + 1 )); echo $count > count
echo "$KUBERNETES_EXEC_INFO" > info
echo '{"kind":"ExecCredential","status":{"token":"'$1-$EXTRA-$count'","expirationTimestamp":"2026-01-01T01:00:00Z"}}'
`;
	await writeFile(plugin, script);
	await chmod(plugin, 0o755);
	const user = `{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [arg], env: [{name: EXTRA, value: extra}], provideClusterInfo: true}}`;
	await writeFile(join(folder, 'config'), kubeconfig(user));
	const clock = new FakeClock();
	const environment = { PATH: '/usr/bin:/bin' };
	const { credentials } = await loadKubeconfig(join(folder, 'config'), { clock, environment });
	const tokens = await Promise.all([credentials.current(), credentials.current()]);
	t.deepEqual(tokens, [{ token: 'arg-extra-1' }, { token: 'arg-extra-1' }]);
	await clock.advance(3_500_000);
	t.deepEqual(await credentials.current(), { token: 'arg-extra-1' });
	await clock.advance(60_000);
	t.deepEqual(await credentials.current(), { token: 'arg-extra-2' });
});

test('says which exec plugin failed, without what it printed', async (t) => {
	const user =
		'{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/echo, args: [secret]}}';
	const config = await parseKubeconfig({ path: '/tmp/config', text: kubeconfig(user) });
	const error = await t.throwsAsync(config.credentials.current(), { instanceOf: ClusterError });
	t.is(error.code, 'EDGE_CLUSTER_CREDENTIALS');
	t.false(error.toString().includes('secret'));
});

test('sends impersonation as headers', async (t) => {
	const user = '{token: t, as: somebody, as-groups: [one, two]}';
	const config = await parseKubeconfig({ path: 'config', text: kubeconfig(user) });
	t.deepEqual(config.headers, {
		'impersonate-user': 'somebody',
		'impersonate-group': ['one', 'two'],
	});
});

const faults: Record<string, { text: string; says: RegExp }> = {
	'is no YAML': { text: 'a: [', says: /no YAML/ },
	'is empty': { text: '', says: /no kubeconfig/ },
	'names no context': { text: 'clusters: []', says: /no current context/ },
	'names a context that is not there': { text: 'current-context: x', says: /no context named "x"/ },
	'has no server': { text: kubeconfig('{}', 'server: nonsense'), says: /server URL/ },
	'uses a proxy': {
		text: kubeconfig('{}', 'server: https://h, proxy-url: http://p'),
		says: /proxy/,
	},
	'uses a removed plugin': {
		text: kubeconfig('{auth-provider: {name: oidc}}'),
		says: /auth-provider/,
	},
};

for (const [what, { text, says }] of Object.entries(faults)) {
	test(`refuses a kubeconfig that ${what}`, async (t) => {
		const error = await t.throwsAsync(parseKubeconfig({ path: 'config', text }), {
			instanceOf: ClusterError,
		});
		t.is(error.code, 'EDGE_KUBECONFIG_INVALID');
		t.regex(error.message, says);
	});
}

test('uses the ServiceAccount of the pod where no kubeconfig is named', async (t) => {
	const folder = await temporaryFolder(t);
	const account = join(folder, 'account');
	await mkdir(account);
	for (const [name, text] of Object.entries({
		token: 'T\n',
		'ca.crt': 'CA',
		namespace: 'edge\n',
	})) {
		await writeFile(join(account, name), text);
	}
	const environment = {
		KUBERNETES_SERVICE_HOST: 'fd00::1',
		KUBERNETES_SERVICE_PORT: '6443',
		KUBERNETES_SERVICE_ACCOUNT_FOLDER: account,
	};
	const { settings } = readClusterSettings(environment);
	if (settings === undefined) return t.fail();
	const config = await loadClusterConfig(settings, environment);
	t.like(config, {
		server: 'https://[fd00::1]:6443',
		namespace: 'edge',
	});
	t.deepEqual(await config.credentials.current(), { token: 'T', authority: 'CA' });

	const path = join(folder, 'config');
	await writeFile(path, kubeconfig('{token: K}'));
	const both = readClusterSettings({ ...environment, KUBECONFIG: path }).settings;
	if (both === undefined) return t.fail();
	t.is((await loadClusterConfig(both, environment)).server, 'https://10.0.0.1:6443');
});
