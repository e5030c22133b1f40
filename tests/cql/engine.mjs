// Compiles CQL with the reference compiler and runs it with cql-execution: engines that are not ours.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  CqlTranslator, LibraryManager, ModelManager, createLibrarySourceProvider, createModelInfoProvider,
  createUcumService, stringAsSource,
} from "@cqframework/cql/cql-to-elm";
import cql from "cql-execution";
import fhir from "cql-exec-fhir";

const require = createRequire(import.meta.url);
const FHIR_MODEL = readFileSync(require.resolve("cql-exec-fhir/lib/modelInfos/fhir-modelinfo-4.0.1.xml"), "utf8");
// No package ships the System model; its types are those of the CQL specification, appendix B.
const SOURCE = fhir.PatientSource.FHIRv401(); // making one reads the model, a tenth of a second
const TYPES = ["Boolean", "Integer", "Long", "Decimal", "String", "Date", "DateTime", "Time"];
const SYSTEM_MODEL = `<?xml version="1.0" encoding="UTF-8"?>
<modelInfo xmlns="urn:hl7-org:elm-modelinfo:r1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="System" version="1.0.0" url="urn:hl7-org:elm-types:r1">
<typeInfo xsi:type="SimpleTypeInfo" name="System.Any"/>
${TYPES.map((t) => `<typeInfo xsi:type="SimpleTypeInfo" name="System.${t}" baseType="System.Any"/>`).join("\n")}
<typeInfo xsi:type="ClassInfo" name="System.Quantity" baseType="System.Any"><element name="value" type="System.Decimal"/><element name="unit" type="System.String"/></typeInfo>
<typeInfo xsi:type="ClassInfo" name="System.Ratio" baseType="System.Any"><element name="numerator" type="System.Quantity"/><element name="denominator" type="System.Quantity"/></typeInfo>
<typeInfo xsi:type="ClassInfo" name="System.Code" baseType="System.Any"><element name="code" type="System.String"/><element name="system" type="System.String"/><element name="version" type="System.String"/><element name="display" type="System.String"/></typeInfo>
<typeInfo xsi:type="ClassInfo" name="System.Concept" baseType="System.Any"><element name="codes" type="list&lt;System.Code&gt;"/><element name="display" type="System.String"/></typeInfo>
<typeInfo xsi:type="ClassInfo" name="System.Vocabulary" baseType="System.Any"><element name="id" type="System.String"/><element name="version" type="System.String"/><element name="name" type="System.String"/></typeInfo>
<typeInfo xsi:type="ClassInfo" name="System.CodeSystem" baseType="System.Vocabulary"/>
<typeInfo xsi:type="ClassInfo" name="System.ValueSet" baseType="System.Vocabulary"><element name="codesystems" type="list&lt;System.CodeSystem&gt;"/></typeInfo>
</modelInfo>`;

// The engine works every definition out again wherever it is named. Definitions do not change while one person is looked
// at, nor whether a coding is of a list: both are remembered, which answers the same a hundred times sooner.
const { ExpressionRef, FunctionRef } = require("cql-execution/lib/elm/reusable.js");
let ofPerson = new Map();
const ofCodings = new Map();
const reference = ExpressionRef.prototype.exec;
ExpressionRef.prototype.exec = function (ctx) {
  const key = this.library === "Record" ? this.name : (this.library ? this : ctx.get(this.name));
  if (!ofPerson.has(key)) ofPerson.set(key, reference.call(this, ctx));
  return ofPerson.get(key);
};
const call = FunctionRef.prototype.exec;
FunctionRef.prototype.exec = async function (ctx) {
  if (this.library !== "Concepts" || this.name.endsWith(" amount")) return call.call(this, ctx);
  const [codings] = await this.execArgs(ctx);
  const key = `${this.name}: ${(codings ?? []).map((c) => `${c.system?.value}|${c.code?.value}`).join()}`;
  if (!ofCodings.has(key)) ofCodings.set(key, await call.call(this, ctx));
  return ofCodings.get(key);
};

/** ELM of each of `sources` (name -> CQL); throws on any error, which the compiler itself only notes. */
export function compile(sources) {
  const models = new ModelManager();
  models.modelInfoLoader.registerModelInfoProvider(createModelInfoProvider((id) =>
    id === "System" ? stringAsSource(SYSTEM_MODEL) : id === "FHIR" ? stringAsSource(FHIR_MODEL) : null));
  const same = (amount) => amount;
  const manager = new LibraryManager(models, undefined, undefined, createUcumService(same, () => null, same, same));
  manager.librarySourceLoader.registerProvider(createLibrarySourceProvider((name) =>
    sources[name] === undefined ? null : stringAsSource(sources[name])));
  const compiled = {};
  for (const [name, text] of Object.entries(sources)) {
    const elm = JSON.parse(CqlTranslator.fromText(text, manager).toJson());
    const errors = (elm.library.annotation ?? []).filter((a) => a.errorSeverity === "error");
    if (errors.length) {
      throw new Error(`${name}: ${errors.slice(0, 3).map((e) => `line ${e.startLine}: ${e.message}`).join("; ")}`);
    }
    compiled[name] = elm;
  }
  return compiled;
}

/** Libraries of `compiled` ELM ready to run, each built once. */
export function prepare(compiled) {
  const repository = new cql.Repository(compiled);
  const built = new Map();
  return (name) => {
    if (!built.has(name)) built.set(name, new cql.Library(compiled[name], repository));
    return built.get(name);
  };
}

/** The values of `wanted` expressions of each named library for one Bundle at one moment (ISO 8601). */
export async function run(library, names, bundle, asOf, wanted) {
  const moment = cql.DateTime.parse(asOf);
  const results = {};
  ofPerson = new Map();
  for (const name of names) {
    const executor = new cql.Executor(library(name), undefined, { "As Of": moment });
    results[name] = {};
    for (const each of wanted) {
      SOURCE.reset();
      SOURCE.loadBundles([bundle]);
      const found = await executor.exec_expression(each, SOURCE, moment);
      results[name][each] = Object.values(found.patientResults)[0][each];
    }
  }
  return results;
}
