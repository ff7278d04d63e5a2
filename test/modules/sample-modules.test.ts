import test from 'ava';
import { Machine } from '../../src/modules/simulated-temperature-sensor/machine.ts';
import { machineTemperature } from '../../src/modules/temperature-filter/threshold.ts';

test('the machine is warmer than 21 °C from its first reading, and stays within bounds', (t) => {
	const machine = new Machine();
	for (let n = 0; n < 2000; n += 1) {
		const { machine: state, timeCreated } = machine.read(new Date(0));
		t.true(state.temperature > 21 && state.temperature < 102);
		t.is(timeCreated, '1970-01-01T00:00:00.000Z');
	}
});

test('a reset cools the machine down', (t) => {
	const machine = new Machine(() => 0.9);
	for (let n = 0; n < 30; n += 1) machine.read(new Date());
	machine.reset();
	t.true(machine.read(new Date()).machine.temperature < 23);
});

test('the filter finds the temperature of a reading and nothing elsewhere', (t) => {
	t.is(machineTemperature('{"machine":{"temperature":30.5}}'), 30.5);
	for (const body of [
		'',
		'x',
		'null',
		'{}',
		'{"machine":null}',
		'{"machine":{"temperature":"30"}}',
	]) {
		t.is(machineTemperature(body), undefined);
	}
});
