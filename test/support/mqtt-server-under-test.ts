import type { ExecutionContext } from 'ava';
import { MemorySessionStore } from '../../src/mqtt/memory-session-store.ts';
import {
	defaultMqttServerLimits,
	type MqttServerHandler,
	type MqttServerLimits,
	type SessionStore,
} from '../../src/mqtt/mqtt-server.ts';
import { StreamMqttServer } from '../../src/mqtt/stream-mqtt-server.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from './fake-clock.ts';

/** An MQTT server that ends with the test, and must leave no timer behind. */
export function mqttServerUnderTest<Handler extends MqttServerHandler>(
	t: ExecutionContext,
	handler: Handler,
	limits: Partial<MqttServerLimits> = {},
	sessions: SessionStore = new MemorySessionStore(),
) {
	const clock = new FakeClock();
	const server = new StreamMqttServer({
		handler,
		sessions,
		limits: { ...defaultMqttServerLimits, ...limits },
		clock,
		logger: silentLogger,
	});
	t.teardown(async () => {
		const stopped = server.stop();
		await clock.advance(10_000);
		await stopped;
		if (clock.pending > 0) throw new Error('A timer is left.');
	});
	return { server, handler, clock };
}
