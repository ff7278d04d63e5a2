import type { DeliveryReceipt, Publication } from '../../mqtt/mqtt-server.ts';
import type { EdgeError } from '../../runtime/edge-error.ts';
import type { SendWindow } from './send-window.ts';

/** What has become of the messages of one batch. */
export class InputBatch {
	readonly #faults: (EdgeError | undefined)[];
	readonly #resolve: (faults: readonly (EdgeError | undefined)[]) => void;
	#open: number;

	/** @param resolve called with what is wrong with each message when all have been answered */
	constructor(messages: number, resolve: (faults: readonly (EdgeError | undefined)[]) => void) {
		this.#faults = new Array(messages).fill(undefined);
		this.#resolve = resolve;
		this.#open = messages;
	}

	settle(index: number, fault: EdgeError | undefined): void {
		this.#faults[index] = fault;
		this.#open -= 1;
		if (this.#open === 0) this.#resolve(this.#faults);
	}
}

/** A message to an input, with its place in its batch. */
export class InputMessage implements DeliveryReceipt {
	readonly publication: Publication;
	readonly #batch: InputBatch;
	readonly #index: number;
	readonly #window: SendWindow<InputMessage>;

	constructor(
		publication: Publication,
		batch: InputBatch,
		index: number,
		window: SendWindow<InputMessage>,
	) {
		this.publication = publication;
		this.#batch = batch;
		this.#index = index;
		this.#window = window;
	}

	delivered(): void {
		this.#batch.settle(this.#index, undefined);
		this.#window.settled();
	}

	failed(error: EdgeError): void {
		this.#batch.settle(this.#index, error);
		this.#window.settled();
	}
}
