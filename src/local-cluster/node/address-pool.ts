import { EdgeError } from '../../runtime/edge-error.ts';

const lastNumber = 254;

/** Addresses of one block for the pods of a node. An address rests as long as possible. */
export class AddressPool {
	readonly #prefix: string;
	readonly #used = new Set<number>();
	#last = 0;

	/** @param prefix `127.70.1.` */
	constructor(prefix: string) {
		this.#prefix = prefix;
	}

	/** @throws EdgeError EDGE_POD_NETWORK_UNAVAILABLE when every address is in use. */
	allocate(): string {
		for (let step = 1; step <= lastNumber; step += 1) {
			const number = ((this.#last + step - 1) % lastNumber) + 1;
			if (this.#used.has(number)) continue;
			this.#used.add(number);
			this.#last = number;
			return `${this.#prefix}${number}`;
		}
		throw new EdgeError('EDGE_POD_NETWORK_UNAVAILABLE', 'Every pod address is in use.');
	}

	release(address: string): void {
		this.#used.delete(Number(address.slice(this.#prefix.length)));
	}
}
