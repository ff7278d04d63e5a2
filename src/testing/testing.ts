import { MovableClock } from './movable-clock.ts';
import { TestEdge, type TestEdgeOptions } from './test-edge.ts';
import { TestHub, type TestHubOptions } from './test-hub.ts';

/**
 * Starts an IoT Hub in this process. It ends with `await using`, or its `[Symbol.asyncDispose]`.
 */
export async function startHub(options: TestHubOptions = {}): Promise<TestHub> {
	const hub = new TestHub(options);
	await hub.start();
	return hub;
}

/**
 * Starts a whole edge: IoT Hub, cluster, agent and edge hub in this process, each module as a
 * process. It ends with `await using`, or its `[Symbol.asyncDispose]`.
 *
 * @throws Error when a module does not run in time, with the modules' logs
 */
export async function startEdge(options: TestEdgeOptions): Promise<TestEdge> {
	const edge = new TestEdge(options);
	await edge.start();
	return edge;
}

/** A clock for `startHub` and `startEdge` that a test moves on with `advance`. */
export function movableClock(): MovableClock {
	return new MovableClock();
}
