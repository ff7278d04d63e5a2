import type { IdentityRegistry } from '../registry/identity-registry.ts';
import type { CloudToDeviceQueues, FinalOutcome } from './cloud-to-device-queues.ts';
import type { QueuedMessage } from './queued-message.ts';
import type { ServiceBoundQueue } from './service-bound-queue.ts';

/**
 * Writes delivery feedback for messages that asked for it with `ack`: `positive` for success,
 * `negative` for anything else, `full` for both (IoT Hub documentation, "Message feedback").
 */
export function keepDeliveryFeedback(
	queues: CloudToDeviceQueues,
	feedback: ServiceBoundQueue,
	registry: IdentityRegistry,
	now: () => number,
): void {
	queues.onOutcome((deviceId, queued, outcome) => {
		if (!asksFor(queued, outcome)) return;
		feedback.add({
			originalMessageId: queued.message.systemProperties.get('messageId') ?? '',
			description: outcome,
			deviceGenerationId: registry.findDevice(deviceId)?.generationId ?? '',
			deviceId,
			enqueuedTimeUtc: new Date(now()).toISOString(),
			statusCode: outcome,
		});
	});
}

function asksFor({ message }: QueuedMessage, outcome: FinalOutcome): boolean {
	const ack = message.systemProperties.get('ack')?.toLowerCase();
	if (outcome === 'Deleted') return false;
	if (ack === 'full') return true;
	return ack === (outcome === 'Success' ? 'positive' : 'negative');
}
