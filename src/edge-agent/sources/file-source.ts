import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import { RetryingTask } from '../../runtime/retrying-task.ts';
import type { DeploymentSource, SourceState } from './deployment-source.ts';
import { localDeploymentOfText } from './local-deployment.ts';

/** Which file is followed. */
export interface FileSourceOptions {
	readonly path: string;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** How often the file is looked at. Milliseconds. */
const interval = 2_000;
const maxBytes = 4 * 1024 * 1024;

/**
 * A deployment manifest in a file, also one that Kubernetes mounts from a ConfigMap and replaces by
 * turning a link. The file is looked at instead of watched: that works on every file system. What
 * has changed is read when two looks find the same, so that nobody's half-written file is taken.
 */
export class FileSource implements DeploymentSource {
	readonly source = 'file';
	readonly place: string;
	readonly #options: FileSourceOptions;
	readonly #look: RetryingTask;
	readonly #listeners: (() => void)[] = [];
	#timer: Disposable | undefined;
	/** What the last look found, and what was read. */
	#seen: string | undefined;
	#read: string | undefined;
	#state: SourceState = { kind: 'unknown' };
	#trouble: string | undefined;
	#lookedAt = 0;

	constructor(options: FileSourceOptions) {
		this.#options = options;
		this.place = `the file ${options.path}`;
		this.#look = new RetryingTask({
			action: () => this.#lookAt(),
			onFailure: (error) => {
				const { path, logger } = options;
				this.#trouble = messageOf(error);
				logger.warn('The deployment cannot be read yet.', { path, reason: this.#trouble });
			},
			backoff: { initial: interval, max: 60_000 },
			clock: options.clock,
		});
	}

	get state(): SourceState {
		return this.#state;
	}

	get trouble(): string | undefined {
		return this.#trouble;
	}

	get idleness(): number {
		return this.#options.clock.monotonic() - this.#lookedAt;
	}

	async start(): Promise<void> {
		this.#lookedAt = this.#options.clock.monotonic();
		this.#timer ??= this.#options.clock.every(interval, () => this.#look.trigger());
		this.#look.trigger();
	}

	async stop(): Promise<void> {
		this.#timer?.[Symbol.dispose]();
		this.#timer = undefined;
		await this.#look.stop();
	}

	onChange(listener: () => void): void {
		this.#listeners.push(listener);
	}

	/** Resolves when no look is under way. */
	async idle(): Promise<void> {
		await this.#look.idle();
	}

	async #lookAt(): Promise<void> {
		const { path } = this.#options;
		this.#lookedAt = this.#options.clock.monotonic();
		const found = await fingerprintOf(path);
		this.#trouble = undefined;
		const settled = found === this.#seen;
		this.#seen = found;
		if (!settled || found === this.#read) return;
		const state = found === absent ? ({ kind: 'absent' } as const) : await this.#content(path);
		this.#read = found;
		this.#state = state;
		for (const listener of this.#listeners) listener();
	}

	async #content(path: string): Promise<SourceState> {
		const { size } = await stat(path);
		if (size > maxBytes) {
			const description = `The file is larger than ${maxBytes} bytes.`;
			return { kind: 'faulty', fault: { code: 400, description } };
		}
		const origin = { kind: 'file', place: this.place } as const;
		const { desired, fault } = localDeploymentOfText(await readFile(path, 'utf8'), origin);
		return fault === undefined ? { kind: 'present', desired } : { kind: 'faulty', fault };
	}
}

const absent = 'absent';

/** Changes with the content: inode, size and time of the file behind all links. */
async function fingerprintOf(path: string): Promise<string> {
	try {
		const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
		return `${dev}:${ino}:${size}:${mtimeNs}`;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return absent;
		throw error;
	}
}
