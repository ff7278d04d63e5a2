import { X509Certificate } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { AmqpHead } from '../../src/edge-hub/amqp-head/amqp-head.ts';
import { ClientAuthenticator } from '../../src/edge-hub/authorization/client-authenticator.ts';
import { DeviceScope } from '../../src/edge-hub/authorization/device-scope.ts';
import { SealedStore } from '../../src/edge-hub/authorization/sealed-store.ts';
import { ClientRates } from '../../src/edge-hub/clients/client-rates.ts';
import { ClientRegistry } from '../../src/edge-hub/clients/client-registry.ts';
import type { HubServices } from '../../src/edge-hub/hub-services.ts';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeIotHub } from './fake-iot-hub.ts';

/** The host name of IoT Hub. */
export const host = 'hub.azure-devices.net';
/** The edge hub of an edge device. */
export const hubOf = (deviceId: string) => ({ deviceId, moduleId: '$edgeHub' });
const scopeOf = (deviceId: string) => `ms-azure-iot-edge://${deviceId}-1`;

export interface AmqpHeadChoices {
	/** What the head may ask for. Default: nothing that works. */
	readonly services?: Partial<HubServices>;
	/** Messages a second of one client; 0 for no limit. */
	readonly perSecond?: number;
}

/** An edge device with a module, a leaf device, and two child edge devices with a leaf device each. */
export async function amqpHead(
	t: Pick<ExecutionContext, 'teardown'>,
	{ services = {}, perSecond = 0 }: AmqpHeadChoices = {},
) {
	const iotHub = new FakeIotHub();
	const clock = new FakeClock(Date.now());
	const add = (identity: Identity, changes: object = {}) => {
		iotHub.register(identity);
		const key = identityKey(identity);
		const known = iotHub.registry.get(key);
		if (known !== undefined) iotHub.registry.set(key, { ...known, ...changes });
	};
	const edge = (deviceId: string, parentScopes: readonly string[] = []) => {
		add({ deviceId }, { edgeCapable: true, deviceScope: scopeOf(deviceId), parentScopes });
		add(hubOf(deviceId));
	};
	edge('edge1');
	add({ deviceId: 'edge1', moduleId: 'sensor' });
	add({ deviceId: 'direct' }, { parentScopes: [scopeOf('edge1')] });
	for (const child of ['child', 'sibling']) {
		edge(child, [scopeOf('edge1')]);
		add({ deviceId: `leaf-of-${child}` }, { parentScopes: [scopeOf(child)] });
	}
	const authority = await CertificateAuthority.create({ commonName: 'certified', days: 10 });
	const { raw, fingerprint } = new X509Certificate(authority.certificate);
	const thumbprints = [fingerprint.replaceAll(':', '')];
	add({ deviceId: 'certified' }, { authentication: { type: 'selfSigned', keys: [], thumbprints } });

	const scope = new DeviceScope({
		edgeDeviceId: 'edge1',
		source: iotHub.scopeSource,
		store: new SealedStore(new MemoryKeyValueStore(), 'identities', Buffer.alloc(32), silentLogger),
		clock,
		logger: silentLogger,
		refreshInterval: 3_600_000,
		maxLookupDelay: 120_000,
	});
	t.teardown(() => scope.stop());
	await scope.refresh();
	const authenticator = new ClientAuthenticator({
		scope,
		authorities: () => [],
		hostNames: [host],
		clock,
		logger: silentLogger,
	});
	const clients = new ClientRegistry();
	const heldBack = new Map<string, number>();
	const warnings: unknown[] = [];
	const rates = new ClientRates({
		perSecond,
		heldBack: (identity, seconds) => {
			const key = identityKey(identity);
			heldBack.set(key, (heldBack.get(key) ?? 0) + seconds);
		},
		clock,
		logger: { ...silentLogger, warn: (_text, fields) => warnings.push(fields) },
	});
	const head = new AmqpHead({
		hub: hubOf('edge1'),
		services: { edgeDeviceId: 'edge1', ...services } as HubServices,
		clients,
		rates,
		authenticator: () => authenticator,
		clientCertificatesEnabled: true,
		moduleReplicas: 'share',
		acknowledgementTimeout: 30_000,
		connectAttempted: () => {},
		clock,
		logger: silentLogger,
	});
	return {
		iotHub,
		scope,
		authenticator,
		head,
		clients,
		clock,
		heldBack,
		warnings,
		certificate: raw,
	};
}
