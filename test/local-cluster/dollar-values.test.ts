import test from 'ava';
import { desiredStateOf } from '../support/edge-deployment.ts';
import { LocalClusterRun } from '../support/local-cluster-run.ts';

/** What Kubernetes, shells and templates would each read their own way. */
const values = [
	'$(HOME)',
	'$$(HOME)',
	'$$$(A)$$',
	'costs $$5, not $5',
	'$',
	'$$',
	'$(',
	'$(A$$B)',
	['$', '{HOME}'].join(''),
	'$HOME %HOME% `id`',
];

test('what a manifest says reaches the process of a module as it stands', async (t) => {
	const run = await LocalClusterRun.start(t);
	const program = `
		const env = Object.keys(process.env).filter((name) => /^V\\d+$/.test(name)).sort();
		console.log(JSON.stringify({
			env: env.map((name) => process.env[name]),
			args: process.argv.slice(2),
		}));
		setInterval(() => {}, 1000);
	`;
	await run.module('dollars', program);
	const named = values.map((value, index) => [`V${index}`, { value }]);
	const { translation } = desiredStateOf(
		{
			modules: {
				dollars: {
					image: 'dollars',
					env: Object.fromEntries(named),
					createOptions: { Cmd: values },
				},
			},
		},
		{ namespace: 'default' },
	);
	const own = translation.objects.filter(({ metadata }) => metadata.name === 'dollars');
	await run.apply(...own);
	const pod = await run.pod('dollars', ({ status }) => status?.phase === 'Running');
	const lines = run.client.logs({
		namespace: 'default',
		pod: pod.metadata.name,
		container: 'dollars',
		follow: true,
	});
	for await (const line of lines) {
		t.deepEqual(JSON.parse(line), { env: values, args: values });
		break;
	}
});
