/** Stands in for the validator that ElectroDB runs on each model at load. An Entity is not a model, so it has an error. */
export class Validator {
  addSchema(): void {}

  validate(instance: { _instance?: unknown } | undefined) {
    return { errors: instance?._instance ? [{ property: 'instance', message: 'is not a model' }] : [] };
  }
}

// ElectroDB registers its formats on the prototype.
Object.assign(Validator.prototype, { customFormats: {} });
