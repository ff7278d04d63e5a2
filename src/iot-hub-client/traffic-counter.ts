import { Counter, type Registry } from 'prom-client';
import type { HubNetwork } from './hub-network.ts';

/** What is read when the metrics are asked for. */
export type CountedNetwork = Pick<HubNetwork, 'mqttTraffic' | 'httpsTraffic'>;

/** A metric of the bytes to and from IoT Hub, for links that cost by the byte. */
export function countTraffic(name: string, registry: Registry, network: CountedNetwork): void {
	new Counter({
		name,
		help: 'Bytes sent to and received from IoT Hub, TLS included.',
		labelNames: ['protocol', 'direction'],
		registers: [registry],
		collect() {
			this.reset();
			const { mqttTraffic, httpsTraffic } = network;
			for (const [protocol, meter] of Object.entries({ mqtt: mqttTraffic, https: httpsTraffic })) {
				const { sent, received } = meter.read();
				this.inc({ protocol, direction: 'sent' }, sent);
				this.inc({ protocol, direction: 'received' }, received);
			}
		},
	});
}
