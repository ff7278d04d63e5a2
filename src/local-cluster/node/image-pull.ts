import { Backoff } from '../../runtime/backoff.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Container, ContainerState } from '../workloads/pod.ts';
import type { CrashBackoffSettings } from './crash-backoff.ts';

/** The image of a container is not on this machine. */
export class ImageMissing extends Error {
	override readonly name = 'ImageMissing';
}

/** What the pull of one container's image needs. */
export interface ImagePullSettings {
	readonly clock: Clock;
	readonly imageBackoff: CrashBackoffSettings;
	readonly event: (
		type: 'Normal' | 'Warning',
		reason: string,
		message: string,
		container: Container,
	) => void;
}

/** Milliseconds for which a failed pull is shown as such before it is a back-off. */
const failureShown = 300;

/** Tries to find the image of one container, with back-off: `ErrImagePull`, `ImagePullBackOff`. */
export class ImagePull {
	readonly #container: Container;
	readonly #settings: ImagePullSettings;
	readonly #backoff: Backoff;
	#againAt = 0;
	#why = '';
	#shown = true;

	constructor(container: Container, settings: ImagePullSettings) {
		this.#container = container;
		this.#settings = settings;
		this.#backoff = new Backoff({ ...settings.imageBackoff, jitter: 0 });
	}

	/** @returns how the container waits now, and after how many milliseconds it was not found. */
	failed(why: string): { readonly state: ContainerState; readonly again: number } {
		const { clock, event } = this.#settings;
		const { image, imagePullPolicy } = this.#container;
		this.#why = why;
		this.#shown = false;
		this.#againAt = clock.monotonic() + this.#backoff.next();
		const reason = imagePullPolicy === 'Never' ? 'ErrImageNeverPull' : 'ErrImagePull';
		event('Normal', 'Pulling', `Pulling image "${image}"`, this.#container);
		const text = `Failed to pull image "${image}": ${why}`;
		event('Warning', 'Failed', text, this.#container);
		event('Warning', 'Failed', `Error: ${reason}`, this.#container);
		return { state: { waiting: { reason, message: why } }, again: failureShown };
	}

	succeeded(): void {
		this.#backoff.reset();
	}

	/**
	 * Whether the next try has to wait.
	 *
	 * @returns milliseconds, and the state when it is a new one; `undefined` when the time has come.
	 */
	wait(): { readonly state?: ContainerState; readonly again: number } | undefined {
		const again = this.#againAt - this.#settings.clock.monotonic();
		if (again <= 0) return undefined;
		if (this.#shown) return { again };
		this.#shown = true;
		const text = `Back-off pulling image "${this.#container.image}"`;
		this.#settings.event('Normal', 'BackOff', text, this.#container);
		const message = `${text}: ${this.#why}`;
		return { state: { waiting: { reason: 'ImagePullBackOff', message } }, again };
	}
}
