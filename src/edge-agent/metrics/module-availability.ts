import type { AgentStatus } from '../agent-status.ts';
import type { WantedModule } from './agent-metrics.ts';

/** How long a module should have run, and has. */
export interface Availability {
	/** Seconds. */
	readonly expected: number;
	readonly running: number;
	/** Starts and ends of its container, as far as they were seen. */
	readonly starts: number;
	readonly stops: number;
	readonly version: string;
}

interface Account {
	version: string;
	expected: number;
	running: number;
	starts: number;
	stops: number;
	isWanted: boolean;
	isRunning: boolean;
	startedAt: string | undefined;
	exitedAt: string | undefined;
}

/**
 * Keeps account of the time that modules ran of the time that they should have. Between two
 * observations everything counts as it was at the first. What ran before this program did is not
 * known to it.
 */
export class ModuleAvailability {
	readonly #accounts = new Map<string, Account>();
	#at: number | undefined;

	/** @param now milliseconds by a clock that never goes backwards */
	observe({ modules }: AgentStatus, wanted: readonly WantedModule[], now: number): void {
		this.#settle(now);
		const names = new Set(wanted.map(({ name }) => name));
		for (const name of this.#accounts.keys()) if (!names.has(name)) this.#accounts.delete(name);
		for (const { name, version, running } of wanted) {
			const status = modules.get(name);
			const account = this.#accounts.get(name) ?? newAccount(status?.lastExitTimeUtc);
			account.version = version;
			account.isWanted = running;
			account.isRunning = status?.runtimeStatus === 'running';
			note(account, status?.lastStartTimeUtc, status?.lastExitTimeUtc);
			this.#accounts.set(name, account);
		}
	}

	/** Up to now, by the module's name. */
	read(now: number): ReadonlyMap<string, Availability> {
		this.#settle(now);
		return this.#accounts;
	}

	#settle(now: number): void {
		const seconds = this.#at === undefined ? 0 : (now - this.#at) / 1000;
		this.#at = now;
		for (const account of this.#accounts.values()) {
			if (!account.isWanted) continue;
			account.expected += seconds;
			if (account.isRunning) account.running += seconds;
		}
	}
}

function newAccount(exitedAt: string | undefined): Account {
	const counts = { expected: 0, running: 0, starts: 0, stops: 0 };
	return {
		...counts,
		version: '',
		isWanted: false,
		isRunning: false,
		startedAt: undefined,
		exitedAt,
	};
}

function note(account: Account, started: string | undefined, exited: string | undefined): void {
	if (started !== undefined && started !== account.startedAt) account.starts += 1;
	if (exited !== undefined && exited !== account.exitedAt) account.stops += 1;
	account.startedAt = started ?? account.startedAt;
	account.exitedAt = exited ?? account.exitedAt;
}
