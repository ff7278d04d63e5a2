import { readFileSync, statSync } from 'node:fs';
import type { ServiceTable } from './service-table.ts';

const empty: ServiceTable = { block: '-', hostPorts: [], services: {}, clusterIps: {} };

/**
 * The service table as the node last wrote it. The file is looked at on every connection instead
 * of being watched: that is never late, and holds no handle that would keep a module alive.
 *
 * @returns a function that gives the newest table, or the last good one.
 */
export function followServiceTable(file: string): () => ServiceTable {
	let table = empty;
	let version = '';
	return () => {
		try {
			const { ino, mtimeNs, size } = statSync(file, { bigint: true });
			const current = `${ino}-${mtimeNs}-${size}`;
			if (current !== version) {
				table = JSON.parse(readFileSync(file, 'utf8')) as ServiceTable;
				version = current;
			}
		} catch {
			// The state folder may already be gone while the pod is being ended.
		}
		return table;
	};
}
