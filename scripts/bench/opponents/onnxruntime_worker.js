// ONNX Runtime as a contestant, for the forward pass; the protocol is that of scripts/bench/worker.lua.
// usage: onnxruntime_worker.js FOLDER forward 1
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const load = () => {
  try { return require('onnxruntime-node'); } catch (error) {
    return require(path.resolve('build/bench/node_modules/onnxruntime-node'));
  }
};
if (process.argv[2] === 'check') { load(); process.exit(0); }
const ort = load();
const [folder, task] = process.argv.slice(2);
const say = (text) => process.stdout.write('bench: ' + text + '\n');

function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const header = bytes.readUInt16LE(8);
  const text = bytes.toString('latin1', 10, 10 + header);
  const shape = text.match(/'shape': \(([^)]*)\)/)[1].split(',').filter((s) => s.trim()).map(Number);
  const data = bytes.buffer.slice(bytes.byteOffset + 10 + header, bytes.byteOffset + bytes.length);
  return new ort.Tensor('float32', new Float32Array(data), shape);
}

function writeSafetensors(file, data, shape) {
  const header = JSON.stringify({ '001': { dtype: 'F32', shape, data_offsets: [0, data.byteLength] } });
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  fs.writeFileSync(file, Buffer.concat([size, Buffer.from(header),
    Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

const cpuSeconds = () => { const use = process.cpuUsage(); return (use.user + use.system) / 1e6; };
const peak = () => 1024 * Number(fs.readFileSync('/proc/self/status', 'utf8').match(/VmHWM:\s*(\d+)/)[1]);

async function main() {
  if (task !== 'forward') { say('only the forward pass'); return; }
  const threads = Number(process.env.OMP_NUM_THREADS || 0);
  const session = await ort.InferenceSession.create(folder + '/model.onnx',
    { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' });
  const feeds = { [session.inputNames[0]]: readNpy(folder + '/input.npy') };
  const name = session.outputNames[0];
  let result = (await session.run(feeds))[name];
  say('ready ' + cpuSeconds().toFixed(6));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, rest] = line.split(' ');
    if (command === 'quit') break;
    if (command === 'run') {
      const wall = process.hrtime.bigint();
      const cpu = cpuSeconds();
      result = (await session.run(feeds))[name];
      say((Number(process.hrtime.bigint() - wall) / 1e9).toFixed(6) + ' ' + (cpuSeconds() - cpu).toFixed(6));
    } else if (command === 'peak') {
      say(String(peak()));
    } else if (command === 'save') {
      writeSafetensors(rest, result.data, result.dims);
      say('saved');
    }
  }
}

main();
