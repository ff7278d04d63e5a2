import { X509Certificate } from 'node:crypto';
import test from 'ava';
import mqtt from 'mqtt';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { registerEdge, startEdgeBelow } from '../support/edge-below-emulator.ts';
import { routes } from '../support/hub-world.ts';
import { runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

const upwards = routes('FROM /messages/* INTO $upstream');

/** `sender: body` of every message that has reached IoT Hub. */
async function telemetryOf(emulator: IotHubEmulator): Promise<string[]> {
	const all: string[] = [];
	for await (const { identity, body } of emulator.telemetry.read()) {
		const { deviceId, moduleId } = identity;
		all.push(`${deviceId}${moduleId === undefined ? '' : `/${moduleId}`}: ${Buffer.from(body)}`);
	}
	return all;
}

test('messages of a leaf device with a certificate reach IoT Hub in its name', async (t) => {
	const emulator = await runningEmulator(t);
	registerEdge(emulator, { deviceId: 'edge1' });
	const { hub, workload } = await startEdgeBelow(t, emulator, {
		deviceId: 'edge1',
		desired: upwards,
	});
	const leaf = await workload.authority.issue({ commonName: 'leaf', usages: ['client'], days: 5 });
	const thumbprint = new X509Certificate(leaf.certificate).fingerprint.replaceAll(':', '');
	emulator.registry.putDevice('leaf', {
		deviceScope: emulator.registry.device('edge1').deviceScope,
		authentication: {
			type: 'selfSigned',
			x509Thumbprint: { primaryThumbprint: thumbprint, secondaryThumbprint: thumbprint },
		},
	});
	await hub.whenReady();
	const client = await mqtt.connectAsync(`mqtts://localhost:${hub.mqttPort}`, {
		ca: workload.authority.certificate,
		cert: leaf.certificate,
		key: leaf.privateKey,
		clientId: 'leaf',
		username: `${emulator.hostName}/leaf/?api-version=2021-04-12`,
	});
	t.teardown(() => client.endAsync(true));
	await client.publishAsync('devices/leaf/messages/events/', '20', { qos: 1 });
	await until(async () => (await telemetryOf(emulator)).length > 0, 'the message');
	t.deepEqual(await telemetryOf(emulator), ['leaf: 20']);
});
