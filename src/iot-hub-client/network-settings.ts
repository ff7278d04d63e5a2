import type { Logger } from '../runtime/logger.ts';
import { choice, type SettingsOf, type SettingsTable, wordList } from '../runtime/settings.ts';
import { parseProxy } from './http-proxy.ts';
import { HubNetwork } from './hub-network.ts';

const protocol = choice('Mqtt', 'MqttWs', 'Amqp', 'AmqpWs');

/** How IoT Hub is reached, under the names of Azure IoT Edge; the same for agent and hub. */
export const networkSettings = {
	upstreamProtocol: {
		env: 'UpstreamProtocol',
		default: '',
		description:
			'What is spoken to IoT Hub: `Mqtt` (port 8883) or `MqttWs` (WebSocket, port 443). `Amqp` and `AmqpWs` stand for them, as AMQP is not spoken upstream. Absent: `MqttWs` where there is a proxy, else `Mqtt`.',
		parse: (value) => (value === '' ? undefined : protocol(value)),
	},
	proxy: {
		env: 'https_proxy',
		default: '',
		description:
			'HTTP proxy on the way to IoT Hub, to device provisioning and to storage for uploads: `http://[user:password@]host[:port]`.',
		secret: true,
		parse: (value) => (value === '' ? undefined : parseProxy(value)),
	},
	noProxy: {
		env: 'no_proxy',
		default: '',
		description: 'Hosts and domains that are reached without the proxy, separated by commas.',
		parse: wordList,
	},
} as const satisfies SettingsTable;

/** The network that settings describe. */
export function hubNetwork(
	settings: SettingsOf<typeof networkSettings>,
	trustedCertificates: string | undefined,
	logger: Logger,
): HubNetwork {
	const { upstreamProtocol, proxy, noProxy } = settings;
	const wanted = upstreamProtocol ?? (proxy === undefined ? 'Mqtt' : 'MqttWs');
	const overWebSocket = wanted.endsWith('Ws');
	if (wanted.startsWith('Amqp')) {
		logger.warn('AMQP is not spoken to IoT Hub: MQTT takes its place.', {
			setting: networkSettings.upstreamProtocol.env,
			instead: overWebSocket ? 'MqttWs' : 'Mqtt',
		});
	}
	return new HubNetwork({
		mqttOver: overWebSocket ? 'web-socket' : 'tcp',
		...(trustedCertificates === undefined ? {} : { trustedCertificates }),
		...(proxy === undefined ? {} : { proxy, noProxy }),
	});
}
