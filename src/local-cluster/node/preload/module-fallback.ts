import module, { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/**
 * Lets a module import packages that its folder has not installed from the packages of this
 * project, as a base image would provide them. What the folder has itself always wins.
 *
 * @param base URL of a file beside whose `node_modules` the fallback looks.
 */
export function installModuleFallback(base: string): void {
	// Older Node than 22.15, reached through a module's own interpreter, has no such hooks.
	if (typeof module.registerHooks !== 'function') return;
	const requireFromBase = createRequire(base);
	let busy = false;
	module.registerHooks({
		resolve(specifier, context, next) {
			try {
				return next(specifier, context);
			} catch (error) {
				if (busy || !isBare(specifier) || !isMissing(error)) throw error;
				busy = true;
				try {
					return context.conditions.includes('import')
						? next(specifier, { ...context, parentURL: base })
						: {
								url: pathToFileURL(requireFromBase.resolve(specifier)).href,
								shortCircuit: true,
							};
				} catch {
					throw error;
				} finally {
					busy = false;
				}
			}
		},
	});
}

function isBare(specifier: string): boolean {
	return !/^(?:[./#]|[a-z][a-z0-9+.-]*:)/i.test(specifier);
}

function isMissing(error: unknown): boolean {
	const code = (error as { code?: unknown } | undefined)?.code;
	return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}
