import type { ModuleDeployment } from './deployment.ts';
import type { Problem } from './problem.ts';

const maxLength = 128;
const allowed = /^[A-Za-z0-9\-:.+%_#*?!(),=@;']+$/;
const reserved = new Set(['edgeagent', 'edgehub']);

/** The id of a module's identity in IoT Hub: `$edgeHub` for edgeHub, else its name. */
export function moduleIdOf({ name, system }: Pick<ModuleDeployment, 'name' | 'system'>): string {
	return system ? `$${name}` : name;
}

/**
 * What is wrong with the name of a module: longer than 128 characters, of characters that IoT Hub
 * refuses in module ids, or the name of a system module. `$` is for the runtime alone: a module
 * called `$edgeHub` would get the hub's identity.
 */
export function moduleNameProblem(name: string, path: string): Problem | undefined {
	if (reserved.has(name.toLowerCase())) {
		return fault(path, `"${name}" is the name of a system module.`);
	}
	if (name.length > maxLength) {
		return fault(path, `A module name has ${name.length} characters; ${maxLength} are allowed.`);
	}
	if (allowed.test(name)) return undefined;
	const placeholder = /[${<]/.test(name) ? ' An unresolved placeholder?' : '';
	return fault(path, `"${name}" is no module id that IoT Hub accepts.${placeholder}`);
}

function fault(path: string, message: string): Problem {
	const shown = path.length > 300 ? `${path.slice(0, 300)}…` : path;
	return { severity: 'error', code: 'EDGE_MODULE_NAME_INVALID', path: shown, message };
}
