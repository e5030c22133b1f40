// node validate.mjs RESOURCES.json OUT.json: what the npm package `fhir` finds wrong with each of a list of R4 resources.
import { readFileSync, writeFileSync } from "node:fs";
import fhirPackage from "fhir";

const fhir = new fhirPackage.Fhir();
const found = JSON.parse(readFileSync(process.argv[2], "utf8")).map((resource) => {
  const result = fhir.validate(resource, { errorOnUnexpected: true });
  return result.messages.filter((m) => ["error", "fatal"].includes(m.severity))
    .map((m) => `${resource.resourceType}/${resource.id}: ${m.location} ${m.message}`);
});
writeFileSync(process.argv[3], JSON.stringify(found.flat()));
