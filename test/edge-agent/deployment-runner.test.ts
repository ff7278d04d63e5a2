import { sign } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import type { DesiredState } from '../../src/edge-agent/agent-status.ts';
import { DeploymentRunner } from '../../src/edge-agent/deployment-runner.ts';
import type { RollbackVerdict } from '../../src/edge-agent/rollback.ts';
import { defaultPolicy } from '../../src/edge-agent/translation/default-policy.ts';
import { canonicalJson } from '../../src/manifest/manifest-signature.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';

class FakeIdentities {
	readonly generationIds = new Map<string, string>();
	readonly calls: string[] = [];
	online = true;
	/** Resolves when `ensure` may go on. */
	gate: Promise<void> = Promise.resolve();

	async ensure(moduleIds: Iterable<string>): Promise<void> {
		const wanted = [...moduleIds];
		this.calls.push(`ensure ${wanted}`);
		await this.gate;
		if (!this.online) throw new EdgeError('EDGE_HUB_UNREACHABLE', 'away');
		for (const moduleId of wanted) {
			if (!this.generationIds.has(moduleId)) this.generationIds.set(moduleId, '1');
		}
	}

	async prune(keep: Iterable<string>): Promise<void> {
		this.calls.push(`prune ${[...keep]}`);
	}
}

function setUp(t: ExecutionContext, known: readonly string[] = [], trustBundle?: string) {
	const clock = new FakeClock();
	const identities = new FakeIdentities();
	for (const moduleId of known) identities.generationIds.set(moduleId, '1');
	const applied: DesiredState[] = [];
	const kept: JsonObject[] = [];
	const lastGood = {
		write: async (desired: JsonObject) => {
			kept.push(desired);
		},
	};
	const verdicts = new Map<number, RollbackVerdict>();
	const rollback = {
		judge: (properties: JsonObject) => verdicts.get(Number(properties['$version'])),
	};
	const runner = new DeploymentRunner({
		identities,
		lastGood,
		rollback,
		context: {
			namespace: 'edge',
			deviceId: 'edge1',
			iotHubHostName: 'h.azure-devices.net',
			runtimeImage: 'iotedge-k8s:1',
			gatewayHostName: 'edgehub',
			edgeDeviceHostName: 'edge1',
			workloadUri: 'http://edgeagent:35001/',
			workloadTlsUri: 'https://edgeagent:35002/',
			apiVersion: '2022-08-03',
			runtimeLogLevel: 'info',
		},
		policy: defaultPolicy,
		...(trustBundle === undefined ? {} : { trustBundle }),
		apply: (state) => applied.push(state),
		onChange: () => {},
		clock,
		logger: silentLogger,
	});
	t.teardown(() => runner.stop());
	return { clock, identities, applied, kept, runner, verdicts };
}

function desired(version: number, ...names: string[]): JsonObject {
	const settings = { image: 'image:1', createOptions: '' };
	const module = { type: 'docker', status: 'running', restartPolicy: 'always', settings };
	return {
		schemaVersion: '1.1',
		runtime: { type: 'docker', settings: {} },
		systemModules: { edgeAgent: { type: 'docker', settings }, edgeHub: module },
		modules: Object.fromEntries(names.map((name) => [name, module])),
		$version: version,
	};
}

const system = ['$edgeAgent', '$edgeHub'];

function workloadsOf(state: DesiredState | undefined): string[] {
	const objects = state?.translation.objects ?? [];
	const workloads = objects.filter(({ kind }) => kind === 'Deployment');
	return workloads.map(({ metadata }) => metadata.name).sort();
}

test('modules whose identities are known start before the hub has answered', async (t) => {
	const { clock, identities, applied, runner } = setUp(t, [...system, 'filter']);
	const { promise, resolve } = Promise.withResolvers<void>();
	identities.gate = promise;
	runner.take(desired(1, 'filter'));
	await clock.advance(0);
	t.deepEqual(workloadsOf(applied[0]), ['edgehub', 'filter']);
	resolve();
	await clock.advance(0);
	t.is(applied.length, 1);
	t.deepEqual(identities.calls.at(-1), 'prune $edgeAgent,$edgeHub,filter');
});

test('without the hub known modules run, and new ones when it is back', async (t) => {
	const { clock, identities, applied, runner } = setUp(t, [...system, 'filter']);
	identities.online = false;
	runner.take(desired(1, 'filter', 'sensor'));
	await clock.advance(10_000);
	t.deepEqual(workloadsOf(applied.at(-1)), ['edgehub', 'filter']);
	t.false(identities.calls.some((call) => call.startsWith('prune')));
	identities.online = true;
	await clock.advance(120_000);
	t.deepEqual(workloadsOf(applied.at(-1)), ['edgehub', 'filter', 'sensor']);
	t.is(applied.at(-1)?.version, 1);
});

test('an identity that was made anew makes its module start again', async (t) => {
	const { clock, identities, applied, runner } = setUp(t);
	runner.take(desired(1, 'filter'));
	await clock.advance(0);
	const { length } = applied;
	runner.refresh();
	await clock.advance(0);
	t.is(applied.length, length);
	identities.generationIds.set('filter', '2');
	runner.refresh();
	await clock.advance(0);
	t.is(applied.length, length + 1);
});

test('only good deployments are kept; a refused one leaves the running one', async (t) => {
	const { clock, applied, kept, runner } = setUp(t);
	runner.take(desired(1, 'filter'));
	await clock.advance(0);
	runner.take({ ...desired(2), schemaVersion: '3.0' });
	await clock.advance(0);
	t.is(runner.refusal?.version, 2);
	t.is(runner.refusal?.code, 412);
	t.is(applied.at(-1)?.version, 1);
	t.deepEqual(
		kept.map((properties) => properties['$version']),
		[1],
	);
	runner.take(desired(3, 'filter'));
	await clock.advance(0);
	t.is(runner.refusal, undefined);
	t.is(applied.at(-1)?.version, 3);
});

test('a deployment that another has overtaken removes nothing', async (t) => {
	const { clock, identities, applied, runner } = setUp(t, [...system, 'a', 'b']);
	const { promise, resolve } = Promise.withResolvers<void>();
	identities.gate = promise;
	runner.take(desired(1, 'a'));
	await clock.advance(0);
	runner.take(desired(2, 'b'));
	resolve();
	await clock.advance(0);
	const prunes = identities.calls.filter((call) => call.startsWith('prune'));
	t.deepEqual(prunes, ['prune $edgeAgent,$edgeHub,b']);
	t.deepEqual(workloadsOf(applied.at(-1)), ['b', 'edgehub']);
});

test('a deployment that has failed gives way to the one that runs instead, until a later version', async (t) => {
	const { clock, applied, kept, runner, verdicts } = setUp(t);
	runner.take(desired(1, 'filter'));
	await clock.advance(0);
	runner.take(desired(2, 'sensor'));
	await clock.advance(0);
	t.is(runner.running?.version, 2);
	verdicts.set(2, { reason: 'Rolled back: sensor: late', instead: desired(1, 'filter') });
	runner.take(desired(2, 'sensor'));
	await clock.advance(0);
	t.deepEqual(workloadsOf(applied.at(-1)), ['edgehub', 'filter']);
	t.deepEqual(runner.refusal, {
		version: 2,
		code: 500,
		description: 'Rolled back: sensor: late',
	});
	t.is(kept.at(-1)?.['$version'], 1);

	const { length } = applied;
	runner.take(desired(2, 'sensor'));
	await clock.advance(0);
	t.is(applied.length, length);
	runner.take(desired(3, 'sensor'));
	await clock.advance(0);
	t.deepEqual(workloadsOf(applied.at(-1)), ['edgehub', 'sensor']);
	t.is(runner.refusal, undefined);
});

test('after a restart what ran well starts instead of what had failed', async (t) => {
	const { clock, applied, runner, verdicts } = setUp(t, [...system, 'filter', 'sensor']);
	verdicts.set(2, { reason: 'late', instead: desired(1, 'filter') });
	runner.take(desired(2, 'sensor'));
	await clock.advance(0);
	t.deepEqual(workloadsOf(applied.at(-1)), ['edgehub', 'filter']);
	t.is(runner.refusal?.version, 2);
});

/** Signs what Azure IoT Edge signs of `$edgeAgent`. */
async function signedBy(authority: CertificateAuthority, properties: JsonObject) {
	const now = new Date('2025-12-31T00:00:00Z');
	const signer = await authority.issue({ commonName: 's', usages: ['client'], days: 30, now });
	const chunk = (pem: string) => [pem.replace(/-----[A-Z ]+-----|\n/g, '')];
	const header = {
		signercert: chunk(signer.certificate),
		intermediatecacert: chunk(authority.certificate),
	};
	const { $version, ...payload } = properties;
	const data = Buffer.from(canonicalJson(header) + canonicalJson(payload));
	const key = { key: signer.privateKey, dsaEncoding: 'ieee-p1363' as const };
	const bytes = sign('sha256', data, key).toString('base64');
	return { ...properties, integrity: { header, signature: { bytes, algorithm: 'ES256' } } };
}

test('where a trust bundle is configured, only signed deployments are taken, and stored ones go on', async (t) => {
	const now = new Date('2025-12-31T00:00:00Z');
	const authority = await CertificateAuthority.create({ commonName: 'ca', days: 365, now });
	const { runner } = setUp(t, [], authority.certificate);
	runner.take(await signedBy(authority, desired(1, 'a')));
	t.is(runner.refusal, undefined);
	t.truthy(runner.deployment);

	runner.take(desired(2, 'b'));
	t.like(runner.refusal, { version: 2, code: 400 });
	t.regex(runner.refusal?.description ?? '', /EDGE_MANIFEST_SIGNATURE: .*not signed/);
	t.true(runner.deployment?.modules.some(({ name }) => name === 'a'));

	const stranger = await CertificateAuthority.create({ commonName: 'x', days: 365, now });
	runner.take(await signedBy(stranger, desired(3, 'c')));
	t.like(runner.refusal, { version: 3, code: 400 });

	runner.resume(desired(4, 'd'));
	t.is(runner.refusal, undefined);
});
