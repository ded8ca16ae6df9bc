// The bars of a waveform.

import "./browser.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import { barsOf, barsOfPeaks, FLAT, loudness } from "../../web/static/js/voice/waveform.js";

const noise = (length, level) => Float32Array.from({ length }, (_, index) => (index % 2 ? level : -level));

test("loudness is the same whatever the sign and the length", () => {
	assert.ok(Math.abs(loudness(noise(100, 0.5)) - 0.5) < 1e-6);
	assert.equal(loudness(noise(10, 0)), 0);
});

test("the loudest bar is 1, and there are as many as in an empty waveform", () => {
	const bars = barsOf(Float32Array.from([...noise(4_800, 0.1), ...noise(4_800, 0.4)]));
	assert.equal(bars.length, FLAT.bars.length);
	assert.ok(bars.slice(0, 24).every((bar) => bar > 0.3 && bar < 0.5));
	assert.ok(bars.slice(24).every((bar) => Math.abs(bar - 1) < 1e-6));
});

test("silence is flat, not blown up", () => {
	assert.ok(barsOf(noise(4_800, 0)).every((bar) => bar === 0));
	assert.ok(barsOf(noise(4_800, 0.0001)).every((bar) => bar < 0.1));
});

test("the server's two hundred values make as many bars, the loudest 1", () => {
	const bars = barsOfPeaks([...Array(100).fill(0), ...Array(100).fill(51)]);
	assert.equal(bars.length, FLAT.bars.length);
	assert.ok(bars.slice(0, 23).every((bar) => bar === 0));
	assert.ok(bars.slice(25).every((bar) => Math.abs(bar - 1) < 1e-6));
});
