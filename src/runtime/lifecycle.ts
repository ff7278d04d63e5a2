/**
 * Something with a lifetime. Constructors do nothing; `start` resolves when it serves, `stop`
 * drains, releases every timer and handle, and may be called more than once.
 */
export interface Lifecycle {
	start(): Promise<void>;
	stop(): Promise<void>;
}

/**
 * Starts parts in order. When one fails, those already started are stopped in reverse order and
 * the failure is thrown.
 *
 * @returns a function that stops all parts in reverse order; it may be called more than once.
 */
export async function startAll(parts: readonly Lifecycle[]): Promise<() => Promise<void>> {
	const started: Lifecycle[] = [];
	const stopAll = async () => {
		for (const part of started.splice(0).reverse()) await part.stop();
	};
	for (const part of parts) {
		try {
			await part.start();
			started.push(part);
		} catch (error) {
			await stopAll();
			throw error;
		}
	}
	return stopAll;
}
