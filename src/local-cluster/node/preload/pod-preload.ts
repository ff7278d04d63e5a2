/**
 * Runs before the program of every Node process of a pod of the local cluster (`node --import`),
 * and gives it what a container would: an own network address, Service names, a base image's
 * packages, and an end when its node ends. It also runs in worker threads and in Node programs
 * that the module starts.
 *
 * This folder imports nothing from outside it: the node copies it, without its types, beside the
 * pods' files, so that modules do not pay for stripping types at every start.
 */
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { holdLifeLine } from './life-line.ts';
import { installModuleFallback } from './module-fallback.ts';
import { installDatagrams } from './pod-datagrams.ts';
import { installNames } from './pod-names.ts';
import { endpointPicker, installConnect, installListen } from './pod-sockets.ts';
import { followServiceTable } from './service-table-file.ts';
import { readPreloadSettings } from './settings.ts';

const settings = readPreloadSettings(import.meta.url);
const table = followServiceTable(settings.servicesFile);
if (isMainThread && settings.lifeLine !== undefined) holdLifeLine(settings.lifeLine);
installNames(settings, table);
installConnect(settings, table);
if (!settings.hostNetwork) {
	const pick = endpointPicker(settings.address);
	installListen(settings);
	installDatagrams(settings, table, pick);
}
installModuleFallback(settings.importBase);
syncBuiltinESMExports();
