// Runs exported models with the real TensorFlow.js, in Node and in a browser: the same program.
//
//     node exported_tfjs.js FOLDER_OF_TFJS URL
//
// URL/jobs.json holds a list of {name, kind, inputs: {name: {data, shape, dtype}}}, the models are at URL/<name>/.
// The results are posted to URL/results.

async function run(tf, url) {
  const results = {};
  for (const job of await (await fetch(`${url}/jobs.json`)).json()) {
    try {
      const inputs = {};
      for (const [name, x] of Object.entries(job.inputs)) inputs[name] = tf.tensor(x.data, x.shape, x.dtype);
      const address = `${url}/${job.name}/model.json`;
      let tensors;
      if (job.kind === "graph") {
        const model = await tf.loadGraphModel(address);
        const outputs = model.artifacts.signature.outputs;
        const names = Object.keys(outputs);
        const found = await model[job.loops ? "executeAsync" : "execute"](inputs, names.map((n) => outputs[n].name));
        tensors = Object.fromEntries((Array.isArray(found) ? found : [found]).map((t, i) => [names[i], t]));
      } else {
        const model = await tf.loadLayersModel(address);
        const given = model.inputNames.map((name) => inputs[name]);
        const found = model.predict(given.length === 1 ? given[0] : given);
        tensors = Object.fromEntries((Array.isArray(found) ? found : [found]).map((t, i) => [`output_${i}`, t]));
      }
      results[job.name] = {};
      for (const [name, tensor] of Object.entries(tensors)) {
        results[job.name][name] = { shape: tensor.shape, data: Array.from(await tensor.data()) };
      }
    } catch (error) {
      results[job.name] = { error: `${error}` };
    }
  }
  await fetch(`${url}/results`, { method: "POST", body: JSON.stringify(results) });
}

if (typeof window === "undefined") {
  run(require(process.argv[2]), process.argv[3]);
} else {
  run(window.tf, window.location.origin);
}
