// node answers.mjs JOB.json OUT.json: {libraries: {name: CQL}, people: [{id, at, bundle, rules}], wanted: [expression]}
// gives {id: {rule: {expression: value}}}.
import { readFileSync, writeFileSync } from "node:fs";
import { compile, prepare, run } from "./engine.mjs";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const library = prepare(compile(job.libraries));
const answers = {};
for (const person of job.people) {
  answers[person.id] = await run(library, person.rules, person.bundle, person.at, job.wanted);
}
writeFileSync(process.argv[3], JSON.stringify(answers));
