import { systemClock } from '../runtime/clock.ts';

/** How long something is waited for. */
export interface WaitOptions {
	/** Milliseconds. Default 10 000. */
	readonly timeout?: number;
}

interface Waiting<Item> {
	readonly matches: (item: Item) => boolean;
	readonly found: (item: Item) => void;
	readonly ended: (error: Error) => void;
}

const defaultTimeout = 10_000;
/** Items that are kept for who asks later; of more, the newest. */
const maxItems = 10_000;
/** Items that the error of a wait in vain lists. */
const maxListed = 10;

/** Things that arrive, and who waits for them. Each is handed out once. */
export class Expectations<Item> implements Disposable {
	readonly #what: string;
	readonly #describe: (item: Item) => string;
	readonly #explain: () => Promise<string>;
	readonly #items: Item[] = [];
	readonly #waiting = new Set<Waiting<Item>>();

	/**
	 * @param what names what is waited for, in errors
	 * @param explain what to add to the error of a wait in vain
	 */
	constructor(what: string, describe: (item: Item) => string, explain?: () => Promise<string>) {
		this.#what = what;
		this.#describe = describe;
		this.#explain = explain ?? (async () => '');
	}

	/** Something has arrived. */
	add(item: Item): void {
		for (const waiting of this.#waiting) {
			if (!waiting.matches(item)) continue;
			waiting.found(item);
			return;
		}
		this.#items.push(item);
		if (this.#items.length > maxItems) this.#items.shift();
	}

	/** The first item that matches, of those not handed out, or to come. @throws Error after the timeout */
	async next(
		matches: (item: Item) => boolean = () => true,
		{ timeout = defaultTimeout }: WaitOptions = {},
	): Promise<Item> {
		const index = this.#items.findIndex(matches);
		const [there] = index < 0 ? [] : this.#items.splice(index, 1);
		if (there !== undefined) return there;
		const { promise, resolve, reject } = Promise.withResolvers<Item | undefined>();
		const waiting: Waiting<Item> = { matches, found: resolve, ended: reject };
		this.#waiting.add(waiting);
		// Not a timer of the clock: a test that waits for nothing else must not end meanwhile.
		const late = new AbortController();
		const expiry = systemClock.sleep(timeout, late.signal).then(
			() => resolve(undefined),
			() => {},
		);
		try {
			const item = await promise;
			if (item !== undefined) return item;
		} finally {
			this.#waiting.delete(waiting);
			late.abort();
			await expiry;
		}
		throw new Error(await this.#failure(timeout));
	}

	[Symbol.dispose](): void {
		for (const { ended } of this.#waiting) ended(new Error('It was disposed of while waiting.'));
	}

	async #failure(timeout: number): Promise<string> {
		const listed = this.#items.slice(-maxListed).map((item) => `  ${this.#describe(item)}`);
		const others = listed.length === 0 ? ['  none'] : listed;
		const explanation = await this.#explain();
		return [
			`No such ${this.#what} within ${timeout} ms. Others that came:`,
			...others,
			...(explanation === '' ? [] : [explanation]),
		].join('\n');
	}
}
