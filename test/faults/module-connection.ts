import mqtt from 'mqtt';
import { audienceOf, createSasToken } from '../../src/protocol/sas-token.ts';
import type { ModuleAccount } from './module-account.ts';

/** Tokens outlive every run and every jump of the hub's clock. */
const tokenSeconds = 10 * 365 * 86_400;

/** Connects MQTT.js as an SDK would; it keeps trying, and sends again what was not acknowledged. */
export function connectModule(account: ModuleAccount): mqtt.MqttClient {
	const { iotHubHostName, deviceId, moduleId, key } = account;
	const resource = audienceOf(iotHubHostName, { deviceId, moduleId });
	const expiry = Math.floor(Date.now() / 1000) + tokenSeconds;
	const client = mqtt.connect(`mqtts://localhost:${account.hubPort}`, {
		ca: account.authority,
		clientId: `${deviceId}/${moduleId}`,
		username: `${iotHubHostName}/${deviceId}/${moduleId}/?api-version=2021-04-12`,
		password: createSasToken({ resource, key, expiry }),
		clean: false,
		reconnectPeriod: 100,
		connectTimeout: 3000,
		keepalive: 10,
		// The hub says "come again" (CONNACK 3) until it has a configuration.
		reconnectOnConnackError: true,
	});
	client.on('error', () => {});
	return client;
}
