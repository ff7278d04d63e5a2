import test from 'ava';
import { explain } from '../../src/cli/commands/explain.ts';
import { createOptionsTable } from '../../src/edge-agent/translation/create-options-table.ts';
import { extensionTable } from '../../src/edge-agent/translation/extension-table.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import { errorCatalogue } from '../../src/runtime/error-catalogue.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';

function explained(name?: string, output: 'text' | 'json' = 'text'): string {
	const terminal = new RecordingTerminal();
	explain(name, { output }, terminal);
	return terminal.output;
}

/** What was typed, and the first line of the answer. */
const names: [string, string][] = [
	['HostConfig.Binds', 'HostConfig.Binds'],
	['hostconfig.binds', 'HostConfig.Binds'],
	['binds', 'HostConfig.Binds'],
	['createOptions.HostConfig.Binds', 'HostConfig.Binds'],
	['k8s-extensions.replicas', 'k8s-extensions.replicas'],
	['k8s-experimental.nodeSelector', 'k8s-extensions.nodeSelector'],
	['Replicas', 'k8s-extensions.replicas'],
	['edge_policy_denied', 'EDGE_POLICY_DENIED'],
	['policy_denied', 'EDGE_POLICY_DENIED'],
];
for (const [typed, first] of names) {
	test(`explains ${typed}`, (t) => {
		t.is(explained(typed).split('\n')[0], first);
	});
}

test('an option is explained by its row of the table', (t) => {
	const { note, target } = createOptionsTable['HostConfig.Binds'];
	t.is(
		explained('Binds'),
		`HostConfig.Binds\n  translated: ${target}\n  takes a list of strings\n  ${note}\n`,
	);
});

test('an error is explained by its row of the catalogue', (t) => {
	const { summary, remedy } = errorCatalogue.EDGE_POLICY_DENIED;
	t.is(explained('EDGE_POLICY_DENIED'), `EDGE_POLICY_DENIED\n  ${summary}\n  ${remedy}\n`);
});

const slips: [string, string][] = [
	['HostConfig.Bindz', 'Did you mean "HostConfig.Binds"?'],
	['replcas', 'Did you mean "k8s-extensions.replicas"?'],
	['EDGE_POLICY_DENYED', 'Did you mean "EDGE_POLICY_DENIED"?'],
];
for (const [typed, remedy] of slips) {
	test(`suggests what ${typed} could mean`, (t) => {
		const error = t.throws(() => explained(typed), { instanceOf: EdgeError });
		t.is(error?.code, 'EDGE_NAME_UNKNOWN');
		t.is(error?.remedy, remedy);
	});
}

test('without a name every option is listed, as JSON the errors too', (t) => {
	const options = Object.keys(createOptionsTable).length + Object.keys(extensionTable).length;
	t.is(explained().trimEnd().split('\n').length, options + 1);
	const all = options + Object.keys(errorCatalogue).length;
	t.is(JSON.parse(explained(undefined, 'json')).length, all);
});
