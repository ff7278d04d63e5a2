import { systemClock } from '../runtime/clock.ts';
import { IdleMemory } from '../runtime/idle-memory.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SettingProblem } from '../runtime/settings.ts';
import { exitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/** Runs one role of the program until the cluster ends it (SIGTERM), then lets it drain. */
export async function runRole(role: Lifecycle, logger: Logger): Promise<number> {
	const ended = Promise.withResolvers<string>();
	for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ended.resolve(name));
	const started = role.start().then(() => logger.info('Started.'));
	const memory = new IdleMemory(systemClock);
	await memory.start();
	const signal = await Promise.race([started.then(() => ended.promise), ended.promise]);
	logger.info('Stopping.', { signal });
	await memory.stop();
	await role.stop();
	return exitCode.ok;
}

/** Prints everything that is wrong with the settings of a role. */
export function refuseSettings(problems: readonly SettingProblem[], terminal: Terminal): number {
	for (const { env, message } of problems) {
		terminal.note(`EDGE_SETTING_INVALID ${env}: ${message}\n`);
	}
	return exitCode.badInput;
}
