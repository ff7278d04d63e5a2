import { type Command, Option } from 'commander';
import { outputOption } from './output-form.ts';
import type { Terminal } from './terminal.ts';

/** `route …`: the route language of the edge hub, without a hub. */
export function addRouteCommands(program: Command, terminal: Terminal): void {
	const route = program
		.command('route')
		.summary('work with the routes of the edge hub')
		.description('Work with the routes of the edge hub.');
	route
		.command('evaluate')
		.summary('evaluate routes or conditions against messages, JSON lines in and out')
		.description(
			'Evaluates routes or conditions: reads JSON lines from standard input, and writes one line for ' +
				'each that is not blank.',
		)
		.addOption(compatibilityOption())
		.addHelpText(
			'after',
			'\nA line in:  {"route" or "condition": text, "message": {"source", "body",\n' +
				'            "properties", "systemProperties"}}\n' +
				'A line out: {"result"}: true, false, "undefined", "syntax-error", "type-error",\n' +
				'            "sink-error"; without a message what the text means, or "valid".\n' +
				'            {"error", "line"} for a line that cannot be read.\n' +
				'\nExample:\n' +
				`  echo '{"condition": "as_number(t) > 30", "message": {"properties": {"t": "31"}}}' \\\n` +
				'    | iotedge-k8s route evaluate\n' +
				'\nExit codes: 0 every line was answered; 2 lines could not be read.',
		)
		.action(async (options) => {
			const { evaluateRoutes } = await import('./commands/route-evaluate.ts');
			process.exitCode = await evaluateRoutes(process.stdin, options, terminal);
		});
	route
		.command('explain')
		.summary('say what a route does, or what is wrong with it and where')
		.description(
			'Says which messages a route is about, what its condition looks at, and where they go. A text ' +
				'that begins with neither SELECT nor FROM is taken as a condition. What is wrong with a text ' +
				'is shown under the place.',
		)
		.argument('<route>', 'the text of a route, or of a condition')
		.addOption(compatibilityOption())
		.addOption(outputOption())
		.addHelpText(
			'after',
			'\nExamples:\n' +
				"  iotedge-k8s route explain 'FROM /messages/* WHERE $body.t > 30 INTO $upstream'\n" +
				"  iotedge-k8s route explain 'as_number(level) > 4'\n" +
				'\nExit codes: 0 explained; 2 the text is no route.',
		)
		.action(async (text: string, options) => {
			const { explainRoute } = await import('./commands/route-explain.ts');
			process.exitCode = explainRoute(text, options, terminal);
		});
}

function compatibilityOption(): Option {
	return new Option('--compatibility <mode>', 'whose results to give where they differ')
		.choices(['none', 'azure'])
		.default('none');
}
